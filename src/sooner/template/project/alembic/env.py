"""Runs the migrations against DATABASE_URL: the engine's first, then the project's own."""

import sys

import psycopg2
from sqlalchemy import create_engine, pool

from alembic import context
from sooner.db.migrations import upgrade_engine
from sooner.process.settings import MigrationSettings, load


def migrate() -> None:
    url = load(MigrationSettings).database_url
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
