"""The row of a move, by which one mover takes its steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sooner.jobs.moving.journal import Journal, TakenOver
from sooner.jobs.moving.move_end import MoveEnd
from tests.moving.test_mover import placed

if TYPE_CHECKING:
    from tests.moving.conftest import Place
    from tests.moving.test_mover import Urls


async def test_a_mover_whose_answer_was_lost_switches_again_and_no_other_one_does(
    urls: Urls, place: Place
) -> None:
    await place("acme", "a")
    home = MoveEnd("home", urls["home"])
    mine, other = Journal(home, "acme"), Journal(home, "acme")
    move = await mine.begin("a", "b")
    await mine.take(move)
    await mine.note("switching")
    await mine.switch()

    await mine.switch()

    assert await placed(urls, "acme") == ("b", "a", False, None, None)
    await other.take(move)
    with pytest.raises(TakenOver):
        await mine.switch()
    await home.close()
