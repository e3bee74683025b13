"""`./ops/rehearse`: deploys this checkout several times on one machine, as a platform does, under load.

PostgreSQL answers over TLS alone, at a `postgres://` address. Each deploy runs the Procfile's release line, starts new web, worker and
scheduler beside the old ones, routes to the new web, and sends SIGTERM to each old one, SIGKILL 30 s later. Exits 1 where a request
failed, a job was lost, a tick came twice or not at all, or a process had to be killed.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg

from ops.rehearsal.platform import Platform
from ops.rehearsal.release import DeployError
from ops.rehearsal.tls import encrypted
from ops.rehearsal.traffic import Traffic
from sooner.local.console import say
from sooner.local.postgres import temporary_cluster

if TYPE_CHECKING:
    from collections.abc import Sequence

RATE = 200.0
DEPLOYS = 3
#: So long before a full minute a deploy begins, so that its schedulers change over while a tick is due.
BEFORE_MINUTE_SECONDS = 7.0
#: So long after a full minute its tick is fired at the latest, two leases included.
TICK_SECONDS = 35.0
TICKS = """
select count(*)::int as ticks, count(distinct job)::int as jobs
from sooner.tick where schedule = 'every_minute' and tick >= to_timestamp($1)
"""


@dataclass(frozen=True)
class Outcome:
    """What came of a rehearsal."""

    sent: int
    failed: int
    answers: str
    accepted: int
    done: int
    minutes: int
    ticks: int
    jobs_of_ticks: int
    killed: Sequence[str]
    slowest: float

    @property
    def is_good(self) -> bool:
        """Whether nothing was lost, repeated or killed."""
        is_complete = self.failed == 0 and self.accepted == self.done
        return is_complete and 0 < self.minutes == self.ticks == self.jobs_of_ticks and not self.killed

    def __str__(self) -> str:
        return (
            f"{self.sent} requests, {self.failed} failed ({self.answers}), the slowest took {self.slowest:.1f} s; {self.accepted} jobs accepted, "
            f"{self.accepted - self.done} of them not done; {self.minutes} full minutes, {self.ticks} ticks, "
            f"{self.jobs_of_ticks} jobs of theirs; killed: {', '.join(self.killed) or 'none'}"
        )


async def rehearse(roots: Sequence[Path], *, rate: float = RATE) -> Outcome:
    """Deploy each tree of files in turn, the first without load. Raises DeployError."""
    with temporary_cluster() as cluster:
        cluster.create("sooner")
        async with encrypted(cluster.url("sooner")) as url:
            platform = Platform(url)
            try:
                async with platform.router.listening():
                    await platform.deploy(roots[0])
                    key = await _key(platform, roots[0])
                    began = time.time()
                    async with Traffic(platform.router.url, key, rate) as traffic:
                        for number, root in enumerate(roots[1:]):
                            if number == 1:
                                await _before_a_minute()
                            await platform.deploy(root)
                    done = await traffic.done(cluster.url("sooner"))
                ended = time.time()
                ticks = await _ticks(cluster.url("sooner"), began, minutes := int(ended // 60 - began // 60))
            finally:
                await platform.stop()
    return Outcome(
        sent=traffic.answers.total(),
        failed=traffic.failed,
        answers=", ".join(f"{count} {answer}" for answer, count in traffic.answers.most_common()),
        accepted=len(traffic.accepted),
        done=done,
        minutes=minutes,
        ticks=ticks["ticks"],
        jobs_of_ticks=ticks["jobs"],
        killed=platform.killed,
        slowest=traffic.slowest,
    )


async def _before_a_minute() -> None:
    await asyncio.sleep(60 - (time.time() + BEFORE_MINUTE_SECONDS) % 60)


async def _ticks(database_url: str, began: float, minutes: int) -> asyncpg.Record:
    """The ticks since then, as soon as there are as many as minutes, and no later than a tick may be."""
    connection = await asyncpg.connect(database_url)
    until = time.time() + TICK_SECONDS
    [ticks] = await connection.fetch(TICKS, began)
    while ticks["ticks"] < minutes and time.time() < until:
        await asyncio.sleep(0.5)
        [ticks] = await connection.fetch(TICKS, began)
    await connection.close()
    return ticks


async def _key(platform: Platform, root: Path) -> str:
    """An API key of the service."""
    made = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "src.keys", "create", "--tenant", "rehearsal",
        cwd=root, env=platform.environments["release"], stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    output, _ = await made.communicate()
    if made.returncode:
        raise DeployError("no key could be made")
    return output.decode().split()[-1]


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="ops/rehearse", description=__doc__.splitlines()[0])
    parser.add_argument("--deploys", type=int, default=DEPLOYS, help="how often it is deployed under load")
    parser.add_argument("--rate", type=float, default=RATE, help="requests a second")
    arguments = parser.parse_args()
    try:
        outcome = asyncio.run(rehearse([Path.cwd()] * (arguments.deploys + 1), rate=arguments.rate))
    except DeployError as error:
        sys.exit(str(error))
    say(str(outcome), name="rehearse")
    sys.exit(0 if outcome.is_good else 1)


if __name__ == "__main__":
    main()
