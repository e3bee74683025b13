"""What a test with the fixture `sooner` takes, from setup to teardown, with a job in it."""

import asyncio
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

TESTS = 100
MODULE = f"""
import pytest
from sooner import job

@job
async def greet(name: str) -> str:
    return name

@pytest.mark.parametrize("number", range({TESTS}))
async def test_it(sooner, number):
    assert (await sooner.run(greet, name="Ada"))["result"] == "Ada"
"""
OPTIONS = (
    "-q",
    "-vv",
    "-p",
    "sooner.testing",
    "-p",
    "no:cacheprovider",
    "-o",
    "asyncio_mode=auto",
    "--durations=0",
)
PART = re.compile(r"^([\d.]+)s (?:setup|call|teardown)", re.MULTILINE)


async def measure(row: Any) -> None:
    """Milliseconds a test, without the session's first, which makes server and schema."""
    with tempfile.TemporaryDirectory() as folder:
        await asyncio.to_thread((Path(folder) / "test_many.py").write_text, MODULE)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "pytest",
            *OPTIONS,
            folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        output, _ = await process.communicate()
    parts = sorted(map(float, PART.findall(output.decode())))
    milliseconds = 1000 * sum(parts[:-1]) / (TESTS - 1)
    row("a test with a job, sooner.testing", 1000 / milliseconds, note=f"{milliseconds:.0f} ms each")
