"""The HTTP interface from a terminal, as a person and as a program use it."""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import os
import pty
import re
import signal
import sys
import threading
from typing import TYPE_CHECKING

import httpx
import pytest

from sooner.cli import live_output
from sooner.cli.jobs import Unusable, _print_items, params
from sooner.cli.live_output import LiveOutput
from sooner.cli.main import main
from sooner.cli.progress_bar import ProgressBar, line
from sooner.client import Client
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.jobs import fetch
from tests.support.processes import PATIENCE
from tests.support.shards import several

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.conftest import MakeKey, Service
    from tests.support.processes import Processes
    from tests.support.shards import Shards

    Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
async def sooner(service: Service, api_key: MakeKey) -> Command:
    """Runs `python -m sooner …`: exit code, standard output, standard error."""
    settings = {"SOONER_URL": service.web.url, "SOONER_KEY": await api_key("ops", scopes=["jobs"])}

    async def run(*words: str, stdin: str = "", **more: str | None) -> tuple[int, str, str]:
        command = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sooner", *words,
            cwd=ROOT, env=environment({**settings, **more}),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        output, errors = await command.communicate(stdin.encode())
        return command.returncode or 0, output.decode(), errors.decode()

    return run


async def test_a_job_is_submitted_followed_and_its_result_printed(sooner: Command, tmp_path: Path) -> None:
    (tmp_path / "text").write_text("from a file")
    code, output, errors = await sooner(
        "submit", "echo", "n=1", "name=Ada", 'list=["x"]', f"text=@{tmp_path / 'text'}"
    )

    assert (code, errors) == (0, "")
    assert json.loads(output) == {"n": 1, "name": "Ada", "list": ["x"], "text": "from a file"}
    assert json.loads((await sooner("submit", "echo", "-", stdin='{"whole": true}'))[1]) == {"whole": True}

    code, output, errors = await sooner("submit", "fail", "message=broken")
    assert (code, output) == (1, "")
    assert errors.startswith("error: broken")


#: Erase the screen, by an escape sequence and by the control characters of 8 bits.
ERASE = "\x1b[2J\x9b2J\x07\x7f"


async def test_what_a_job_says_controls_no_terminal(
    sooner: Command, capsys: pytest.CaptureFixture[str]
) -> None:
    said = json.dumps(f"a\u3000b\n\tc{ERASE}")
    code, output, errors = await sooner("submit", "fail", f"message={said}")
    assert (code, output) == (1, "")
    assert "a\u3000b\n\tc[2J2J" in errors
    for more in ((), ("--json",)):
        code, output, errors = await sooner("submit", "echo", f"word={said}", *more)
        shown = json.loads(output)
        assert (code, errors) == (0, "")
        assert (shown["result"] if more else shown) == {"word": f"a\u3000b\n\tc{ERASE}"}
        assert not set(ERASE) & set(output) - set("[2J")
    assert not set(ERASE) & set(live_output.shown([ERASE])) - set("[2J")

    capsys.readouterr()
    for as_json in (True, False):
        _print_items(
            [{"message": f"é{ERASE}\udc9b"}],
            lambda line: f"shop: {line['message']}",
            argparse.Namespace(json=as_json),
        )
    assert capsys.readouterr().out.splitlines() == [
        r'{"items": [{"message": "é\u001b[2J\u009b2J\u0007\u007f\udc9b"}]}',
        "shop: é[2J2J",
    ]


async def test_without_a_wait_it_says_how_to_go_on(sooner: Command) -> None:
    code, output, errors = await sooner("submit", "sleep", "seconds=0.5", "steps=1", "--wait", "0")
    id = errors.split()[-1]
    assert (code, output, errors) == (0, "", f"waiting: python -m sooner watch {id}\n")

    code, output, _ = await sooner("watch", id, "--json")
    assert (code, json.loads(output)["result"]) == (0, {"slept": 0.5})

    code, output, _ = await sooner("list", "--actor", "sleep")
    assert (code, output.split()[:2]) == (0, [id, "done"])
    code, output, _ = await sooner("list", "--json", "--state", "error")
    assert (code, json.loads(output)) == (0, {"items": []})


async def test_a_list_says_which_shards_it_lacks(
    sooner: Command, processes: Processes, shards: Shards
) -> None:
    operator = await shards.key("ops", "a", scopes=("jobs", "admin"))
    await fetch(shards.urls["a"], "select sooner.submit('echo', '{}')")
    urls = {**shards.urls, "b": "postgresql://127.0.0.1:1/nowhere", "c": "postgresql://127.0.0.1:1/nowhere"}
    web = await processes.web(DATABASE_URL=None, DATABASE_URLS=several(urls))
    settings = {"SOONER_URL": web.url, "SOONER_KEY": operator}

    code, output, errors = await sooner("list", "--limit", "1", **settings)
    assert (code, len(output.splitlines())) == (0, 1)
    assert errors == "jobs of these shards are missing, as they do not answer: b, c\n"
    code, output, errors = await sooner("list", "--json", **settings)
    assert (code, json.loads(output)["missing"], len(errors.splitlines())) == (0, ["b", "c"], 1)


