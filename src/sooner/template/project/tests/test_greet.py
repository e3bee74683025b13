import pytest
from src.actors.greet import greet, greeting


@pytest.mark.parametrize(
    ("visits", "text"), [(1, "Welcome, Ada!"), (2, "Welcome back, Ada, for the 1. time!")]
)
def test_a_greeting_knows_who_was_here_before(visits: int, text: str) -> None:
    assert greeting("Ada", visits) == text


def test_a_name_is_needed() -> None:
    with pytest.raises(Exception, match="Field required"):
        greet.check({})
