"""DATABASE_URL: a connection URI of libpq, read by two drivers that know different parameters of it.

libpq (psycopg2: migrations, leases, `.send()`) takes all of "Parameter Key Words" in PostgreSQL's documentation and refuses any other
name. asyncpg knows some, and sends whatever else it meets to the server as a setting, which the server refuses.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

#: What both drivers take, and mean alike.
SHARED: Final = frozenset(
    {
        *("host", "port", "dbname", "user", "password", "passfile", "krbsrvname", "gsslib"),
        *("sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslpassword"),
        *("ssl_min_protocol_version", "ssl_max_protocol_version", "sslnegotiation"),
        *("target_session_attrs", "application_name", "options"),
    }
)


def _one_of(*values: str) -> Callable[[str], str | None]:
    def check(value: str) -> str | None:
        return None if value in values else f"only {' or '.join(values)} can be kept to here"

    return check


def _seconds(value: str) -> str | None:
    return None if value.isdecimal() else "a whole number of seconds is needed"


def _any(value: str) -> str | None:
    return None


#: What asyncpg does not know: each with what is wrong with a value that it could not keep to, None where nothing is.
OURS: Final[Mapping[str, Callable[[str], str | None]]] = {
    "connect_timeout": _seconds,
    # What asyncpg does anyway: no channel binding, no encryption by GSSAPI, UTF-8.
    "channel_binding": _one_of("disable", "prefer"),
    "gssencmode": _one_of("disable", "prefer"),
    "client_encoding": _one_of("utf8", "UTF8", "utf-8", "UTF-8", "auto"),
    "load_balance_hosts": _one_of("disable"),
    "sslcompression": _one_of("0"),
    "sslsni": _one_of("1"),
    # How soon a dead connection is noticed: asyncpg's own are probed by us.
    "keepalives": _one_of("1"),
    "keepalives_idle": _any,
    "keepalives_interval": _any,
    "keepalives_count": _any,
    "tcp_user_timeout": _any,
    "fallback_application_name": _any,
}


def checked(url: str) -> str:
    """The address, its scheme spelled out. Raises ValueError for one that some part of a deployment could not keep to."""
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql") or not rest:
        raise ValueError("not a postgresql:// address")
    if not urlsplit(url).path.strip("/"):
        raise ValueError("names no database (postgresql://user:password@host/database)")
    for name, value in _parameters(url):
        if name not in SHARED and name not in OURS:
            raise ValueError(
                f"its parameter {name} is none that every part can keep to: leave it out"
                " (a setting of the server goes into options=-c%20NAME%3DVALUE)"
            )
        if name in OURS and (wrong := OURS[name](value)):
            raise ValueError(f"its parameter {name}: {wrong}")
    return "postgresql://" + rest


def for_asyncpg(url: str) -> tuple[str, dict[str, Any]]:
    """The address without what asyncpg does not know, and what that means as options of `asyncpg.connect`."""
    told = dict(_parameters(url))
    kept = [(name, value) for name, value in _parameters(url) if name not in OURS]
    query = urlencode(kept, quote_via=quote, safe="")
    seconds = int(told.get("connect_timeout", 0))
    # libpq waits for ever at 0, and at least 2 s.
    return urlsplit(url)._replace(query=query).geturl(), {"timeout": max(2, seconds)} if seconds else {}


def unless_named(url: str, **defaults: Any) -> dict[str, Any]:
    """The parameters of ours that the address itself says nothing of."""
    told = dict(_parameters(url))
    return {name: value for name, value in defaults.items() if name not in told}


def _parameters(url: str) -> list[tuple[str, str]]:
    return parse_qsl(urlsplit(url).query, keep_blank_values=True)
