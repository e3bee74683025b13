"""Children: bounded, and gone when their block ends."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sooner.process.child import (
    Bounds,
    Child,
    OutputTooLarge,
    run,
)
from sooner.process.child.bounds import MIB
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.gone import alive, until_gone

ENV = {"PATH": os.environ["PATH"], "SAID": "yes"}


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


async def outcome(code: str, **bounds: int) -> tuple[int, bytes, str]:
    return await run(python(code), env=ENV, cwd=Path("/"), bounds=Bounds(**bounds))


async def test_what_it_says_and_how_it_ends() -> None:
    code, output, errors = await outcome("import sys; print('a'); print('b'); sys.exit('why')")
    assert (code, output, errors) == (1, b"a\nb\n", "why\n")


async def test_it_sees_its_own_environment_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRETS_PRIVATE_KEY", "canary")
    _, output, _ = await outcome("import os; print(sorted(os.environ))")
    assert b"SAID" in output
    assert b"SECRETS_PRIVATE_KEY" not in output


async def test_the_end_of_much_standard_error_is_kept() -> None:
    code, _, errors = await outcome("import sys; sys.stderr.write('x' * 1_000_000 + 'end')")
    assert code == 0
    assert errors.endswith("xend")
    assert len(errors) < 10_000


async def test_memory_is_bounded() -> None:
    code, _, errors = await outcome("b'a' * 500_000_000", memory_bytes=200 * MIB)
    assert code == 1
    assert "MemoryError" in errors


async def test_processor_time_is_bounded() -> None:
    code, _, _ = await outcome("while True: pass", cpu_seconds=1)
    assert code in {-signal.SIGXCPU, -signal.SIGKILL}


async def test_files_are_bounded(tmp_path: Path) -> None:
    command = ["dd", "if=/dev/zero", f"of={tmp_path / 'big'}", "bs=1M", "count=3"]
    code, _, _ = await run(command, env=ENV, cwd=tmp_path, bounds=Bounds(file_bytes=MIB))
    assert code == -signal.SIGXFSZ
    assert (tmp_path / "big").stat().st_size == MIB


@pytest.mark.parametrize("end", ["", "\\n"])
async def test_output_is_bounded_in_one_line_or_many(end: str) -> None:
    with pytest.raises(OutputTooLarge):
        await outcome(f"while True: print('x' * 1000, end='{end}')", output_bytes=100_000)


async def test_output_that_nobody_reads_keeps_no_end_waiting() -> None:
    async with asyncio.timeout(20):
        with pytest.raises(OutputTooLarge):
            await outcome("print('x' * 400 + '\\n' + 'x' * 400 + '\\n' + 'x' * 50_000)", output_bytes=500)


FAMILY = """\
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print(child.pid, flush=True)
"""


@pytest.mark.parametrize("tail", ["time.sleep(600)", ""], ids=["it runs", "it has ended"])
async def test_nothing_it_started_outlives_its_block(tail: str) -> None:
    async with Child.start(python(FAMILY + tail), env=ENV, cwd=Path("/"), bounds=Bounds()) as child:
        grandchild = int(await anext(child.lines()))
        assert alive(grandchild)
    await until_gone(grandchild)


async def test_a_cancelled_task_takes_its_child_along() -> None:
    said: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        async with Child.start(python(FAMILY), env=ENV, cwd=Path("/"), bounds=Bounds()) as child:
            said.set_result(int(await anext(child.lines())))
            await asyncio.sleep(600)

    task = asyncio.create_task(work())
    grandchild = await said
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until_gone(grandchild)


PARENT = """\
import asyncio, pathlib, sys
from sooner.process.child import Bounds, Child

async def main():
    sleep = [sys.executable, "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)"]
    async with Child.start(sleep, env={}, cwd=pathlib.Path("/"), bounds=Bounds()) as child:
        async for line in child.lines():
            sys.stdout.buffer.write(line)
            sys.stdout.flush()

asyncio.run(main())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
async def test_a_parent_that_is_killed_takes_its_child_along() -> None:
    parent = await asyncio.create_subprocess_exec(
        *python(PARENT), cwd=ROOT, env=environment({}), stdout=subprocess.PIPE
    )
    assert parent.stdout is not None
    child = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await until_gone(child)
