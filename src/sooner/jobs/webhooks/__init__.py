"""Webhooks: endpoints that are told of the ends of jobs."""
