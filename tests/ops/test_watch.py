"""Prometheus's rules and Grafana's dashboard: each is sound, and each metric of theirs is in a real scrape."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from prometheus_client.parser import text_string_to_metric_families

from tests.support import ROOT
from tests.support.missing import missing

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey, Service

WATCH = Path(ROOT) / "ops" / "watch"
RULES = yaml.safe_load((WATCH / "rules.yaml").read_text())["groups"][0]["rules"]
DASHBOARD = json.loads((WATCH / "dashboard.json").read_text())
#: What Grafana replaces before it asks.
VARIABLES = {"$__rate_interval": "5m", "$queue": ".*", "$route": ".*"}


def shown() -> list[str]:
    """Each expression of the dashboard."""
    expressions = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
    for name, value in VARIABLES.items():
        expressions = [expression.replace(name, value) for expression in expressions]
    return expressions


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Prometheus's own checks."""
    if shutil.which("promtool") is None:
        missing("promtool is not installed: apt-get install prometheus")
    return subprocess.run(["promtool", *arguments], cwd=WATCH, capture_output=True, text=True, check=False)


def test_each_alert_comes_from_what_it_is_for() -> None:
    checked, tested = promtool("check", "rules", "rules.yaml"), promtool("test", "rules", "rules_test.yaml")

    assert checked.returncode == 0, checked.stderr
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_each_alert_says_what_to_do() -> None:
    alerts = [rule for rule in RULES if "alert" in rule]

    assert alerts
    assert all({"summary", "remedy"} == rule["annotations"].keys() for rule in alerts)


def test_prometheus_reads_each_expression_of_the_dashboard(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    records = [{"record": f"shown:{n}", "expr": each} for n, each in enumerate(shown())]
    rules.write_text(json.dumps({"groups": [{"name": "shown", "rules": records}]}))

    checked = promtool("check", "rules", str(rules))

    assert checked.returncode == 0, checked.stderr
    assert f"{len(records)} rules found" in checked.stdout


async def test_each_metric_is_in_a_real_scrape(service: Service, connect: Connect, api_key: MakeKey) -> None:
    operator = connect(service.web, await api_key("operators", scopes=["admin"]))
    await service.client.post("/jobs/echo", json={})
    text = (await operator.get("/metrics")).text
    scraped = {sample.name for family in text_string_to_metric_families(text) for sample in family.samples}
    asked = re.findall(r"\b(?:sooner|process)_\w+", " ".join([*shown(), *(rule["expr"] for rule in RULES)]))

    assert len(set(asked)) > 10
    # Which shards answer is told with several of them (tests/web/test_merged_overviews.py).
    assert set(asked) - scraped == {"sooner_shard_up"}
