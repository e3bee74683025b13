"""Conditional requests (RFC 9110, section 13)."""

import re
from collections.abc import Iterable

_TAG = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')


def known_tags(fields: Iterable[str]) -> frozenset[str]:
    """The entity tags of all If-None-Match fields, `*` among them; malformed tags are ignored.

    Weak and strong tags compare alike, as section 13.1.2 requires.
    """
    field = ",".join(fields).strip()
    return frozenset(["*"] if field == "*" else _TAG.findall(field))
