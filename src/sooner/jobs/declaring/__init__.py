"""Declaring: an actor and what it may do, from its signature and docstring."""
