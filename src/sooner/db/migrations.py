"""The schema's revisions, and the upgrade of a database to the newest."""

import os
import subprocess
import sys
from pathlib import Path


def migrations() -> Path:
    """The folder of the revisions: inside the engine in a wheel, at the top of the checkout otherwise."""
    engine = Path(__file__).parents[1]
    packaged = engine / "migrations"
    return packaged if packaged.is_dir() else engine.parents[1] / "alembic"


def newest_revision() -> str:
    """The revision that this code was written for: the last file of the migrations, which are numbered."""
    revisions = (migrations() / "versions").iterdir()
    return max(entry.name for entry in revisions if entry.name.endswith(".py")).partition("_")[0]


def upgrade_engine() -> None:
    """Upgrade the engine's schema at DATABASE_URL to the newest revision, in a process of its own.

    Alembic has one environment a process, and the project's `alembic upgrade` uses this process's. Raises SystemExit with
    the exit code of a failed upgrade, which has printed its error.
    """
    done = subprocess.run([sys.executable, "-m", "sooner.db.upgrade"], check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(done.returncode)
