"""Webhooks: endpoints that receive the ends of jobs."""
