"""Following: reading a job, waiting for its end, listening to it, listing it."""
