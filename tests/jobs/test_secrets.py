"""Secret parameters: read by the worker that runs the job, and by nothing else."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from nacl.public import PrivateKey

from tests.support import ROOT
from tests.support.environment import environment
from tests.support.jobs import fetch, final, post, rows

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Process, Processes

ACTORS = "tests.support.actors"
CANARY = 'canary-of"the-märz-5a1f'


@pytest.fixture
async def client(processes: Processes, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client of a web process that knows the actors with secrets."""
    return connect(await processes.web(module=ACTORS), await api_key())


def digest(text: str) -> dict[str, str]:
    return {"sha256": hashlib.sha256(text.encode()).hexdigest()}


@pytest.mark.parametrize(
    ("actor", "params", "shown", "secret"),
    [
        ("use_secret", {"token": CANARY}, {"token": "•••"}, CANARY),
        ("use_secret", {"raw": CANARY}, {"raw": "•••"}, CANARY),
        ("use_secret", {"token": None}, {"token": None}, ""),
        ("use_secret", {"token": ""}, {"token": "•••"}, ""),
        ("use_secret_on_thread", {"token": CANARY}, {"token": "•••"}, CANARY),
        (
            "use_secret",
            {"accounts": [{"user": "a", "password": "one"}, {"user": "b", "password": "two"}]},
            {"accounts": [{"user": "a", "password": "•••"}, {"user": "b", "password": "•••"}]},
            "onetwo",
        ),
    ],
)
async def test_the_actor_gets_it_and_the_document_does_not(
    actor: str,
    params: dict[str, Any],
    shown: dict[str, Any],
    secret: str,
    client: httpx.AsyncClient,
    processes: Processes,
) -> None:
    posted = await post(client, actor, way="measure", **params)
    await processes.worker(module=ACTORS)

    ended = await final(client, posted["id"])

    assert ended["error"] is None
    assert ended["result"] == digest(secret)
    assert posted["params"] == ended["params"] == {"way": "measure", **shown}


@pytest.mark.parametrize("actor", ["use_secret", "use_secret_on_thread"])
async def test_a_canary_shows_nowhere(
    actor: str, client: httpx.AsyncClient, processes: Processes, database_url: str
) -> None:
    async with heard(database_url) as notifications, activity(database_url) as queries:
        worker = await processes.worker(module=ACTORS, LOG_LEVEL="debug")
        scheduler = await processes.scheduler(LOG_LEVEL="debug")
        idle = await processes.command(
            f"exec dramatiq {ACTORS} --queues other", **{**processes.settings("worker"), "LOG_LEVEL": "debug"}
        )
        await idle.line("worker ready")
        answers = [
            await post(client, actor, prefer="wait=20", way=way, token=CANARY)
            for way in ("measure", "give back", "raise", "fail", "log")
        ]
        for answer in answers:
            assert (await final(client, answer["id"]))["attempts"] == 1
        listed = await client.get("/jobs")

    assert [answer["state"] for answer in answers] == ["done", "done", "error", "error", "done"]
    assert answers[1]["result"] == {"secret": "•••", "•••": ["<•••>"]}
    assert (answers[2]["error"]["type"], answers[2]["error"]["detail"]) == ("ValueError", None)
    assert answers[3]["error"] == {"type": "bad •••", "title": "•••", "detail": "not good: '•••'"}
    await worker.line("using •••|using \\\\u2022")
    seen = {
        "answers": json.dumps([*answers, listed.json()], ensure_ascii=False),
        "dump": await dump(database_url),
        "notifications": "\n".join(notifications),
        "activity": "\n".join(queries),
        **{process.name: process.output for process in processes.started},
    }
    assert len(seen["notifications"]) > 0
    assert "dramatiq.queue" in seen["activity"]
    for where, text in seen.items():
        assert found(text.encode()) == [], where
    for process in (scheduler, idle):
        assert found(memory(process)) == [], process.name


