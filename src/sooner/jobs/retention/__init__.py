"""Retention: exporting jobs, and removing those past their time."""
