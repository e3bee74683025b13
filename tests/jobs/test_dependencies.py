"""Dependencies: opened once a worker process, shared by all attempts, closed at its end, and no parameters of a job."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Annotated, Any

import pytest
from typing_extensions import TypeAliasType

from sooner import Depends, job
from sooner.jobs.dependencies import Dependencies
from tests.support.declaring import own_broker
from tests.support.depending import greets_from_pool, greets_from_pool_on_thread, model, pool
from tests.support.jobs import final, post

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

ACTORS = "tests.support.depending"


def said(lines: list[str]) -> list[str]:
    """The lines of the resources."""
    return [line.partition("resource ")[2].partition('"')[0] for line in lines if "resource " in line]


async def test_a_worker_opens_once_shares_and_closes_at_its_end(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(module=ACTORS), await api_key())
    worker = await processes.worker(module=ACTORS, WORD_GREETING="Hello")
    at_start = said(worker.lines)

    posted = [
        await post(client, actor, name=name)
        for actor in ("greets_from_pool", "greets_from_pool_on_thread")
        for name in ("Ada", "Bob")
    ]
    results = [(await final(client, job["id"]))["result"] for job in posted]
    await worker.terminate()

    assert at_start == ["model opened"]
    [source] = {result.partition(" from ")[2].partition(",")[0] for result in results}
    assert source.isdigit()
    assert results[0].startswith("Hello, Ada, from")
    assert results[3].endswith("by the model")
    assert said(worker.lines) == [
        "model opened",
        "settings opened",
        # Not in the context of the job that needed it first.
        "pool opened by nobody",
        "pool closed",
        "model closed",
    ]


async def test_a_dependency_is_no_parameter_of_the_job(
    processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    client = connect(await processes.web(module=ACTORS), await api_key())

    actors = {actor["name"]: actor for actor in (await client.get("/actors")).json()["items"]}
    refused = await client.post("/jobs/greets_from_pool", json={"name": "Ada", "words": {}})

    for name in ("greets_from_pool", "greets_from_pool_on_thread"):
        assert list(actors[name]["parameters"]["properties"]) == ["name"]
        assert "words" not in str(actors[name]["parameters"])
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "#/words"


@pytest.mark.parametrize("actor", ["waits_for_moody", "waits_for_moody_on_thread"])
async def test_what_does_not_open_fails_the_attempt_and_is_tried_again_by_the_next(
    actor: str, processes: Processes, connect: Connect, api_key: MakeKey, tmp_path: Path
) -> None:
    client = connect(await processes.web(module=ACTORS), await api_key("ops", scopes=["admin", "jobs"]))
    await processes.worker(module=ACTORS, WORD_GREETING="Hello", MARKER=str(tmp_path / "marker"))

    job = await final(client, (await post(client, actor))["id"])

    assert (job["state"], job["attempts"], job["result"]) == ("done", 2, "at last")
    [first] = [attempt for attempt in job["attempts_log"] if attempt["outcome"] != "done"]
    assert "ConnectionError" in first["exception"]
    assert "moody" in first["traceback"]


async def test_a_call_takes_what_the_caller_passes_else_opens_for_itself(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WORD_GREETING", "Hello")
    passed = await greets_from_pool("Ada", {"greeting": "Hi", "pid": "1"})
    opened = await greets_from_pool("Ada")
    on_thread = await asyncio.to_thread(greets_from_pool_on_thread, name="Bob")

    assert passed == "Hi, Ada, from 1"
    assert opened.startswith("Hello, Ada, from")
    assert on_thread.endswith("by the model")
    assert said(capsys.readouterr().out.splitlines()) == [
        *("settings opened", "pool opened by nobody", "pool closed"),
        *("settings opened", "pool opened by nobody", "model opened", "model closed", "pool closed"),
    ]
    with pytest.raises(RuntimeError, match=r"asyncio\.to_thread"):
        greets_from_pool_on_thread(name="Bob")


async def test_a_teams_settings_are_checked_at_the_workers_start_and_there_alone(
    processes: Processes,
) -> None:
    await processes.web(module=ACTORS)
    worker = await processes.worker(module=ACTORS, ready=False, WORD_LIMIT="many")

    await worker.line("WORD_GREETING: missing")
    await worker.line("WORD_LIMIT: Input should be a valid integer")

    assert await worker.exit() == 78
    assert "many" not in worker.output


async def test_one_that_is_opened_by_many_at_once_is_opened_once() -> None:
    opened = 0

    async def slow() -> AsyncIterator[int]:
        nonlocal opened
        opened += 1
        await asyncio.sleep(0)
        yield opened

    dependencies = Dependencies()
    wanted = {"slow": Depends(slow)}
    found = await asyncio.gather(*(dependencies.of(wanted) for _ in range(10)))
    await dependencies.close()

    assert found == [{"slow": 1}] * 10


async def test_cancelling_the_one_that_waits_cancels_the_opening_for_nobody_else() -> None:
    let_go = asyncio.Event()

    async def slow() -> str:
        await let_go.wait()
        return "open"

    dependencies = Dependencies()
    first, second = (asyncio.create_task(dependencies.of({"it": Depends(slow)})) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    let_go.set()

    assert await second == {"it": "open"}
    assert first.cancelled() or first.cancelling()
    await dependencies.close()


async def test_what_is_closed_badly_or_never_keeps_no_other_from_closing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sooner.jobs.dependencies.CLOSE_SECONDS", 0.05)
    closed = []

    async def good() -> AsyncIterator[str]:
        yield "good"
        closed.append("good")

    async def bad() -> AsyncIterator[str]:
        yield "bad"
        raise ValueError("cannot close")

    async def hanging() -> AsyncIterator[str]:
        yield "hanging"
        await asyncio.Event().wait()

    dependencies = Dependencies()
    await dependencies.of({make.__name__: Depends(make) for make in (good, bad, hanging)})
    await dependencies.close()

    assert closed == ["good"]


async def test_context_managers_and_what_leaves_by_systemexit() -> None:
    @contextlib.asynccontextmanager
    async def decorated() -> AsyncIterator[str]:
        yield "async"

    @contextlib.contextmanager
    def plain() -> Iterator[str]:
        yield "sync"

    async def exits() -> None:
        raise SystemExit(3)

    dependencies = Dependencies()
    assert await dependencies.of({"a": Depends(decorated), "b": Depends(plain)}) == {
        "a": "async",
        "b": "sync",
    }
    with pytest.raises(RuntimeError, match="raised SystemExit"):
        await dependencies.of({"c": Depends(exits)})
    await dependencies.close()


def needs_more(url: str) -> str:
    return url


Model = TypeAliasType("Model", Annotated[str, Depends(model)])
Nested = TypeAliasType("Nested", "list[Nested] | str")


def by_default(value: Annotated[str, Depends(model)] = "x") -> None: ...
def twice(value: Annotated[str, Depends(model), Depends(pool)]) -> None: ...
def bare(value: Annotated[str, Depends]) -> None: ...
def unnamed(*value: Annotated[str, Depends(model)]) -> None: ...
def as_default(value: str = Depends(model)) -> None: ...  # type: ignore[assignment]
def as_type(value: Depends(model)) -> None: ...  # type: ignore[valid-type]
def inside(value: Annotated[str, Depends(model)] | None) -> None: ...
def inside_a_name(value: list[Model]) -> None: ...


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (by_default, "dependency value would never have its default: take the default out"),
        (twice, "parameter value has 2 times Depends: write it once"),
        (bare, r"parameter value is marked with Depends itself: write Depends\(make\)"),
        (unnamed, "parameter value cannot be a dependency: give it a name of its own"),
        (
            as_default,
            r"parameter value: write Annotated\[…, Depends\(model\)\] as its type, not as its default",
        ),
        (as_type, r"parameter value: write Annotated\[…, Depends\(…\)\] as the whole of its type"),
        (inside, r"parameter value: write Annotated\[…, Depends\(…\)\] as the whole of its type"),
        (inside_a_name, r"parameter value: write Annotated\[…, Depends\(…\)\] as the whole of its type"),
    ],
)
def test_a_declaration_that_cannot_hold_is_refused_where_it_is_made(function: Any, words: str) -> None:
    with own_broker(), pytest.raises(TypeError, match=words):
        job(function)


def test_a_dependency_whose_type_has_a_name_is_no_parameter() -> None:
    def takes(by_name: Model, nested: Nested) -> None: ...

    with own_broker():
        actor = job(takes)

    assert list(actor.dependencies) == ["by_name"]
    assert list(actor.parameters.model_fields) == ["nested"]


def test_a_maker_that_nobody_can_call_is_refused() -> None:
    with pytest.raises(TypeError, match="nobody gives it url: give it a default, or write"):
        Depends(needs_more)
    with pytest.raises(TypeError, match="takes a function"):
        Depends("a pool")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not as its default"):
        Depends(as_default)
