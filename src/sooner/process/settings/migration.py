"""The settings of `alembic`."""

from pydantic_settings import BaseSettings, SettingsConfigDict

from sooner.process.settings.common import PostgresUrl


class MigrationSettings(BaseSettings):
    """Settings of `alembic upgrade head`: an address that web, worker or scheduler would refuse ends the release instead."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: PostgresUrl
