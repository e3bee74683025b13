"""Free ports."""

import asyncio
import errno
import socket
import sys

import psutil
import pytest

from sooner.local.ports import MOST_KEPT, free_port

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere no port is kept")


def test_a_port_that_was_given_is_kept_from_others() -> None:
    port = free_port()
    with socket.socket() as other, pytest.raises(OSError, match="in use") as refused:
        other.bind(("127.0.0.1", port))
    assert refused.value.errno == errno.EADDRINUSE


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0"])  # noqa: S104 - where containers listen
async def test_a_server_may_listen_on_it(address: str) -> None:
    port = free_port()
    server = await asyncio.start_server(lambda _, writer: writer.close(), address, port)
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await reader.read() == b""
    writer.close()
    server.close()
    await server.wait_closed()


def test_not_all_are_kept_for_ever() -> None:
    before = psutil.Process().num_fds()
    for _ in range(4 * MOST_KEPT):
        free_port()
    assert psutil.Process().num_fds() <= before + MOST_KEPT
