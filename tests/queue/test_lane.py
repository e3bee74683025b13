"""A lane is written in one way and read in one way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dramatiq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sooner.jobs import Rate, job
from sooner.periodic import Cron, Schedule
from sooner.queue.lane import Lane, check_queue
from tests.support.declaring import own_broker

if TYPE_CHECKING:
    from collections.abc import Callable

PARTS = ["mail", "a-b", "x.y", "threads", "limited", "last", "DQ", ""]
lanes = st.builds(
    Lane,
    st.lists(st.sampled_from(PARTS), min_size=1, max_size=4).map(".".join),
    is_last=st.booleans(),
    is_threaded=st.booleans(),
    is_limited=st.booleans(),
)


def holds(queue: str) -> bool:
    """Whether a queue may be called that."""
    try:
        check_queue(queue)
    except ValueError:
        return False
    return True


@given(lanes.filter(lambda lane: holds(lane.queue)))
def test_a_lane_is_read_as_it_was_written(lane: Lane) -> None:
    assert Lane.read(lane.name) == lane


@given(st.sampled_from(PARTS).filter(holds), lanes)
def test_a_name_that_reads_as_a_lane_is_no_queue(queue: str, lane: Lane) -> None:
    named = Lane(queue, lane.is_last, lane.is_threaded, lane.is_limited)

    assert holds(named.name) == (named.name == queue)


def test_lanes_are_called_what_they_were_called() -> None:
    """Rows and older workers know them by these names."""
    lane = Lane("mail", is_threaded=True, is_limited=True)

    assert lane.name == "mail.threads.limited"
    assert lane.last.name == "mail.last.limited"
    assert Lane("mail").name == "mail"


def declared(queue: str) -> None:
    job(queue=queue)(lambda: None)


def declared_with_dramatiq(queue: str) -> None:
    dramatiq.actor(queue_name=queue)(lambda: None)


def scheduled(queue: str) -> None:
    Schedule("tidy", Cron.parse("@hourly"), actor="tidy", queue=queue)


@pytest.mark.parametrize("declare", [declared, declared_with_dramatiq, scheduled])
@pytest.mark.parametrize("queue", ["mail.threads", "mail.limited", "mail.last", "mail.last.limited", "a.DQ"])
def test_such_a_queue_is_refused_where_it_is_declared(declare: Callable[[str], Any], queue: str) -> None:
    told = rf"queue '{queue}': .* so call it '{queue.replace('.', '-')}'"
    with own_broker(), pytest.raises(ValueError, match=told):
        declare(queue)


@pytest.mark.parametrize(
    ("queue", "instead"),
    [
        ("", "default"),
        ("two words", "two-words"),
        ("a\nb", "a-b"),
        ("7up", "_7up"),
        ("größe", "gr-e"),
        ("q" * 31, "q" * 30),
    ],
)
@pytest.mark.parametrize("declare", [declared, scheduled])
def test_a_name_that_no_queue_can_have_is_refused_with_one_that_it_can(
    declare: Callable[[str], Any], queue: str, instead: str
) -> None:
    with own_broker(), pytest.raises(ValueError, match=f"so call it '{instead}'$"):
        declare(queue)
    check_queue(instead)


def test_a_queue_is_named_by_a_text() -> None:
    with own_broker(), pytest.raises(TypeError, match="a queue is named by a text, such as 'mail', not 3"):
        declared(3)  # type: ignore[arg-type]


def test_a_sync_actor_and_an_async_one_are_in_two_lanes() -> None:
    with own_broker():

        @job(queue="mail", rate=Rate(1))
        def send_on_thread() -> None: ...

        @job(queue="mail", rate=Rate(1))
        async def send_on_loop() -> None: ...

    assert send_on_thread.lane == Lane("mail", is_threaded=True, is_limited=True)
    assert send_on_loop.lane == Lane("mail", is_limited=True)
