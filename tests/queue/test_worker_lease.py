"""A worker's lease."""

import socket
import sys
from functools import partial

import pytest

from sooner.queue.worker_lease import WorkerLease, connected


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the options have other names")
def test_a_server_that_is_gone_without_a_word_is_noticed(database_url: str) -> None:
    lease = WorkerLease(
        partial(connected, database_url),
        seconds=60,
        retention=60,
        queues=["default"],
        tasks=1,
        threads=1,
        on_lost=lambda: None,
    )
    lease.begin()
    try:
        assert lease._connection is not None
        wire = socket.socket(fileno=lease._connection.fileno())
        try:
            asked = [
                wire.getsockopt(socket.IPPROTO_TCP, option)
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_USER_TIMEOUT)
            ]
        finally:
            wire.detach()
    finally:
        lease.end()
    assert asked == [5, 2, 5000]