async def test_an_attempt_that_is_not_the_last_tells_it_neither(
    client: httpx.AsyncClient, processes: Processes, database_url: str
) -> None:
    await processes.worker(module=ACTORS)
    ended = await post(client, "use_secret_again", prefer="wait=20", way="raise", token=CANARY)

    assert (ended["state"], ended["attempts"]) == ("error", 2)
    assert found((await dump(database_url)).encode()) == []


def found(data: bytes) -> list[bytes]:
    """The forms of the canary in some bytes, as text, as JSON, in base64 at any alignment, in hex."""
    core = CANARY.split("-", 1)[1].encode()
    text = core.decode()
    forms = [core, core.hex().encode()]
    forms += [json.dumps(text, ensure_ascii=ascii)[1:-1].encode() for ascii in (True, False)]
    forms += [
        base64.b64encode(b"\0" * shift + core)[4 * bool(shift) :].rstrip(b"=")[:-2] for shift in range(3)
    ]
    return [form for form in forms if form in data]


def memory(process: Process) -> bytes:
    """What a process and its children hold in their writable memory."""
    parts = []
    for member in process.tree():
        maps = Path(f"/proc/{member.pid}/maps").read_text().splitlines()
        with Path(f"/proc/{member.pid}/mem").open("rb") as file:
            for line in maps:
                span, rights = line.split()[:2]
                if rights.startswith("rw"):
                    start, end = (int(number, 16) for number in span.split("-"))
                    with contextlib.suppress(OSError, OverflowError):
                        file.seek(start)
                        parts.append(file.read(end - start))
    assert sum(map(len, parts)) > 10_000_000
    return b"".join(parts)


async def dump(database_url: str) -> str:
    """Every row of every table as text."""
    tables = await fetch(
        database_url,
        "select format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname in ('dramatiq', 'sooner', 'public')",
    )
    lines = []
    for table in tables:
        found = await fetch(database_url, f"select row_to_json(t)::text as line from {table['name']} as t")
        lines += [row["line"] for row in found]
    assert "•••" in "\n".join(lines)
    return "\n".join(lines)


@contextlib.asynccontextmanager
async def heard(database_url: str) -> AsyncIterator[list[str]]:
    """All that is notified, on any channel that the service uses."""
    payloads: list[str] = []
    connection = await asyncpg.connect(database_url)
    channels = ["sooner.changed", "sooner.cancel", "sooner.postponed", "sooner.control"]
    channels += [f"dramatiq.default{kind}.enqueue" for kind in ("", ".threads", ".last")]
    for channel in channels:
        await connection.add_listener(channel, lambda *message: payloads.append(str(message)))
    yield payloads
    await connection.close()


@contextlib.asynccontextmanager
async def activity(database_url: str) -> AsyncIterator[set[str]]:
    """What pg_stat_activity shows of others' statements, looked at all the time."""
    queries: set[str] = set()

    async def look() -> None:
        connection = await asyncpg.connect(database_url)
        try:
            while True:
                shown = await connection.fetch(
                    "select query from pg_stat_activity where pid <> pg_backend_pid()"
                )
                queries.update(row["query"] for row in shown)
                await asyncio.sleep(0.01)
        finally:
            await connection.close()

    looking = asyncio.create_task(look())
    yield queries
    looking.cancel()
    await asyncio.gather(looking, return_exceptions=True)


