import pytest
from src.actors.greet import greet, greeting


@pytest.mark.parametrize(
    ("visits", "text"), [(1, "Welcome, Ada!"), (2, "Welcome back, Ada, for the 1. time!")]
)
def test_a_greeting_knows_who_was_here_before(visits: int, text: str) -> None:
    assert greeting("Ada", visits) == text


async def test_a_visitor_is_counted(sooner) -> None:
    await sooner.run(greet, name="Ada")
    document = await sooner.run(greet, name="Ada")

    assert document["result"] == {"greeting": "Welcome back, Ada, for the 1. time!", "visits": 2}


async def test_a_name_is_needed(sooner) -> None:
    answer = await sooner.client.post("/jobs/greet", json={})

    assert answer.status_code == 422
