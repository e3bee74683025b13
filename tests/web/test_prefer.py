"""The Prefer header, read as RFC 7240 says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sooner.web.http.prefer import Preferences, applied, read


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([], Preferences()),
        (["wait=7"], Preferences(7)),
        (["WAIT = 7"], Preferences(7)),
        (['wait="7"'], Preferences(7)),
        (['wait="\\7"'], Preferences(7)),
        (["wait=007"], Preferences(7)),
        (["respond-async"], Preferences(None, respond_async=True)),
        (["Respond-Async"], Preferences(None, respond_async=True)),
        (['respond-async=""'], Preferences(None, respond_async=True)),
        (["respond-async, wait=10"], Preferences(10, respond_async=True)),
        (["respond-async", "wait=10"], Preferences(10, respond_async=True)),
        (["wait=10;why=because"], Preferences(10)),
        (['wait=10; why="a, b; wait=3" ; and, respond-async'], Preferences(10, respond_async=True)),
        (["return=minimal; wait=3"], Preferences()),
        (['return="wait=3, respond-async"'], Preferences()),
        (["wait=5, wait=9"], Preferences(5)),
        (["wait=5", "wait=9"], Preferences(5)),
        (["handling=lenient, , ???, {}, wait=4"], Preferences(4)),
        (['foo="unclosed, wait=4'], Preferences(4)),
        (["wait=0"], Preferences(0)),
        (["wait"], Preferences()),
        (["wait="], Preferences()),
        (["wait=soon"], Preferences()),
        (["wait=-1"], Preferences()),
        (["wait=1.5"], Preferences()),
        (["wait=1 5"], Preferences()),
        (["wait=²"], Preferences()),
        (["waiting=5"], Preferences()),
        (["\x00, wait=2"], Preferences(2)),
    ],
)
def test_preferences(fields: list[str], expected: Preferences) -> None:
    assert read(fields) == expected


def test_the_longest_wait_is_capped_and_respond_async_alone_waits_not_at_all() -> None:
    assert Preferences(10**9).seconds(3, 25) == 25
    assert Preferences(7, respond_async=True).seconds(3, 25) == 7
    assert Preferences(None, respond_async=True).seconds(3, 25) == 0
    assert Preferences().seconds(3, 25) == 3
    told = [value for _, value in map(applied, (0, 3, 0.5))]
    assert told == ["respond-async", "wait=3", "wait=0.5"]


def test_a_number_of_any_length_is_a_long_wait() -> None:
    assert read(["wait=" + "9" * 900]).seconds(3, 25) == 25


@given(st.lists(st.text(st.characters(max_codepoint=255))))
def test_no_text_is_too_odd(fields: list[str]) -> None:
    assert read(fields).seconds(3, 25) <= 25


@given(st.text(st.characters(max_codepoint=255, exclude_characters=',"')))
def test_junk_before_a_preference_does_not_hide_it(junk: str) -> None:
    named = read([junk])
    assert read([f"{junk[:900]}, respond-async"]).respond_async
    assert read([f"respond-async, {junk}"]).wait == named.wait or len(junk) > 900


def test_junk_made_to_be_slow_is_not_read_to_its_end() -> None:
    assert read(['"' + '\\"' * 500_000 + ", wait=2"]) == Preferences()
