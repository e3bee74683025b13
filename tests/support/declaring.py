"""Actors that a test declares for itself alone."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import dramatiq.broker

from sooner.jobs.declaring.placement import placement
from sooner.queue.broker import Broker

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def own_broker() -> Iterator[Broker]:
    """What is declared meanwhile belongs to a broker of the test's own, which is not connected."""
    before, own = dramatiq.broker.global_broker, Broker([], placement)
    dramatiq.broker.global_broker = own
    try:
        yield own
    finally:
        dramatiq.broker.global_broker = before
