"""Output and log lines between a worker and the table, at the moments that hardly ever come."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID

import asyncpg
import pytest

from sooner.db import Link, Query
from sooner.jobs.logging.job_log import JobLog, NumberedLine
from sooner.jobs.logging.line import Line
from sooner.jobs.logging.log_writer import LogWriter
from sooner.jobs.output.outputs import PAGE_BYTES, Outputs
from sooner.jobs.output.writer import OutputWriter
from sooner.jobs.running.attempt import Attempt, Interrupted
from sooner.jobs.secrets.seal import Opener
from src.actors import broker
from tests.jobs.test_attempt import row
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping, Sequence

    from sooner.queue.finish import Ending

HELD = """
    update dramatiq.queue
    set state = 'consumed', worker = gen_random_uuid(), attempts = 1, fence = $2, started_at = now() where message_id = $1
"""


@pytest.fixture
async def table(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to look at the tables."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@pytest.fixture
async def job(table: asyncpg.Connection) -> UUID:
    """A job that a worker holds, by fence 1."""
    id: UUID = await table.fetchval("select sooner.submit('echo', '{}')")
    await table.execute(HELD, id, 1)
    return id


class Measuring(Link):
    """A link that notes the characters of each answer."""

    def __init__(self, url: str) -> None:
        super().__init__(url, "test")
        self.answers: list[int] = []

    async def fetch(self, query: Query, **values: Any) -> Sequence[Mapping[str, Any]]:
        rows = await super().fetch(query, **values)
        self.answers.append(sum(len(row.get("pieces") or "") for row in rows))
        return rows


async def test_no_answer_holds_more_than_a_page_for_each_reader_or_one_piece(
    database_url: str, table: asyncpg.Connection, job: UUID
) -> None:
    sizes = [10, 30_000, 30_000, 30_000, 200_000, 5, *[7] * 2500, 70_000]
    pieces = [str(number).ljust(size, "x") for number, size in enumerate(sizes)]
    await table.executemany(
        "insert into sooner.output (job, number, fence, piece) values ($1, $2, 1, $3)",
        [(job, number, piece) for number, piece in enumerate(pieces, 1)],
    )
    link = Measuring(database_url)
    outputs = Outputs(link)

    async def read() -> list[str]:
        pages = [page async for page in outputs.bookmark(job).pages()]
        return [text for page in pages for _, text in page.numbered()]

    readers = await asyncio.gather(read(), read())
    await link.close()

    assert list(readers) == [pieces, pieces]
    assert sorted(size for size in link.answers if size > PAGE_BYTES + len(pieces)) == [70_000, 200_000]


async def test_a_reader_begins_anew_with_another_attempt_and_not_with_a_claim_once_more(
    database_url: str, table: asyncpg.Connection, job: UUID
) -> None:
    link = Link(database_url, "test")
    place = Outputs(link).bookmark(job)

    async def put(number: int, fence: int) -> tuple[int, bool] | None:
        await table.execute("insert into sooner.output values ($1, $2, $3, 'true')", job, number, fence)
        page = await place.next()
        return page and (page.first, page.is_reset)

    seen = [await put(1, 1), await put(2, 1)]
    await table.execute("update sooner.output set fence = 2")
    seen += [await put(3, 2), await put(4, 2)]
    await table.execute("delete from sooner.output")
    seen += [await put(5, 3), await put(6, 3)]
    await link.close()

    assert seen == [(1, False), (2, False), (3, False), (4, False), (5, True), (6, False)]


async def test_a_piece_that_comes_when_its_attempt_has_settled_is_dropped() -> None:
    taken: list[str] = []

    def take(attempt: Attempt, piece: str) -> bool:
        taken.append(piece)
        return True

    attempt = Attempt(row(), broker.actors["echo"], lambda *_: None, take, _settled, Opener(()))
    late = Cleaning(attempt)
    attempt._disclosure = late  # type: ignore[assignment]

    assert not attempt.put('"late"')
    assert (taken, late.is_over) == ([], True)


def _settled(attempt: Attempt, ending: Ending | None) -> None:
    pass


class Cleaning:
    """Hides nothing; meanwhile the attempt ends on another thread."""

    def __init__(self, attempt: Attempt) -> None:
        self._attempt = attempt
        self.is_over = False

    def clean(self, text: str) -> str:
        if not self.is_over:
            self.is_over = True
            self._attempt.stop("given-back")
            ending = threading.Thread(target=self._attempt.settle)
            ending.start()
            ending.join(PATIENCE)
        return text

    def end(self) -> None:
        pass


async def written(writer: OutputWriter, key: tuple[UUID, int]) -> None:
    """Wait until an ended attempt's output is written."""
    is_written = asyncio.Event()
    writer.end(key, is_written.set)
    await asyncio.wait_for(is_written.wait(), PATIENCE)


