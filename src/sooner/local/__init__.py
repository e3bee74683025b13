"""What a developer's machine needs around the service: an environment, a PostgreSQL, the processes."""
