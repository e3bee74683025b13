"""Why one file of an archive could not be read."""


class SourceUnreadable(ValueError):
    """A file that does not parse; the message says why, in at most 200 characters."""
