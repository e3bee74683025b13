"""The analysis job, end to end: what it answers, and how it is stopped."""

from __future__ import annotations

import asyncio
import base64
import signal
import threading
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from tests.conftest import Service
from tests.inventory.build import TEST, tar
from tests.support import repositories
from tests.support.gone import alive, until_gone
from tests.support.jobs import final, post, processing, until
from tests.support.processes import PATIENCE
from tests.support.sites import Exchange, site

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes

#: CPython 3.11 parses it in quadratic time without letting go of the GIL; later ones are not so slow by far.
HOSTILE = b'f"' + b"{a}" * 300_000 + b'"\n'
#: As many as unpack to no more than a bomb may.
HOSTILE_FILES = {f"test_{number}.py": HOSTILE for number in range(18)}


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
    id = await upload(service.client, tar(tmp_path / "hostile", HOSTILE_FILES).read_bytes())
    return await post(service.client, "inventory_tests", upload=id)


async def test_counts_the_tests_of_an_upload(service: Service, tmp_path: Path) -> None:
    archive = tar(tmp_path / "a", {f"test_{n}.py": TEST for n in range(300)})
    id = await upload(service.client, archive.read_bytes())
    job = await post(service.client, "inventory_tests", "wait=25", upload=id)
    assert (job["state"], job["error"]) == ("done", None)
    assert (job["result"]["files"], job["result"]["commit"]) == (300, None)
    assert job["progress"]["message"].endswith("test files read")
    assert readers(service) == []


async def test_an_upload_of_no_bytes_is_told_so(service: Service) -> None:
    id = await upload(service.client, b"")
    job = await post(service.client, "inventory_tests", "wait=25", upload=id)
    assert (job["state"], job["error"]["type"]) == ("error", "archive-unknown-format")
    assert job["error"]["detail"].startswith("The file is empty: 0 bytes.")


