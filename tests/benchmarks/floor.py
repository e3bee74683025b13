"""The physical floor: pgbench inserts, claims with SKIP LOCKED and completes, each its own transaction."""

import re
import subprocess
from pathlib import Path
from typing import NamedTuple

from sooner.local.postgres import programs

TABLE = """
create table floor_job (id bigint primary key, state text not null, message jsonb, result jsonb);
create index floor_claim on floor_job (id) where state = 'queued';
"""
SCRIPT = Path(__file__).with_name("floor.sql")


class Lifecycles(NamedTuple):
    """Lifecycles a second, and milliseconds each."""

    rate: float
    milliseconds: float


def lifecycle(url: str, clients: int, seconds: float, home: Path) -> Lifecycles:
    """What so many clients get done."""
    command = [
        str(programs(home) / "pgbench"), "-n", "-M", "prepared", "-f", str(SCRIPT), "-c", str(clients),
        "-j", "1", "-T", str(round(seconds)), url,
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tps = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    latency = re.search(r"^latency average = ([\d.]+) ms", done.stdout, re.MULTILINE)
    if tps is None or latency is None:
        raise RuntimeError(done.stdout + done.stderr)
    return Lifecycles(float(tps[1]), float(latency[1]))
