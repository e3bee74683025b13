"""Runs the migrations against DATABASE_URL, or each of DATABASE_URLS: the engine's first, then the project's own."""

import sys

import psycopg2
from sqlalchemy import create_engine, pool

from alembic import context
from sooner.db.migrations import of_each, upgrade_engine
from sooner.process.settings import MigrationSettings, load


def migrate(url: str) -> None:
    engine = create_engine(
        "postgresql+psycopg2://", creator=lambda: psycopg2.connect(url), poolclass=pool.NullPool
    )
    with engine.connect() as connection:
        context.configure(connection=connection, transaction_per_migration=True)
        with context.begin_transaction():
            context.run_migrations()


settings = load(MigrationSettings)
if "upgrade" in sys.argv:
    upgrade_engine()
of_each(settings.addresses, migrate)
