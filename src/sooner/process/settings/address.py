"""DATABASE_URL: a connection URI of libpq, read by two drivers that know different parameters of it.

libpq (psycopg2: migrations, leases, `.send()`) takes all of "Parameter Key Words" in PostgreSQL's documentation and refuses any other
name. asyncpg knows some of them, reads some of these in another way, and sends the others to the server as settings, which the server
refuses. So this module reads the URI as libpq does, and passes its parts to asyncpg.
"""

import os
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote, unquote, urlencode

#: libpq's numbers.
MOST_NUMBER: Final = 2**31 - 1
#: More digits than any number has that is taken here.
MOST_DIGITS: Final = 20

Check = Callable[[str], str | None]
"""Checks a parameter's value: the error, or None."""


def _one_of(*values: str) -> Check:
    def check(value: str) -> str | None:
        return None if value in values else f"only {' or '.join(values)} can be kept to here"

    return check


def _number(least: int, most: int) -> Check:
    def check(value: str) -> str | None:
        fits = value.isascii() and value.isdecimal() and least <= int(value[:MOST_DIGITS]) <= most
        return None if fits else f"a whole number from {least} to {most} is needed"

    return check


def _seconds(value: str) -> str | None:
    if not (value.isascii() and value.isdecimal()):
        return "a whole number of seconds is needed"
    if not int(value[:MOST_DIGITS]):
        return "0 waits for ever: leave it out, or name the seconds"
    return _number(1, MOST_NUMBER)(value)


def _file(value: str) -> str | None:
    return None if os.path.isfile(value) else "names no file that is here"  # noqa: PTH113 - as the drivers open it


def _root_certificate(value: str) -> str | None:
    if value == "system":
        return "the drivers' systems differ: name the file (/etc/ssl/certs/ca-certificates.crt on Debian)"
    return _file(value)


def _any(value: str) -> str | None:
    return None


