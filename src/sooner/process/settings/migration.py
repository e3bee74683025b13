"""The settings of `alembic`."""

from collections.abc import Mapping

from sooner.process.settings.common import DatabaseSettings


class MigrationSettings(DatabaseSettings):
    """Settings of `alembic upgrade head`: an address that web, worker or scheduler would refuse ends the release instead."""

    @classmethod
    def own_database(cls, url: str, urls: Mapping[str, str], shard: str | None) -> str:
        """Without SHARD the first of all databases that DATABASE_URLS names stands here for them. Raises ValueError."""
        return next(iter(urls.values())) if urls and shard is None else super().own_database(url, urls, shard)

    @property
    def addresses(self) -> Mapping[str, str]:
        """The databases by their shards' names: all that DATABASE_URLS names, unless SHARD picks one; a lone one has an empty name."""
        return self.database_urls if self.database_urls and self.shard is None else {"": self.database_url}
