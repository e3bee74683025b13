"""The schema's revisions, and bringing a database to the newest."""

import os
import subprocess
import sys
from pathlib import Path


def migrations() -> Path:
    """The folder with the revisions: in the wheel a part of the engine, in its own checkout at the top."""
    engine = Path(__file__).parents[1]
    packaged = engine / "migrations"
    return packaged if packaged.is_dir() else engine.parents[1] / "alembic"


def upgrade_engine() -> None:
    """Bring the engine's schema at DATABASE_URL to the newest revision, in a process of its own.

    Alembic knows one environment a process, and a project's `alembic upgrade` is in the middle of its own. Raises SystemExit
    with the exit code where it failed; it has said why.
    """
    done = subprocess.run([sys.executable, "-m", "sooner.db.upgrade"], check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(done.returncode)
