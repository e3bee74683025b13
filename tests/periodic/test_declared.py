"""The schedules that come with Sooner."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from sooner.jobs.declaring.declare import JobActor
from sooner.periodic import upcoming
from src import actors
from src.schedules import declared


def test_what_comes_with_it() -> None:
    assert {name: str(each.cron) for name, each in declared.items()} == {
        "expire_credentials": "0 2 * * *",
        "remove_expired_jobs": "@hourly",
    }


@pytest.mark.parametrize("name", declared)
def test_each_names_an_actor_that_takes_its_parameters(name: str) -> None:
    schedule = declared[name]
    actor = actors.broker.actors[schedule.actor]
    assert isinstance(actor, JobActor)
    assert actor.queue_name == schedule.queue
    actor.check(json.loads(schedule.params_of(datetime.now(UTC))))


def test_upcoming_shows_the_next_time_in_the_schedules_zone() -> None:
    now = datetime(2026, 6, 1, 23, 30, tzinfo=UTC)
    shown = {each.name: each for each in upcoming(declared.values(), now, ZoneInfo("Europe/Paris"))}
    assert shown["expire_credentials"].next_at.isoformat() == "2026-06-02T02:00:00+02:00"
    assert shown["remove_expired_jobs"].next_at.isoformat() == "2026-06-02T02:00:00+02:00"
    assert (shown["remove_expired_jobs"].actor, shown["remove_expired_jobs"].cron) == (
        "remove_expired_jobs",
        "@hourly",
    )
