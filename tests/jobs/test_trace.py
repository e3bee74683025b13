"""What operators read of an exception."""

from __future__ import annotations

import json

import pytest

from sooner.jobs.running import trace as told
from sooner.jobs.running.trace import trace
from sooner.process.logs import redact


def raised(error: Exception) -> Exception:
    """The exception as it is caught, raised from another one."""
    password = "the value of a variable"
    try:
        try:
            raise KeyError("first")
        except KeyError as first:
            assert password
            raise error from first
    except Exception as caught:  # noqa: BLE001 - any kind is asked for
        return caught


def read(error: BaseException) -> tuple[str, str]:
    members = json.loads(trace(error))
    assert set(members) == {"exception", "traceback"}
    return members["exception"], members["traceback"]


def test_it_tells_where_and_why_and_no_values() -> None:
    exception, traceback = read(raised(ValueError("second")))

    assert exception == "ValueError: second"
    assert traceback.startswith("Traceback (most recent call last):")
    assert traceback.endswith("ValueError: second")
    for part in ("KeyError: 'first'", "direct cause", "test_trace.py", "raise error from first"):
        assert part in traceback
    assert "the value of a variable" not in traceback


def test_a_group_tells_of_all_its_members() -> None:
    exception, traceback = read(
        raised(ExceptionGroup("several", [ValueError("one"), raised(OSError("two"))]))
    )

    assert exception == "ExceptionGroup: several (2 sub-exceptions)"
    assert "ValueError: one" in traceback
    assert "OSError: two" in traceback


def test_what_was_never_raised_has_no_traceback() -> None:
    assert json.loads(trace(RuntimeError("skipped"))) == {
        "exception": "RuntimeError: skipped",
        "traceback": None,
    }


def test_it_can_be_stored_and_knows_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "hidden", redact.Hidden())
    redact.hidden.add(["the secret"])
    exception, traceback = read(raised(ValueError("a\0b\ud800 the secret")))

    assert exception == "ValueError: a\ufffdb? •••"
    assert "the secret" not in traceback


def recurse() -> None:
    recurse()


@pytest.mark.parametrize("long", ["text", "stack"])
def test_it_is_bounded(long: str) -> None:
    if long == "text":
        exception, traceback = read(raised(ValueError("begin" + "x" * 10_000_000 + "end")))
        assert exception.startswith("ValueError: begin")
        assert exception.endswith("end")
        assert "characters left out" in exception
    else:
        with pytest.raises(RecursionError) as failure:
            recurse()
        exception, traceback = read(failure.value)
        assert "in recurse" in traceback
    assert len(exception) < told.LONGEST_EXCEPTION + 100
    assert len(traceback) < told.LONGEST_TRACEBACK + 100


def test_an_exception_that_cannot_be_told_is_named() -> None:
    class Untellable(Exception):
        def __str__(self) -> str:
            raise KeyboardInterrupt

    error: Exception = ValueError("innermost")
    for _ in range(5_000):
        error = ExceptionGroup("deeper", [error])

    assert read(raised(Untellable()))[0].endswith("Untellable: <exception str() failed>")
    assert json.loads(trace(raised(error)))["exception"].startswith("ExceptionGroup")
