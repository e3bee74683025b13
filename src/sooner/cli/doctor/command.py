"""`python -m src.doctor`: a line a check, exit 0 where all is well, else 1."""

import asyncio
import sys

import asyncpg

from sooner.cli.doctor.checks import CHECKS, CheckFailed, Deployment
from sooner.db import hosts, transient
from sooner.db.link import options
from sooner.process.settings import load
from sooner.process.settings.common import CommonSettings


class DoctorSettings(CommonSettings):
    """Settings of `python -m src.doctor`."""

    listen: bool = True


async def examine(settings: DoctorSettings) -> int:
    """Run the checks; the result is the exit code."""
    try:
        one, two = [
            await hosts.connect(**options(settings.database_url, "doctor", direct=False)) for _ in range(2)
        ]
    except Exception as error:  # noqa: BLE001 - any error here is the finding
        return say(
            "database", wrong=f"cannot be reached: {_words(error)}: see DATABASE_URL, and whether it runs"
        )
    deployment = Deployment(one, two, settings.listen)
    try:
        code = 0
        for name in CHECKS:
            wrong = await run(name, deployment)
            if wrong and name == "schema":
                return wrong
            code = max(code, wrong)
        return code
    finally:
        for connection in (one, two):
            connection.terminate()


async def run(name: str, deployment: Deployment) -> int:
    """Run one check; the result is 0 where it found no fault."""
    try:
        return say(name, well=await CHECKS[name](deployment))
    except CheckFailed as error:
        return say(name, wrong=str(error))
    except Exception as error:  # noqa: BLE001 - a check that cannot run is a finding, and the next check still runs
        return say(name, wrong=_found(error))


def _found(error: Exception) -> str:
    """The fault that kept a check from running, and its remedy."""
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return f"{_words(error)}: run ops/postgres/roles.sql as the schema's owner, or the doctor with the owner's address"
    if isinstance(error, asyncpg.SyntaxOrAccessError):
        return f"{_words(error)}: the schema is not what its revision says; restore it, or begin anew in an empty database"
    if transient(error):
        return f"the database went away: {_words(error)}: ask again when it is back"
    return f"the check failed, please report it: {type(error).__name__}: {_words(error)}"


def _words(error: Exception) -> str:
    # PostgreSQL's hints stand on lines of their own.
    return " ".join(str(error).split()) or type(error).__name__


def say(name: str, *, well: str | None = None, wrong: str | None = None) -> int:
    """Print a check's line; the result is its part of the exit code."""
    print(f"{'ok' if wrong is None else 'WRONG':6}{name}: {well if wrong is None else wrong}")
    return int(wrong is not None)


def main() -> None:
    """Run the command line. Raises SystemExit with its exit code."""
    sys.exit(asyncio.run(examine(load(DoctorSettings))))
