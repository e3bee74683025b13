"""What a process writes is one JSON object a line, and holds no signature of an address."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sooner.local.ports import free_port

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes, Web

UNCAUGHT = """
import threading, warnings
from sooner.process import logs
logs.configure("web", format="json", level="info")
warnings.warn("old")
thread = threading.Thread(target=lambda: 1 / 0, name="mine")
thread.start()
thread.join()
raise ValueError("at last")
"""


def test_warnings_and_what_nobody_caught_are_lines_too() -> None:
    done = subprocess.run([sys.executable, "-c", UNCAUGHT], capture_output=True, text=True, check=False)
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert [
        (line["level"], line.get("exception", line["event"]).splitlines()[-1][:20]) for line in lines[1:]
    ] == [
        ("error", "ZeroDivisionError: d"),
        ("critical", "ValueError: at last"),
    ]
    assert (lines[0]["level"], "UserWarning: old" in lines[0]["event"]) == ("warning", True)
    assert done.returncode == 1


ODD = """
import atexit, io, logging, subprocess, sys, threading
import structlog
from sooner.process import logs
from sooner.process.logs import redact
logs.configure("worker", format="json", level="info")
redact.hidden.add(["hunter2-secret"])
class Odd:
    def __str__(self):
        raise ValueError("hunter2-secret")
    __repr__ = __str__
log = logging.getLogger("odd")
log.info("%d of %s", "hunter2-secret")
log.info(Odd())
log.info("shows %s", Odd())
structlog.get_logger("odd").info("told", odd=Odd())
structlog.get_logger("odd").info("keys", many={(1, 2): 3})
try:
    raise ValueError("x" * 20_000 + "hunter2-secret" + "y" * 14_995)
except ValueError:
    log.exception("long")
print("hunter2-secret", "on stderr", file=sys.stderr)
logging.getLogger("theirs").addHandler(logging.StreamHandler())
logging.getLogger("theirs").warning("%d", "hunter2-secret")
logging.getLogger().addHandler(logging.StreamHandler())
log.info("twice")
logging.getLogger().handlers.pop()
sys.stdout.buffer.write(b"bytes \\xff\\n")
sys.stdout.buffer.write(b"caf\\xc3"), sys.stdout.buffer.write(b"\\xa9\\n")
print("10 %", end="\\r"), print("20 %", end="\\r"), print("30 %", end="\\r\\n")
try:
    sys.stdout.write(b"no text")
except TypeError as error:
    print(error)
