"""Which ticks a schedule fires after a gap."""

from __future__ import annotations

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from sooner.periodic import Cron, Schedule
from sooner.periodic.schedule import Due

GRACE = timedelta(seconds=75)
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
MINUTE = timedelta(minutes=1)


def hourly(**options: Any) -> Schedule:
    return Schedule("hourly", Cron.parse("@hourly"), actor="echo", **options)


def due(schedule: Schedule, since: datetime, now: datetime) -> Due:
    return schedule.due(since, now, grace=GRACE)


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_nothing_is_due_before_the_tick_or_twice(missed: str) -> None:
    schedule = hourly(missed=missed)
    assert due(schedule, NOON - HOUR, NOON - MINUTE) == Due()
    assert due(schedule, NOON, NOON + MINUTE) == Due()


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_a_tick_that_comes_in_time_is_fired(missed: str) -> None:
    assert due(hourly(missed=missed), NOON - HOUR, NOON) == Due(fire=(NOON,))


@pytest.mark.parametrize("missed", ["skip", "latest", "all"])
def test_a_change_of_leaders_misses_nothing(missed: str) -> None:
    assert due(hourly(missed=missed), NOON - HOUR, NOON + GRACE) == Due(fire=(NOON,))


def test_skip_lets_missed_ticks_go() -> None:
    assert due(hourly(missed="skip"), NOON - 5 * HOUR, NOON + GRACE + MINUTE) == Due(skip=NOON)


def test_skip_fires_the_one_in_time_after_missed_ones() -> None:
    got = due(hourly(missed="skip"), NOON - 5 * HOUR, NOON + MINUTE)
    assert got == Due(fire=(NOON,), skip=NOON - HOUR)


def test_latest_fires_the_newest_alone() -> None:
    got = due(hourly(missed="latest"), NOON - 5 * HOUR, NOON + 30 * MINUTE)
    assert got == Due(fire=(NOON,), skip=NOON - HOUR)


def test_all_fires_every_one_in_order() -> None:
    got = due(hourly(missed="all"), NOON - 3 * HOUR, NOON + 30 * MINUTE)
    assert got == Due(fire=(NOON - 2 * HOUR, NOON - HOUR, NOON))


def test_all_goes_up_to_its_bound() -> None:
    got = due(hourly(missed="all", most=2), NOON - 5 * HOUR, NOON + 30 * MINUTE)
    assert got == Due(fire=(NOON - HOUR, NOON), skip=NOON - 2 * HOUR)


def test_how_late_a_tick_is_does_not_depend_on_what_clocks_showed() -> None:
    # At 03:00 it was 02:00 again: the tick of 02:59:30 is an hour and a half old at 03:30, not half an hour.
    paris = ZoneInfo("Europe/Paris")
    schedule = Schedule("once", Cron.parse("59 2 25 10 *"), actor="echo", missed="skip")
    tick = datetime(2026, 10, 25, 2, 59, tzinfo=paris)
    now = datetime(2026, 10, 25, 3, 0, tzinfo=paris)
    assert due(schedule, tick - HOUR, now) == Due(skip=tick)


def test_the_tick_is_a_parameter_where_it_is_asked_for() -> None:
    schedule = hourly(params={"kind": "daily"}, tick_as="at")
    tick = datetime(2026, 3, 2, 13, tzinfo=ZoneInfo("Europe/Paris"))
    assert json.loads(schedule.params_of(tick)) == {"kind": "daily", "at": "2026-03-02T12:00:00Z"}
    assert json.loads(hourly(params={"kind": "daily"}).params_of(tick)) == {"kind": "daily"}


def hourly_echo() -> None: ...


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"name": "Not so"}, "a name has lower-case letters"),
        ({"name": 3}, "schedule 3: a name has lower-case letters"),
        ({"cron": "@daily"}, r"cron is a Cron: write Cron.parse\('@daily'\)"),
        ({"actor": hourly_echo}, "actor is the actor's name, a text: write 'hourly_echo'"),
        ({"actor": ""}, "actor is the actor's name, a text"),
        ({"most": "3"}, "most is from 1 to 1000, a whole number"),
        ({"most": True}, "most is from 1 to 1000, a whole number"),
        ({"params": {"at": math.nan}}, "params are no JSON object: .*nan"),
        ({"params": {1: 2}}, "params are no JSON object"),
        ({"tick_as": 3}, "tick_as is the name of the parameter that gets the tick, a text, not 3"),
        (
            {"params": {"at": 1}, "tick_as": "at"},
            "tick_as would replace the parameter at: take it out of params",
        ),
        ({"missed": "some"}, "missed is one of skip, latest, all"),
        ({"most": 0}, "most is from 1 to 1000"),
        ({"most": 1001}, "most is from 1 to 1000"),
        ({"params": {"at": object()}}, "params are no JSON object"),
        ({"params": ["at"]}, "params are no JSON object"),
        ({"params": {"at": "\0"}}, "stores no NUL"),
        ({"params": {"at": "\ud800"}}, "params are no JSON object"),
    ],
)
def test_a_declaration_without_meaning_is_refused(options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Schedule(**{"name": "hourly", "cron": Cron.parse("@hourly"), "actor": "echo", **options})
