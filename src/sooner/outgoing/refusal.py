"""The refusal of an address."""


class Refused(Exception):
    """The service does not connect to this address. `str()` is a sentence for the client that named it."""
