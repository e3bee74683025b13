"""Our ticks are those of an independent reading of cron: cronsim, which follows Debian's cron.

Where clocks change by half an hour (Lord Howe) or a minute past midnight (Newfoundland until 2011) cronsim itself
goes wrong; those are held by examples in test_cron.py.
"""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sooner.periodic import Cron

ZONES = (
    "UTC",
    "Europe/Paris",
    "Europe/London",
    "America/New_York",
    # Midnight does not exist when summer begins.
    "America/Santiago",
    "Asia/Beirut",
    # In 2011 it left out a day.
    "Pacific/Apia",
    # Goes back for Ramadan.
    "Africa/Casablanca",
    "Asia/Kolkata",
    "Pacific/Auckland",
)
USUAL = (
    "*/30 1-4 * * *",
    "@hourly",
    "0 */6 * * *",
    "0,30 3 * * *",
    "0 9-17 * * 1-5",
    "0 2 * * *",
    "30 2 * * *",
    "59 23 * * *",
    "0 0 * * 0",
    "0 0 * * 7",
    "0 12 * 6 1",
    "0 0 1 * *",
    "0 0 31 * *",
    "0 0 29 2 *",
    "0 0 1,15 * mon",
    "0 0 */2 * mon",
    "0 0 * 2 *",
    "15 */5 10-20 3,9 *",
    "0 1-3 * mar,oct sun",
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")


def theirs(text: str, start: datetime) -> CronSim:
    return CronSim({"@hourly": "0 * * * *"}.get(text, text), start)


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", USUAL)
def test_every_tick_of_two_years(text: str, zone: str) -> None:
    start = datetime(2026, 1, 1, tzinfo=ZoneInfo(zone))
    end = start.replace(year=2028, month=3)
    expected = [at.astimezone(UTC) for at in itertools.takewhile(lambda at: at <= end, theirs(text, start))]
    got = Cron.parse(text).latest(start, end, most=1_000_000)
    assert [at.astimezone(UTC) for at in got] == expected


@st.composite
def fields(draw: st.DrawFn, lowest: int, highest: int, names: tuple[str, ...] = ()) -> str:
    number = st.integers(lowest, highest)
    value = number.map(str) | st.sampled_from(names) if names else number.map(str)
    span = st.tuples(number, number).map(sorted).map(lambda ends: f"{ends[0]}-{ends[1]}")
    stepped = st.tuples(number, number, st.integers(1, 12)).map(
        lambda parts: f"{min(parts[:2])}-{max(parts[:2])}/{parts[2]}"
    )
    star = st.just("*") | st.integers(1, highest - lowest).map(lambda step: f"*/{step}")
    terms = st.lists(value | span | stepped, min_size=1, max_size=3).map(",".join)
    return draw(star | terms)


expressions = st.tuples(
    fields(0, 59), fields(0, 23), fields(1, 31), fields(1, 12, MONTHS), fields(0, 7, WEEKDAYS)
).map(" ".join)
times = st.datetimes(datetime(1990, 1, 1), datetime(2060, 1, 1))  # noqa: DTZ001


def parsed(text: str) -> Cron:
    """The expression, unless it is one that only we refuse."""
    try:
        return Cron.parse(text)
    except ValueError as error:
        assume("never comes" not in str(error) and "step" not in str(error))
        raise


def chain(cron: Cron, start: datetime, count: int) -> list[datetime]:
    found = [start]
    for _ in range(count):
        found.append(cron.next_valid_date(found[-1]))
    return [at.astimezone(UTC) for at in found[1:]]


@settings(deadline=None, max_examples=120)
@given(expressions, times, st.sampled_from(ZONES))
def test_any_expression_at_any_time(text: str, start: datetime, zone: str) -> None:
    cron = parsed(text)
    aware = start.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    expected = [at.astimezone(UTC) for at in itertools.islice(theirs(text, aware), 3)]
    assert chain(cron, aware, 3) == expected


def changes(zone: ZoneInfo, year: int) -> list[datetime]:
    """Midnights before the clocks of a zone change."""
    days = [datetime(year, 1, 1, tzinfo=zone) + timedelta(days=number) for number in range(366)]
    return [day for day, after in itertools.pairwise(days) if day.utcoffset() != after.utcoffset()]


@settings(deadline=None, max_examples=80)
@given(
    st.tuples(fields(0, 59), fields(0, 23)).map(" ".join),
    st.sampled_from(ZONES[1:]),
    st.integers(1990, 2037),
    st.data(),
)
def test_any_time_of_day_around_changes_of_the_clocks(
    times: str, zone: str, year: int, data: st.DataObject
) -> None:
    found = changes(ZoneInfo(zone), year)
    assume(found)
    start = data.draw(st.sampled_from(found)) - timedelta(minutes=data.draw(st.integers(0, 1500)))
    start = start.astimezone(UTC).astimezone(ZoneInfo(zone))
    text = f"{times} * * *"
    expected = [at.astimezone(UTC) for at in itertools.islice(theirs(text, start), 5)]
    assert chain(parsed(text), start, 5) == expected


@settings(deadline=None, max_examples=50)
@given(expressions, times, st.sampled_from(ZONES), st.integers(1, 5))
def test_the_latest_are_the_last_of_all(text: str, start: datetime, zone: str, most: int) -> None:
    cron = parsed(text)
    aware = start.replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    every = chain(cron, aware, 6)
    got = cron.latest(aware, every[-1].astimezone(ZoneInfo(zone)), most=most)
    assert [at.astimezone(UTC) for at in got] == every[-most:]
