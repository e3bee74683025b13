"""Runs the migrations against DATABASE_URL: the engine's first, then the project's own."""

import os
import sys

import psycopg2
from sqlalchemy import create_engine, pool

from alembic import context
from sooner.db.migrations import upgrade_engine


def migrate() -> None:
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        print("DATABASE_URL: missing (postgresql://user:password@host/database)", file=sys.stderr)
        raise SystemExit(78)
    if "upgrade" in sys.argv:
        upgrade_engine()
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(url), poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


migrate()
