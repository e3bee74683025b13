"""What an actor says, in its result, its errors, its progress, and who gets to read it."""

from __future__ import annotations

import asyncio
import io
import zipfile
from typing import TYPE_CHECKING

import jsonschema_rs
import pytest

from tests.support.jobs import Document, post
from tests.support.sayings import WORDS

if TYPE_CHECKING:
    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

ACTORS = "tests.support.sayings"
UNREAD = "what the tenant is not to read"


async def test_what_ends_an_attempt_is_told_by_what_it_is(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key())
    await processes.worker(module=ACTORS)

    operator = connect(web, await api_key(scopes=["admin"]))
    for name in ("unexpected", "unexpected_on_thread"):
        document = await post(client, name, "wait=20")
        answers = [
            await client.get(path)
            for path in (f"/jobs/{document['id']}", document["urls"]["result"], f"/jobs?actor={name}")
        ]
        assert document["error"] == {
            "type": "LookupError",
            "title": "The job failed with an unexpected exception",
            "detail": None,
        }
        assert answers[1].json() == {
            "type": "LookupError",
            "title": document["error"]["title"],
            "status": 502,
        }
        assert not [answer for answer in answers if UNREAD in answer.text]
        await read_by_operators(client, operator, document)

    for name in ("fail_in_a_group", "fail_in_a_group_on_thread"):
        for again, others, attempts, detail in (
            (False, 0, 1, "no luck"),
            (False, 2, 1, "no luck (and 2 more)"),
            (True, 0, 3, "no luck"),
        ):
            document = await post(client, name, "wait=20", again=again, others=others)
            assert document["error"] == {"type": "unlucky", "title": "It went wrong", "detail": detail}
            assert (document["state"], document["attempts"]) == ("error", attempts)
            [*_, last] = (await operator.get(f"/jobs/{document['id']}")).json()["attempts_log"]
            assert "Group" in last["exception"]
            assert "Failure: no luck" in last["traceback"]


async def read_by_operators(
    tenant: httpx.AsyncClient, operator: httpx.AsyncClient, document: Document
) -> None:
    """Text and traceback are theirs, where they ask for one job, and in no archive of the tenant's."""
    theirs = (await tenant.get(f"/jobs/{document['id']}")).json()
    by_address = (await operator.get(document["urls"]["self"])).json()
    [attempt] = (await operator.get(f"/jobs/{document['id']}")).json()["attempts_log"]
    export = await post(tenant, "export_archive", "wait=20")
    archive = zipfile.ZipFile(io.BytesIO((await tenant.get(export["urls"]["result"])).content))

    assert "attempts_log" not in theirs
    assert "attempts_log" not in by_address
    assert (attempt["attempt"], attempt["outcome"], attempt["began_at"], attempt["ended_at"]) == (
        1,
        "error",
        theirs["started_at"],
        theirs["finished_at"],
    )
    assert attempt["exception"] == f"LookupError: {UNREAD}"
    assert f'raise LookupError("{UNREAD}")' in attempt["traceback"]
    assert document["id"] in archive.read("jobs.ndjson").decode()
    assert UNREAD not in archive.read("jobs.ndjson").decode()


TOLD = [
    (1.0, "a little beyond"),
    (0.0, "before it began"),
    (None, "nobody knows"),
    (1.0, None),
    (1.0, None),
    (0.25, "25"),
    (None, "a\ufffdb?c"),
    (0.5, "x" * 999 + "…"),
]


@pytest.mark.parametrize("actor", ["tell", "tell_on_thread"])
async def test_a_word_of_progress_fails_no_job(
    actor: str, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(module=ACTORS), await api_key())
    await processes.worker(module=ACTORS)

    answers = await asyncio.gather(
        *(post(client, actor, "wait=20", number=number) for number in range(len(WORDS)))
    )

    assert [(answer["state"], answer["result"]) for answer in answers] == [
        ("done", number) for number in range(len(WORDS))
    ]
    told = [(await client.get(f"/jobs/{answer['id']}")).json()["progress"] for answer in answers]
    assert [(word["fraction"], word["message"]) for word in told] == TOLD


async def test_a_result_is_written_as_declared_or_is_an_error_of_its_job(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web(module=ACTORS)
    client = connect(web, await api_key())
    worker = await processes.worker(module=ACTORS)
    schemas = {item["name"]: item["result"] for item in (await client.get("/actors")).json()["items"]}

    for actor in ("bill", "bill_on_thread"):
        document = await post(client, actor, "wait=20", total="1.10")
        assert document["result"] == {"theTotal": "1.10", "paid_by": ["me"], "within": "P1D"}, document
        jsonschema_rs.validator_for(schemas[actor]).validate(document["result"])
    for actor, way, type in (
        ("nothing_there", "NaN", "result-not-json"),
        ("nothing_there", "deep", "result-not-json"),
        ("nothing_there", "misfit", "result-not-as-declared"),
        ("nothing_there_on_thread", "NaN", "result-not-json"),
        ("nothing_there_on_thread", "deep", "result-not-json"),
        ("nothing_there_on_thread", "misfit", "result-not-as-declared"),
        ("nothing_there_on_thread", "unawaited", "result-not-json"),
    ):
        document = await post(client, actor, "wait=20", way=way)
        assert (document["state"], document["error"] and document["error"]["type"]) == ("error", type)
    assert "never awaited" not in worker.output
