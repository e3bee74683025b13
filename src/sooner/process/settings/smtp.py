"""SMTP_URL: the server that takes our mail."""

from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

#: The ports of a server that was given none (RFC 5321; RFC 8314).
PORTS = {"smtp": 25, "smtps": 465}


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """A mail server. `tls`: from the first byte; else STARTTLS where the server offers it."""

    host: str
    port: int
    tls: bool
    user: str | None = None
    password: str | None = field(default=None, repr=False)


def checked(url: str) -> str:
    """The address. Raises ValueError for an address of no mail server; its text never has a part of the address."""
    parsed(url)
    return url


def parsed(url: str) -> SmtpServer:
    """The server of an address. Raises ValueError as `checked`."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.scheme not in PORTS or not parts.hostname:
        raise ValueError("not smtp://user:password@host:port or smtps://…")
    _refuse_more(parts.netloc, parts.path, parts.query, parts.fragment)
    user, password = (None if part is None else unquote(part) for part in (parts.username, parts.password))
    if bool(user) != (password is not None):
        raise ValueError("a user needs a password, and a password a user (smtp://user:password@host:port)")
    port = PORTS[parts.scheme] if port is None else port
    return SmtpServer(parts.hostname, port, parts.scheme == "smtps", user, password)


def _refuse_more(authority: str, path: str, query: str, fragment: str) -> None:
    names = [pair.partition("=")[0] for pair in query.split("&") if pair]
    if names:
        raise ValueError(f"its parameter {names[0]} is none that is known here: leave it out")
    if path not in ("", "/") or fragment:
        raise ValueError("nothing may follow host and port (a / # or ? in user or password is %2F, %23, %3F)")
    if authority.count("@") > 1:
        raise ValueError("a @ in user or password is to be written %40")
