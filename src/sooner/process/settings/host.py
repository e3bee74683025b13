"""HOST: the addresses that web listens on, as the value of uvicorn's `--host`.

A single process of uvicorn listens on every address of a host, with a socket each. Several processes share one socket: a name then
means its IPv4 address alone, and `::` accepts IPv4 too where the kernel allows it.
"""

import re
import socket
from ipaddress import ip_address
from typing import Any, Final, NamedTuple

#: The default of HOST.
EVERY: Final = "::"
EVERY_IPV4: Final = "0.0.0.0"  # noqa: S104 - asked for


class HostAddress(NamedTuple):
    """An address that a socket can listen on."""

    family: socket.AddressFamily
    address: tuple[Any, ...]

    def takes(self, *, port: int = 0) -> bool:
        """Whether a server could listen here; a port whose last connections are still closing counts as free."""
        try:
            with socket.socket(self.family) as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                if self.family == socket.AF_INET6:
                    probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                probe.bind((self.address[0], port, *self.address[2:]))
        except (OSError, OverflowError):
            return False
        return True


def checked(host: str) -> str:
    """A name or an address, without the brackets that it has in a URL. Raises ValueError."""
    bare = host.removeprefix("[").removesuffix("]")
    try:
        ip_address(bare)
    except ValueError:
        if not re.fullmatch(r"[A-Za-z0-9_.-]{1,253}", bare):
            raise ValueError("no name and no IP address (without HOST web listens on all)") from None
    return bare


def places(host: str | None) -> tuple[list[HostAddress], bool]:
    """The addresses at which this machine can listen under a name, IPv4 first; and whether the name has no others.

    `localhost` often has an address of IPv6 on a machine where IPv6 is switched off.

    Raises ValueError where there is no such address.
    """
    try:
        found = socket.getaddrinfo(
            None if host == EVERY else host, 0, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError):
        raise ValueError("a name that cannot be resolved") from None
    named = list(dict.fromkeys(HostAddress(family, address) for family, _, _, _, address in found))
    usable = sorted((place for place in named if place.takes()), key=lambda it: it.family == socket.AF_INET6)
    if not usable:
        raise ValueError("no address of this machine")
    return usable, len(usable) == len(named)


def for_uvicorn(host: str | None, processes: int) -> str:
    """The value of uvicorn's `--host`, by how many processes share the port. Raises ValueError as `places`."""
    usable, whole = places(host)
    if processes == 1 and whole:
        return host if host not in (None, EVERY) else ""
    if host not in (None, EVERY):
        return str(usable[0].address[0])
    ipv6 = any(place.family == socket.AF_INET6 for place in usable)
    return EVERY if ipv6 and (host == EVERY or _takes_both()) else EVERY_IPV4


def _takes_both() -> bool:
    """Whether a socket of IPv6 takes IPv4 as well (`net.ipv6.bindv6only` is 0)."""
    with socket.socket(socket.AF_INET6) as probe:
        return not probe.getsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY)