async def test_without_a_public_key_a_secret_is_refused_and_nothing_else(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    client = connect(await processes.web(module=ACTORS, SECRETS_PUBLIC_KEY=None), await api_key())

    refused = await client.post("/jobs/use_secret", json={"way": "measure", "token": CANARY})
    taken = await client.post("/jobs/use_secret?delay=60", json={"way": "measure"})

    assert refused.status_code == 503
    assert refused.headers["Content-Type"] == "application/problem+json"
    assert int(refused.headers["Retry-After"]) > 0
    assert "SECRETS_PUBLIC_KEY" in refused.json()["detail"]
    assert taken.status_code == 202
    assert len(await fetch(database_url, "select from dramatiq.queue")) == 1


@pytest.mark.parametrize(
    "key", [None, base64.b64encode(bytes(PrivateKey.generate())).decode()], ids=["none", "another"]
)
async def test_a_worker_that_cannot_open_it_says_so(
    key: str | None, client: httpx.AsyncClient, processes: Processes
) -> None:
    await processes.worker(module=ACTORS, SECRETS_PRIVATE_KEY=key)

    ended = await post(client, "use_secret", prefer="wait=20", way="measure", token=CANARY)
    on_thread = await post(client, "use_secret_on_thread", prefer="wait=20", way="measure", token=CANARY)

    for job in (ended, on_thread):
        assert (job["state"], job["error"]["type"]) == ("error", "secret-not-openable")
        assert "SECRETS_PRIVATE_KEY" in job["error"]["detail"]


async def test_private_keys_rotate(
    client: httpx.AsyncClient, processes: Processes, secret_keys: dict[str, str]
) -> None:
    newer = base64.b64encode(bytes(PrivateKey.generate())).decode()
    await processes.worker(
        module=ACTORS, SECRETS_PRIVATE_KEY=f"{newer}, {secret_keys['SECRETS_PRIVATE_KEY']}"
    )

    ended = await post(client, "use_secret", prefer="wait=20", way="measure", token=CANARY)

    assert ended["result"] == digest(CANARY)


@pytest.mark.parametrize("swap", ["tenant", "job", "pointer"])
async def test_a_moved_ciphertext_does_not_open(
    swap: str, client: httpx.AsyncClient, processes: Processes, database_url: str
) -> None:
    mine = await post(client, "use_secret", way="measure", token=CANARY)
    other = await post(client, "use_secret", way="measure", token="another", raw="third")
    moves = {
        "tenant": "update dramatiq.queue set tenant = 'other' where message_id = $2 and $1::uuid is not null",
        "job": "update dramatiq.queue set sealed = (select sealed from dramatiq.queue where message_id = $2)"
        " where message_id = $1",
        "pointer": "update dramatiq.queue set sealed = jsonb_build_object('/token', sealed->'/raw', '/raw',"
        " sealed->'/token') where message_id = $2 and $1::uuid is not null",
    }
    await fetch(database_url, moves[swap], mine["id"], other["id"])
    await processes.worker(module=ACTORS)
    victim = mine["id"] if swap == "job" else other["id"]

    [row] = await rows(
        database_url, "select error from dramatiq.queue where message_id = $1 and error is not null", victim
    )
    said = json.loads(row["error"])
    assert said["type"] == "secret-not-openable"
    assert "another job" in said["detail"]


async def test_keys_prints_a_pair_without_a_database(processes: Processes) -> None:
    command = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "src.keys",
        "secrets",
        cwd=ROOT,
        env=environment({}),
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await command.communicate()

    assert command.returncode == 0
    public, private = output.decode().splitlines()
    key = PrivateKey(base64.b64decode(private.removeprefix("SECRETS_PRIVATE_KEY="), validate=True))
    assert public == "SECRETS_PUBLIC_KEY=" + base64.b64encode(bytes(key.public_key)).decode()


@pytest.mark.parametrize(
    ("name", "setting"),
    [
        ("web", "SECRETS_PRIVATE_KEY"),
        ("scheduler", "SECRETS_PRIVATE_KEY"),
        ("web", "SECRETS_PUBLIC_KEY"),
        ("worker", "SECRETS_PRIVATE_KEY"),
    ],
)
async def test_keys_in_the_wrong_place_or_shape_stop_the_process(
    name: str, setting: str, processes: Processes, secret_keys: dict[str, str]
) -> None:
    misplaced = name != "worker" and setting == "SECRETS_PRIVATE_KEY"
    value = secret_keys["SECRETS_PRIVATE_KEY"] if misplaced else "bm90IGEga2V5"
    process: Process = await getattr(processes, name)(ready=False, **{setting: value})

    assert await process.exit() == 78
    assert f"{setting}: " in process.output
    assert value not in process.output
