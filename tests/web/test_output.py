"""What a job puts out, as its readers see it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from sooner.jobs.output.outputs import PAGE
from tests.support.events import Event, heard, listening
from tests.support.jobs import fetch, final, post, rows
from tests.support.processes import PATIENCE, Web

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

SPEAKERS = "tests.support.speakers"
EVENTS = {"Accept": "text/event-stream"}


@pytest.fixture
async def client(processes: Processes, connect: Connect, api_key: MakeKey) -> httpx.AsyncClient:
    """A client of a deployment whose actors put out pieces."""
    await processes.worker(module=SPEAKERS, MAX_OUTPUT_BYTES="20000", LEASE_SECONDS="2")
    return connect(await processes.web(module=SPEAKERS), await api_key())


async def test_all_of_a_jobs_output_is_read_as_json_events_lines_and_text(client: httpx.AsyncClient) -> None:
    words = ["Hello, ", "wörld\n", 3, None, {"a": [1]}, "\0"]
    job = await post(client, "tell", prefer="wait=10", words=[*words[:-1], "NUL"])

    whole = (await client.get(f"/jobs/{job['id']}/output")).json()
    rest = (await client.get(f"/jobs/{job['id']}/output?from=4")).json()
    events = await heard(client, f"/jobs/{job['id']}/output", headers=EVENTS)
    later = await heard(client, f"/jobs/{job['id']}/output", headers=EVENTS | {"Last-Event-ID": "5"})
    over = await client.get(f"/jobs/{job['id']}/output", headers=EVENTS | {"Last-Event-ID": "6"})
    back = f"/jobs/{job['id']}/output?from=2"
    come_back = await heard(client, back, headers=EVENTS | {"Last-Event-ID": "5"})
    over_too = await client.get(back, headers=EVENTS | {"Last-Event-ID": "6"})
    ndjson = await client.get(f"/jobs/{job['id']}/output", headers={"Accept": "application/x-ndjson"})
    text = await client.get(f"/jobs/{job['id']}/output", headers={"Accept": "text/plain"})

    assert job["result"] == len(words)
    assert whole == {"items": words, "next": 6, "complete": True}
    assert rest == {"items": words[4:], "next": 6, "complete": True}
    assert [(each.type, each.id) for each in events] == [
        *(("output", str(number)) for number in range(1, 7)),
        ("end", "6"),
    ]
    assert [json.loads(each.data) for each in events[:-1]] == words
    assert json.loads(events[-1].data) == {"state": "done", "next": 6}
    assert [json.loads(each.data) for each in later[:-1]] == words[5:]
    assert come_back == later
    assert over.status_code == over_too.status_code == 204
    assert ndjson.headers["content-type"] == "application/x-ndjson"
    assert [json.loads(line) for line in ndjson.text.split("\n")[:-1]] == words
    assert text.text == 'Hello, wörld\n3\nnull\n{"a":[1]}\n\0'


async def test_an_actor_that_awaits_nothing_holds_up_nobody(client: httpx.AsyncClient) -> None:
    flood = await post(client, "flow", pieces=300_000, pause=0, batch=1_000_000)
    first = await client.get(f"/jobs/{flood['id']}/output", headers={"Prefer": "wait=10"})
    other = await post(client, "tell", prefer="wait=10", words=["a"])
    state = (await client.get(f"/jobs/{flood['id']}")).json()["state"]

    assert first.json()["items"]
    assert (other["state"], state) == ("done", "processing")


async def test_texts_are_joined_to_the_result_and_read_live(client: httpx.AsyncClient) -> None:
    job = await post(client, "say", text="abcdef", pause=0.1)
    events = await heard(client, f"/jobs/{job['id']}/output", headers=EVENTS)
    ended = await final(client, job["id"])

    assert [json.loads(each.data) for each in events if each.type == "output"] == list("abcdef")
    assert ended["result"] == "abcdef"


async def test_a_thread_puts_out_pieces_in_order(client: httpx.AsyncClient) -> None:
    job = await post(client, "say_on_thread", prefer="wait=20", count=200)

    read = (await client.get(f"/jobs/{job['id']}/output")).json()

    assert read == {"items": [*range(200), "last"], "next": 201, "complete": True}


@pytest.mark.parametrize("way", ["raise", "crash"])
async def test_a_new_attempt_begins_anew(client: httpx.AsyncClient, processes: Processes, way: str) -> None:
    if way == "crash":
        # The first one ends with its process.
        await processes.worker(module=SPEAKERS, LEASE_SECONDS="2")
    job = await post(client, "stutter", times=2 if way == "raise" else 1, way=way)
    async with asyncio.timeout(60):
        events = await heard(client, f"/jobs/{job['id']}/output", headers=EVENTS)
    await final(client, job["id"], timeout=60)
    read = (await client.get(f"/jobs/{job['id']}/output")).json()

    kinds = [each.type for each in events]
    last = [json.loads(each.data) for each in events if each.type == "output"][-3:]
    assert kinds.count("reset") >= 1
    assert kinds[-4:] == ["output", "output", "output", "end"]
    assert last == read["items"]
    assert len(read["items"]) == 3
    numbers = [int(each.id or 0) for each in events if each.type == "output"]
    assert numbers == sorted(set(numbers))
    seen = numbers[0]
    resumed = (await client.get(f"/jobs/{job['id']}/output?from={seen}")).json()
    assert resumed == read | {"reset": True}


async def test_an_attempt_that_ended_well_without_output_leaves_none(client: httpx.AsyncClient) -> None:
    job = await post(client, "fall_silent", prefer="wait=20")
    read = (await client.get(f"/jobs/{job['id']}/output")).json()

    assert job["state"] == "done" or (await final(client, job["id"]))["state"] == "done"
    assert (await client.get(f"/jobs/{job['id']}/output")).json() == {
        "items": [],
        "next": 0,
        "complete": True,
    }, read


async def test_a_browser_that_has_seen_the_end_comes_back_no_more(client: httpx.AsyncClient) -> None:
    silent = await post(client, "tell", prefer="wait=20", words=[])
    fell_silent = await post(client, "fall_silent")
    await final(client, fell_silent["id"])

    for id, last in ((silent["id"], {}), (fell_silent["id"], {"Last-Event-ID": "1"})):
        address = f"/jobs/{id}/output"
        events = await heard(client, address, headers=EVENTS | last)
        assert (events[-1].type, events[-1].id) == ("end", "0")
        again = await client.get(address, headers=EVENTS | {"Last-Event-ID": events[-1].id or ""})
        assert again.status_code == 204


async def test_output_survives_the_failure_of_its_attempt(client: httpx.AsyncClient) -> None:
    job = await post(client, "give_up", prefer="wait=20")

    read = (await client.get(f"/jobs/{job['id']}/output")).json()

    assert job["error"]["type"] == "no-more"
    assert read == {"items": ["half"], "next": 1, "complete": True}


async def test_output_beyond_the_limit_is_dropped_and_said_so(client: httpx.AsyncClient) -> None:
    job = await post(client, "tell", prefer="wait=20", words=["x" * 9000, "y" * 9000, "z" * 9000, "more"])

    read = (await client.get(f"/jobs/{job['id']}/output")).json()
    events = await heard(client, f"/jobs/{job['id']}/output", headers=EVENTS)

    assert job["result"] == "x" * 9000 + "y" * 9000
    assert [item[0] for item in read["items"]] == ["x", "y"]
    assert (read["truncated"], read["next"]) == (True, 3)
    assert [each.type for each in events] == ["output", "output", "truncated", "end"]


@pytest.mark.parametrize("way", ["nan", "object"])
async def test_a_piece_that_is_no_json_fails_its_attempt(client: httpx.AsyncClient, way: str) -> None:
    job = await post(client, "not_json", prefer="wait=20", way=way)
    read = (await client.get(f"/jobs/{job['id']}/output")).json()

    assert job["error"]["type"] == "output-not-json"
    assert read["items"] == ["good"]


async def test_a_dependency_is_given_to_an_actor_that_yields(client: httpx.AsyncClient) -> None:
    job = await post(client, "greet_slowly", prefer="wait=20", name="Ada")

    assert job["result"] == "Hello Ada"


async def test_an_unfit_place_is_refused_or_ignored(client: httpx.AsyncClient) -> None:
    job = await post(client, "tell", prefer="wait=20", words=["a"])
    address = f"/jobs/{job['id']}/output"

    refused = await client.get(f"{address}?from=-1")
    beyond = await client.get(f"{address}?from=99")
    events = await heard(client, address, headers=EVENTS | {"Last-Event-ID": "7-done"})

    assert refused.status_code == 422
    assert "from" in refused.json()["detail"]
    assert beyond.json() == {"items": ["a"], "next": 1, "complete": True, "reset": True}
    assert [each.type for each in events] == ["output", "end"]


async def test_output_is_its_tenants(
    client: httpx.AsyncClient, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    job = await post(client, "tell", prefer="wait=20", words=["a"])
    signed = job["urls"]["self"].replace("?", "/output?")
    [web] = [each for each in processes.started if isinstance(each, Web)]

    stranger = await connect(web, await api_key("other")).get(f"/jobs/{job['id']}/output")
    holder = await client.get(signed, headers={"Authorization": ""})

    assert stranger.status_code == 404
    assert holder.json()["items"] == ["a"]


async def test_the_events_of_a_job_hold_its_output(client: httpx.AsyncClient) -> None:
    job = await post(client, "say", text="abc", pause=0.2)
    events = await heard(client, f"/jobs/{job['id']}/events", headers=EVENTS)
    documents = [each.job for each in events]
    begun = next(each for each in events if _items(each))
    resumed = await heard(
        client, f"/jobs/{job['id']}/events", headers=EVENTS | {"Last-Event-ID": begun.id or ""}
    )

    assert [item for each in events for item in _items(each)] == list("abc")
    assert events[-1].type == "state"
    assert documents[-1]["state"] == "done"
    assert all(each["id"] == job["id"] for each in documents)
    assert _items(begun) + [item for each in resumed for item in _items(each)] == list("abc")


async def test_a_reader_whose_stream_breaks_off_within_the_last_output_is_told_the_end(
    client: httpx.AsyncClient,
) -> None:
    job = await post(client, "tell", prefer="wait=20", words=list(range(PAGE + 100)))
    address = f"/jobs/{job['id']}/events"

    async with listening(client, address) as (_, events):
        first = await anext(events)
    [second, last] = await heard(client, address, headers={"Last-Event-ID": first.id or ""})
    [again] = await heard(client, address, headers={"Last-Event-ID": second.id or ""})

    assert [each.type for each in (first, second, last)] == ["output", "output", "state"]
    assert _items(first) + _items(second) == list(range(PAGE + 100))
    assert again == last
    assert last.job["state"] == "done"


@pytest.mark.parametrize("media", ["application/x-ndjson", "text/plain", "text/event-stream"])
async def test_a_head_request_does_not_wait_for_the_jobs_end(client: httpx.AsyncClient, media: str) -> None:
    job = await post(client, "say", prefer="respond-async", text="abc", pause=1000)
    async with asyncio.timeout(PATIENCE):
        answer = await client.head(f"/jobs/{job['id']}/output", headers={"Accept": media})
        # On the same connection, which is free again.
        assert (await client.get("/livez")).status_code == 200

    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-type"].startswith(media)


async def test_a_jobs_start_is_told_before_its_output(client: httpx.AsyncClient) -> None:
    letters: dict[str, Any] = {"text": "abcdef", "pause": 0.05}
    events = await heard(client, "/jobs/say", method="POST", headers=EVENTS, json=letters)

    told = [(each.type, each.job["state"]) for each in events]
    assert told.index(("state", "processing")) < [kind for kind, _ in told].index("output")
    assert ("output", "waiting") not in told


def _items(event: Event) -> list[Any]:
    items: list[Any] = event.job.get("output", {}).get("items", [])
    return items


async def test_a_reader_waits_for_more(processes: Processes, connect: Connect, api_key: MakeKey) -> None:
    # Without LISTEN, polls wake a reader every 0.15 s, with news or without.
    await processes.worker(module=SPEAKERS)
    client = connect(await processes.web(module=SPEAKERS, LISTEN="0"), await api_key())
    job = await post(client, "say", text="ab", pause=1)
    answers: list[dict[str, Any]] = [{"next": 0, "items": []}]
    async with asyncio.timeout(20):
        while not answers[-1].get("complete"):
            answer = await client.get(
                f"/jobs/{job['id']}/output?from={answers[-1]['next']}", headers={"Prefer": "wait=10"}
            )
            answers.append(answer.json())
    quiet = await post(client, "say", text="a", pause=600)
    await client.get(f"/jobs/{quiet['id']}/output", headers={"Prefer": "wait=10"})
    begun = asyncio.get_running_loop().time()
    late = await client.get(f"/jobs/{quiet['id']}/output?from=1", headers={"Prefer": "wait=1"})

    assert [item for answer in answers for item in answer["items"]] == ["a", "b"]
    assert all(answer["items"] or answer["complete"] for answer in answers[1:]), answers
    assert late.json() == {"items": [], "next": 1, "complete": False}
    assert asyncio.get_running_loop().time() - begun >= 0.9


async def test_more_than_a_page_comes_page_by_page(client: httpx.AsyncClient) -> None:
    words = list(range(PAGE + 100))
    job = await post(client, "tell", prefer="wait=20", words=words)

    read = await client.get(f"/jobs/{job['id']}/output")

    assert read.headers["transfer-encoding"] == "chunked"
    items = ",".join(map(str, words))
    assert read.text == f'{{"items":[{items}],"next":{len(words)},"complete":true}}'


@pytest.mark.parametrize(
    "change",
    ["delete from sooner.output", "alter table sooner.output rename column piece to text"],
    ids=["begins anew", "cannot be read"],
)
async def test_output_that_does_not_go_on_is_broken_off(
    client: httpx.AsyncClient, database_url: str, change: str
) -> None:
    job = await post(client, "tell", prefer="wait=20", words=[])
    # More than the buffers of a connection take.
    await fetch(
        database_url,
        """insert into sooner.output (job, number, fence, piece)
        select message_id, n, fence, '"' || repeat('x', 100000) || '"'
        from dramatiq.queue cross join generate_series(1, 500) as n where message_id = $1""",
        job["id"],
    )
    async with client.stream("GET", f"/jobs/{job['id']}/output") as answer:
        parts = answer.aiter_bytes(1000)
        assert (await anext(parts)).startswith(b'{"items":["xxx')
        await fetch(database_url, change)
        with pytest.raises(httpx.RemoteProtocolError):
            async for _ in parts:
                pass


async def test_pieces_are_counted_by_actor(
    client: httpx.AsyncClient, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    await post(client, "tell", prefer="wait=20", words=["a", "b", "c"])
    [web] = [each for each in processes.started if isinstance(each, Web)]
    operator = connect(web, await api_key("ops", scopes=("admin",)))

    scrape = (await operator.get("/metrics")).text
    stats = (await operator.get("/actors/tell/stats?hours=1")).json()

    assert 'sooner_output_pieces_total{actor="tell"} 3.0' in scrape
    assert 'sooner_attempts_total{actor="tell",outcome="done"} 1.0' in scrape
    assert 'sooner_attempt_duration_seconds_count{actor="tell"} 1.0' in scrape
    assert [(each["begun"], each["done"]) for each in stats["items"]] == [(1, 1)]


async def test_output_goes_with_its_job(client: httpx.AsyncClient, database_url: str) -> None:
    job = await post(client, "tell", prefer="wait=20", words=["a", "b"])
    kept = await post(client, "tell", prefer="wait=20", words=["c"])
    await fetch(
        database_url,
        "update dramatiq.queue set expires_at = now() - interval '1 s' where message_id = $1",
        job["id"],
    )

    await fetch(database_url, "select sooner.submit('remove_expired_jobs', '{}')")
    # Whoever removes it.
    other = await post(client, "tell", prefer="wait=20", words=["d"])
    await fetch(database_url, "delete from dramatiq.queue where message_id = $1", other["id"])

    removed = "select where not exists (select from dramatiq.queue where message_id = $1)"
    await rows(database_url, removed, job["id"])
    left = await fetch(database_url, "select job, piece from sooner.output")
    assert [(str(row["job"]), row["piece"]) for row in left] == [(kept["id"], '"c"')]
