"""Capability addresses: signed, for one job, until it expires."""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID


class Links:
    """Signs and checks the `access` parameter of a job's addresses (HMAC-SHA256).

    The first key signs; all of them check, so that keys can be rotated. Whoever holds one address may read,
    listen to and cancel one job, and nothing else (Miller, "Capability Myths Demolished", 2003).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def sign(self, id: UUID, expires: datetime) -> str:
        """The value of `access` for a job, good until `expires`."""
        until = int(expires.timestamp())
        return f"{until:x}.{self._signature(self._keys[0], id, until)}"

    def check(self, id: UUID, access: str, now: datetime) -> bool:
        """Whether `access` was signed for this job and is still good."""
        until, _, signature = access.partition(".")
        try:
            expires = int(until, 16)
        except ValueError:
            return False
        good = [
            hmac.compare_digest(signature.encode(), self._signature(key, id, expires).encode())
            for key in self._keys
        ]
        return any(good) and now.timestamp() < expires

    @staticmethod
    def _signature(key: bytes, id: UUID, until: int) -> str:
        digest = hmac.digest(key, b"job:%s:%x" % (id.bytes, until), "sha256")
        return base64.urlsafe_b64encode(digest[:24]).decode()