async def test_cancel_and_retry(sooner: Command) -> None:
    later = json.loads((await sooner("submit", "echo", "--delay", "3600", "--wait", "0", "--json"))[1])
    assert await sooner("cancel", later["id"]) == (0, "cancelled\n", "")
    code, _, errors = await sooner("watch", later["id"])
    assert (code, errors) == (1, "cancelled: The job was cancelled\n")
    code, _, errors = await sooner("cancel", later["id"])
    assert code == 2
    assert "final" in errors

    failed = json.loads((await sooner("submit", "fail", "message=no", "times=1", "--json"))[1])
    assert failed["state"] == "error"
    assert (await sooner("retry", failed["id"]))[0] == 0
    assert (await sooner("watch", failed["id"]))[0] == 0


SPEAKERS = "tests.support.speakers"
REFUSALS: list[tuple[tuple[str, ...], dict[str, str | None], str]] = [
    (("submit", "nothing"), {}, "There is no actor"),
    (("submit", "nothing"), {}, "There are: burn, crash, echo"),
    (("submit", "sleep", "seconds=x"), {}, "seconds: Input"),
    (("submit", "echo", "oops"), {}, "oops: write NAME=VALUE"),
    (("submit", "echo", "@/none"), {}, "/none cannot be read"),
    (("watch", "00000000-0000-7000-8000-000000000000"), {}, ""),
    (("list",), {"SOONER_KEY": None}, "SOONER_KEY: missing"),
    (("list",), {"SOONER_KEY": "sk_wrong"}, "unknown"),
    (("list",), {"SOONER_KEY": "ключ"}, "SOONER_KEY: no key"),
    (("list",), {"SOONER_URL": "localhost:8000"}, "SOONER_URL: localhost:8000 is no address such as"),
    (("list",), {"SOONER_URL": "http://[::1"}, "SOONER_URL: http://[::1 is no address such as"),
    (("submit", "echo", "--idempotency-key", "ключ"), {}, "visible ASCII"),
    (("submit", "echo", f"deep={'[' * 100_000}"), {}, "more levels"),
    (("submit", "a/b"), {}, "There is nothing here. There are: burn"),
]


async def test_what_is_refused_is_said_in_a_line(sooner: Command) -> None:
    found = await asyncio.gather(*(sooner(*words, **more) for words, more, _ in REFUSALS))

    for (words, _, said), (code, output, errors) in zip(REFUSALS, found, strict=True):
        assert (code, output) == (2, ""), words
        assert said in errors
        assert len(errors.splitlines()) == 1, errors


async def test_on_a_terminal_progress_is_a_bar_and_ctrl_c_leaves_the_job(
    service: Service, api_key: MakeKey
) -> None:
    ours, theirs = pty.openpty()
    settings = {"SOONER_URL": service.web.url, "SOONER_KEY": await api_key()}
    # A suite that is started in the background ignores interrupts, and so would the command.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    command = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "sooner", "submit", "sleep", "seconds=20", "steps=10",
        cwd=ROOT, env=environment(settings), stdout=asyncio.subprocess.PIPE, stderr=theirs,
    )  # fmt: skip
    signal.signal(signal.SIGINT, before)
    os.close(theirs)
    shown = ""
    async with asyncio.timeout(30):
        while "━" not in shown:
            shown += (await asyncio.to_thread(os.read, ours, 4096)).decode(errors="replace")
    command.send_signal(signal.SIGINT)

    assert await command.wait() == 130
    shown += os.read(ours, 4096).decode(errors="replace")
    assert "the job goes on: python -m sooner watch " in shown
    [job] = (await service.client.get("/jobs")).json()["items"] or [{}]
    assert job.get("state", "processing") == "processing"
    os.close(ours)


async def test_on_a_terminal_output_is_shown_as_it_comes_and_a_result_of_it_once(
    processes: Processes, api_key: MakeKey
) -> None:
    web = await processes.web(module=SPEAKERS)
    await processes.worker(module=SPEAKERS, MAX_OUTPUT_BYTES="100")
    settings = {"SOONER_URL": web.url, "SOONER_KEY": await api_key()}

    async def shown(*words: str) -> str:
        ours, theirs = pty.openpty()
        command = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "sooner", *words,
            cwd=ROOT, env=environment(settings), stdout=theirs, stderr=theirs,
        )  # fmt: skip
        assert await command.wait() == 0
        os.close(theirs)
        text = os.read(ours, 65536).decode()
        os.close(ours)
        return re.sub(r"[^\n]*\r\x1b\[K", "", text.replace("\r\n", "\n"))

    assert (await shown("submit", "say", "text=Hello", "pause=0.1")).split("\n")[-2:] == ["Hello", ""]
    assert (await shown("submit", "tell", 'words=["a\\u001b[2J", 1]')).endswith("a[2J1\n2\n")
    assert "(tried again)" in await shown("submit", "stutter", "times=1")
    long = await shown("submit", "tell", json_words("x" * 80, "y" * 80))
    assert long == f"{'x' * 80}\n(further output was dropped)\n"


