"""The settings that all processes read."""

import base64
import re
from typing import Annotated, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from sooner.process.mail_address import Sender
from sooner.process.settings import address, blob_url, smtp


def _http(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
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


T = TypeVar("T")

PostgresUrl = Annotated[str, AfterValidator(address.checked)]
SmtpUrl = Annotated[str, AfterValidator(smtp.checked)]
MailSender = Annotated[str, AfterValidator(_sender)]
BlobUrl = Annotated[str, AfterValidator(blob_url.checked)]
HttpUrl = Annotated[str, AfterValidator(_http)]
Fields = Annotated[str, AfterValidator(_fields)]
Seconds = Annotated[float, Field(ge=0)]
#: A number that the Procfile's lines hand on as it is written.
Whole = Annotated[int, BeforeValidator(_digits)]
#: Values with commas between them.
Several = Annotated[tuple[T, ...], NoDecode, BeforeValidator(_split)]


class DatabaseSettings(BaseSettings):
    """The setting of all that uses the database."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: PostgresUrl


class CommonSettings(DatabaseSettings):
    """Settings that web, worker and scheduler share."""

    shutdown_timeout_seconds: Whole = 25
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
