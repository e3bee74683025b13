"""The environment of each process type: the caller's, with defaults, each with its own keys only."""

from __future__ import annotations

import os
import socket
from typing import Final

from sooner.local.console import say
from sooner.local.credentials import SECRET_SETTINGS, Credentials, KeysError
from sooner.local.exclusive import MARK

DEFAULTS: Final = {
    "DIAGNOSTICS": "1",
    "LOG_FORMAT": "text",
    "PYTHONUNBUFFERED": "1",
    # Below the ten seconds that everything has to end in: what a worker cannot finish goes back in good order.
    "SHUTDOWN_TIMEOUT_SECONDS": "5",
}
PRIVATE: Final = ("LINK_SIGNING_KEY", *SECRET_SETTINGS)
DEFAULT_PORT: Final = 8000


class PortError(Exception):
    """The wanted port is taken, or none near the default is free."""


def common_environment(database_url: str) -> dict[str, str]:
    """What every process gets; what the caller has set goes before our defaults."""
    caller = {name: value for name, value in os.environ.items() if name not in PRIVATE}
    return {**DEFAULTS, **caller, **MARK, "DATABASE_URL": database_url}


async def process_environments(
    database_url: str, credentials: Credentials, port: int
) -> dict[str, dict[str, str]]:
    """The environments by process type; keys that the caller did not set are made up once."""
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
    """The pair for secret parameters: the caller's or made up; empty, with a line, when it cannot be made."""
    given = {name: os.environ[name] for name in SECRET_SETTINGS if os.environ.get(name)}
    if given:
        return dict.fromkeys(SECRET_SETTINGS, "") | given
    try:
        return await credentials.secret_settings()
    except KeysError as error:
        say(f"no keys for secret parameters: {str(error).splitlines()[-1]}")
        return {}


def choose_port() -> int:
    """PORT, or else the first free one from 8000.

    Raises:
        PortError: PORT is no port or taken, or twenty from the default are.
    """
    wanted = os.environ.get("PORT")
    if wanted:
        if not wanted.isdecimal() or not is_free(int(wanted)):
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
    """Whether the web process could listen there, on all addresses as it does."""
    with socket.socket() as probe:
        # As servers do: a port whose last connections are still winding down is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("0.0.0.0", port))  # noqa: S104  # asked for, not served
        except (OSError, OverflowError):
            return False
    return True
