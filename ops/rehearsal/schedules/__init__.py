"""The schedule of a rehearsal."""
