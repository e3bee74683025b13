"""The image of ops/Containerfile, built for real, and its processes with a root that nobody writes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import yaml

from sooner.local.ports import free_port
from tests.inventory.build import tar
from tests.ops.image import image
from tests.support import ROOT, repositories
from tests.support.collector import collecting
from tests.support.objects import Bucket, object_server
from tests.support.processes import READY_LINE, Process, Web
from tests.support.sites import site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

#: The whole image, on a Debian cut to what Alpine's base has; of that dependencies and code, with the inventory's grammars (26 MB).
MOST_MEGABYTES = 150
MOST_OF_OURS = 95
#: A test in each language that the inventory reads by a grammar of its own, or by Python's.
TESTS = {
    "test_a.py": b"def test_a():\n    pass\n",
    "a.test.js": b"test('a', () => {});\n",
    "b.test.ts": b"test('b', () => {});\n",
    "a_test.cpp": b"#include <gtest/gtest.h>\nTEST(A, b) {}\n",
    "ATests.cs": b"using Xunit;\npublic class ATests { [Fact] public void A() {} }\n",
    "a_test.go": b'package a\nimport "testing"\nfunc TestA(t *testing.T) {}\n',
    "ATest.java": b"import org.junit.jupiter.api.Test;\nclass ATest { @Test void a() {} }\n",
    "BTest.kt": b"import org.junit.jupiter.api.Test\nclass BTest { @Test fun b() {} }\n",
    "tests/CTest.php": b"<?php\nuse PHPUnit\\Framework\\TestCase;\nclass CTest extends TestCase { public function testC() {} }\n",
    "test/a_test.rb": b"require 'minitest/autorun'\nclass ATest < Minitest::Test\n  def test_a; end\nend\n",
    "src/lib.rs": b"#[test]\nfn a() {}\n",
    "Tests/ATests.swift": b"import XCTest\nfinal class ATests: XCTestCase { func testA() {} }\n",
}
COMPOSE = yaml.safe_load((ROOT / "ops" / "compose.yaml").read_text())


@pytest.mark.slow
async def test_one_image_is_all_three_processes(
    processes: Processes, empty_database_url: str, connect: Connect, api_key: MakeKey, tmp_path: Path
) -> None:
    repositories.commit(tmp_path / "project", TESTS)
    with (
        image(tmp_path) as built,
        site(lambda exchange: repositories.serve(exchange, tmp_path)) as server,
        collecting() as collector,
        object_server() as objects,
    ):
        bucket = Bucket(objects, "image")
        outside = {"BLOB_URL": bucket.url, **bucket.settings, **collector.settings()}

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
        web, worker = (
            start("web", PORT=port, **outside),
            start("worker", ALLOW_PRIVATE_NETWORK="1", **outside),
        )
        scheduler = start("scheduler", **collector.settings())
        assert isinstance(web, Web)
        web.url = f"http://127.0.0.1:{port}"
        await web.ready()
        await worker.line(READY_LINE["worker"])
        await scheduler.line(READY_LINE["scheduler"])
        client = connect(web, await api_key())
        wait = {"Prefer": "wait=25"}
        answer = await client.post("/jobs/echo", json={"a": 1})
        fetched = await client.post(
            "/jobs/inventory_tests", json={"url": f"{server.url}/project/.git"}, headers=wait
        )
        archive = tar(tmp_path / "project.tar.gz", TESTS).read_bytes()
        upload = (await client.post("/uploads", content=archive)).json()["id"]
        stored = bucket.objects()
        uploaded = await client.post("/jobs/inventory_tests", json={"upload": upload}, headers=wait)
        ended = [await process.terminate() for process in (web, worker, scheduler)]

        assert (answer.status_code, answer.json()["result"]) == (200, {"a": 1})
        for inventory in (fetched, uploaded):
            assert inventory.json()["state"] == "done", inventory.text
            assert inventory.json()["result"]["tests"] == len(TESTS), inventory.text
        assert stored, "the upload lies in the bucket"
        assert len(collector.spans("process inventory_tests", 2)) == 2
        assert ended[1:] == [0, 0]
        assert ended[0] in (0, -15, 143), "web ends as uvicorn does"
        assert built.megabytes(".") < MOST_MEGABYTES
        assert built.megabytes("opt", "srv") < MOST_OF_OURS
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