subprocess.run(["true"], stdout=sys.stdout, stderr=sys.stderr, check=True)
print(sys.stdout.encoding, sys.stdout.isatty(), sys.stderr.fileno(), sys.stdout.reconfigure(errors="replace"))
threading.Thread(target=lambda: print("a thread's", end=" end")).start()
atexit.register(lambda: sys.stdout.buffer.write(b"last \\xe2\\x80"))
"""


def test_whatever_is_said_in_whichever_way_is_a_line_without_secrets() -> None:
    done = subprocess.run([sys.executable, "-c", ODD], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    # Not the half at which an exception is cut, either.
    assert "hunter2" not in done.stderr
    assert "2-secret" not in done.stderr
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    said = [line["event"] for line in lines if line["logger"] != "stderr"]
    assert said.pop(5) == "long"
    assert said[:6] == [
        "%d of %s ('•••',)",
        "a Odd that cannot be shown",
        "shows %s a tuple that cannot be shown",
        "told",
        "keys",
        "%d ('•••',)",
    ]
    assert (lines[3]["odd"], lines[4]["many"]) == ("a Odd that cannot be shown", {"(1, 2)": 3})
    on_stderr = [line["event"] for line in lines if line["logger"] == "stderr"]
    assert (on_stderr[0], on_stderr[-1]) == ("••• on stderr", "twice")
    # Of a team's own handler the report is lines, too.
    assert "--- Logging error ---" in on_stderr
    assert said[6:] == [
        "twice",
        "bytes \\xff",
        "café",
        "30 %",
        "write() argument must be str, not bytes",
        "utf-8 False 2 None",
        "a thread's end",
        "last \\xe2\\x80",
    ]


PRINTED = """
import os, sys
from sooner.process import logs
from sooner.process.logs import redact
logs.configure("worker", format="text", level="info")
redact.hidden.add(["hunter2-secret"])
print("out", "hunter2-secret")
print("err", "hunter2-secret", file=sys.stderr)
redact.hidden.add(["of\\ntwo"])
print("key", "of\\ntwo")
sys.stdout.write("hunter2-"), sys.stdout.write("secret\\nhunter"), print("2-secret", end="\\r")
print("shown at once", end="", flush=True)
os.write(1, b" | ")
sys.stdout.buffer.write(b"last hunter2-"), sys.stdout.write("secret")
"""


def test_what_is_printed_where_lines_are_no_json_holds_no_secret_either() -> None:
    done = subprocess.run([sys.executable, "-c", PRINTED], capture_output=True, check=False)
    out = "out •••\nkey •••\n•••\n•••\rshown at once | last •••"
    assert (done.returncode, done.stdout.decode(), done.stderr.decode()) == (0, out, "err •••\n")


async def test_a_bare_server_writes_no_signature_and_json_alone(
    processes: Processes, connect: Connect, api_key: MakeKey, settings: dict[str, dict[str, str | None]]
) -> None:
    port = free_port()
    server = await processes.command(
        f"exec uvicorn src.api:app --port {port}", **processes.settings("web"), LOG_FORMAT="json"
    )
    await server.line("Uvicorn running on")
    client: httpx.AsyncClient = await _client(connect, api_key, port)
    job = (await client.post("/jobs/echo", json={}, headers={"Prefer": "respond-async"})).json()
    assert (await client.get(job["urls"]["self"], headers={"Authorization": ""})).status_code == 200
    assert await server.terminate() in {0, -15}
    assert [line for line in server.lines if "access=" in line] == []
    # uvicorn writes nothing before it loads the application; what it writes after is ours to shape.
    assert [line for line in server.lines if not line.startswith("{")] == []


@pytest.mark.parametrize(
    ("command", "process"),
    [
        ("uvicorn src.api:app --port 1", "web"),
        ("dramatiq src.actors --skip-logging", "worker"),
    ],
)
async def test_a_module_that_cannot_be_loaded_is_a_line(
    processes: Processes, tmp_path: Path, command: str, process: str
) -> None:
    (tmp_path / "broken_team").mkdir()
    (tmp_path / "broken_team" / "__init__.py").touch()
    (tmp_path / "broken_team" / "sums.py").write_text("1 / 0\n")
    settings = {**processes.settings(process), "ACTORS": "broken_team", "PYTHONPATH": str(tmp_path)}

    started = await processes.command(f"exec {command}", **settings)
    line = json.loads((await started.line("a module cannot be loaded")).string)
    assert await started.exit() != 0

    assert (line["process"], line["level"]) == (process, "critical")
    assert line["exception"].endswith("ZeroDivisionError: division by zero")
    assert not [line for line in started.lines if line.startswith(("Traceback", " "))]


@pytest.mark.parametrize("count", ["1", "2"])
async def test_a_web_of_the_procfile_writes_json_alone(processes: Processes, count: str) -> None:
    web = await processes.web(WEB_CONCURRENCY=count)
    await web.times("Application startup complete", int(count))
    assert await web.terminate() in {0, -15}

    assert [line for line in web.lines if not line.startswith("{")] == []


async def _client(connect: Connect, api_key: MakeKey, port: int) -> httpx.AsyncClient:
    class Where:
        url = f"http://127.0.0.1:{port}"

    where: Web = Where()  # type: ignore[assignment]
    return connect(where, await api_key())
