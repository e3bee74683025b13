"""PgBouncer in transaction mode in front of a server."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import psycopg2
import tenacity

from sooner.local.ports import free_port
from sooner.local.postgres import server_account
from tests.support import roles

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: With SOONER_TEST_POOLER=1 the tests that start processes run each with LISTEN=0 and behind PgBouncer; no other runs.
WANTED = os.environ.get("SOONER_TEST_POOLER") == "1"

#: Debian keeps it where a user's PATH does not lead.
PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

# Nothing is ignored and little is shared: what needs a session of its own shows at once.
CONFIGURATION = """
[databases]
* = host={host} port={port}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = transaction
default_pool_size = 4
max_client_conn = 500
"""


@dataclass(frozen=True)
class Bouncer:
    """A running one: `port` is its own, `server` where what it stands in front of is (host and port)."""

    port: int
    server: str

    def address(self, url: str) -> str:
        """The address of the same database through it; another server's address as it is."""
        parts = urlsplit(url)
        user, _, server = parts.netloc.rpartition("@")
        if server != self.server:
            return url
        return parts._replace(netloc=f"{user}@127.0.0.1:{self.port}").geturl()

    def settings(self, settings: Mapping[str, str | None]) -> dict[str, str | None]:
        """A process's settings, each address of a database through it, and nothing listened for."""
        return {"LISTEN": "0", **settings, **roles.addressed(settings, self.address)}


@contextlib.contextmanager
def bouncer(url: str) -> Iterator[Bouncer]:
    """A PgBouncer in front of the server of this address; besides its user it knows the processes' roles."""
    with tempfile.TemporaryDirectory(prefix="sooner-pgbouncer-") as folder:
        port = free_port()
        file = _configure(Path(folder), url, port)
        running = subprocess.Popen([str(PROGRAM), *_account(), "-q", str(file)])
        try:
            there = Bouncer(port, urlsplit(url).netloc.rpartition("@")[2])
            _until_it_answers(there.address(url))
            yield there
        finally:
            running.kill()
            running.wait()


def _configure(folder: Path, url: str, port: int) -> Path:
    parts = urlsplit(url)
    # As root it has an account of its own, which must reach its files.
    folder.chmod(0o755)
    users, file = folder / "users.txt", folder / "pgbouncer.ini"
    passwords = {str(parts.username): unquote(parts.password or "")}
    passwords |= dict.fromkeys(roles.ROLES.values(), roles.PASSWORD)
    users.write_text("".join(f'"{name}" "{password}"\n' for name, password in passwords.items()))
    file.write_text(CONFIGURATION.format(host=parts.hostname, port=parts.port, own_port=port, users=users))
    return file


def _account() -> list[str]:
    account = server_account()
    return ["-u", account.pw_name] if account else []


@tenacity.retry(
    retry=tenacity.retry_if_exception_type(psycopg2.OperationalError),
    wait=tenacity.wait_fixed(0.05),
    stop=tenacity.stop_after_delay(10),
    reraise=True,
)
def _until_it_answers(url: str) -> None:
    psycopg2.connect(url).close()
