"""Versions side by side, as in every deploy: what one does not know it leaves to the other."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.databases import migrate
from tests.support.jobs import fetch, final, post
from tests.support.schema import alembic, columns

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

NEWER, OLDER = "tests.support.actors", "tests.support.older"


@pytest.mark.parametrize(
    ("actor", "params"),
    [
        ("begun_is_finished", {"seconds": 0}),
        ("greet", {"name": "Ada", "title": "Countess"}),
        ("greet_on_thread", {"name": "Ada", "title": "Countess"}),
    ],
)
async def test_what_an_old_worker_does_not_know_waits_for_a_new_one(
    actor: str, params: dict[str, Any], processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(module=NEWER), await api_key())
    older = await processes.worker(module=OLDER)
    job = await post(client, actor, **params)
    known = await post(client, "greet", prefer="wait=20", name="Bob")
    if actor != "begun_is_finished":
        await older.line("newer version")

    await processes.worker(module=NEWER)

    assert known["result"].split() == ["Hello", "Bob"]
    ended = await final(client, job["id"], timeout=60)
    assert (ended["state"], ended["attempts"]) == ("done", 1)
    assert older.running()


async def test_parameters_that_no_worker_takes_fail_in_the_end(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    client = connect(await processes.web(module=NEWER), await api_key())
    job = await post(client, "greet", name="Ada", title="Countess")
    await fetch(database_url, "update dramatiq.queue set created_at = created_at - interval '16 minutes'")

    await processes.worker(module=OLDER)

    ended = await final(client, job["id"])
    assert (ended["state"], ended["error"]["type"]) == ("error", "invalid")
    assert "title" in ended["error"]["detail"] or "Extra inputs" in ended["error"]["detail"]


async def test_new_code_runs_on_the_schema_of_one_revision_before(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    alembic(database_url, "downgrade", "-1")
    web = await processes.web(ready=False, module=NEWER)
    await web.line("Uvicorn running")
    client = connect(web, await api_key())
    await processes.worker(module=NEWER)

    ready = await client.get("/readyz")
    echoed = await post(client, "echo", prefer="wait=20", back=1)
    sealed = await post(client, "use_secret_on_thread", prefer="wait=20", way="measure", token="sesame")
    migrate(database_url)

    assert ready.status_code == 503
    assert "run the migrations" in ready.json()["detail"]
    assert (echoed["state"], sealed["state"]) == ("done", "done")
    await web.ready()
    assert (await post(client, "echo", prefer="wait=20", back=2))["result"] == {"back": 2}


async def test_each_revision_only_widens(empty_database_url: str) -> None:
    """What old code reads stays, and what it does not know to write may be left out."""
    before: dict[tuple[str, str], tuple[str, bool]] = {}
    for revision in revisions():
        migrate(empty_database_url, revision)
        after = await columns(empty_database_url)
        for column, (kind, must_be_given) in before.items():
            assert after[column][0] == kind, f"{revision} changes {column}"
            assert after[column][1] <= must_be_given, f"{revision} needs {column}"
        for column in after.keys() - before.keys():
            new_table = not any(known[0] == column[0] for known in before)
            assert new_table or not after[column][1], f"{revision} needs {column}"
        before = after


def revisions() -> list[str]:
    """All revisions, the oldest first."""
    history = alembic("postgresql://unused/unused", "history")
    return re.findall(r"-> (\w+)", history)[::-1]
