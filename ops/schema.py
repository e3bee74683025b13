"""`./ops/schema`: writes `ops/docs/schema.sql`, the schema after every migration, to be read in one piece."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from sooner.db.migrations import upgrade_engine
from sooner.local.postgres import program, temporary_cluster

PAGE = Path(__file__).parent / "docs" / "schema.sql"
HEAD = "-- The schema after every migration. Made by ./ops/schema; edit the migrations instead.\n\n"

#: What pg_dump says to psql and of itself.
NOISE = re.compile(r"(?m)^(?:--.*|SET .*|SELECT pg_catalog\.set_config.*|\\(?:un)?restrict .*)\n")


def main() -> None:
    """Migrates an empty database of a server made for this, and writes what came of it."""
    with temporary_cluster() as cluster:
        os.environ["DATABASE_URL"] = cluster.url()
        upgrade_engine()
        PAGE.write_text(page(cluster.url()))


def page(database_url: str) -> str:
    """The schema of a database as SQL."""
    command = [str(program("pg_dump")), "--schema-only", "--no-owner", "--no-privileges"]
    done = subprocess.run(
        [*command, "--schema=dramatiq", "--schema=sooner", "--schema=sooner_directory", database_url],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(done.stderr)
    return HEAD + re.sub(r"\n{3,}", "\n\n", NOISE.sub("", done.stdout)).strip() + "\n"


if __name__ == "__main__":
    main()