def json_words(*words: str) -> str:
    return f"words={json.dumps(words)}"


def test_after_ctrl_c_the_output_ends_without_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, is_closed = threading.Event(), threading.Event()
    tracebacks: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", tracebacks.append)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.set()
        is_closed.wait(PATIENCE)
        return httpx.Response(200, json={"items": ["late"], "next": 1, "complete": False})

    def stop() -> None:
        with client, output:
            asked.wait(PATIENCE)
            raise KeyboardInterrupt

    terminal = Terminal()
    client = Client("http://localhost", "key", transport=httpx.MockTransport(answer))
    output = LiveOutput(client, "id", ProgressBar(terminal), terminal)
    with pytest.raises(KeyboardInterrupt):
        stop()
    is_closed.set()
    output._thread.join(PATIENCE)

    assert (tracebacks, terminal.getvalue()) == ([], "")


class Terminal(io.StringIO):
    """A text that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_line_of_progress_fits_any_document() -> None:
    job = {"actor": "a", "state": "processing", "progress": {"fraction": 0.5, "message": "half\x1b[2J"}}
    assert line(job) == f"a: {'━' * 15}{'┄' * 15}  50% half[2J"
    assert line({"actor": "a", "state": "waiting", "progress": None}) == "a: waiting"
    lines = {"actor": "a", "state": "processing", "progress": {"message": "page 1\n\tof 2"}}
    assert line(lines) == "a: processing page 1 of 2"


@pytest.mark.parametrize(
    "words",
    [
        *(("submit", "echo", "--wait", wrong) for wrong in ("-1", "nan", "inf", "1e300", "soon")),
        ("submit", "echo", "--delay", "nan"),
        *(("list", "--limit", wrong) for wrong in ("0", "-1", "x", "9" * 30)),
    ],
)
def test_a_number_that_none_can_follow_is_refused(
    words: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["sooner", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert f"argument {words[-2]}: {words[-1]!r} is no number of" in capsys.readouterr().err


def test_a_value_that_is_no_json_is_a_text() -> None:
    assert params(["a=NaN", "b=-Infinity", "c=1"], lambda: "") == {"a": "NaN", "b": "-Infinity", "c": 1}
    with pytest.raises(Unusable, match="- is no JSON: NaN"):
        params(["-"], lambda: '{"a": NaN}')


async def test_a_wait_is_as_long_as_asked_for_whatever_the_service_holds(
    processes: Processes, sooner: Command
) -> None:
    web = await processes.web(SYNC_WAIT_SECONDS="0", SYNC_WAIT_MAX_SECONDS="0.2", DIAGNOSTICS="1")
    await processes.worker(DIAGNOSTICS="1")

    async def waited(seconds: str, wait: str) -> tuple[int, str, str]:
        return await sooner(
            "submit", "sleep", f"seconds={seconds}", "steps=1", "--wait", wait, SOONER_URL=web.url
        )

    code, output, _ = await waited("1", "30")
    assert (code, json.loads(output)) == (0, {"slept": 1})
    code, output, errors = await waited("3600", "1")
    assert (code, output) == (0, "")
    assert "processing: python -m sooner watch" in errors


async def test_a_reader_that_has_enough_ends_the_command(service: Service, api_key: MakeKey) -> None:
    settings = {"SOONER_URL": service.web.url, "SOONER_KEY": await api_key("ops", scopes=["jobs"])}
    line = f"{sys.executable} -m sooner submit echo text=x | exit; echo ${{PIPESTATUS[0]}}"
    shell = await asyncio.create_subprocess_exec(
        "bash", "-c", line, cwd=ROOT, env=environment(settings),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert await shell.communicate() == (b"0\n", b"")


def test_what_is_not_this_service_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        httpx.Client,
        "request",
        lambda *_, **more: httpx.Response(200, html="<p>", request=httpx.Request("GET", "http://x")),
    )
    monkeypatch.setenv("SOONER_KEY", "key")
    monkeypatch.setattr(sys, "argv", ["sooner", "list"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "not this service" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["-"], ["@"]])
def test_a_whole_object_has_to_be_one(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "list").write_text("[1]")
    with pytest.raises(Unusable, match="no JSON object"):
        params([f"@{tmp_path / 'list'}"] if words == ["@"] else words, lambda: "[1]")
    with pytest.raises(Unusable, match="is no JSON"):
        params(["-"], lambda: "{")
