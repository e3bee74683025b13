"""The schema's revisions, and the upgrade of a database to the newest."""

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeGuard

from sooner.db.queries import Queries

SQL = Queries("sooner.db", "sql/migrations.sql")


def migrations() -> Path:
    """The folder of the revisions: inside the engine in a wheel, at the top of the checkout otherwise."""
    engine = Path(__file__).parents[1]
    packaged = engine / "migrations"
    return packaged if packaged.is_dir() else engine.parents[1] / "alembic"


def newest_revision() -> str:
    """The revision that this code was written for: the last file of the migrations, which are numbered."""
    revisions = (migrations() / "versions").iterdir()
    return max(entry.name for entry in revisions if entry.name.endswith(".py")).partition("_")[0]


def is_current(revision: str | None) -> TypeGuard[str]:
    """Whether this code can work on a schema of this revision; None is one without any."""
    return revision is not None and revision >= newest_revision()


def of_each(addresses: Mapping[str, str], migrate: Callable[[str], None]) -> None:
    """Migrate each database in turn, by its shard's name. Of several each is named on standard error, and one that fails
    keeps no other from its turn.

    Raises SystemExit(1) in the end where one of several has failed; a lone one's errors as they are.
    """
    if len(addresses) == 1 and "" in addresses:
        migrate(addresses[""])
        return
    failed = [shard for shard, url in addresses.items() if not _has_migrated(shard, url, migrate)]
    if failed:
        print(
            f"not migrated: {', '.join(failed)}. Mend what is said above and run this again", file=sys.stderr
        )
        raise SystemExit(1)


def _has_migrated(shard: str, url: str, migrate: Callable[[str], None]) -> bool:
    print(f"shard {shard}:", file=sys.stderr, flush=True)
    try:
        migrate(url)
    except SystemExit as ended:
        return not ended.code
    except Exception as error:  # noqa: BLE001 - the others have their turn, whatever the error
        print(
            f"shard {shard} failed: {' '.join(str(error).split()) or type(error).__name__}", file=sys.stderr
        )
        return False
    return True


def upgrade_engine() -> None:
    """Upgrade the engine's schema at DATABASE_URL to the newest revision, in a process of its own.

    Alembic has one environment a process, and the project's `alembic upgrade` uses this process's. Raises SystemExit with
    the exit code of a failed upgrade, which has printed its error.
    """
    done = subprocess.run([sys.executable, "-m", "sooner.db.upgrade"], check=False, env=os.environ)
    if done.returncode:
        raise SystemExit(done.returncode)
