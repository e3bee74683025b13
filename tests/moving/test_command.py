"""`python -m sooner shards move`, as an operator uses it."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

import asyncpg

from tests.moving.owned import fill, owned
from tests.moving.test_mover import Urls, placed
from tests.support import ROOT
from tests.support.environment import environment
from tests.support.rows import until
from tests.support.shards import several

if TYPE_CHECKING:
    from tests.moving.conftest import Place


async def begin(urls: Urls, *words: str) -> asyncio.subprocess.Process:
    """Starts `python -m sooner shards move …`."""
    settings = environment({"DATABASE_URLS": several(urls), "HOME_SHARD": "home"})
    command = (sys.executable, "-m", "sooner", "shards", "move", *words)
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*command, cwd=ROOT, env=settings, stdout=pipe, stderr=pipe)


async def run(urls: Urls, *words: str) -> tuple[int | None, str, str]:
    process = await begin(urls, *words)
    output, errors = await process.communicate()
    return process.returncode, output.decode(), errors.decode()


async def test_it_says_each_step_and_what_is_wrong_in_a_sentence(urls: Urls, place: Place) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    code, output, errors = await run(urls, "acme", "b")
    assert (code, errors) == (0, "")
    assert "acme is in b; it was frozen for" in output
    assert await owned(urls["b"], "acme") == before
    code, _, errors = await run(urls, "nobody", "b")
    assert code == 1
    assert errors.startswith("The directory has no tenant nobody")


async def test_a_signal_lets_the_tenant_work_on_and_the_same_command_goes_on(
    urls: Urls, place: Place
) -> None:
    await fill(urls["a"], "acme")
    await place("acme", "a")
    before = await owned(urls["a"], "acme")
    a, home = await asyncpg.connect(urls["a"]), await asyncpg.connect(urls["home"])
    # The mover waits for this transaction, with the tenant frozen.
    await a.execute("begin; select 1")
    process = await begin(urls, "acme", "b")
    await until(home, "select is_frozen from sooner_directory.tenant where tenant = 'acme'")
    process.send_signal(signal.SIGTERM)
    _, errors = await process.communicate()
    await a.execute("rollback")
    assert process.returncode == 130
    assert "`python -m sooner shards move acme a` takes the move back" in errors.decode()
    assert await placed(urls, "acme") == ("a", None, False, None, "arriving")
    await a.close()
    await home.close()
    code, output, errors_then = await run(urls, "acme", "a")
    assert (code, errors_then) == (0, "")
    assert "acme works on in a, and nothing of it is in b" in output
    assert await owned(urls["a"], "acme") == before
    assert await placed(urls, "acme") == ("a", None, False, None, None)
