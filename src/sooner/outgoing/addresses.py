"""Which IP addresses belong to the public internet.

They are from IANA's special-purpose registries (RFC 6890, as of 2025), written out: `ipaddress.is_global` differs between
releases of Python.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address

_NOT_PUBLIC_4 = [
    IPv4Network(network)
    for network in (
        "0.0.0.0/8",
        "10.0.0.0/8",
        "100.64.0.0/10",
        "127.0.0.0/8",
        "169.254.0.0/16",
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",
        "240.0.0.0/4",
        # Azure's own services, its metadata among them, answer every virtual machine there.
        "168.63.129.16/32",
    )
]

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NOT_PUBLIC_6 = [
    IPv6Network(network)
    for network in (
        # Protocol assignments, Teredo and ORCHID among them.
        "2001::/23",
        "2001:db8::/32",
        # 6to4: any IPv4 address may be behind it.
        "2002::/16",
        "3fff::/20",
    )
]
_NAT64 = IPv6Network("64:ff9b::/96")


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet.

    Of a mapped (RFC 4291) or translated (RFC 6052) address, the IPv4 address inside it counts.
    """
    if isinstance(address, IPv4Address):
        return not _within(address, _NOT_PUBLIC_4)
    if address.ipv4_mapped is not None:
        return is_public(address.ipv4_mapped)
    if address in _NAT64:
        return is_public(IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GLOBAL_UNICAST and not _within(address, _NOT_PUBLIC_6)


def are_public(addresses: Iterable[str]) -> bool:
    """Whether all addresses belong to the public internet."""
    return all(map(is_public, map(ip_address, addresses)))


def _within(address: Address, networks: Iterable[IPv4Network | IPv6Network]) -> bool:
    return any(address in network for network in networks)
