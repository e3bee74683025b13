"""Waiting for a process to be gone."""

from __future__ import annotations

import asyncio

import psutil

from tests.support.processes import PATIENCE


def alive(pid: int) -> bool:
    """Whether it runs; one that nobody has fetched yet does not."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def until_gone(pid: int) -> None:
    """Raises TimeoutError when it stays."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if not alive(pid):
                return
            await asyncio.sleep(0.02)
