"""Addresses of several hosts, for a primary and its standbys."""

import asyncpg
import psycopg2
import pytest

from sooner.process.settings.common import CommonSettings

ADDRESS = "postgres://user:password@127.0.0.1:1,127.0.0.1:2/sooner?target_session_attrs=read-write"


def test_settings_take_an_address_of_several_hosts() -> None:
    assert CommonSettings(database_url=ADDRESS).database_url == ADDRESS.replace("postgres:", "postgresql:")


async def test_both_drivers_try_each_of_its_hosts() -> None:
    with pytest.raises(psycopg2.OperationalError, match=r"(?s)port 1 failed.*port 2 failed"):
        psycopg2.connect(ADDRESS)
    with pytest.raises(OSError, match=r"127\.0\.0\.1', 2"):
        await asyncpg.connect(ADDRESS)
