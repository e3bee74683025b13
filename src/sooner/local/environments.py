"""The environment of each process type: the caller's, with defaults, each with its own keys only."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Final

from dotenv import dotenv_values

from sooner.local.console import say
from sooner.local.credentials import SECRET_SETTINGS, Credentials, KeysError
from sooner.local.exclusive import MARK
from sooner.process.settings import host

if TYPE_CHECKING:
    from pathlib import Path

#: Less than the ten seconds in which everything has to end, so that a worker can give its unfinished jobs back: more is not granted here.
SHUTDOWN_SECONDS: Final = 5
DEFAULTS: Final = {
    "DIAGNOSTICS": "1",
    "HOST": "localhost",
    "LOG_FORMAT": "text",
    "PYTHONUNBUFFERED": "1",
    "SHUTDOWN_TIMEOUT_SECONDS": str(SHUTDOWN_SECONDS),
}
PRIVATE: Final = ("LINK_SIGNING_KEY", *SECRET_SETTINGS)
DEFAULT_PORT: Final = 8000


class DotenvError(Exception):
    """`.env` cannot be read; the message says why."""


class PortError(Exception):
    """PORT is taken, or no port near the default is free."""


def read_dotenv(path: Path) -> None:
    """Takes settings over from a file of NAME=VALUE lines; what the caller has set, and what is empty there, is left alone.

    Raises:
        DotenvError: it cannot be read.
    """
    try:
        found = dotenv_values(path)
    except (OSError, UnicodeDecodeError) as error:
        raise DotenvError(f"{path} cannot be read: {error}: write it in UTF-8, NAME=VALUE a line") from None
    for name, value in found.items():
        if value:
            os.environ.setdefault(name, value)


def common_environment(database_url: str) -> dict[str, str]:
    """The variables of every process; values that the caller has set replace our defaults."""
    caller = {
        name: value
        for name, value in os.environ.items()
        if name not in PRIVATE and (value or name not in DEFAULTS)
    }
    known = {**DEFAULTS, **caller, **MARK, "DATABASE_URL": database_url}
    return {**known, "SHUTDOWN_TIMEOUT_SECONDS": in_time(known["SHUTDOWN_TIMEOUT_SECONDS"])}


def in_time(seconds: str) -> str:
    """A SHUTDOWN_TIMEOUT_SECONDS that is kept to here; what is no number is the processes' to refuse."""
    return str(min(int(seconds), SHUTDOWN_SECONDS)) if re.fullmatch("[0-9]{1,8}", seconds) else seconds


async def process_environments(
    database_url: str, credentials: Credentials, port: int
) -> dict[str, dict[str, str]]:
    """The environments by process type; keys that the caller did not set are made once."""
    common = common_environment(database_url)
    secret = await secret_settings(credentials)
    web = {
        "PORT": str(port),
        "LINK_SIGNING_KEY": os.environ.get("LINK_SIGNING_KEY") or credentials.link_signing_key(),
    }
    worker = {}
    if secret:
        web["SECRETS_PUBLIC_KEY"] = secret["SECRETS_PUBLIC_KEY"]
        worker["SECRETS_PRIVATE_KEY"] = secret["SECRETS_PRIVATE_KEY"]
    return {"web": common | web, "worker": common | worker, "scheduler": common}


async def secret_settings(credentials: Credentials) -> dict[str, str]:
    """The pair of keys for secret parameters, the caller's or our own; where none can be made, nothing, and a line says so."""
    given = {name: os.environ[name] for name in SECRET_SETTINGS if os.environ.get(name)}
    if given:
        return dict.fromkeys(SECRET_SETTINGS, "") | given
    try:
        return await credentials.secret_settings()
    except KeysError as error:
        say(f"no keys for secret parameters: {str(error).splitlines()[-1]}")
        return {}


def choose_port() -> int:
    """PORT, or else the first free port from 8000.

    Raises:
        PortError: PORT is no port or taken, or twenty from the default are.
    """
    wanted = os.environ.get("PORT")
    if wanted:
        if not wanted.isdecimal() or not int(wanted) or not is_free(int(wanted)):
            raise PortError(
                f"PORT={wanted} is taken or no port: choose another, or unset PORT for the next free one"
            )
        return int(wanted)
    for port in range(DEFAULT_PORT, DEFAULT_PORT + 20):
        if is_free(port):
            if port != DEFAULT_PORT:
                say(f"port {DEFAULT_PORT} is taken, using {port}")
            return port
    raise PortError(f"ports {DEFAULT_PORT} to {DEFAULT_PORT + 19} are all taken: set PORT")


def is_free(port: int) -> bool:
    """Whether the web process could listen on a port, at all its addresses.

    Raises PortError where HOST is no address of this machine.
    """
    try:
        usable, _ = host.places(host.checked(given_host() or DEFAULTS["HOST"]))
    except ValueError as error:
        raise PortError(f"HOST: {error}") from None
    return all(place.takes(port=port) for place in usable)


def base_url(port: int) -> str:
    """The address at which a browser on this machine reaches the web process."""
    given = given_host()
    name = DEFAULTS["HOST"] if given in ("", host.EVERY, host.EVERY_IPV4) else given
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def given_host() -> str:
    """The caller's HOST, without brackets; empty for none."""
    return os.environ.get("HOST", "").removeprefix("[").removesuffix("]")
