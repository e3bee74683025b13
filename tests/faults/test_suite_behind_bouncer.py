"""A part of the suite once more, with LISTEN=0 and PgBouncer in transaction mode between."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.api.test_idempotency import *  # noqa: F403 - every test of it
from tests.api.test_waiting import *  # noqa: F403
from tests.conftest import process_settings
from tests.faults.bouncer import PROGRAM, bouncer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(PROGRAM is None, reason="PgBouncer is not installed (Debian: pgbouncer)"),
]


@pytest.fixture
async def settings(
    database_url: str, secret_keys: dict[str, str], tmp_path: Path
) -> AsyncIterator[dict[str, dict[str, str | None]]]:
    async with bouncer(database_url, tmp_path) as address:
        settings = process_settings(address, secret_keys)
        yield {name: {**values, "LISTEN": "0"} for name, values in settings.items()}
