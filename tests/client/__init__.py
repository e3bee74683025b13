"""The HTTP interface for Python programs."""