async def test_an_archive_that_is_refused_says_why(service: Service) -> None:
    id = await upload(service.client, b"no archive")
    job = await post(service.client, "inventory_tests", "wait=25", upload=id)
    assert (job["state"], job["error"]) == (
        "error",
        {
            "type": "archive-unknown-format",
            "title": "Not an archive that can be read",
            "detail": "The file is not a tar (plain, gzip, bzip2, xz, zstd) or a ZIP.",
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


async def test_what_a_killed_worker_left_is_removed_and_what_a_living_one_needs_is_not(
    settings: dict[str, dict[str, str | None]],
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
    tmp_path: Path,
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    # Long, so that nobody else takes up what the killed one worked on.
    settings["worker"] |= {"TMPDIR": str(scratch), "LEASE_SECONDS": "600", "WORKER_CONCURRENCY": "1"}
    client = connect(await processes.web(), await api_key())
    archive = tar(tmp_path / "hostile", HOSTILE_FILES).read_bytes()
    killed = await processes.worker()
    [killeds] = await new_folder(client, archive, scratch)
    await processes.worker()
    [others] = await new_folder(client, archive, scratch)
    await killed.kill()

    started = await processes.worker()
    await started.line("leftover of a dead process removed")

    assert not killeds.exists()
    assert (others.exists(), "Traceback" in started.output) == (True, False)


async def new_folder(client: httpx.AsyncClient, archive: bytes, scratch: Path) -> set[Path]:
    """The folder of a job that reads an archive, once it does."""

    def folders() -> set[Path]:
        return set(scratch.glob("sooner-work-*"))

    before = folders()
    await post(client, "inventory_tests", upload=await upload(client, archive))
    async with asyncio.timeout(PATIENCE):
        while True:
            if new := folders() - before:
                return new
            await asyncio.sleep(0.02)


TWO = b"from pytest.mark import skip\ndef test_a(): ...\ndef test_b(): ...\n"
MORE = b"@skip\ndef test_c(): ...\n"

SOME = "019b0000-0000-7000-8000-000000000000"
REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({}, "#", "either `upload` or `url` is needed"),
    ({"ref": "main"}, "#", "either `upload` or `url` is needed"),
    ({"upload": SOME, "url": "https://example.org/a.zip"}, "#/url", "does not go with `upload`"),
    ({"upload": SOME, "ref": "main"}, "#/ref", "does not go with `upload`"),
    ({"upload": SOME, "compare": "main"}, "#/compare", "does not go with `upload`"),
    ({"url": "https://example.org/", "compare": "-x"}, "#/compare", "names no branch, tag or commit"),
    ({"url": "ftp://example.org/"}, "#/url", "an address begins with https:// and names a host"),
    ({"url": "https://me:canary@example.org/"}, "#/url", "an address carries no user name or password"),
    ({"url": "https://example.org/", "ref": "--upload-pack=x"}, "#/ref", "names no branch, tag or commit"),
    ({"url": "https://example.org/", "token": "a\nb"}, "#/token", "visible ASCII characters"),
]


async def test_parameters_that_do_not_go_together(service: Service) -> None:
    for params, pointer, detail in REFUSED:
        answer = await service.client.post("/jobs/inventory_tests", json=params)
        assert answer.status_code == 422, params
        error = answer.json()["errors"][0]
        assert (error["pointer"], detail in error["detail"]) == (pointer, True), error
        assert "canary" not in answer.text


async def test_a_private_address_is_refused(service: Service) -> None:
    job = await post(service.client, "inventory_tests", "wait=25", url="https://127.0.0.1:1/a.zip")
    assert (job["state"], job["error"]["type"]) == ("error", "source-refused")
    assert job["error"]["detail"] == "127.0.0.1 is an address of a private network, or resolves to one."


@pytest.fixture
async def open_service(
    processes: Processes, settings: dict[str, dict[str, str | None]], api_key: MakeKey, connect: Connect
) -> Service:
    """A service whose worker may reach this machine."""
    settings["worker"]["ALLOW_PRIVATE_NETWORK"] = "1"
    web, worker = await processes.web(), await processes.worker()
    key = await api_key()
    return Service(web, worker, connect(web, key), key, str(settings["web"]["DATABASE_URL"]))


async def test_counts_the_tests_of_a_private_repository(open_service: Service, tmp_path: Path) -> None:
    head = repositories.commit(tmp_path / "project", {"test_a.py": TEST, "sub/test_b.py": TEST})
    expected = "Basic " + base64.b64encode(b"x-access-token:canary-4711").decode()

    def handle(exchange: Exchange) -> None:
        assert exchange.headers["Authorization"] == expected
        repositories.serve(exchange, tmp_path)

    with site(handle) as server:
        job = await post(
            open_service.client,
            "inventory_tests",
            "wait=25",
            url=f"{server.url}/project",
            ref="main",
            token="canary-4711",
        )
    assert (job["state"], job["error"], job["params"]["token"]) == ("done", None, "•••")
    assert (job["result"]["files"], job["result"]["commit"]) == (2, head)
    assert "canary" not in open_service.worker.output + open_service.web.output


async def test_compares_two_commits_of_a_repository(open_service: Service, tmp_path: Path) -> None:
    project = tmp_path / "project"
    base = repositories.commit(project, {"test_a.py": TWO, "test_moved.py": TEST})
    repositories.git(project, "tag", "v1")
    repositories.git(project, "mv", "test_moved.py", "test_here.py")
    head = repositories.commit(
        project, {"test_a.py": TWO.replace(b"def test_b", b"@skip\ndef test_b") + MORE}
    )

    with site(lambda exchange: repositories.serve(exchange, tmp_path)) as server:
        job = await post(
            open_service.client, "inventory_tests", "wait=25", url=f"{server.url}/project", compare="v1"
        )
        gone = await post(
            open_service.client, "inventory_tests", "wait=25", url=f"{server.url}/project", compare="v9"
        )
    assert (job["state"], job["error"], job["result"]["commit"]) == ("done", None, head)
    assert job["result"]["comparison"] == {
        "ref": "v1",
        "commit": base,
        "added": [
            {"path": "test_a.py", "name": "test_c"},
            {"path": "test_here.py", "name": "test_one"},
        ],
        "removed": [{"path": "test_moved.py", "name": "test_one"}],
        "newly_skipped": [{"path": "test_a.py", "name": "test_b"}],
    }
    assert (gone["error"]["type"], "'v9'" in gone["error"]["detail"]) == ("source-ref-not-found", True)


async def test_there_is_nothing_to_compare_an_archive_with(open_service: Service) -> None:
    asked: list[str] = []
    with site(lambda exchange: asked.append(exchange.path)) as server:
        job = await post(
            open_service.client, "inventory_tests", "wait=25", url=f"{server.url}/a.zip", compare="main"
        )
    assert (job["error"]["type"], asked) == ("source-without-refs", [])


async def test_a_fetch_that_hangs_is_cancelled_and_leaves_no_process(
    open_service: Service, tmp_path: Path
) -> None:
    repositories.commit(tmp_path / "project", {"test_a.py": TEST})
    hanging, over = threading.Event(), threading.Event()

    def handle(exchange: Exchange) -> None:
        if exchange.command == "POST":
            hanging.set()
            over.wait(PATIENCE)
        else:
            repositories.serve(exchange, tmp_path)

    with site(handle) as server:
        job = await post(open_service.client, "inventory_tests", url=f"{server.url}/project")
        assert await asyncio.to_thread(hanging.wait, PATIENCE)
        children = [process.pid for process in open_service.worker.tree() if "git" in process.name()]
        assert children
        assert (await open_service.client.post(f"/jobs/{job['id']}/cancel")).status_code == 202
        assert (await final(open_service.client, job["id"]))["state"] == "cancelled"
        for child in children:
            await until_gone(child)
        over.set()
