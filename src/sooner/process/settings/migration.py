"""The settings of `alembic`."""

from sooner.process.settings.common import DatabaseSettings


class MigrationSettings(DatabaseSettings):
    """Settings of `alembic upgrade head`: an address that web, worker or scheduler would refuse ends the release instead."""
