"""Addresses of mail: one mailbox, by which no header and no second recipient can be smuggled in."""

import re
from typing import NamedTuple

#: RFC 5321, section 4.5.3.1, in octets.
LONGEST_LOCAL = 64
LONGEST = 254

#: A dot-atom (RFC 5322, section 3.2.3), with the letters of all scripts (RFC 6531). A quoted local part is none: nobody has one.
_LOCAL = re.compile(r"[\w!#$%&'*+/=?^`{|}~-]+(\.[\w!#$%&'*+/=?^`{|}~-]+)*")
_DOMAIN = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*")
_NAMED = re.compile(r"(?:(?P<name>[^<>]*)<(?P<inner>[^<>]*)>|(?P<bare>[^<>]*))")


class MailAddress(NamedTuple):
    """A mailbox; `domain` is in ASCII."""

    local: str
    domain: str

    def __str__(self) -> str:
        return f"{self.local}@{self.domain}"

    @classmethod
    def read(cls, text: str) -> "MailAddress":
        """The address of a text. Raises ValueError."""
        local, at, domain = text.rpartition("@")
        address = cls(local, _ascii(domain))
        fits = at and _LOCAL.fullmatch(local) and _DOMAIN.fullmatch(address.domain)
        if not fits or len(local.encode()) > LONGEST_LOCAL or len(str(address).encode()) > LONGEST:
            raise ValueError("no address of mail (someone@example.org)")
        return address


class Sender(NamedTuple):
    """The address that mail comes from, and the name that is shown with it."""

    name: str
    address: MailAddress

    @classmethod
    def read(cls, text: str) -> "Sender":
        """The sender of `address` or `Name <address>`. Raises ValueError."""
        found = _NAMED.fullmatch(text.strip())
        if found is None or not text.isprintable():
            raise ValueError("no address of mail (Sooner <sooner@example.org>)")
        name = (found["name"] or "").strip().strip('"')
        return cls(name, MailAddress.read((found["inner"] or found["bare"] or "").strip()))


def _ascii(domain: str) -> str:
    """The domain as name servers know it (IDNA 2008). Raises ValueError."""
    if domain.isascii():
        return domain.lower()
    # httpx brings it. Few addresses need it.
    import idna

    try:
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise ValueError("its domain is none") from None
