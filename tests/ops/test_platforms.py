"""The pages about platforms say nothing that the Procfile, the settings or the budget of connections do not."""

from __future__ import annotations

import json
import re
import tomllib
from typing import TYPE_CHECKING

import pytest
import yaml

from sooner.db import budget
from sooner.local.procfile import read_procfile
from tests.support import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = ROOT / "ops" / "docs" / "deploy"
PAGES = sorted(FOLDER.glob("*.md"))
PROCFILE = read_procfile(ROOT / "Procfile")
SETTINGS = set(re.findall(r"^#? ?([A-Z][A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
#: Names in capitals that are no settings of ours.
OTHERS = {"LISTEN", "NOTIFY", "COMMIT", "SIGTERM", "SIGKILL", "SIGINT", "MIGRATE_IMAGE", "BASE", "BUILD"}


def block(page: str, language: str) -> str:
    """The one block of a language on a page."""
    [text] = re.findall(rf"```{language}\n(.*?)```", (FOLDER / page).read_text(), re.DOTALL)
    return str(text)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_names_settings_that_there_are(page: Path) -> None:
    named = set(re.findall(r"`([A-Z][A-Z]+(?:_[A-Z]+)+)(?:=[^`]*)?`", page.read_text()))

    assert named <= SETTINGS | OTHERS | {"DATABASE_URL", "PORT"}, named - SETTINGS
    assert len(page.read_text().splitlines()) < 80


@pytest.mark.parametrize(
    "page",
    [page for page in PAGES if page.stem not in ("connections", "containers", "kubernetes")],
    ids=lambda page: page.stem,
)
def test_a_platform_has_a_page_with_what_a_deploy_needs(page: Path) -> None:
    text = page.read_text()

    for subject in (
        "**Settings.**",
        "SECRETS_PRIVATE_KEY",
        "SIGTERM",
        "SHUTDOWN_TIMEOUT_SECONDS",
        "**Upgrading.**",
        "**Rolling back",
        "connections.md",
    ):
        assert subject in text, subject
    assert f"({'../deploy/' + page.name})" in (ROOT / "ops/docs/guides/deploying.md").read_text()


def test_the_files_of_platforms_start_the_lines_of_the_procfile() -> None:
    processes = set(PROCFILE) - {"release"}
    render = yaml.safe_load(block("render.md", "yaml"))
    fly = tomllib.loads(block("fly.md", "toml"))
    railway = tomllib.loads(block("railway.md", "toml"))["deploy"]
    app = json.loads((ROOT / "app.json").read_text())

    assert {service["startCommand"].removeprefix("ops/start ") for service in render["services"]} == processes
    assert render["services"][0]["preDeployCommand"] == railway["preDeployCommand"] == "ops/start release"
    assert set(fly["processes"].values()) == processes
    assert (ROOT / fly["build"]["dockerfile"]).exists()
    assert set(app["formation"]) == processes
    assert set(app["env"]) <= SETTINGS
    assert fly["kill_timeout"] > 25 < railway["drainingSeconds"]
    assert all(service["maxShutdownDelaySeconds"] > 25 for service in render["services"])
    checks = {
        render["services"][0]["healthCheckPath"],
        railway["healthcheckPath"],
        fly["http_service"]["checks"][0]["path"],
    }
    assert checks == {"/readyz"} == {app["healthchecks"]["web"][0]["path"]}


def test_every_command_of_compose_has_the_settings_that_the_file_asks_for() -> None:
    for text in ((ROOT / "ops" / "compose.yaml").read_text(), (FOLDER / "containers.md").read_text()):
        commands = re.findall(r"^[#$ ]+(docker compose .*)", text, re.MULTILINE)
        assert commands
        assert all("--env-file .env" in command for command in commands)


def test_on_kubernetes_what_a_step_needs_comes_before_it() -> None:
    text = (FOLDER / "kubernetes.md").read_text()
    steps = (
        "base/namespace.yaml",
        "create secret",
        "ops/kubernetes/migrate\n",
        "roles.sql\n",
        "overlays/keda\n",
    )

    assert [text.count(step) > 0 for step in steps] == [True] * len(steps)
    assert sorted(steps, key=text.index) == list(steps)


def test_the_table_of_connections_is_the_budget() -> None:
    text = (FOLDER / "connections.md").read_text()
    rows = dict(
        re.findall(r"^\| (a [a-z ]+?|the same with `LISTEN=0`) ?(?:\(.*?\) )?\| (\d+) \|", text, re.MULTILINE)
    )

    assert int(rows["a web process"]) == budget.most("web", listen=True)
    assert int(rows["a worker process"]) == budget.most("worker", listen=True)
    assert int(rows["a scheduler"]) == budget.most("scheduler", listen=True)
    assert re.findall(r"LISTEN=0` \| (\d+)", text) == [
        str(budget.most(name, listen=False)) for name in ("web", "worker")
    ]
    two = budget.needed({"web": 2, "worker": 1, "scheduler": 1}, listen=True)
    assert f"need {two} connections, and {2 * two} during a deploy" in " ".join(text.split())
    one, more = ({"web": n, "worker": n, "scheduler": 1} for n in (1, 2))
    alone = budget.needed(one, listen=True)
    assert f"without overlap (no preboot): {alone}, where no job has output {alone - 2} |" in text
    assert f"web, worker, scheduler: {2 * alone}, where no job has output {2 * (alone - 2)} |" in text
    shard, home = (
        budget.most("web", listen=True, is_shard=True, is_home=is_home) for is_home in (False, True)
    )
    assert f"and 1 more: {shard}. To the home's it needs another 2 (with `LISTEN=0` 1): {home}." in text
    assert f"2 web, 2 worker: {2 * budget.needed(more, listen=True)} |" in text
