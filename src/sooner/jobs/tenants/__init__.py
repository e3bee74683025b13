"""Tenants: keys, tokens and sessions that stand for them."""
