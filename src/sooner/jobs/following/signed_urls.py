"""Signed addresses: each is good for one job, until the job expires."""

import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from uuid import UUID


class SignedUrls:
    """Signs and checks the `access` parameter of a job's addresses (keyed BLAKE2b of 128 bits, RFC 7693, section 2.9).

    The first key signs; all of them check, so that keys can be rotated. The holder of an address may read, follow and
    cancel one job, and nothing else (Miller, "Capability Myths Demolished", 2003).
    """

    def __init__(self, keys: Sequence[str]) -> None:
        digests = [hashlib.blake2b(key.encode()).digest() for key in keys]
        # Each state has absorbed its key already, which is half of the work of a signature.
        self._keys = [hashlib.blake2b(digest_size=16, key=digest) for digest in digests]

    def sign(self, id: UUID, expires: datetime) -> str:
        """The value of `access` for a job, valid until `expires`."""
        until = f"{int(expires.timestamp()):x}"
        return f"{until}.{self._signature(self._keys[0], id, until)}"

    def check(self, id: UUID, access: str, now: datetime) -> bool:
        """Whether `access` was signed for this job and has not expired."""
        until, _, signature = access.partition(".")
        try:
            expires = int(until, 16)
        except ValueError:
            return False
        good = [
            hmac.compare_digest(signature.encode(), self._signature(key, id, until).encode())
            for key in self._keys
        ]
        return any(good) and now.timestamp() < expires

    @staticmethod
    def _signature(key: "hashlib.blake2b", id: UUID, until: str) -> str:
        signing = key.copy()
        signing.update(b"job:" + id.bytes + until.encode())
        return signing.hexdigest()