def interrupting(monkeypatch: pytest.MonkeyPatch, *, late: bool) -> None:
    """The next call that wakes the loop is interrupted, at its begin or at its end."""
    loop = asyncio.get_running_loop()
    wake: Callable[..., Any] = loop.call_soon_threadsafe

    def once(*args: Any, **options: Any) -> None:
        monkeypatch.setattr(loop, "call_soon_threadsafe", wake)
        if late:
            wake(*args, **options)
        raise Interrupted

    monkeypatch.setattr(loop, "call_soon_threadsafe", once)


@pytest.mark.parametrize("late", [False, True])
async def test_an_interrupt_within_a_piece_silences_no_other_job(
    database_url: str, table: asyncpg.Connection, job: UUID, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    link = Link(database_url, "test")
    writer = OutputWriter(link, most_bytes=1000)
    interrupting(monkeypatch, late=late)
    with pytest.raises(Interrupted):
        writer.add((job, 1), 1, '"a"')
    await written(writer, (job, 1))
    await link.close()

    assert await table.fetchval("select string_agg(piece, '') from sooner.output") == '"a"'


@pytest.mark.parametrize("late", [False, True])
async def test_an_interrupt_within_a_line_silences_no_other_job(
    database_url: str, table: asyncpg.Connection, job: UUID, monkeypatch: pytest.MonkeyPatch, *, late: bool
) -> None:
    link = Link(database_url, "test")
    writer = LogWriter(link)
    interrupting(monkeypatch, late=late)
    with pytest.raises(Interrupted):
        writer.add(line(job, 1))
    writer.add(line(job, 2))
    async with asyncio.timeout(PATIENCE):
        while await table.fetchval("select count(*) from sooner.log_line") < 2:  # noqa: ASYNC110 - a table
            await asyncio.sleep(0.01)
    await link.close()


async def test_what_was_put_out_before_a_job_was_claimed_once_more_is_there_at_its_end(
    database_url: str, table: asyncpg.Connection, job: UUID
) -> None:
    link = Link(database_url, "test")
    writer = OutputWriter(link, most_bytes=1000)
    writer.add((job, 1), 1, '"a"')
    async with asyncio.timeout(PATIENCE):
        while not await table.fetchval("select count(*) from sooner.output"):  # noqa: ASYNC110 - a table
            await asyncio.sleep(0.01)
    # A crash of the server undid the claim.
    await table.execute(HELD, job, 2)
    writer.moved((job, 1), 2)
    await written(writer, (job, 1))
    await link.close()

    assert await table.fetchval("select fence from sooner.output") == 2


class Talking(Link):
    """A link beside which another job says a line during each statement."""

    said = 0

    async def fetch(self, query: Query, **values: Any) -> Sequence[Mapping[str, Any]]:
        self.said += 1
        self.writer.add(line(values["job"][0], 100 + self.said))
        return await super().fetch(query, **values)

    def begin(self) -> LogWriter:
        """The writer, whose lines go over this link."""
        self.writer = LogWriter(self)
        return self.writer


async def test_endings_wait_for_no_line_that_is_said_later(database_url: str, job: UUID) -> None:
    link = Talking(database_url, "test")
    writer = link.begin()
    writer._is_awake = True
    for number in range(3):
        writer.add(line(job, number))
    await asyncio.wait_for(writer.flush(), PATIENCE)
    await link.close()

    assert link.said == 1


def test_lines_are_passed_on_in_the_order_of_their_numbers() -> None:
    log = JobLog(UUID(int=1), 1, 1, 10)
    kept: list[int] = []
    is_within, is_other_over = threading.Event(), threading.Event()

    def slowly(each: NumberedLine) -> None:
        is_within.set()
        is_other_over.wait(0.1)
        kept.append(each.number)

    first = threading.Thread(target=log.add, args=(said(), slowly))
    first.start()
    is_within.wait(PATIENCE)
    log.add(said(), lambda each: kept.append(each.number))
    is_other_over.set()
    first.join(PATIENCE)

    assert kept == [1, 2]


def said() -> Line:
    """What was said."""
    return Line(datetime.now(UTC), "info", "shop", "said")


def line(job: UUID, number: int) -> NumberedLine:
    """A line of a job."""
    return NumberedLine(job, number, 1, said())
