"""Signed addresses: each is good for one job, until the job expires. With several shards each says where its job is."""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sooner.jobs.tenants.locator import locator


@dataclass(frozen=True, slots=True)
class Hint:
    """Where the job of a signed address was when it was signed: its shard, and its tenant's locator; empty where not known."""

    shard: str = ""
    locator: str = ""


NO_HINT = Hint()


class SignedUrls:
    """Signs and checks the `access` parameter of a job's addresses (keyed BLAKE2b of 128 bits, RFC 7693, section 2.9).

    The first key signs; all of them check, so that keys can be rotated. The holder of an address may read, follow and
    cancel one job, and nothing else (Miller, "Capability Myths Demolished", 2003). `shard` is where the jobs are, among several.
    """

    def __init__(self, keys: Sequence[str], shard: str = "") -> None:
        self._shard = shard
        digests = [hashlib.blake2b(key.encode()).digest() for key in keys]
        # Each state has absorbed its key already, which is half of the work of a signature.
        self._keys = [hashlib.blake2b(digest_size=16, key=digest) for digest in digests]

    def sign(self, id: UUID, tenant: str | None, expires: datetime) -> str:
        """The value of `access` for a tenant's job, valid until `expires`."""
        said = f"{int(expires.timestamp()):x}"
        if self._shard:
            said += f".{self._shard}~{'' if tenant is None else locator(tenant)}"
        return f"{said}.{self._signature(self._keys[0], id, said)}"

    def read(self, id: UUID, access: str, now: datetime) -> Hint | None:
        """What `access` says of the job's shard; None where it was not signed for this job, or has expired."""
        said, _, signature = access.rpartition(".")
        until, _, hint = said.partition(".")
        try:
            expires = int(until, 16)
        except ValueError:
            return None
        good = [
            hmac.compare_digest(signature.encode(), self._signature(key, id, said).encode())
            for key in self._keys
        ]
        if not any(good) or now.timestamp() >= expires:
            return None
        return Hint(*hint.split("~")) if hint else NO_HINT

    @staticmethod
    def _signature(key: "hashlib.blake2b", id: UUID, said: str) -> str:
        signing = key.copy()
        signing.update(b"job:" + id.bytes + said.encode())
        return signing.hexdigest()
