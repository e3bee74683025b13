"""What cron expressions mean, example by example."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from periodiq import CronSpec

from sooner.periodic import Cron

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
PARIS = ZoneInfo("Europe/Paris")


def ticks(text: str, start: datetime, count: int) -> list[str]:
    """The first ticks from `start` on, as `2026-03-29T03:00+02:00`."""
    cron, at, found = Cron.parse(text), start - timedelta(minutes=1), []
    for _ in range(count):
        at = cron.next_valid_date(at)
        found.append(at.isoformat(timespec="minutes"))
    return found


def days(text: str) -> list[str]:
    """Names of the days of a week on which an expression is due at midnight."""
    due = Cron.parse(text).latest(MONDAY - timedelta(minutes=1), MONDAY + timedelta(days=6), most=100)
    return [f"{at:%a}".lower() for at in due]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0 0 * * 0", "sun"),
        ("0 0 * * 7", "sun"),
        ("0 0 * * SUN", "sun"),
        ("@weekly", "sun"),
        ("0 0 * * 5-7", "fri sat sun"),
        ("0 0 * * fri-sun", "fri sat sun"),
        ("0 0 * * sat-tue", "mon tue sat sun"),
        ("0 0 * * 7-2", "mon tue sun"),
        ("0 0 * * fri-tue/2", "tue fri sun"),
        ("0 0 * * 0-6", "mon tue wed thu fri sat sun"),
        ("0 0 * * 0,7,1,2,3,4,5", "mon tue wed thu fri sun"),
        ("0 0 * * mon-fri/2", "mon wed fri"),
        # Day of month begins with a star: no alternative, both must fit.
        ("0 0 */2 * mon-thu", "tue thu"),
        # Neither does: either may fit.
        ("0 0 4 * mon", "mon wed"),
        ("0 0 1-31 * mon", "mon tue wed thu fri sat sun"),
    ],
)
def test_days(text: str, expected: str) -> None:
    assert days(text) == expected.split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0,30 3 * * *", ["2026-03-02T03:00", "2026-03-02T03:30", "2026-03-03T03:00"]),
        ("0 22-1 * * *", ["2026-03-02T00:00", "2026-03-02T01:00", "2026-03-02T22:00", "2026-03-02T23:00"]),
        ("0 0 1 nov-jan *", ["2026-11-01T00:00", "2026-12-01T00:00", "2027-01-01T00:00", "2027-11-01T00:00"]),
        ("0 0 29 2 *", ["2028-02-29T00:00", "2032-02-29T00:00"]),
        ("0 0 31 * *", ["2026-03-31T00:00", "2026-05-31T00:00", "2026-07-31T00:00"]),
        ("0 12 * 6 1", ["2026-06-01T12:00", "2026-06-08T12:00"]),
        ("@yearly", ["2027-01-01T00:00", "2028-01-01T00:00"]),
        ("@monthly", ["2026-04-01T00:00", "2026-05-01T00:00"]),
        ("@midnight", ["2026-03-02T00:00", "2026-03-03T00:00"]),
        ("@hourly", ["2026-03-02T00:00", "2026-03-02T01:00"]),
    ],
)
def test_times(text: str, expected: list[str]) -> None:
    assert ticks(text, MONDAY, len(expected)) == [at + "+00:00" for at in expected]


@pytest.mark.parametrize(
    ("text", "start", "expected"),
    [
        # 02:30 does not exist on 29 March: it is due right after the gap.
        (
            "30 2 * * *",
            (2026, 3, 28),
            ["2026-03-28T02:30+01:00", "2026-03-29T03:00+02:00", "2026-03-30T02:30+02:00"],
        ),
        # Both fall on the end of the gap: one tick.
        ("0,30 2 29 3 *", (2026, 3, 29), ["2026-03-29T03:00+02:00", "2027-03-29T02:00+02:00"]),
        # 02:30 comes twice on 25 October: it is due once.
        ("30 2 * * *", (2026, 10, 25), ["2026-10-25T02:30+02:00", "2026-10-26T02:30+01:00"]),
        # What follows real time is not held up by either.
        ("0 * 29 3 *", (2026, 3, 29, 1), ["2026-03-29T01:00+01:00", "2026-03-29T03:00+02:00"]),
        (
            "0 * 25 10 *",
            (2026, 10, 25, 2),
            ["2026-10-25T02:00+02:00", "2026-10-25T02:00+01:00", "2026-10-25T03:00+01:00"],
        ),
    ],
)
def test_changes_of_the_clocks(text: str, start: tuple[int, ...], expected: list[str]) -> None:
    assert ticks(text, datetime(*start, tzinfo=PARIS), len(expected)) == expected  # type: ignore[misc,arg-type]


def test_half_an_hour_of_daylight_saving() -> None:
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    expected = ["2037-04-05T09:14+10:30", "2037-04-05T18:14+10:30"]
    assert ticks("14 */9 * * *", datetime(2037, 4, 5, 1, tzinfo=lord_howe), 2) == expected


def test_clocks_that_go_back_over_midnight() -> None:
    newfoundland = ZoneInfo("America/St_Johns")
    late = datetime(2001, 10, 27, 23, 59, tzinfo=newfoundland)
    expected = ["2001-10-27T23:59-02:30", "2001-10-28T00:00-02:30", "2001-10-27T23:01-03:30"]
    assert ticks("* * * * *", late, 3) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("61 * * * *", "minute: '61' is not from 0 to 59"),
        ("0 24 * * *", "hour: '24' is not from 0 to 23"),
        ("0 0 0 * *", "day of month: '0' is not from 1 to 31"),
        ("0 0 * 13 *", "month: '13' is not from 1 to 12"),
        ("0 0 * * 8", "day of week: '8' is not from 0 to 7"),
        ("0 0 * * sunday", "day of week: 'sunday' is not from 0 to 7"),
        ("0 0 * * mon#2", "day of week: 'mon#2' is no value, range or step"),
        ("0 0 L * *", "day of month: 'l' is not from 1 to 31"),
        ("*/0 * * * *", "minute: '*/0' needs a range and a step within it, such as */2"),
        ("*/60 * * * *", "minute: '*/60' needs a range and a step within it, such as */2"),
        ("5/15 * * * *", "minute: '5/15' needs a range and a step within it, such as */2"),
        ("1,,2 * * * *", "minute: '' is no value, range or step"),
        ("-1 * * * *", "minute: '-1' is no value, range or step"),
        ("\u0663 * * * *", "minute: '\u0663' is no value, range or step"),
        (
            "* * * *",
            "'* * * *': five fields are needed, minute, hour, day of month, month and day of week, not 4",
        ),
        (
            "0 0 2 * * *",
            "'0 0 2 * * *': five fields are needed, minute, hour, day of month, month and day of week, not 6",
        ),
        ("", "'': five fields are needed, minute, hour, day of month, month and day of week, not 0"),
        ("@reboot", "'@reboot' is none of @yearly, @annually, @monthly, @weekly, @daily, @midnight, @hourly"),
        ("0 0 30 feb *", "0 0 30 feb * never comes: no such day in those months"),
        ("0 0 31 4,6,9,11 *", "0 0 31 4,6,9,11 * never comes: no such day in those months"),
    ],
)
def test_an_expression_without_meaning_is_refused(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(reason)}$"):
        Cron.parse(text)


def test_what_is_no_text_is_refused_with_what_to_write() -> None:
    with pytest.raises(TypeError, match="a cron expression is a text, such as '0 3 "):
        Cron.parse(None)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"^write Cron.parse\('@daily'\)$"):
        Cron("@daily")


def test_it_is_shown_as_it_was_written() -> None:
    assert str(Cron.parse(" 0 0 * * fri-sun ")) == "0 0 * * fri-sun"


def test_it_is_periodiqs_own_kind_and_passes_its_test() -> None:
    cron = Cron.parse("30 4 * * sun")
    assert isinstance(cron, CronSpec)
    sunday = datetime(2026, 3, 8, 4, 30, tzinfo=UTC)
    assert cron.validate(sunday)
    assert not cron.validate(sunday + timedelta(days=1))


def test_a_time_without_its_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="without its zone"):
        Cron.parse("@daily").next_valid_date(datetime(2026, 1, 1))  # noqa: DTZ001


def test_latest_takes_the_newest_and_keeps_their_order() -> None:
    until = datetime(2026, 3, 2, 12, 30, tzinfo=PARIS)
    got = Cron.parse("@hourly").latest(until - timedelta(days=300), until, most=3)
    assert [at.isoformat(timespec="minutes") for at in got] == [
        "2026-03-02T10:00+01:00",
        "2026-03-02T11:00+01:00",
        "2026-03-02T12:00+01:00",
    ]


def test_latest_leaves_out_its_beginning_and_takes_in_its_end() -> None:
    noon = datetime(2026, 3, 2, 12, tzinfo=UTC)
    got = Cron.parse("@hourly").latest(noon - timedelta(hours=2), noon, most=100)
    assert got == [noon - timedelta(hours=1), noon]
    assert Cron.parse("@hourly").latest(noon, noon + timedelta(minutes=59), most=100) == []
