"""Runs the migrations against DATABASE_URL, one transaction each, one migrator at a time."""

import os
import sys

from sqlalchemy import create_engine, pool, text

from alembic import context

#: Two releases that start together must not race; the number only has to be ours.
MIGRATION_LOCK = 7_662_667


def database_url() -> str:
    url = os.environ.get("DATABASE_URL", "")
    if not url:
        print("DATABASE_URL: missing (postgresql://user:password@host/database)", file=sys.stderr)
        raise SystemExit(78)
    return "postgresql+psycopg2://" + url.partition("://")[2]


def migrate() -> None:
    engine = create_engine(database_url(), poolclass=pool.NullPool)
    with engine.connect() as connection:
        connection.execute(text("select pg_advisory_lock(:lock)"), {"lock": MIGRATION_LOCK})
        connection.commit()
        context.configure(
            connection=connection, version_table_schema="public", transaction_per_migration=True
        )
        with context.begin_transaction():
            context.run_migrations()


migrate()
