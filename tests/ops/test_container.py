"""The image of ops/Containerfile, built for real, and its processes with a root that nobody writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from sooner.local.ports import free_port
from tests.ops.image import image
from tests.support import ROOT
from tests.support.processes import READY_LINE, Process, Web

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

#: Beside Python and git themselves: 75 MB and the client of object stores are every deployment's, the grammars are the inventory's.
MOST_MEGABYTES = 118
COMPOSE = yaml.safe_load((ROOT / "ops" / "compose.yaml").read_text())


@pytest.mark.slow
async def test_one_image_is_all_three_processes(
    processes: Processes, empty_database_url: str, connect: Connect, api_key: MakeKey, tmp_path: Path
) -> None:
    with image(tmp_path) as built:

        def start(name: str, *words: str, **settings: str) -> Process:
            kind = Web if name == "web" else Process
            of = {**processes.settings("scheduler" if name == "release" else name), **settings}
            process = kind(name, built.command(*(words or (name,))), of, tmp_path / f"{name}.log")
            processes.started.append(process)
            return process

        written = start("scheduler", "sh", "-c", "id -u; touch /srv/sooner/x; touch /tmp/x && echo scratch")
        assert await written.exit() == 0
        assert written.lines[0] == "10001"
        assert "Read-only file system" in written.lines[1]
        assert written.lines[2] == "scratch"

        assert await start("release", DATABASE_URL=empty_database_url).exit() == 0
        port = str(free_port())
        web, worker, scheduler = start("web", PORT=port), start("worker"), start("scheduler")
        assert isinstance(web, Web)
        web.url = f"http://127.0.0.1:{port}"
        await web.ready()
        await worker.line(READY_LINE["worker"])
        await scheduler.line(READY_LINE["scheduler"])
        answer = await connect(web, await api_key()).post("/jobs/echo", json={"a": 1})
        ended = [await process.terminate() for process in (web, worker, scheduler)]

        assert (answer.status_code, answer.json()["result"]) == (200, {"a": 1})
        assert ended[1:] == [0, 0]
        assert ended[0] in (0, -15, 143), "web ends as uvicorn does"
        assert built.megabytes("opt", "srv") < MOST_MEGABYTES
        assert not list((built.root / "opt").rglob("pip")), "nobody installs into an image"
        assert not (built.root / "srv/sooner/tests").exists()


def test_compose_runs_every_line_of_the_procfile_with_as_few_rights() -> None:
    own = {name: each for name, each in COMPOSE["services"].items() if name != "database"}
    lines = [line.partition(":")[0] for line in (ROOT / "Procfile").read_text().splitlines()]

    assert sorted(each["command"][0] for each in own.values()) == sorted(lines)
    for each in own.values():
        assert each["image"] == "sooner"
        assert each["read_only"] is True
        assert each["cap_drop"] == ["ALL"]
        assert "database" in each["depends_on"] or "migrate" in each["depends_on"]
    assert COMPOSE["services"]["database"]["image"] == "postgres:18"
