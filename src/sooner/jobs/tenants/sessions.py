"""Sessions of the operators' page: a signed text with the key that signed in, the session's end, and whose key it is."""

import base64
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

LIFETIME = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Session:
    """What a session says: the id of the key that signed in and, with several shards, its tenant's locator."""

    key: UUID
    locator: str = ""


class Sessions:
    """Signs and reads sessions (HMAC-SHA256). Nothing is stored: a session ends with its key at the latest.

    The first of `keys` signs; all of them check, so that they can be rotated.
    """

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [key.encode() for key in keys]

    def issue(self, key: UUID, now: datetime, locator: str = "") -> tuple[str, datetime]:
        """A session for an API key's id, and the session's end. With several shards, `locator` says whose key it is."""
        ends = now + LIFETIME
        until = int(ends.timestamp())
        said = [f"{key.hex}", f"{until:x}", *filter(None, [locator])]
        return ".".join([*said, _signature(self._keys[0], Session(key, locator), until)]), ends

    def read(self, text: str, now: datetime) -> Session | None:
        """What a session says; None where it is forged or over."""
        try:
            hex, until_text, *locator, signature = text.split(".")
            session, until = Session(UUID(hex), "".join(locator)), int(until_text, 16)
        except ValueError:
            return None
        good = [
            hmac.compare_digest(signature.encode(), _signature(secret, session, until).encode())
            for secret in self._keys
        ]
        return session if any(good) and now.timestamp() < until else None


def _signature(secret: bytes, session: Session, until: int) -> str:
    said = b"session:%s:%x" % (session.key.bytes, until)
    if session.locator:
        said += b":" + session.locator.encode()
    return base64.urlsafe_b64encode(hmac.digest(secret, said, "sha256")[:24]).decode()
