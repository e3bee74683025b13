"""`python -m src.doctor`: a line a check, the most urgent fault first; exit 0 where all is well, else 1."""

import argparse
import asyncio
import json
import sys
from dataclasses import asdict, dataclass

import asyncpg

from sooner.cli.doctor.checks import CHECKS, WITHOUT_SCHEMA, CheckFailed, Deployment
from sooner.db import hosts, transient
from sooner.db.link import options
from sooner.process.settings import load
from sooner.process.settings.common import BlobUrl, CommonSettings


class DoctorSettings(CommonSettings):
    """Settings of `python -m src.doctor`."""

    listen: bool = True
    blob_url: BlobUrl | None = None


@dataclass(frozen=True)
class Finding:
    """The outcome of a check; a remedy belongs to a fault alone."""

    check: str
    ok: bool
    finding: str
    remedy: str | None = None

    def __str__(self) -> str:
        said = self.finding if self.remedy is None else f"{self.finding}: {self.remedy}"
        return f"{'ok' if self.ok else 'WRONG':6}{self.check}: {said}"


async def examine(settings: DoctorSettings) -> list[Finding]:
    """Run the checks: the faults in order of their urgency, then the rest."""
    try:
        one, two = [
            await hosts.connect(**options(settings.database_url, "doctor", direct=False)) for _ in range(2)
        ]
    except Exception as error:  # noqa: BLE001 - any error here is the finding
        return [
            Finding(
                "database",
                ok=False,
                finding=f"cannot be reached: {_words(error)}",
                remedy="see DATABASE_URL, and whether it runs",
            )
        ]
    deployment = Deployment(one, two, settings.listen, blob_url=settings.blob_url, shard=settings.shard)
    unasked = {"blobs": settings.blob_url is None, "shard": not (settings.shard or settings.database_urls)}
    try:
        found: dict[str, Finding] = {}
        for name in CHECKS:
            if unasked.get(name):
                continue
            if name in WITHOUT_SCHEMA or found["schema"].ok:
                found[name] = await run(name, deployment)
        return sorted(found.values(), key=lambda finding: finding.ok)
    finally:
        for connection in (one, two):
            connection.terminate()


async def run(name: str, deployment: Deployment) -> Finding:
    """Run one check."""
    try:
        return Finding(name, ok=True, finding=await CHECKS[name](deployment))
    except CheckFailed as error:
        return Finding(name, ok=False, finding=error.cause, remedy=error.remedy)
    except Exception as error:  # noqa: BLE001 - a check that cannot run is a finding, and the next check still runs
        return Finding(name, ok=False, finding=_words(error), remedy=_remedy(error))


def _remedy(error: Exception) -> str:
    """The remedy of the fault that kept a check from running."""
    if isinstance(error, asyncpg.InsufficientPrivilegeError):
        return "run ops/postgres/roles.sql as the schema's owner, or the doctor with the owner's address"
    if isinstance(error, asyncpg.SyntaxOrAccessError):
        return "the schema is not what its revision says; restore it, or begin anew in an empty database"
    if transient(error):
        return "the database went away; ask again when it is back"
    return f"the check failed, please report it ({type(error).__name__})"


def _words(error: Exception) -> str:
    # PostgreSQL's hints stand on lines of their own.
    return " ".join(str(error).split()) or type(error).__name__


def main() -> None:
    """Run the command line. Raises SystemExit: 0 where all is well, else 1."""
    parser = argparse.ArgumentParser(
        prog="python -m src.doctor", description="Finds the faults of a deployment, the most urgent first."
    )
    parser.add_argument("--json", action="store_true", help="one JSON object: ok, and a list of checks")
    arguments = parser.parse_args()
    found = asyncio.run(examine(load(DoctorSettings)))
    is_well = all(finding.ok for finding in found)
    if arguments.json:
        print(json.dumps({"ok": is_well, "checks": [asdict(finding) for finding in found]}))
    else:
        print(*found, sep="\n")
    sys.exit(0 if is_well else 1)
