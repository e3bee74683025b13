"""Output while jobs run: how late a browser sees a piece, and what many streams cost the queue."""

import asyncio
import re
import time
from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from statistics import median
from typing import Any, cast

import httpx

from tests.benchmarks.bench import RUNS, Bench, processor_seconds
from tests.benchmarks.bench import SECONDS as BENCH_SECONDS
from tests.support.processes import Process, Web

SPEAKERS = "tests.support.speakers"
LATER = {"Prefer": "respond-async"}
#: A stream puts out a piece each 50 ms.
PAUSE = 0.05
SECONDS = 10
BESIDE, MANY = 200, 1000
#: The seconds between two reads of a stream whose lateness is not measured.
SELDOM = 0.5
WHOLE = 100_000
END = b"event: end\n"
PIECE = re.compile(rb'data: "\d+ (\d+\.\d+)"\n\n')


class Stream(asyncio.Protocol):
    """A reader of one job's output, which notes by how many seconds each piece came later than it was put out, and asked for.

    With `pause` it takes what has come only so often, and reads it at the end, so that it costs as good as nothing: a browser has a
    machine of its own.
    """

    def __init__(self, request: bytes, late: list[float], pause: float = 0) -> None:
        self._request, self._late, self._pause = request, late, pause
        self._left = b""
        self._put_out: list[float] = []
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask."""
        self._transport = cast("asyncio.Transport", transport)
        self._asked = time.time()
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        """Take events."""
        now = time.time()
        if self._pause and END not in data:
            self._left += data
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(self._pause, self._transport.resume_reading)
            return
        data = self._left + data
        end = 0
        for match in PIECE.finditer(data):
            self._put_out.append(float(match[1]))
            self._late.append(now - max(self._put_out[-1], self._asked))
            end = match.end()
        self._left = data[end:]
        if END in self._left and not self.ended.done():
            self.ended.set_result(None)

    @property
    def rate(self) -> float:
        """The pieces that the job has put out a second."""
        return (len(self._put_out) - 1) / (self._put_out[-1] - self._put_out[0])

    def connection_lost(self, error: Exception | None) -> None:
        """The stream is over."""
        if not self.ended.done():
            self.ended.set_result(None)


class Streams:
    """Jobs that put out pieces, with a reader each."""

    def __init__(self, bench: Bench, web: Web, *, pause: float = 0) -> None:
        headers = {"Authorization": f"Bearer {bench.key}", **LATER}
        self._pause = pause
        self.client = httpx.AsyncClient(base_url=web.url, headers=headers, trust_env=False, timeout=60)
        self._port = int(web.url.rpartition(":")[2])
        self.late: list[float] = []
        self.readers: list[Stream] = []

    async def begin(self, count: int, pieces: int) -> None:
        """Submit the jobs, and read them."""
        for start in range(0, count, 50):
            jobs = [
                self.client.post("/jobs/flow", json={"pieces": pieces, "pause": PAUSE})
                for _ in range(min(50, count - start))
            ]
            for answer in await asyncio.gather(*jobs):
                await self._read(answer.json()["urls"]["self"].replace("?", "/output?"))

    async def _read(self, address: str) -> None:
        request = f"GET {address} HTTP/1.1\r\nHost: sooner\r\nAccept: text/event-stream\r\n\r\n".encode()
        loop = asyncio.get_running_loop()
        _, reader = await loop.create_connection(
            lambda: Stream(request, self.late, self._pause), "127.0.0.1", self._port
        )
        self.readers.append(reader)

    async def end(self) -> None:
        """Wait for all ends."""
        await asyncio.gather(*(reader.ended for reader in self.readers))
        await self.client.aclose()


async def measure(bench: Bench, row: Any) -> None:
    """One web process, one worker process."""
    web = await bench.processes.web(module=SPEAKERS, MAX_WAITING_PER_TENANT="1000000")
    worker = await bench.processes.worker(module=SPEAKERS, WORKER_CONCURRENCY=str(MANY + 100))
    await bench.load(f"{web.url}/jobs/echo", 4)
    for count in (1, BESIDE + 1, MANY):
        await _lateness(bench, web, row, count)
    await _queue_beside(bench, web, worker, row)
    await _whole(bench, web, row)
    await _end(web, worker)


async def _lateness(bench: Bench, web: Web, row: Any, count: int) -> None:
    streams = Streams(bench, web)
    began = time.perf_counter()
    await streams.begin(count, int(SECONDS / PAUSE))
    # To submit so many jobs and to open so many streams at once is a load of its own.
    started = len(streams.late)
    await streams.end()
    took = time.perf_counter() - began
    late = [1000 * each for each in streams.late]
    slowest = min(reader.rate for reader in streams.readers)
    note = (
        f"once all are there; latest of all {max(late):.0f} ms; {len(late):,} of {count * int(SECONDS / PAUSE):,} pieces; "
        f"the slowest job put out {slowest:.1f} a second"
    )
    row(f"output: {count:,} streams, 20 pieces a second each", len(late) / took, *_of(late[started:]), note)


def _of(late: Sequence[float]) -> tuple[float, float]:
    return median(late), sorted(late)[int(0.99 * len(late))]


async def _queue_beside(bench: Bench, web: Web, worker: Process, row: Any) -> None:
    """Each run beside the streams is compared with those alone before and after it, since a machine's speed drifts."""
    run = partial(_echo, bench, web, worker)
    alone, beside = [await run()], []
    for _ in range(RUNS):
        streams = Streams(bench, web, pause=SELDOM)
        pieces = int(1.6 * SECONDS / PAUSE)
        await streams.begin(BESIDE, pieces)
        # A process that stays busy reads less often.
        await run()
        beside.append(await run())
        await streams.end()
        assert len(streams.late) == BESIDE * pieces
        alone.append(await run())
    usual = [
        ((one + other) / 2, (used + more) / (one + other)) for (one, used), (other, more) in pairwise(alone)
    ]
    ratio = median(rate / usually for (rate, _), (usually, _) in zip(beside, usual, strict=True))
    spent = median(used - rate * cost for (rate, used), (_, cost) in zip(beside, usual, strict=True))
    row("echo, 16 clients, alone", median(rate for rate, _ in alone))
    note = f"{ratio:.2f} x alone; the streams take {100 * spent:.0f} % of one processor"
    row(f"echo, 16 clients, beside {BESIDE} streams", median(rate for rate, _ in beside), note=note)


