"""Why an address is not asked."""


class Refused(Exception):
    """An address that this service does not connect to. `str()` is a sentence for whoever named it."""
