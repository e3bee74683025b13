"""What the README says is so: each example in Python is taken as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)

#: A schedule's tick fits the actor that it names, as web would check it.
FITS = """
import json
from datetime import UTC, datetime

from sooner import Schedule

from src.actors import broker

for schedule in [value for value in list(globals().values()) if isinstance(value, Schedule)]:
    broker.actors[schedule.actor].check(json.loads(schedule.params_of(datetime.now(UTC))))
    print("fits", schedule.name)
print("actors", *[name for name in ("greet", "report") if name in broker.actors])
"""


def test_actors_and_schedules_of_the_readme_fit_one_another(tmp_path: Path) -> None:
    program = tmp_path / "examples.py"
    program.write_text("\n".join(["import src.actors", *EXAMPLES, FITS]))
    done = subprocess.run(
        [sys.executable, str(program)],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["fits weekly_report", "actors greet report"]
