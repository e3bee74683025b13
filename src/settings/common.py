"""What every process reads."""

import base64
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


def curve_key(key: str) -> str:
    """A key of X25519 as `python -m src.keys secrets` prints it. Raises ValueError."""
    try:
        size = len(base64.b64decode(key, validate=True))
    except ValueError:
        size = 0
    if size != 32:
        raise ValueError("not 32 bytes in base64: python -m src.keys secrets prints a pair")
    return key


def refuse_private_key(value: str | None) -> None:
    """A process that must not be able to open secrets does not start with the key in its environment."""
    if value is not None:
        raise ValueError("belongs to workers alone: this process must not have it")
