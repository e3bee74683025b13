"""The settings that all processes read."""

import base64
import re
from collections.abc import Mapping
from typing import Annotated, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sooner.process.mail_address import Sender
from sooner.process.settings import address, blob_url, smtp
from sooner.process.settings.shards import ShardName, ShardUrls


def _http(url: str) -> str:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise ValueError("its host or port cannot be read") from None
    if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
        raise ValueError("not an http:// or https:// address")
    return url


def _fields(headers: str) -> str:
    """Headers that the library accepts: it logs the headers that it does not, and a header may be a key."""
    if not all(
        "=" in field and field.isascii() and field.isprintable()
        for field in headers.split(",")
        if field.strip()
    ):
        raise ValueError("not name=value, several separated by commas")
    return headers


def _digits(value: object) -> object:
    if isinstance(value, str) and not re.fullmatch(r"[0-9]+", value):
        raise ValueError("not a whole number in digits alone, such as 8")
    return value


def split(text: str) -> tuple[str, ...]:
    """The parts of a text between its commas."""
    return tuple(filter(None, map(str.strip, text.split(","))))


def _split(value: object) -> object:
    return split(value) if isinstance(value, str) else value


def _sender(text: str) -> str:
    Sender.read(text)
    return text


def _missing(said: str) -> NoReturn:
    raise ValueError(said)


T = TypeVar("T")

#: In seconds.
YEAR = 31_536_000
#: A hundred years: the database's calendar, and Python's, end somewhere.
MOST_DAYS = 36_500

PostgresUrl = Annotated[str, AfterValidator(address.checked)]
SmtpUrl = Annotated[str, AfterValidator(smtp.checked)]
MailSender = Annotated[str, AfterValidator(_sender)]
BlobUrl = Annotated[str, AfterValidator(blob_url.checked)]
HttpUrl = Annotated[str, AfterValidator(_http)]
Fields = Annotated[str, AfterValidator(_fields)]
Seconds = Annotated[float, Field(ge=0, le=YEAR)]
#: A number that the Procfile's lines hand on as it is written.
Whole = Annotated[int, BeforeValidator(_digits)]
Days = Annotated[float, Field(gt=0, le=MOST_DAYS)]
#: A count ends where a column of PostgreSQL does: what is beyond would fail later.
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
LeaseSeconds = Annotated[float, Field(ge=2, le=YEAR)]
#: Values with commas between them.
Several = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_split)]


class DatabaseSettings(BaseSettings):
    """The setting of all that uses the database."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_urls: ShardUrls = Field(default_factory=dict)
    shard: ShardName | None = None
    #: The database that the process works on: the one of its shard where there are several.
    database_url: Annotated[str, Field(validate_default=True)] = ""

    @field_validator("database_url")
    @classmethod
    def _is_one_of_them(cls, url: str, others: ValidationInfo) -> str:
        if not {"database_urls", "shard"} <= others.data.keys():
            return url
        return cls.own_database(url, others.data["database_urls"], others.data["shard"])

    @classmethod
    def own_database(cls, url: str, urls: Mapping[str, str], shard: str | None) -> str:
        """The address of the database that the process works on, from DATABASE_URL, DATABASE_URLS and SHARD. Raises ValueError."""
        if not urls or (shard is None and url):
            return address.checked(url) if url else _missing("missing")
        if shard is None:
            return _missing(f"missing, or SHARD, which says which of {', '.join(urls)} this process works on")
        return urls.get(shard) or _missing(f"SHARD is {shard}, but DATABASE_URLS names {', '.join(urls)}")


class CommonSettings(DatabaseSettings):
    """Settings that web, worker and scheduler share."""

    shutdown_timeout_seconds: Annotated[Whole, Field(le=YEAR)] = 25
    log_format: Literal["json", "text"] = "json"
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    otel_exporter_otlp_endpoint: HttpUrl | None = None
    otel_exporter_otlp_traces_endpoint: HttpUrl | None = None
    otel_exporter_otlp_headers: Fields = ""
    otel_exporter_otlp_traces_headers: Fields = ""
    otel_exporter_otlp_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_exporter_otlp_traces_protocol: Literal["http/protobuf"] = "http/protobuf"
    otel_traces_exporter: Literal["otlp", "none"] = "otlp"
    otel_sdk_disabled: bool = False

    @property
    def traces_endpoint(self) -> str | None:
        """The address for spans (OpenTelemetry Protocol Exporter, "Endpoint URLs for OTLP/HTTP"); None where spans are off."""
        if self.otel_sdk_disabled or self.otel_traces_exporter == "none":
            return None
        if self.otel_exporter_otlp_traces_endpoint is not None:
            return self.otel_exporter_otlp_traces_endpoint
        base = self.otel_exporter_otlp_endpoint
        return None if base is None else base.rstrip("/") + "/v1/traces"


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
    """Refuse to start with the private key in the environment of a process that must not open secrets."""
    if value is not None:
        raise ValueError("belongs to workers alone: this process must not have it")
