"""Uploads and files in a store: BLOB_URL names a folder, or a bucket of a real S3-compatible server."""

from __future__ import annotations

import asyncio
import hashlib
import io
import re
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import httpx
import pytest

from sooner.blobs import StoreAway, Stores
from sooner.db import pool
from sooner.jobs.files.blobs import CHUNK_BYTES, Blobs
from sooner.jobs.files.uploads import Uploads
from sooner.jobs.retention.expire import Expiry
from sooner.process.settings import blob_url
from tests.support.environment import environment
from tests.support.filing import PIECE
from tests.support.jobs import fetch, final, post, until
from tests.support.objects import Bucket, Folder, Gate, object_server
from tests.support.said import SAID

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sooner.db import Database
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Process, Processes

FILING = "tests.support.filing"
#: An object of three parts; the store's own of one.
MANY, FEW = PIECE * 20, PIECE[:1000]
GIBIBYTE = 1 << 30
AWAY_SECONDS = 0.5
EXPIRE = """
    with upload as (update sooner.upload set expires_at = dramatiq.clock() - interval '1 second')
    update dramatiq.queue set expires_at = dramatiq.clock() - interval '1 second' where state <> 'consumed'
"""
EXPIRE_UPLOADS = "update sooner.upload set expires_at = dramatiq.clock()"
LEFT = """
    select (select count(*) from sooner.blob) as blobs, (select count(*) from sooner.upload) as uploads,
      (select count(*) from sooner.chunk) + (select count(*) from sooner.file_chunk) as chunks
"""


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """An S3-compatible server's address."""
    with object_server() as address:
        yield address


@pytest.fixture
def bucket(server: str) -> Bucket:
    """A bucket of the test's own."""
    return Bucket(server, uuid4().hex)


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Folder | Bucket:
    """Each kind of store."""
    if request.param == "folder":
        return Folder(tmp_path / "store of blobs")
    made: Bucket = request.getfixturevalue("bucket")
    return made


@pytest.fixture
def here(store: Folder | Bucket, monkeypatch: pytest.MonkeyPatch) -> Stores:
    """The store, as it is opened by the test's own process."""
    return opened(store, monkeypatch, patience_seconds=30)


def opened(
    store: Folder | Bucket, monkeypatch: pytest.MonkeyPatch, *, patience_seconds: float = 0.01
) -> Stores:
    """The store for the test's own process, which loses patience at once unless told otherwise."""
    for name, value in store.settings.items():
        monkeypatch.setenv(name, value)
    return Stores(store.url, patience_seconds=patience_seconds)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = pool(database_url, "test", size=2)
    await database.connect()
    yield database
    await database.close()


def uploads(database: Database, stores: Stores) -> Uploads:
    return Uploads(database, Blobs(database, stores), retention_seconds=60)


