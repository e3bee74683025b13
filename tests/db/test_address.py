"""Addresses of databases as managed services hand them out: every part keeps to them, or names what it cannot keep to."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import asyncpg
import pytest
from psycopg2.extensions import parse_dsn

from sooner.db import hosts
from sooner.db.link import options
from sooner.jobs import job
from sooner.process.settings.address import PARTS, checked, parsed
from tests.support.declaring import own_broker
from tests.support.environment import environment
from tests.support.jobs import fetch, post

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

HANDED_OUT = (
    "channel_binding=prefer&connect_timeout=5&application_name=mine&gssencmode=disable"
    "&target_session_attrs=read-write&keepalives_idle=30&options=-c%20lock_timeout%3D54321&sslmode=prefer"
)
REFUSED = {
    "channel_binding=require": "channel_binding: only disable or prefer",
    "gssencmode=require": "gssencmode: only disable or prefer",
    "connect_timeout=soon": "connect_timeout: a whole number of seconds",
    "search_path=mine": "search_path is none that every part can keep to: leave it out",
    "hostaddr=127.0.0.1": "hostaddr is none that every part can keep to",
    "sslmode=on": "sslmode: only disable or allow or prefer or require or verify-ca or verify-full",
    "sslrootcert=system": "sslrootcert: the drivers' systems differ: name the file",
    "sslrootcert=/no/such/file": "sslrootcert: names no file that is here",
    "target_session_attrs=write": "target_session_attrs: only any or read-write",
    "sslnegotiation=direct": "sslnegotiation: direct needs sslmode=require, verify-ca or verify-full",
    "sslnegotiation=direct&sslmode=prefer": "sslnegotiation: direct needs sslmode=require",
    "connect_timeout=0": "connect_timeout: 0 waits for ever",
    "keepalives_idle=soon": "keepalives_idle: a whole number",
    "sslmode": "sslmode has no value: NAME=VALUE",
    "port=first": "its port is no number",
    "keepalives_idle=0": "keepalives_idle: a whole number from 1 to 32767",
    "keepalives_idle=40000": "keepalives_idle: a whole number from 1 to 32767",
    "keepalives_count=128": "keepalives_count: a whole number from 1 to 127",
    "tcp_user_timeout=2147483648": "tcp_user_timeout: a whole number from 0",
    f"connect_timeout={'9' * 30}": "connect_timeout: a whole number from 1",
    "port=1,2": "as many ports are needed as there are hosts",
    "port=70000": "its port is no number from 1 to 65535",
    "port=0": "its port is no number from 1 to 65535",
    "options=-c a=b": "options: a = in its value is to be written %3D",
    "application_name=50%": "a % in it is to be written %25",
    "application_name=a%00": "its %00 is no character",
    "application_name=a\n": "a space or a line break is at its end",
    "ssl_min_protocol_version=TLSv1.3&ssl_max_protocol_version=TLSv1.2": "it is above ssl_max_protocol_version",
}
UNREADABLE = {
    "postgresql://user:p@ss@host/database": "a @ in a user name or password is to be written %40",
    "postgresql://user:p#ss@host/database": "a # in it is to be written %23",
    "postgresql://user:%zz@host/database": "a % in it is to be written %25",
    "postgresql://[::1/database": r"a \[ without a \]",
    "postgresql://host:65536/database": "its port is no number from 1 to 65535",
    "postgresql://host": "names no database",
    "postgresql:///?host=/tmp": "names no database",
    "mysql://host/database": "not a postgresql:// address",
}


@pytest.mark.parametrize("parameter", REFUSED)
def test_what_no_part_could_keep_to_is_refused_by_name(parameter: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[parameter]):
        checked(f"postgresql://user:password@host/database?sslmode=prefer&{parameter}")


@pytest.mark.parametrize("url", UNREADABLE)
def test_what_the_drivers_would_read_each_otherwise_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=UNREADABLE[url]):
        checked(url)


def test_what_the_environment_does_not_have_is_refused() -> None:
    url: Any = None
    with pytest.raises(ValueError, match="not a postgresql:// address, but None"):
        checked(url)


def test_an_address_is_read_as_libpq_reads_it() -> None:
    for url in (
        "postgresql://us%20er:p%2Fw@[::1]:5433,two/da%2Bta?application_name=a+b%2Bc",
        "postgres:///?host=one,/tmp&port=5433&user=me&dbname=x&options=-c%20a%3Db",
        "postgresql://me@one:1/x?host=two&port=2&dbname=y&user=you&password=other",
    ):
        ours, libpq = parsed(checked(url)), parse_dsn(url)
        assert (ours.user, ours.password, ours.database) == tuple(
            libpq.get(name) for name in ("user", "password", "dbname")
        )
        assert ours.hosts == libpq["host"].split(",")
        ports = [int(port) if port else None for port in libpq["port"].split(",")]
        assert ours.ports == (ports * len(ours.hosts) if len(ports) == 1 else ports)
        rest = {name: value for name, value in ours.parameters.items() if name not in PARTS}
        assert rest.items() <= libpq.items()


async def opened(url: str) -> asyncpg.Connection[asyncpg.Record]:
    return await hosts.connect(**options(checked(url), "test"))


async def test_a_connection_is_made_as_the_address_says(database_url: str) -> None:
    url = f"{database_url}?{HANDED_OUT}"
    assert options(url, "test")["timeout"] == 5
    connection = await opened(url)
    told = [await connection.fetchval(f"show {name}") for name in ("application_name", "lock_timeout")]
    idle = socket_options(connection, socket.TCP_KEEPIDLE)
    await connection.close()
    assert (told, idle) == (["mine", "54321ms"], [30])


async def test_a_connection_notices_soon_that_the_host_is_gone(database_url: str) -> None:
    names = (socket.TCP_USER_TIMEOUT, socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL)
    unnamed, named = [await opened(database_url + query) for query in ("", "?tcp_user_timeout=70000")]
    found = [socket_options(connection, *names) for connection in (unnamed, named)]
    for connection in (unnamed, named):
        await connection.close()
    assert found == [[5000, 5, 2], [70000, 5, 2]]


def socket_options(connection: Any, *names: int) -> list[int]:
    own = connection._transport.get_extra_info("socket")
    assert own.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    return [own.getsockopt(socket.IPPROTO_TCP, name) for name in names]


async def test_all_may_stand_behind_the_question_mark(database_url: str) -> None:
    parts = parse_dsn(database_url)
    connection = await opened(f"postgresql:///?application_name=a+b&{urlencode(parts)}")
    told = await connection.fetchval("select current_database() || current_setting('application_name')")
    await connection.close()
    assert told == f"{parts['dbname']}a+b"


@pytest.mark.parametrize("attributes", ["any", "read-write", "prefer-standby"])
async def test_a_host_that_is_silent_leaves_time_for_the_next(database_url: str, attributes: str) -> None:
    silent = socket.create_server(("127.0.0.1", 0))
    login, _, place = database_url.removeprefix("postgresql://").rpartition("@")
    host, _, database = place.partition("/")
    with silent:
        connection = await opened(
            f"postgresql://{login}@127.0.0.1:{silent.getsockname()[1]},{host}/{database}"
            f"?connect_timeout=2&target_session_attrs={attributes}"
        )
    found = await connection.fetchval("select current_database()")
    await connection.close()
    assert found == database


async def test_synchronous_code_enqueues_by_such_an_address(database_url: str) -> None:
    def noted(text: str) -> None: ...

    with own_broker() as broker:
        actor = job(noted)
    broker.open(checked(f"{database_url}?{HANDED_OUT}&application_name=a+b"), retention=60.0)
    message = await asyncio.to_thread(actor.send, "x")
    names = await fetch(
        database_url,
        "select distinct application_name from pg_stat_activity where datname = current_database()",
    )
    broker.pool.closeall()
    rows = await fetch(database_url, "select message_id::text from dramatiq.queue")
    assert [row["message_id"] for row in rows] == [message.message_id]
    assert "a+b" in {row["application_name"] for row in names}


async def test_every_process_works_with_such_an_address(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    url = f"{database_url}?{HANDED_OUT}"
    for command in ("alembic upgrade head", "python -m src.keys list"):
        done = await asyncio.create_subprocess_exec(*command.split(), env=environment({"DATABASE_URL": url}))
        assert await done.wait() == 0, command
    replica = f"{database_url}?{HANDED_OUT}&application_name=replica"
    web = await processes.web(DATABASE_URL=url, DATABASE_REPLICA_URL=replica)
    await processes.worker(DATABASE_URL=url)
    scheduler = await processes.scheduler(DATABASE_URL=url)
    await scheduler.line('"event": "leading"')
    doctor = await asyncio.create_subprocess_exec(
        "python", "-m", "src.doctor", env=environment({"DATABASE_URL": url}), stdout=asyncio.subprocess.PIPE
    )
    said, _ = await doctor.communicate()
    client = connect(web, await api_key())
    made = await post(client, "echo", "wait=20", a=1)
    listed = await client.get("/jobs")

    assert (made["state"], made["result"]) == ("done", {"a": 1})
    assert [each["id"] for each in listed.json()["items"]] == [made["id"]]
    assert doctor.returncode == 0, said.decode()
    names = await fetch(
        database_url,
        "select distinct application_name from pg_stat_activity where datname = current_database()",
    )
    assert {"mine", "replica"} <= {row["application_name"] for row in names}


@pytest.mark.parametrize(
    "command",
    [
        "uvicorn src.api:app",
        "dramatiq src.actors",
        "python -m src.scheduler",
        "python -m src.keys list",
        "python -m src.doctor",
        "alembic upgrade head",
    ],
)
async def test_every_process_names_what_it_cannot_keep_to(
    command: str, processes: Processes, database_url: str
) -> None:
    kind = "web" if "api" in command else "worker"
    url = f"{database_url}?channel_binding=require"
    process = await processes.command(f"exec {command}", **{**processes.settings(kind), "DATABASE_URL": url})
    await process.line(
        "DATABASE_URL: its parameter channel_binding: only disable or prefer can be kept to here"
    )
    assert await process.exit() == 78
