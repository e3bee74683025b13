"""An attempt that is over leaves nothing behind for the garbage collector to find, and tells no secret of its own."""

import gc
import json
import weakref
from collections.abc import Iterator
from typing import Any

import pytest

from sooner.jobs.failure import LONGEST, Failure
from sooner.jobs.running.attempt import Attempt
from sooner.jobs.secrets.seal import Opener, Owner, Sealer, pair
from sooner.process.logs import redact
from sooner.queue.finish import Ending
from sooner.queue.ids import uuid7
from src.actors import broker

echo = broker.actors["echo"]


@pytest.fixture
def uncollected() -> Iterator[None]:
    """No collection but the counting of references."""
    gc.disable()
    yield
    gc.enable()


def row(**columns: Any) -> dict[str, Any]:
    """A claimed row."""
    common = {
        "message_id": uuid7(),
        "fence": 1,
        "priority": 1,
        "actor": "echo",
        "tenant": "acme",
        "attempts": 1,
    }
    return (
        common
        | {"crashes": 0, "request_id": None, "traceparent": None, "limit_key": None, "sealed": None}
        | columns
    )


def test_an_attempt_that_failed_goes_with_what_it_raised(uncollected: None) -> None:
    attempt = Attempt(row(), echo, lambda *_: None, lambda *_: True, lambda *_: None, Opener(()))
    left = weakref.ref(attempt)
    try:
        raise ExceptionGroup("several", [ValueError("one")])
    except ExceptionGroup as error:
        attempt.raised(error)
    attempt.settle()
    del attempt

    assert left() is None


def test_an_attempt_goes_when_nobody_holds_it(uncollected: None) -> None:
    said: list[Any] = []
    attempt = Attempt(
        row(), echo, lambda *words: said.append(words[1:]), lambda *_: True, lambda *_: None, Opener(())
    )
    current, left = attempt.current, weakref.ref(attempt)
    current.say(0.5, "half")
    attempt.succeed({})
    attempt.settle()
    del attempt

    assert left() is None
    # What goes on after its end, a task of its own perhaps, says nothing any more.
    current.say(1.0, "late")
    assert said == [(0.5, "half")]


def test_an_error_hides_the_secrets_of_its_attempt_and_no_others(monkeypatch: pytest.MonkeyPatch) -> None:
    public, private = pair()
    monkeypatch.setattr(redact, "hidden", redact.Hidden())
    claimed = row(age=0.0)
    owner = Owner(claimed["tenant"], claimed["message_id"], claimed["actor"])
    params, sealed = Sealer(public).seal({"token": 'se"same'}, [("token",)], owner)
    message = json.dumps({"args": [], "kwargs": dict(params)})
    endings: list[Ending | None] = []
    attempt = Attempt(
        claimed | {"sealed": sealed, "message": message},
        echo,
        lambda *_: None,
        lambda *_: True,
        lambda _, ending: endings.append(ending),
        Opener([private]),
    )
    assert attempt.kwargs == {"token": 'se"same'}
    redact.hidden.add(["of another tenant"])
    attempt.fail_with(Failure("x" * (LONGEST - 7) + 'se"same', type="detail", title="of another tenant"))
    attempt.settle()
    [ending] = endings
    assert ending is not None
    assert json.loads(ending.error or "") == {
        "type": "detail",
        "title": "of another tenant",
        "detail": "x" * (LONGEST - 7) + "•••",
    }
