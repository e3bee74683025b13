"""The clients, against a real service: what is cut is sent again, and makes no second job."""

from __future__ import annotations

import asyncio
import json
import time
import weakref
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import httpx
import pytest

from sooner.client import AsyncClient, Client, NoAnswer, ProblemError, steps
from sooner.client.exchange import PATIENCE, Ask, checked, retry_after
from sooner.local.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.conftest import MakeKey, Service
    from tests.support.processes import Processes


SPEAKERS = "tests.support.speakers"
LOGGERS = "tests.support.loggers"


class Losing(httpx.AsyncHTTPTransport):
    """Loses the answer to the first requests, which the service has got. `instead`: the status of an answer in its place."""

    def __init__(self, losses: int, instead: int | None = None) -> None:
        super().__init__()
        self.left = losses
        self.sent = 0
        self._instead = instead

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await super().handle_async_request(request)
        self.sent += 1
        if self.left:
            self.left -= 1
            await response.aclose()
            if self._instead is not None:
                return httpx.Response(self._instead, request=request)
            raise httpx.ReadError("cut", request=request)
        return response


async def test_a_job_from_submission_to_result(service: Service, api_key: MakeKey) -> None:
    async with AsyncClient(service.web.url, await api_key()) as client:
        first = await client.submit("sleep", {"seconds": 0.4, "steps": 2}, wait=0, priority="high")
        seen = [document async for document in client.follow(first["id"])]

        assert (first["state"], first["priority"]) == ("waiting", "high")
        assert seen[-1]["state"] == "done"
        assert len(seen) > 1
        assert json.loads(await client.result(first["id"])) == {"slept": 0.4}
        assert (await client.finish(first["id"]))["result"] == {"slept": 0.4}
        assert [job["id"] async for job in client.jobs(actor="sleep")] == [first["id"]]
        assert "echo" in {actor["name"] for actor in await client.actors()}


async def test_an_answer_that_is_lost_makes_no_second_job(service: Service, api_key: MakeKey) -> None:
    losing = Losing(2)
    async with AsyncClient(service.web.url, await api_key(), transport=losing) as client:
        job = await client.submit("echo", {"a": 1}, wait=5)

        assert (job["state"], losing.sent) == ("done", 3)
        assert [each["id"] async for each in client.jobs()] == [job["id"]]


async def test_a_follower_outlives_its_web_process(processes: Processes, api_key: MakeKey) -> None:
    port = str(free_port())
    web, _ = await processes.web(PORT=port), await processes.worker()
    async with AsyncClient(web.url, await api_key()) as client:
        job = await client.submit("sleep", {"seconds": 3, "steps": 1}, wait=0)
        following = asyncio.create_task(client.finish(job["id"]))
        async with asyncio.timeout(30):
            while (await client.document(job["id"]))["state"] == "waiting":  # noqa: ASYNC110 - another process's
                await asyncio.sleep(0.05)
        await web.kill()
        await processes.web(PORT=port)

        assert (await following)["state"] == "done"


async def test_output_is_read_once_over_the_loss_of_its_web_process(
    processes: Processes, api_key: MakeKey
) -> None:
    port = str(free_port())
    web = await processes.web(module=SPEAKERS, PORT=port)
    await processes.worker(module=SPEAKERS, MAX_OUTPUT_BYTES="1000")
    async with AsyncClient(web.url, await api_key()) as client:
        job = await client.submit("say", {"text": "abcdefghijklmnop", "pause": 0.2}, wait=0)
        pieces = ""
        async for piece in client.output(job["id"]):
            pieces += piece
            if piece == "c":
                await web.kill()
                await processes.web(module=SPEAKERS, PORT=port)

        assert pieces == "abcdefghijklmnop"
        assert (await client.document(job["id"]))["result"] == pieces

        voids: list[str] = []
        again = await client.submit("stutter", {"times": 1}, wait=0)
        read = [piece async for piece in client.output(again["id"], on_reset=lambda: voids.append("void"))]
        assert (read[-3:], voids) == (["2.0", "2.1", "2.2"], ["void"])

        long = await client.submit("tell", {"words": ["x" * 900, "y" * 900, "z"]}, wait=0)
        said: list[str] = []
        read = [
            piece async for piece in client.output(long["id"], on_truncated=lambda: said.append("dropped"))
        ]
        assert (read, said) == (["x" * 900], ["dropped"])

    def on_thread() -> None:
        with Client(web.url, client._http.headers["authorization"].removeprefix("Bearer ")) as blocking:
            assert "".join(blocking.output(job["id"])) == pieces
            blocking_said: list[str] = []
            pieces_of_long = blocking.output(long["id"], on_truncated=lambda: blocking_said.append("dropped"))
            assert (list(pieces_of_long), blocking_said) == (["x" * 900], ["dropped"])

    await asyncio.to_thread(on_thread)


