"""Rolling deploys lose nothing: a platform's, rehearsed on this machine under load."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ops.rehearsal.__main__ import rehearse
from tests.support import trees

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow


async def test_three_deploys_and_a_migration_lose_nothing_under_load(tmp_path: Path) -> None:
    present, newer = trees.present(tmp_path / "present"), trees.with_one_more_revision(tmp_path / "newer")

    outcome = await rehearse([present, present, newer, newer])

    assert outcome.is_good, str(outcome)
    assert outcome.sent > 1000
    assert outcome.accepted == outcome.done == outcome.sent


async def test_a_deploy_that_refuses_requests_is_no_good(tmp_path: Path) -> None:
    right, wrong = trees.present(tmp_path / "right"), trees.present(tmp_path / "wrong")
    procfile = wrong / "Procfile"
    text = re.sub(
        r"^web: .*$", "web: exec python -m http.server $PORT", procfile.read_text(), flags=re.MULTILINE
    )
    procfile.write_text(text)

    outcome = await rehearse([right, wrong], rate=50)

    assert outcome.failed
    assert "501" in str(outcome)
    assert not outcome.is_good
