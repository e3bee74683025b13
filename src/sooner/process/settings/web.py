"""The settings of the web process."""

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from sooner.process.settings import host as listening
from sooner.process.settings.common import (
    BlobUrl,
    CommonSettings,
    Count,
    Days,
    PostgresUrl,
    Seconds,
    Several,
    SmtpUrl,
    Whole,
    curve_key,
    refuse_private_key,
)
from sooner.process.settings.home import HomeSettings
from sooner.process.settings.packages import Packages
from sooner.process.settings.shards import ShardUrls

MINIMUM_KEY_LENGTH = 32


def _root(path: str) -> str:
    """A path without a slash at its end; empty for none. Raises ValueError."""
    path = path.rstrip("/")
    if path and not re.fullmatch(r"(/[A-Za-z0-9._~-]+)+", path):
        raise ValueError("not a path such as /sooner")
    return path


def _origin(text: str) -> str:
    """An origin as browsers send it (RFC 6454, section 6.2), or `*` for any. Raises ValueError."""
    origin = text.rstrip("/").lower()
    if not re.fullmatch(r"\*|null|[a-z][a-z0-9+.-]*://[^/?#@\s]+", origin):
        raise ValueError("not an origin such as https://app.example.org")
    return origin


class WebSettings(HomeSettings, CommonSettings):
    """Settings of `uvicorn src.api:app`."""

    host: Annotated[str, AfterValidator(listening.checked)] | None = None
    port: Annotated[Whole, Field(ge=1, le=65535)] = 8000
    web_concurrency: Annotated[Whole, Field(ge=1, le=1000)] = 1
    database_replica_url: PostgresUrl | None = None
    database_replica_urls: ShardUrls = Field(default_factory=dict)
    secrets_public_key: Annotated[str, AfterValidator(curve_key)] | None = None
    secrets_private_key: Annotated[str | None, AfterValidator(refuse_private_key)] = None
    sync_wait_seconds: Seconds = 3
    sync_wait_max_seconds: Annotated[Seconds, Field(validate_default=True)] = 25
    listen: bool = True
    link_signing_key: Several[str]
    max_queue_depth: Count = 100_000
    max_waiting_per_tenant: Count = 10_000
    rate_limit_per_second: Annotated[float, Field(ge=0)] = 0
    max_body_bytes: Annotated[int, Field(ge=1)] = 1 << 20
    max_upload_bytes: Annotated[int, Field(ge=1)] = 50 << 20
    blob_url: BlobUrl | None = None
    cors_allow_origins: Several[Annotated[str, AfterValidator(_origin)]] = ()
    job_retention_days: Days = 7
    root_path: Annotated[str, AfterValidator(_root)] = ""
    allow_private_network: bool = False
    #: Whether mail is taken.
    smtp_url: SmtpUrl | None = None
    actors: Packages = ()
    schedules: Packages = ()
    diagnostics: bool = False

    @property
    def addresses(self) -> Mapping[str, tuple[str, str | None]]:
        """The database of each shard, and its replica if it has one; a single database has an empty name."""
        if not self.database_urls:
            return {"": (self.database_url, self.database_replica_url)}
        replicas = self.database_replica_urls
        return {name: (url, replicas.get(name)) for name, url in self.database_urls.items()}

    @field_validator("database_replica_urls")
    @classmethod
    def _are_there(cls, replicas: Mapping[str, str], others: ValidationInfo) -> Mapping[str, str]:
        if strangers := replicas.keys() - others.data.get("database_urls", {}).keys():
            raise ValueError(f"DATABASE_URLS does not name {', '.join(sorted(strangers))}")
        return replicas

    @field_validator("link_signing_key")
    @classmethod
    def _long_enough(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        if not keys or min(map(len, keys)) < MINIMUM_KEY_LENGTH:
            raise ValueError(f"each key needs {MINIMUM_KEY_LENGTH} characters or more")
        return keys

    @field_validator("sync_wait_max_seconds")
    @classmethod
    def _not_below_the_wait(cls, most: float, others: ValidationInfo) -> float:
        if others.data.get("sync_wait_seconds", 0) > most:
            raise ValueError("SYNC_WAIT_SECONDS is above it")
        return most
