"""What every process reads."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict


def _postgres(url: str) -> str:
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgres", "postgresql") or not rest:
        raise ValueError("not a postgresql:// address")
    if not urlsplit(url).path.strip("/"):
        raise ValueError("names no database (postgresql://user:password@host/database)")
    return "postgresql://" + rest


PostgresUrl = Annotated[str, AfterValidator(_postgres)]
Seconds = Annotated[float, Field(ge=0)]


class CommonSettings(BaseSettings):
    """Settings that web, worker and scheduler share."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: PostgresUrl
    shutdown_timeout_seconds: Seconds = 25
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"


def refuse_private_key(value: str | None) -> None:
    """A process that must not be able to open secrets does not start with the key in its environment."""
    if value is not None:
        raise ValueError("belongs to workers alone: this process must not have it")
