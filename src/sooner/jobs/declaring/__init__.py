"""Declaring: an actor, its parameters, result and options, from its signature and docstring."""