#: Parameters that asyncpg takes as they are.
SHARED: Final[Mapping[str, Check]] = {
    "passfile": _any,
    "krbsrvname": _any,
    "gsslib": _one_of("gssapi", "sspi"),
    "sslmode": _one_of("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "sslnegotiation": _one_of("postgres", "direct"),
    "sslcert": _file,
    "sslkey": _file,
    "sslpassword": _any,
    "sslrootcert": _root_certificate,
    "sslcrl": _file,
    "ssl_min_protocol_version": _one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "ssl_max_protocol_version": _one_of("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"),
    "application_name": _any,
    "options": _any,
}

#: Parameters that take precedence over the same parts before the question mark.
PARTS: Final[Mapping[str, Check]] = {
    "host": _any,
    "port": _any,
    "user": _any,
    "password": _any,
    "dbname": _any,
}

#: Parameters that asyncpg does not know, or reads in another way.
OURS: Final[Mapping[str, Check]] = {
    "target_session_attrs": _one_of("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
    "connect_timeout": _seconds,
    # The values that describe asyncpg's only behaviour: no channel binding, no encryption by GSSAPI, UTF-8.
    "channel_binding": _one_of("disable", "prefer"),
    "gssencmode": _one_of("disable", "prefer"),
    "client_encoding": _one_of("utf8", "UTF8", "utf-8", "UTF-8", "auto"),
    "load_balance_hosts": _one_of("disable"),
    "sslcompression": _one_of("0"),
    "sslsni": _one_of("1"),
    "keepalives": _one_of("1"),
    # Linux takes no more, and libpq hands 0 on, which Linux refuses.
    "keepalives_idle": _number(1, 32_767),
    "keepalives_interval": _number(1, 32_767),
    "keepalives_count": _number(1, 127),
    "tcp_user_timeout": _number(0, MOST_NUMBER),
    "fallback_application_name": _any,
}

KNOWN: Final = {**SHARED, **PARTS, **OURS}
SOCKET_OPTIONS: Final = ("keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout")

#: A host that vanishes without a word is noticed after this time, unless the address says otherwise. While an answer is awaited
#: nothing is sent, so probes alone find a dead connection.
NOTICED: Final[Mapping[str, int]] = {"tcp_user_timeout": 5000, "keepalives_idle": 5, "keepalives_interval": 2}


class Address(NamedTuple):
    """A connection URI in parts; None for a missing part."""

    user: str | None
    password: str | None
    hosts: list[str]
    ports: list[int | None]
    database: str | None
    parameters: dict[str, str]


def checked(url: str) -> str:
    """The address with its full scheme. Raises ValueError for an address that some part of a deployment cannot use."""
    address = parsed(url)
    if not (address.database or "").strip("/"):
        raise ValueError("names no database (postgresql://user:password@host/database)")
    for name, value in address.parameters.items():
        if name not in KNOWN:
            raise ValueError(
                f"its parameter {name} is none that every part can keep to: leave it out"
                " (a setting of the server goes into options=-c%20NAME%3DVALUE)"
            )
        if wrong := KNOWN[name](value):
            raise ValueError(f"its parameter {name}: {wrong}")
    if address.parameters.get("sslnegotiation") == "direct" and not _is_encrypted(address.parameters):
        raise ValueError(
            "its parameter sslnegotiation: direct needs sslmode=require, verify-ca or verify-full"
        )
    least, most = (address.parameters.get(f"ssl_{end}_protocol_version") for end in ("min", "max"))
    if least and most and least > most:
        raise ValueError("its parameter ssl_min_protocol_version: it is above ssl_max_protocol_version")
    return "postgresql://" + url.partition("://")[2]


def _is_encrypted(parameters: Mapping[str, str]) -> bool:
    return parameters.get("sslmode") in ("require", "verify-ca", "verify-full")


def parsed(url: str) -> Address:
    """The parts of an address, read as libpq reads them: `+` is itself, and a parameter takes precedence over the same part.

    Raises ValueError for a text that is no such address.
    """
    if not isinstance(url, str):
        # As os.environ.get gives it, where nothing is set.
        raise ValueError(f"not a postgresql:// address, but {url!r}")  # noqa: TRY004 - a setting that is no address
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql") or not rest:
        raise ValueError("not a postgresql:// address")
    if "#" in rest:
        raise ValueError("a # in it is to be written %23")
    if rest != rest.rstrip():
        raise ValueError("a space or a line break is at its end")
    if wrong := re.search(r"%(?![0-9A-Fa-f]{2})|%00", rest):
        raise ValueError("its %00 is no character" if wrong[0] == "%00" else "a % in it is to be written %25")
    rest, _, query = rest.partition("?")
    authority, _, database = rest.partition("/")
    login, _, places = authority.rpartition("@")
    if "@" in login:
        raise ValueError("a @ in a user name or password is to be written %40")
    user, _, password = login.partition(":")
    parameters = _parameters(query)
    hosts, ports = _places(places, parameters)
    return Address(
        user=parameters.get("user") or unquote(user) or None,
        password=parameters.get("password") or unquote(password) or None,
        hosts=hosts,
        ports=ports,
        database=parameters.get("dbname") or unquote(database) or None,
        parameters=parameters,
    )


def for_asyncpg(url: str) -> dict[str, Any]:
    """An address as options of `sooner.db.hosts.connect`: asyncpg's options, and our own."""
    address = parsed(url)
    parameters = address.parameters
    query = urlencode(
        {name: parameters[name] for name in SHARED if name in parameters}, quote_via=quote, safe=""
    )
    # libpq waits at least 2 s.
    timeout = (
        {"timeout": max(2, int(parameters["connect_timeout"]))} if "connect_timeout" in parameters else {}
    )
    return {
        "dsn": f"postgresql://?{query}" if query else "postgresql://",
        "user": address.user,
        "password": address.password,
        "host": address.hosts or None,
        "port": address.ports or None,
        "database": address.database,
        "target_session_attrs": parameters.get("target_session_attrs"),
        "socket_options": {
            **NOTICED,
            **{name: int(parameters[name]) for name in SOCKET_OPTIONS if name in parameters},
        },
        **timeout,
    }


def unless_named(url: str, **defaults: Any) -> dict[str, Any]:
    """Our default parameters, without those that the address itself names."""
    parameters = parsed(url).parameters
    return {name: value for name, value in defaults.items() if name not in parameters}


def _parameters(query: str) -> dict[str, str]:
    parameters = {}
    for pair in filter(None, query.split("&")):
        name, equals, value = pair.partition("=")
        if not equals:
            raise ValueError(f"its parameter {name} has no value: NAME=VALUE")
        if "=" in value:
            raise ValueError(f"its parameter {name}: a = in its value is to be written %3D")
        parameters[unquote(name)] = unquote(value)
    return parameters


def _places(authority: str, parameters: Mapping[str, str]) -> tuple[list[str], list[int | None]]:
    """Hosts, and as many ports."""
    pairs = [_host_and_port(place) for place in authority.split(",")] if authority else []
    hosts = parameters["host"].split(",") if parameters.get("host") else [host for host, _ in pairs]
    ports = parameters["port"].split(",") if parameters.get("port") else [port for _, port in pairs]
    if len(ports) in (0, 1):
        ports = (ports or [""]) * max(1, len(hosts))
    if hosts and len(hosts) != len(ports):
        raise ValueError("as many ports are needed as there are hosts, or one")
    if any(port and _number(1, 65_535)(port) for port in ports):
        raise ValueError("its port is no number from 1 to 65535")
    return hosts, [int(port) if port else None for port in ports]


def _host_and_port(place: str) -> tuple[str, str]:
    if place.startswith("["):
        host, bracket, port = place[1:].partition("]")
        if not bracket:
            raise ValueError("its host has a [ without a ]")
        return host, port.removeprefix(":")
    host, _, port = place.partition(":")
    return unquote(host), port
