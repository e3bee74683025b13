"""The keys of this checkout, made once and kept under `.data/`."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import sys
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

SECRET_SETTINGS = ("SECRETS_PUBLIC_KEY", "SECRETS_PRIVATE_KEY")
NO_JOB = "00000000-0000-7000-8000-000000000000"


class KeysError(Exception):
    """`python -m src.keys` failed; the message holds what it printed."""


class Credentials:
    """A file of names and values that only its owner can read.

    Args:
        path: the file; made when first written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._values: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}

    def link_signing_key(self) -> str:
        """LINK_SIGNING_KEY, the same at every start, so that signed addresses stay valid."""
        if "LINK_SIGNING_KEY" not in self._values:
            self._keep(LINK_SIGNING_KEY=secrets.token_urlsafe(48))
        return self._values["LINK_SIGNING_KEY"]

    async def secret_settings(self) -> dict[str, str]:
        """The pair of keys for secret parameters, by setting."""
        if not all(name in self._values for name in SECRET_SETTINGS):
            lines = (await run_keys(os.environ, "secrets")).splitlines()
            pairs = dict(line.split("=", 1) for line in lines if "=" in line)
            self._keep(**{name: pairs[name] for name in SECRET_SETTINGS})
        return {name: self._values[name] for name in SECRET_SETTINGS}

    async def api_key(self, client: httpx.AsyncClient, environment: Mapping[str, str]) -> str:
        """A development key: the last start's while the service accepts it, else a new key.

        Args:
            client: an HTTP client of the running web process.
            environment: holds DATABASE_URL.
        """
        key = self._values.get("API_KEY")
        if key is None or not await accepted(client, key):
            scopes = ["--scope", "jobs", "--scope", "admin"]
            output = await run_keys(environment, "create", "--tenant", "dev", "--name", "ops-run", *scopes)
            key = output.splitlines()[-1]
            self._keep(API_KEY=key)
        return key

    def _keep(self, **values: str) -> None:
        self._values |= values
        half = self._path.with_suffix(".new")
        with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            json.dump(self._values, file, indent=1)
        half.replace(self._path)


async def accepted(client: httpx.AsyncClient, key: str) -> bool:
    """Whether the service knows the key; to an unknown key it answers 401."""
    response = await client.get(f"/jobs/{NO_JOB}", headers={"Authorization": f"Bearer {key}"})
    return response.status_code != httpx.codes.UNAUTHORIZED


async def run_keys(environment: Mapping[str, str], *arguments: str) -> str:
    """The standard output of `python -m src.keys ARGUMENTS`.

    Raises:
        KeysError: it failed.
    """
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "src.keys",
        *arguments,
        env=environment,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    output, errors = await command.communicate()
    if command.returncode or not output.strip():
        raise KeysError(f"python -m src.keys {arguments[0]} failed:\n{errors.decode(errors='replace')}")
    return output.decode()
