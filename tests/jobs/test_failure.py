"""What a job's document says of the exception that ended it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sooner.jobs.failure import LONGEST, Failure, deciding, describe
from sooner.jobs.problem import Invalid, wrong

if TYPE_CHECKING:
    from collections.abc import Callable

UNEXPECTED = "The job failed with an unexpected exception"


def told(error: BaseException, clean: Callable[[str], str] = str) -> dict[str, Any]:
    members: dict[str, Any] = json.loads(describe(deciding(error), clean))
    return members


def group(*errors: Exception) -> ExceptionGroup[Exception]:
    return ExceptionGroup("unhandled errors in a TaskGroup", errors)


@pytest.mark.parametrize(
    "error",
    [ValueError("text"), TimeoutError("text"), OSError(2, "text"), KeyError("text"), SystemExit("text")],
    ids=lambda error: type(error).__name__,
)
def test_of_an_unexpected_exception_only_the_class_is_told(error: BaseException) -> None:
    assert told(error) == {"type": type(error).__name__, "title": UNEXPECTED, "detail": None}


def test_what_is_meant_for_the_tenant_is_told() -> None:
    failure = Failure("no luck", type="unlucky", title="It went wrong")
    invalid = Invalid([wrong("#/a", "too small")])

    assert told(failure) == {"type": "unlucky", "title": "It went wrong", "detail": "no luck"}
    assert told(invalid) == {
        "type": "invalid",
        "title": "The parameters do not fit",
        "detail": "a: too small",
    }


def test_each_member_of_a_failure_can_be_stored() -> None:
    bad = "a\0b\ud800"

    assert told(Failure(bad, type=bad, title=bad)) == dict.fromkeys(("type", "title", "detail"), "a\ufffdb?")


FAILED = Failure("no luck", type="unlucky", title="It went wrong", again=False)


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (group(FAILED), "no luck"),
        (group(group(group(FAILED))), "no luck"),
        (group(FAILED, ValueError("text")), "no luck (and 1 more)"),
        (group(ValueError("text"), group(OSError("text"), FAILED), Failure("later")), "no luck (and 3 more)"),
    ],
)
def test_of_a_group_the_first_failure_decides(error: Exception, detail: str) -> None:
    decided = deciding(error)

    assert isinstance(decided, Failure)
    assert decided.again is False
    assert told(error) == {"type": "unlucky", "title": "It went wrong", "detail": detail}


def test_a_group_of_one_is_that_one_and_others_are_a_group() -> None:
    assert told(group(group(ValueError("text"))))["type"] == "ValueError"
    assert told(group(ValueError("text"), KeyError("text"))) == {
        "type": "ExceptionGroup",
        "title": UNEXPECTED,
        "detail": None,
    }


def test_a_group_as_deep_as_it_likes_is_taken_apart() -> None:
    error: Exception = FAILED
    for _ in range(10_000):
        error = group(error)

    assert deciding(error) is FAILED


def test_no_half_of_a_secret_stays_where_a_text_is_cut() -> None:
    failure = Failure("x" * (LONGEST - 5) + "the secret", type="the secret", title="of the secret")

    assert told(failure, lambda text: text.replace("the secret", "•••")) == {
        "type": "•••",
        "title": "of •••",
        "detail": "x" * (LONGEST - 5) + "•••",
    }