async def test_log_lines_are_read_over_all_pages(processes: Processes, api_key: MakeKey) -> None:
    web, _ = await processes.web(module=LOGGERS), await processes.worker(module=LOGGERS)
    async with AsyncClient(web.url, await api_key("ops", scopes=["jobs", "admin"])) as client:
        job = await client.submit("says_much", {"lines": 150}, wait=20)

        lines = [line["message"] for line in await client.logs(job["id"])]

    assert [line for line in lines if line.startswith("line ")] == [f"line {n}" for n in range(150)]


async def test_a_failed_jobs_result_is_asked_for_once(service: Service, api_key: MakeKey) -> None:
    counting = Losing(0)
    async with AsyncClient(service.web.url, await api_key(), transport=counting) as client:
        failed = await client.submit("fail", {"message": "no"}, wait=0.5)
        failed = await client.finish(failed["id"])
        before = counting.sent
        with pytest.raises(ProblemError) as refused:
            await client.result(failed["id"])

    assert (failed["state"], refused.value.status, counting.sent - before) == ("error", 502, 1)


async def test_seconds_are_written_as_the_service_reads_them(service: Service, api_key: MakeKey) -> None:
    async with AsyncClient(service.web.url, await api_key()) as client:
        job = await client.submit("echo", delay=1e-5, cancel_after=1_234_567, wait=0.5)

    assert job["actor"] == "echo"


async def test_refusals_and_actions(service: Service, api_key: MakeKey) -> None:
    def steps() -> None:
        with Client(service.web.url, key) as client:
            with pytest.raises(ProblemError, match="There is no actor") as refused:
                client.submit("nothing")
            assert refused.value.status == 404
            with pytest.raises(ProblemError, match=r"^seconds: "):
                client.submit("sleep", {"seconds": "x"})
            later = client.submit("echo", run_at=datetime.now(UTC) + timedelta(hours=1), cancel_after=7200)
            assert client.cancel(later["id"])["state"] == "cancelled"
            assert client.finish(later["id"])["state"] == "cancelled"
            failed = client.finish(client.submit("fail", {"message": "no", "times": 1})["id"])
            assert failed["state"] == "error"
            client.retry(failed["id"])
            assert client.finish(failed["id"])["state"] == "done"
            other = client.finish(client.submit("fail", {"message": "no"})["id"])
            assert client.resolve(other["id"], "seen")["state"] == "error_resolved"
            assert client.upload(b"x" * 10)["bytes"] == 10
            assert len(list(client.jobs(state="done"))) == 1

    key = await api_key()
    await asyncio.to_thread(steps)


@pytest.mark.parametrize("instead", [None, 503, 504], ids=["no answer", "database's lost", "proxy's own"])
async def test_an_action_whose_answer_is_lost_is_no_refusal(
    service: Service, api_key: MakeKey, instead: int | None
) -> None:
    losing = Losing(0, instead)
    async with AsyncClient(service.web.url, await api_key(), transport=losing) as client:
        later = await client.submit("echo", delay=3600)
        failed = [await client.submit("fail", {"message": "no"}, wait=10) for _ in range(2)]
        losing.left = 1
        assert (await client.cancel(later["id"]))["state"] == "cancelled"
        losing.left = 1
        assert (await client.resolve(failed[0]["id"]))["state"] == "error_resolved"
        losing.left = 1
        with pytest.raises(ProblemError, match="Only a job") as refused:
            await client.retry(failed[0]["id"])
        assert refused.value.status == 409
        once = await client.submit("fail", {"message": "no", "times": 1}, wait=10)
        losing.left = 1
        assert (await client.retry(once["id"]))["state"] in ("waiting", "processing", "done")
        assert (await client.finish(once["id"]))["state"] == "done"
        with pytest.raises(ProblemError, match="final"):
            await client.cancel(later["id"])


