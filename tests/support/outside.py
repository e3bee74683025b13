"""A worker to which one address of this machine is the public internet's: `dramatiq tests.support.outside`."""

from __future__ import annotations

from ipaddress import IPv4Network

from sooner.outgoing import addresses
from src.actors import broker
from tests.support.endpoint import OUTSIDE

__all__ = ["broker"]

_loopback = IPv4Network("127.0.0.0/8")
addresses._NOT_PUBLIC_4.remove(_loopback)
addresses._NOT_PUBLIC_4.extend(_loopback.address_exclude(IPv4Network(OUTSIDE)))
