"""What handlers see of a request's header fields."""

from starlette.types import Scope

from sooner.web.http.request import fields_of


def test_fields_put_in_place_of_others_are_the_ones_that_are_seen() -> None:
    scope: Scope = {"type": "http", "headers": [(b"traceparent", b"theirs")]}
    assert fields_of(scope)["traceparent"] == "theirs"
    scope["headers"] = [(b"traceparent", b"ours")]
    assert fields_of(scope)["traceparent"] == "ours"


def test_fields_are_read_once() -> None:
    scope: Scope = {"type": "http", "headers": [(b"traceparent", b"theirs")]}
    assert fields_of(scope) is fields_of(scope)
