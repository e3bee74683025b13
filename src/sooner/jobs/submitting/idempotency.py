"""Idempotency keys: a request that is sent twice makes one job (IETF draft-ietf-httpapi-idempotency-key-header)."""

import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID


class Replay(Exception):
    """The key was used before: `id` is the job of that request."""

    def __init__(self, id: UUID) -> None:
        super().__init__(str(id))
        self.id = id


class Fingerprints:
    """Tells whether two requests ask for the same job, without keeping their parameters.

    It is an HMAC, because an attacker could guess a short secret among the parameters from a plain digest. The first
    key makes fingerprints; all of them check, so that keys can be rotated.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def of(self, actor: str, params: Mapping[str, Any]) -> bytes:
        """The fingerprint of an actor and its parameters."""
        return self._digest(self._keys[0], _canonical(actor, params))

    def match(self, fingerprint: bytes | None, actor: str, params: Mapping[str, Any]) -> bool:
        """Whether `fingerprint` is that of this actor and these parameters."""
        text = _canonical(actor, params)
        return fingerprint is not None and any(
            hmac.compare_digest(fingerprint, self._digest(key, text)) for key in self._keys
        )

    @staticmethod
    def _digest(key: bytes, text: bytes) -> bytes:
        return hmac.digest(key, b"fingerprint:" + text, "sha256")


def are_same(params: Mapping[str, Any], others: Mapping[str, Any]) -> bool:
    """Whether two requests of one actor have the same parameters."""
    return _canonical("", params) == _canonical("", others)


def _canonical(actor: str, params: Mapping[str, Any]) -> bytes:
    return json.dumps([actor, params], sort_keys=True, ensure_ascii=True, separators=(",", ":")).encode()