class Kept(dict[str, object]):
    """A document to which a weak reference may refer."""


async def test_waiting_for_an_end_keeps_one_document(monkeypatch: pytest.MonkeyPatch) -> None:
    most = 0

    def documents() -> Iterator[Kept]:
        nonlocal most
        left: list[weakref.ref[Kept]] = []
        for number in range(5):
            document = Kept(number=number)
            left.append(weakref.ref(document))
            yield document
            del document
            most = max(most, sum(each() is not None for each in left))

    async def follow(self: AsyncClient, id: str) -> AsyncIterator[Kept]:
        for document in documents():
            yield document
            del document

    monkeypatch.setattr(Client, "follow", lambda *_: documents())
    monkeypatch.setattr(AsyncClient, "follow", follow)

    assert Client("http://localhost", "key").finish("id") == {"number": 4}
    assert most == 1
    assert await AsyncClient("http://localhost", "key").finish("id") == {"number": 4}
    assert most == 1


async def test_a_service_that_holds_no_answer_is_asked_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "EARLY_PAUSE", 0.05)
    asked: list[float] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(time.monotonic())
        if request.url.path.endswith("/output"):
            return said(200, {"items": [], "next": 0, "complete": len(asked) > 2})
        if len(asked) == 2:
            return said(304, {})
        return said(200, {"state": "done" if len(asked) > 2 else "waiting"})

    def said(status: int, body: dict[str, object]) -> httpx.Response:
        return httpx.Response(status, stream=httpx.ByteStream(json.dumps(body).encode()))

    transport = httpx.MockTransport(answer)
    with Client("http://localhost", "key", transport=transport) as client:
        client.finish("id")
        assert asked[2] - asked[1] >= 0.05
        asked.clear()
        assert list(client.output("id")) == []
        assert asked[1] - asked[0] >= 0.05
    asked.clear()
    async with AsyncClient("http://localhost", "key", transport=transport) as other:
        await other.finish("id")
    assert asked[2] - asked[1] >= 0.05

    looking = steps.look("id", '"a"')
    next(looking)
    held = httpx.Response(304)
    held.elapsed = timedelta(seconds=steps.HELD_SECONDS)
    assert looking.send(held).pause == 0


async def test_a_list_is_read_over_all_pages(service: Service, api_key: MakeKey) -> None:
    async with AsyncClient(service.web.url, await api_key()) as client:
        ids = {(await client.submit("echo", {"n": n}, delay=3600))["id"] for n in range(25)}

        assert {job["id"] async for job in client.jobs(state="waiting")} == ids


async def test_nobody_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PATIENCE, "wait", lambda state: 0)
    async with AsyncClient(f"http://127.0.0.1:{free_port()}", "key") as client:
        with pytest.raises(NoAnswer, match="no answer from http://127"):
            await client.actors()


def test_a_key_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SOONER_KEY", raising=False)
    with pytest.raises(ValueError, match=r"SOONER_KEY: missing \(python -m src.keys create"):
        Client("http://localhost:8000")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("Thu, 26 Nov 2026 10:00:30 GMT", 30.0), ("soon", 0.0), ("", 0.0)],
)
def test_the_pause_that_an_answer_asks_for(header: str, seconds: float) -> None:
    headers = {"retry-after": header, "date": "Thu, 26 Nov 2026 10:00:00 GMT"}

    assert retry_after(httpx.Response(503, headers=headers)) == seconds


def test_an_answer_that_asks_for_too_long_a_pause_is_final() -> None:
    response = httpx.Response(429, headers={"retry-after": "3600"}, request=httpx.Request("GET", "http://x/"))
    with pytest.raises(ProblemError, match="answers 429"):
        checked(response, Ask("GET", "/"))
