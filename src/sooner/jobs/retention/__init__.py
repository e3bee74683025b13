"""Retention: exporting jobs, and removing expired jobs."""