async def _echo(bench: Bench, web: Web, worker: Process) -> tuple[float, float]:
    """Exchanges a second, and the processors that web, worker and PostgreSQL used."""
    members = [*web.tree(), *worker.tree(), *bench.server_tree()]
    before = processor_seconds(members)
    load = await bench.load_once(f"{web.url}/jobs/echo", 16)
    return load.rate, (processor_seconds(members) - before) / BENCH_SECONDS


async def _whole(bench: Bench, web: Web, row: Any) -> None:
    headers = {"Authorization": f"Bearer {bench.key}"}
    async with httpx.AsyncClient(base_url=web.url, headers=headers, trust_env=False, timeout=120) as client:
        params = {"pieces": WHOLE, "pause": 0, "batch": 1000}
        began = time.perf_counter()
        job = (await client.post("/jobs/flow", json=params, headers={"Prefer": "wait=25"})).json()
        while job["state"] not in ("done", "error"):
            job = (await client.get(f"/jobs/{job['id']}", headers={"Prefer": "wait=25"})).json()
        put = time.perf_counter() - began
        took = []
        for _ in range(RUNS):
            began = time.perf_counter()
            answer = await client.get(f"/jobs/{job['id']}/output")
            took.append(time.perf_counter() - began)
            assert len(answer.json()["items"]) == WHOLE
    row(f"output of {WHOLE:,} pieces: put out", WHOLE / put, note=f"{put:.1f} s")
    row(f"output of {WHOLE:,} pieces: read whole", WHOLE / median(took), note=f"{median(took):.2f} s")


async def _end(*processes: Process) -> None:
    for process in processes:
        await process.terminate()
