"""Mail: one notice at the end of a job, for whoever asked for it."""
