"""Versions side by side, as in every deploy: what one does not know it leaves to the other."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support import ROOT, roles, trees
from tests.support.databases import migrate
from tests.support.jobs import fetch, final, post, processing
from tests.support.processes import Processes
from tests.support.schema import alembic, columns

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.bouncer import Bouncer

RunTree = Callable[[Path], Processes]

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


@pytest.fixture
def run_tree(
    settings: dict[str, dict[str, str | None]], tmp_path: Path, pooler: Bouncer | None
) -> Iterator[RunTree]:
    """Starts processes from another tree of the project's files; whatever runs at the end is killed."""
    with contextlib.ExitStack() as stack:

        def run(root: Path) -> Processes:
            logs = tmp_path / f"logs of {root.name}"
            logs.mkdir()
            processes = Processes(settings, logs, root=root, pooler=pooler)
            stack.callback(processes.end)
            return processes

        yield run


async def test_new_code_runs_on_the_schema_of_one_revision_before(
    run_tree: RunTree, connect: Connect, api_key: MakeKey, database_url: str, tmp_path: Path
) -> None:
    newer = trees.with_one_more_revision(tmp_path / "newer")
    processes = run_tree(newer)
    web = await processes.web(ready=False)
    await web.line("Uvicorn running")
    client = connect(web, await api_key())
    await processes.worker()

    unready = await client.get("/readyz")
    await works(client)
    migrate(database_url, root=newer)
    await web.ready()

    assert unready.status_code == 503
    assert "9999: run the migrations" in unready.json()["detail"]
    await works(client)


async def test_a_revision_comes_ahead_of_the_code_that_needs_it(
    run_tree: RunTree, connect: Connect, api_key: MakeKey, database_url: str, tmp_path: Path
) -> None:
    alembic(database_url, "downgrade", "-1")
    processes = run_tree(trees.with_newest_revision(tmp_path / "its own"))
    web = await processes.web(ready=False)
    await web.line("Uvicorn running")
    await processes.worker()

    await works(connect(web, await api_key()))


@pytest.mark.parametrize(("of_web", "of_worker"), [("old", "old"), ("old", "new"), ("new", "old")])
async def test_old_code_runs_on_the_new_schema(
    of_web: str,
    of_worker: str,
    run_tree: RunTree,
    connect: Connect,
    api_key: MakeKey,
    database_url: str,
    tmp_path: Path,
) -> None:
    old = trees.before_newest_revision(tmp_path / "old")
    alembic(database_url, "downgrade", "base")
    for root in (old, ROOT):
        migrate(database_url, root=root)
        roles.grant(database_url, root)
    versions = {"old": run_tree(old), "new": run_tree(ROOT)}
    web = await versions[of_web].web()
    await versions[of_worker].worker()

    await works(connect(web, await api_key()))


async def works(client: httpx.AsyncClient) -> None:
    """Asserts what any two versions do together: at once, deferred, failed and tried again, cancelled."""
    echoed = await post(client, "echo", prefer="wait=20", back=1)
    slept = await client.post("/jobs/sleep", json={"seconds": 1}, headers={"Prefer": "wait=0"})
    failed = await post(client, "fail", prefer="wait=20", times=1)
    again = await client.post(f"/jobs/{failed['id']}/retry")
    endless = await post(client, "sleep", seconds=600)
    await processing(client, endless["id"])
    cancelled = await client.post(f"/jobs/{endless['id']}/cancel")

    assert (echoed["state"], echoed["result"]) == ("done", {"back": 1})
    assert (slept.status_code, again.status_code, cancelled.status_code) == (202, 202, 202)
    assert (failed["state"], failed["error"]["type"]) == ("error", "failed-on-request")
    assert (await final(client, slept.json()["id"]))["result"] == {"slept": 1}
    assert (await final(client, failed["id"]))["result"] == {"survived": 1}
    assert (await final(client, endless["id"]))["state"] == "cancelled"


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
