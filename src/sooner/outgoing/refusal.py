"""The refusal of an address."""

from typing import Self


class Refused(Exception):
    """The service does not connect to this address. `str()` is a sentence for the client that named it."""

    @classmethod
    def without_tls(cls) -> Self:
        """The refusal of an address without TLS."""
        return cls("The address has to begin with https://.")

    @classmethod
    def private(cls, host: str) -> Self:
        """The refusal of a host in a private network."""
        return cls(f"{host} is an address of a private network, or resolves to one.")
