"""Stores of blobs for tests: a folder, and a bucket of a real S3-compatible server (moto's) in a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

import httpx

from sooner.local.ports import free_port
from tests.support.environment import environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

STARTING_SECONDS = 60


class Folder:
    """A folder as a store: `url` is its BLOB_URL, `settings` are what a process needs beside it."""

    def __init__(self, path: Path) -> None:
        path.mkdir()
        self.path = path
        self.url = path.as_uri()
        self.settings: dict[str, str] = {}

    def objects(self) -> list[str]:
        """What lies there, unfinished objects included."""
        return sorted(str(file.relative_to(self.path)) for file in self.path.rglob("*") if file.is_file())


class Bucket:
    """A bucket as a store, at a server's address."""

    def __init__(self, server: str, name: str) -> None:
        self._address = f"{server}/{name}"
        self.url = f"s3://{name}/a/prefix"
        self.settings = {
            "AWS_ENDPOINT_URL": server,
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        }
        httpx.put(self._address, trust_env=False).raise_for_status()

    def objects(self) -> list[str]:
        """What lies there, unfinished objects included."""
        found = []
        for query in ("list-type=2", "uploads"):
            answer = httpx.get(f"{self._address}?{query}", trust_env=False).raise_for_status()
            found += re.findall("<Key>a/prefix/(.*?)</Key>", answer.text)
        return sorted(found)


@contextlib.contextmanager
def object_server() -> Iterator[str]:
    """An S3-compatible server's address."""
    port = free_port()
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    server = subprocess.Popen(
        command, env=environment({}), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + STARTING_SECONDS
        while not _listens(port):
            assert server.poll() is None, "the server ended"
            assert time.monotonic() < deadline, "the server does not listen"
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Gate:
    """Passes connections on to a server; shut, it refuses them; held, it takes them and passes nothing on."""

    def __init__(self, server: str) -> None:
        self._port = int(server.rpartition(":")[2])
        self._own_port = free_port()
        self.url = f"http://127.0.0.1:{self._own_port}"
        self.is_held = False
        self.reached = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server

    async def open(self) -> None:
        """Let connections through."""
        self.is_held = False
        self._server = await asyncio.start_server(self._pass_on, "127.0.0.1", self._own_port)

    def shut(self) -> None:
        """End all connections and refuse new ones."""
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()

    def hold(self) -> None:
        """Pass nothing on; `reached` is set once something asks."""
        self.reached.clear()
        self.is_held = True

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shut()

    async def _pass_on(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers |= {to_client, to_server}
        with contextlib.suppress(OSError):
            await asyncio.gather(self._copy(client, to_server), self._copy(server, to_client))

    async def _copy(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        while data := await source.read(1 << 16):
            if self.is_held:
                self.reached.set()
                continue
            target.write(data)
            await target.drain()
        target.close()
