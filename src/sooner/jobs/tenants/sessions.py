"""Sessions of the operators' page: a signed text with the key that signed in and the session's end."""

import base64
import hmac
from collections.abc import Sequence
from datetime import datetime, timedelta
from uuid import UUID

LIFETIME = timedelta(hours=12)


class Sessions:
    """Signs and reads sessions (HMAC-SHA256). Nothing is stored: a session ends with its key at the latest.

    The first of `keys` signs; all of them check, so that they can be rotated.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def issue(self, key: UUID, now: datetime) -> tuple[str, datetime]:
        """A session for an API key's id, and the session's end."""
        ends = now + LIFETIME
        until = int(ends.timestamp())
        return f"{key.hex}.{until:x}.{_signature(self._keys[0], key, until)}", ends

    def read(self, session: str, now: datetime) -> UUID | None:
        """The id of the API key that signed in; None where the session is forged or over."""
        try:
            hex, until_text, signature = session.split(".")
            key, until = UUID(hex), int(until_text, 16)
        except ValueError:
            return None
        good = [
            hmac.compare_digest(signature.encode(), _signature(secret, key, until).encode())
            for secret in self._keys
        ]
        return key if any(good) and now.timestamp() < until else None


def _signature(secret: bytes, key: UUID, until: int) -> str:
    digest = hmac.digest(secret, b"session:%s:%x" % (key.bytes, until), "sha256")
    return base64.urlsafe_b64encode(digest[:24]).decode()
