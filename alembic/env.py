"""Runs the migrations against DATABASE_URL, one transaction each, one migrator at a time."""

import os
import sys

import psycopg2
from sqlalchemy import create_engine, pool, text

from alembic import context

#: Two releases that start together must not race; the number only has to be ours.
MIGRATION_LOCK = 7_662_667


def database_url() -> str:
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        print("DATABASE_URL: missing (postgresql://user:password@host/database)", file=sys.stderr)
        raise SystemExit(78)
    return url


def migrate() -> None:
    url = database_url()
    # libpq reads the address itself: SQLAlchemy knows no address of several hosts.
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(url), poolclass=pool.NullPool
    )
    # The lock lasts as long as a transaction: a pooler keeps a session's for whoever comes next.
    with engine.begin() as lock, engine.connect() as connection:
        lock.execute(text("select pg_advisory_xact_lock(:lock)"), {"lock": MIGRATION_LOCK})
        context.configure(
            connection=connection, version_table_schema="public", transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()


migrate()
