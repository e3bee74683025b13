"""The service on a developer's machine: its environment, a PostgreSQL, and the processes."""
