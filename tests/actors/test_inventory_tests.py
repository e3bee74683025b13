"""The analysis job, end to end: what it answers, and how it is stopped."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.inventory.build import TEST, tar
from tests.support.gone import alive, until_gone
from tests.support.jobs import final, post, processing, until
from tests.support.processes import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.conftest import Service

#: CPython 3.11 parses it in quadratic time without letting go of the GIL; later ones are not so slow by far.
HOSTILE = b'f"' + b"{a}" * 300_000 + b'"\n'


@pytest.fixture
def settings(settings: dict[str, dict[str, str | None]]) -> dict[str, dict[str, str | None]]:
    """A worker that does not wait long for what it will not see the end of."""
    settings["worker"]["SHUTDOWN_TIMEOUT_SECONDS"] = "1"
    return settings


async def upload(client: httpx.AsyncClient, archive: bytes) -> str:
    answer = await client.post("/uploads", content=archive)
    assert answer.status_code == 201, answer.text
    id: str = answer.json()["id"]
    return id


def readers(service: Service) -> list[int]:
    """The processes below the worker that read archives."""
    found = []
    for process in service.worker.tree():
        try:
            if "src.inventory" in process.cmdline():
                found.append(process.pid)
        except psutil.NoSuchProcess:
            continue
    return found


async def reading(service: Service) -> int:
    """The process that reads an archive, once there is one."""
    async with asyncio.timeout(PATIENCE):
        while True:
            if found := readers(service):
                return found[0]
            await asyncio.sleep(0.02)


@pytest.fixture
async def hostile(service: Service, tmp_path: Path) -> dict[str, Any]:
    """A job that is busy with an archive of files as hostile as they come."""
    files = {f"test_{number}.py": HOSTILE for number in range(20)}
    id = await upload(service.client, tar(tmp_path / "hostile", files).read_bytes())
    return await post(service.client, "inventory_tests", upload=id)


async def test_counts_the_tests_of_an_upload(service: Service, tmp_path: Path) -> None:
    archive = tar(tmp_path / "a", {f"test_{n}.py": TEST for n in range(300)})
    id = await upload(service.client, archive.read_bytes())
    job = await post(service.client, "inventory_tests", "wait=25", upload=id)
    assert (job["state"], job["error"]) == ("done", None)
    assert (job["result"]["files"], job["result"]["commit"]) == (300, None)
    assert job["progress"]["message"].endswith("test files read")
    assert readers(service) == []


async def test_an_archive_that_is_refused_says_why(service: Service) -> None:
    id = await upload(service.client, b"no archive")
    job = await post(service.client, "inventory_tests", "wait=25", upload=id)
    assert (job["state"], job["error"]) == (
        "error",
        {
            "type": "archive-unknown-format",
            "title": "Not an archive that can be read",
            "detail": "The file is neither a tar (plain, gzip, bzip2, xz) nor a ZIP.",
        },
    )


async def test_a_hostile_archive_holds_up_no_other_job_and_is_cancelled(
    service: Service, hostile: dict[str, Any]
) -> None:
    reader = await reading(service)

    others = await asyncio.gather(*(post(service.client, "echo", "wait=20", n=n) for n in range(20)))
    assert {job["state"] for job in others} == {"done"}
    assert alive(reader)
    assert (await service.client.get(f"/jobs/{hostile['id']}")).json()["state"] == "processing"

    assert (await service.client.post(f"/jobs/{hostile['id']}/cancel")).status_code == 202
    assert (await final(service.client, hostile["id"]))["state"] == "cancelled"
    await until_gone(reader)
    assert readers(service) == []


async def test_a_worker_that_stops_gives_the_job_back_and_leaves_no_process(
    service: Service, hostile: dict[str, Any]
) -> None:
    await processing(service.client, hostile["id"])
    reader = await reading(service)
    service.worker.send_group(signal.SIGTERM)
    assert await service.worker.exit() == 0
    await until_gone(reader)
    job = await until(service.client, hostile["id"], lambda job: job["state"] == "waiting")
    assert job["attempts"] == 0


async def test_a_reader_that_is_killed_fails_its_job_alone(service: Service, hostile: dict[str, Any]) -> None:
    psutil.Process(await reading(service)).kill()
    job = await final(service.client, hostile["id"])
    assert (job["state"], job["error"]["type"], job["crashes"]) == ("error", "inventory-too-costly", 0)
    assert service.worker.running()
