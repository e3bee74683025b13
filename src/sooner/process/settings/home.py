"""The settings of what works on all shards."""

from collections.abc import Mapping
from typing import Annotated

from pydantic import Field, ValidationInfo, field_validator

from sooner.process.settings.common import DatabaseSettings
from sooner.process.settings.shards import ShardName


class HomeSettings(DatabaseSettings):
    """The settings of web, and of the commands for all shards: DATABASE_URLS takes precedence over DATABASE_URL."""

    #: The shard whose database has the directory: the first where none is named.
    home_shard: Annotated[ShardName | None, Field(validate_default=True)] = None

    @classmethod
    def own_database(cls, url: str, urls: Mapping[str, str], shard: str | None) -> str:
        """The first of all databases that DATABASE_URLS names stands here for them. Raises ValueError."""
        return next(iter(urls.values())) if urls else super().own_database(url, urls, shard)

    @field_validator("home_shard")
    @classmethod
    def _is_there(cls, home: str | None, others: ValidationInfo) -> str | None:
        urls = others.data.get("database_urls", {})
        if home is not None and home not in urls:
            raise ValueError(f"DATABASE_URLS names {', '.join(urls) or 'no shard'}")
        return home or next(iter(urls), None)