async def body(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


Settings = dict[str, dict[str, str | None]]


def put_into(store: Folder | Bucket, settings: Settings, **more: str) -> None:
    """Let web and worker use the store from their next start on."""
    for name in ("web", "worker"):
        settings[name] |= {"BLOB_URL": store.url, **store.settings, **more}


async def left(database_url: str) -> dict[str, int]:
    """The rows that are left of blobs."""
    [row] = await fetch(database_url, LEFT)
    return dict(row)


async def test_uploads_and_files_lie_in_the_store_and_go_with_their_rows(
    store: Folder | Bucket,
    settings: Settings,
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
    database_url: str,
) -> None:
    put_into(store, settings, BLOB_URL=f"{store.url}/")
    client = connect(await processes.web(module=FILING), await api_key())
    worker = await processes.worker(module=FILING)

    sent = [(await client.post("/uploads", content=content)).json() for content in (MANY, FEW, b"")]
    read = [await post(client, "digest", prefer="wait=20", upload=upload["id"]) for upload in sent]
    archive = (await client.post("/uploads", content=tarball_of_one_test())).json()
    counted = await post(client, "inventory_tests", prefer="wait=20", upload=archive["id"])
    made = await post(client, "noise", prefer="wait=20", pieces=20)
    address = f"/jobs/{made['id']}/result"
    whole, head = await client.get(address), await client.head(address)
    parts = {
        field: await client.get(address, headers={"Range": field})
        for field in ("bytes=0-0", "bytes=1048575-2097152", "bytes=-1000", f"bytes={len(MANY) - 1}-")
    }
    by_address = await client.get(made["urls"]["result"], headers={"Authorization": "", "Range": "bytes=0-9"})
    outside = await client.get(address, headers={"Range": f"bytes={len(MANY)}-"})
    known = await client.get(address, headers={"If-None-Match": whole.headers["ETag"]})
    exported = await post(client, "export_archive", prefer="wait=20")
    zipped = zipfile.ZipFile(io.BytesIO((await client.get(f"/jobs/{exported['id']}/result")).content))
    lying = store.objects()
    rows = await left(database_url)

    digests = [hashlib.sha256(content).hexdigest() for content in (MANY, FEW, b"")]
    assert [upload["sha256"] for upload in sent] == [document["result"] for document in read] == digests
    assert counted["result"]["tests"] == 1
    assert whole.content == MANY
    assert (whole.status_code, whole.headers["Content-Type"]) == (200, "application/x-noise")
    assert whole.headers["ETag"] == f'"{digests[0]}"'
    assert whole.headers["Content-Disposition"].startswith('attachment; filename="noise.bin"')
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(MANY)))
    assert [(answer.status_code, answer.content) for answer in parts.values()] == [
        (206, content) for content in (MANY[:1], MANY[1048575:2097153], MANY[-1000:], MANY[-1:])
    ]
    assert (by_address.status_code, by_address.content) == (206, MANY[:10])
    assert (outside.status_code, known.status_code) == (416, 304)
    assert zipped.read(f"files/{made['id']}/noise.bin") == MANY
    assert len(lying) == rows["blobs"] == 6
    assert {name.partition("/")[0] for name in lying} == {"uploads", "files"}
    assert rows["chunks"] == 0

    await fetch(database_url, EXPIRE)
    assert (await client.get(address)).status_code == 410
    await clean(database_url, worker)
    assert store.objects() == []
    assert await left(database_url) == {"blobs": 0, "uploads": 0, "chunks": 0}


def tarball_of_one_test() -> bytes:
    """An archive with one test in it."""
    text, packed = b"def test_a(): ...", io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo("tests/test_a.py")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return packed.getvalue()


async def clean(database_url: str, worker: Process) -> None:
    """Let the worker remove what has expired."""
    [row] = await fetch(database_url, "select sooner.submit('remove_expired_jobs', '{}') as id")
    async with asyncio.timeout(30):
        while True:
            worker.require_running()
            [job] = await fetch(
                database_url, "select state::text from dramatiq.queue where message_id = $1", row["id"]
            )
            if job["state"] in ("done", "rejected"):
                assert job["state"] == "done", worker.output
                return
            await asyncio.sleep(0.05)


