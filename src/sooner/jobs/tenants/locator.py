"""Locators: a tenant's name as keys and tokens carry it."""

import base64
import hashlib
import re

_LOCATOR = re.compile("[a-z2-7]{13}")


def locator(tenant: str) -> str:
    """13 characters that stand for a tenant (BLAKE2b of 64 bits in base32, RFC 4648, section 6).

    A locator names the tenant and not its database, so it stays true when the tenant moves to another. It grants nothing.
    """
    digest = hashlib.blake2b(tenant.encode(), digest_size=8, person=b"sooner tenant").digest()
    return base64.b32encode(digest).decode().rstrip("=").lower()


def is_locator(text: str) -> bool:
    """Whether a text may be a locator."""
    return _LOCATOR.fullmatch(text) is not None
