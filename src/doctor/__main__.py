"""`python -m src.doctor`: a line a check, exit 0 where all is well, else 1."""

import asyncio
import sys

import asyncpg

from src.db import transient
from src.db.link import options
from src.doctor.checks import CHECKS, Ill, Patient
from src.settings import load
from src.settings.common import CommonSettings


class DoctorSettings(CommonSettings):
    """Settings of `python -m src.doctor`."""

    listen: bool = True


async def examine(settings: DoctorSettings) -> int:
    """Run the checks: the exit code."""
    try:
        one, two = [
            await asyncpg.connect(settings.database_url, **options("doctor", direct=False)) for _ in range(2)
        ]
    except (asyncpg.PostgresError, OSError, TimeoutError) as error:
        return say("database", wrong=f"cannot be reached: {str(error) or type(error).__name__}")
    patient = Patient(one, two, settings.listen)
    try:
        code = 0
        for name in CHECKS:
            wrong = await run(name, patient)
            if wrong and name == "schema":
                return wrong
            code = max(code, wrong)
        return code
    finally:
        for connection in (one, two):
            connection.terminate()


async def run(name: str, patient: Patient) -> int:
    """One check: 0 where it found nothing wrong."""
    try:
        return say(name, well=await CHECKS[name](patient))
    except Ill as error:
        return say(name, wrong=str(error))
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError) as error:
        hint = "the database went away" if transient(error) else "the check failed"
        return say(name, wrong=f"{hint}: {str(error) or type(error).__name__}")


def say(name: str, *, well: str | None = None, wrong: str | None = None) -> int:
    """Print a check's line: its part of the exit code."""
    print(f"{'ok' if wrong is None else 'WRONG':6}{name}: {well if wrong is None else wrong}")
    return int(wrong is not None)


if __name__ == "__main__":
    sys.exit(asyncio.run(examine(load(DoctorSettings))))