async def test_each_is_read_from_where_it_was_written(
    here: Stores, store: Folder | Bucket, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    without, within = uploads(database, Stores()), uploads(database, here)
    in_rows = await without.store("acme", body(MANY), most=len(MANY))
    in_store = await within.store("acme", body(MANY), most=len(MANY))

    for reader in (without, within):
        for upload in (in_rows, in_store):
            assert b"".join([piece async for piece in reader.read(upload)]) == MANY
    assert [object.partition("/")[2] for object in store.objects()] == [str(in_store.id)]


@pytest.mark.parametrize("sent", [1000, CHUNK_BYTES, len(MANY)])
async def test_an_upload_that_breaks_off_or_is_too_large_leaves_nothing(
    sent: int, here: Stores, store: Folder | Bucket, database: Database, database_url: str
) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield MANY[:sent]
        raise httpx.ReadError("gone")

    async def endless() -> AsyncIterator[bytes]:
        yield MANY[:sent]
        reached.set()
        await asyncio.sleep(600)

    reached = asyncio.Event()
    within = uploads(database, here)
    with pytest.raises(httpx.ReadError):
        await within.store("acme", breaking(), most=len(MANY))
    with pytest.raises(Exception, match="at most"):
        await within.store("acme", body(MANY[:sent], b"x"), most=sent)
    cancelled = asyncio.create_task(within.store("acme", endless(), most=len(MANY)))
    await reached.wait()
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled

    assert store.objects() == []
    assert await left(database_url) == {"blobs": 0, "uploads": 0, "chunks": 0}


async def test_an_upload_that_breaks_off_while_the_store_is_away_leaves_no_part(
    bucket: Bucket, database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaking() -> AsyncIterator[bytes]:
        yield MANY
        partly = bucket.objects()
        gate.shut()
        away.set()
        raise httpx.ReadError(str(partly))

    async def reopen() -> None:
        await away.wait()
        await asyncio.sleep(AWAY_SECONDS)
        await gate.open()

    away = asyncio.Event()
    async with Gate(bucket.settings["AWS_ENDPOINT_URL"]) as gate:
        bucket.settings["AWS_ENDPOINT_URL"] = gate.url
        within = uploads(database, opened(bucket, monkeypatch, patience_seconds=30))
        reopened = asyncio.create_task(reopen())
        with pytest.raises(httpx.ReadError, match="uploads/"):
            await within.store("acme", breaking(), most=len(MANY))
        await reopened

    assert bucket.objects() == []
    assert await left(database_url) == {"blobs": 0, "uploads": 0, "chunks": 0}


async def test_a_store_that_is_away_is_said_and_nothing_is_lost(
    bucket: Bucket,
    settings: Settings,
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
    database_url: str,
) -> None:
    async with Gate(bucket.settings["AWS_ENDPOINT_URL"]) as gate:
        put_into(bucket, settings, AWS_ENDPOINT_URL=gate.url)
        client = connect(await processes.web(module=FILING), await api_key())
        await processes.worker(module=FILING)
        made = await post(client, "noise", prefer="wait=20", pieces=20)
        gate.shut()

        answers = await asyncio.gather(
            client.post("/uploads", content=FEW),
            client.post("/uploads", content=MANY),
            client.get(f"/jobs/{made['id']}/result"),
            client.get(f"/jobs/{made['id']}/result", headers={"Range": "bytes=-1"}),
            client.post("/jobs/echo", json={"still": "works"}),
        )
        await gate.open()
        back = await client.get(f"/jobs/{made['id']}/result")

    for answer in answers[:-1]:
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
        assert answer.json()["detail"] == "The store of uploads and files is away."
    assert answers[-1].json()["state"] == "done"
    assert back.content == MANY
    assert (await left(database_url))["uploads"] == 0
    assert [name.partition("/")[0] for name in bucket.objects()] == ["files"]


async def test_an_attempt_whose_file_cannot_be_stored_fails_and_is_tried_again(
    tmp_path: Path, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    folder = Folder(tmp_path / "store")
    client = connect(await processes.web(module=FILING, BLOB_URL=folder.url), await api_key())
    upload = (await client.post("/uploads", content=FEW)).json()["id"]
    await processes.worker(module=FILING, BLOB_URL=folder.url)
    elsewhere = folder.path.rename(tmp_path / "unmounted")

    failed = await post(client, "noise", prefer="wait=20", pieces=1)
    unread = await post(client, "digest", prefer="wait=20", upload=upload)
    elsewhere.rename(folder.path)
    await client.post(f"/jobs/{failed['id']}/retry")
    done = await final(client, failed["id"])
    lying = folder.objects()
    for name in lying:
        (folder.path / name).unlink()
    lost = await client.get(f"/jobs/{failed['id']}/result")
    unknown = await post(client, "digest", prefer="wait=20", upload=upload)

    assert (failed["state"], failed["error"]["type"], failed["attempts"]) == ("error", "store-away", 2)
    assert (unread["error"]["type"], unread["attempts"]) == ("store-away", 1)
    assert (done["state"], len(lying)) == ("done", 2)
    assert (lost.status_code, lost.json()["detail"]) == (410, "The job's file is not there any more.")
    assert unknown["error"]["type"] == "unknown-upload"


async def test_a_row_stays_until_its_object_is_gone(
    bucket: Bucket,
    tmp_path: Path,
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = Folder(tmp_path / "other store")
    async with Gate(bucket.settings["AWS_ENDPOINT_URL"]) as gate:
        bucket.settings["AWS_ENDPOINT_URL"] = gate.url
        stores = opened(bucket, monkeypatch)
        for each in (stores, Stores(folder.url), stores):
            await uploads(database, each).store("acme", body(FEW), most=len(FEW))
        await fetch(database_url, EXPIRE_UPLOADS)
        expiry = Expiry(database, stores)
        gate.shut()

        assert await expiry.uploads() == 3
        with pytest.raises(StoreAway):
            await expiry.blobs()
        away = await left(database_url)
        others = folder.objects()
        await gate.open()
        assert await expiry.blobs() == 2

    assert (away["blobs"], others) == (2, [])
    assert bucket.objects() == []
    assert (await left(database_url))["blobs"] == 0


async def test_an_unfinished_object_is_looked_for_for_a_day(
    here: Stores, store: Folder | Bucket, database: Database, database_url: str
) -> None:
    """A process that lost its row, and is not dead, may finish its object after the cleaning."""
    within, expiry = uploads(database, here), Expiry(database, here)
    await within.store("acme", body(FEW), most=len(FEW))
    await fetch(database_url, EXPIRE_UPLOADS)
    await fetch(database_url, "update sooner.blob set whole = false")
    await expiry.uploads()

    assert await expiry.blobs() == 0
    assert store.objects() == []
    assert (await left(database_url))["blobs"] == 1
    await fetch(database_url, "update sooner.blob set created_at = created_at - interval '25 hours'")
    assert await expiry.blobs() == 1


async def test_a_worker_killed_while_it_removes_leaves_the_rest_to_the_next(
    bucket: Bucket,
    settings: Settings,
    processes: Processes,
    database: Database,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    within = uploads(database, opened(bucket, monkeypatch))
    for _ in range(3):
        await within.store("acme", body(FEW), most=len(FEW))
    await fetch(database_url, EXPIRE_UPLOADS)
    async with Gate(bucket.settings["AWS_ENDPOINT_URL"]) as gate:
        put_into(bucket, settings, LEASE_SECONDS="2", AWS_ENDPOINT_URL=gate.url)
        worker = await processes.worker()
        gate.hold()
        await fetch(database_url, "select sooner.submit('remove_expired_jobs', '{}')")
        await gate.reached.wait()
        await worker.kill()
    between = await left(database_url)

    put_into(bucket, settings)
    await clean(database_url, await processes.worker())

    assert (between["uploads"], between["blobs"]) == (0, 3)
    assert bucket.objects() == []
    assert (await left(database_url))["blobs"] == 0


@pytest.mark.slow
async def test_a_worker_killed_while_it_writes_leaves_nothing_for_long(
    tmp_path: Path,
    settings: Settings,
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
    database_url: str,
) -> None:
    folder = Folder(tmp_path / "store")
    put_into(folder, settings, LEASE_SECONDS="2")
    client = connect(await processes.web(module=FILING), await api_key())
    worker = await processes.worker(module=FILING)
    job = await post(client, "noise", pieces=20, endless=True)
    await until(client, job["id"], lambda document: document["progress"] is not None)
    await worker.kill()
    unfinished = folder.objects()
    await client.post(f"/jobs/{job['id']}/cancel")
    worker = await processes.worker(module=FILING)
    await final(client, job["id"])

    await fetch(database_url, EXPIRE)
    await clean(database_url, worker)

    assert len(unfinished) == 1
    assert folder.objects() == []


@pytest.mark.slow
async def test_a_gibibyte_is_flat_in_memory(
    store: Folder | Bucket,
    settings: Settings,
    processes: Processes,
    connect: Connect,
    api_key: MakeKey,
    record_property: Callable[[str, object], None],
) -> None:
    put_into(store, settings, MAX_UPLOAD_BYTES=str(2 * GIBIBYTE))
    web = await processes.web(module=FILING)
    worker = await processes.worker(module=FILING)
    client = connect(web, await api_key())
    await there_and_back(client, 64)
    before = {process.name: peak(process) for process in (web, worker)}

    await there_and_back(client, 1024)

    grown = {process.name: peak(process) - before[process.name] for process in (web, worker)}
    told = ", ".join(f"{name} {before[name]} MiB and {more} more" for name, more in grown.items())
    record_property(SAID, f"1 GiB there and back in {type(store).__name__}: peaks of {told}")
    assert max(grown.values()) < 48, told


async def there_and_back(client: httpx.AsyncClient, pieces: int) -> None:
    """Sends an upload of so many MiB, lets a job make a file of it, and reads that."""
    sent = await client.post("/uploads", content=body(*[PIECE] * pieces))
    made = await post(client, "noise", pieces=pieces)
    digest = hashlib.sha256()
    assert (await final(client, made["id"], timeout=300))["state"] == "done"
    async with client.stream("GET", f"/jobs/{made['id']}/result") as answer:
        async for piece in answer.aiter_raw(1 << 20):
            digest.update(piece)
    assert digest.hexdigest() == sent.json()["sha256"]


def peak(process: Process) -> int:
    """The most memory that any of its processes has held so far, in MiB (proc_pid_status(5))."""
    found = [Path(f"/proc/{each.pid}/status").read_text() for each in process.tree()]
    return max(int(match[1]) for text in found if (match := re.search(r"VmHWM:\s+(\d+) kB", text))) // 1024


WRONG = {
    "ftp://host/path": "not a file://, s3://, gs:// or az:// address",
    "bucket": "not a file://, s3://, gs:// or az:// address",
    "file://relative/path": "names no folder (file:///path/to/folder)",
    "file:///": "names no folder (file:///path/to/folder)",
    "file:///no/such/folder": "names no folder that is here",
    "s3://": "names no bucket (s3://bucket/path)",
    "s3:///path": "names no bucket (s3://bucket/path)",
    "s3://key:secret@bucket": "takes a bucket and a path alone: credentials have variables of their own",
    "s3://bucket?region=x": "takes a bucket and a path alone: credentials have variables of their own",
    "az://container/path": "cannot be opened: Account must be specified",
}


@pytest.mark.parametrize("url", sorted(WRONG))
def test_a_wrong_address_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AZURE_STORAGE_ACCOUNT_NAME", raising=False)
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - compared below
        blob_url.checked(url)
    assert str(refused.value) == WRONG[url]


async def test_web_and_worker_end_with_78_where_it_is_wrong(processes: Processes) -> None:
    started = [await start(ready=False, BLOB_URL="s3:///path") for start in (processes.web, processes.worker)]
    for process in started:
        await process.line("BLOB_URL: names no bucket")
        assert await process.exit() == 78


def test_without_a_store_obstore_is_not_loaded(processes: Processes) -> None:
    code = "import sys, src.actors, {}; assert 'sooner.blobs' in sys.modules; assert 'obstore' not in sys.modules"
    for name, module in (("web", "src.api"), ("worker", "sooner.worker.worker_process")):
        settings: Any = processes.settings(name)
        done = subprocess.run(
            [sys.executable, "-c", code.format(module)],
            env=environment(settings),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
