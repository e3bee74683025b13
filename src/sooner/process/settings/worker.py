"""The settings of the worker process."""

from typing import Annotated, Self

from pydantic import AfterValidator, Field, field_validator, model_validator
from pydantic_settings import NoDecode

from sooner.process.settings.common import BlobUrl, CommonSettings, MailSender, SmtpUrl, curve_key


class WorkerSettings(CommonSettings):
    """Settings of `dramatiq src.actors`."""

    secrets_private_key: Annotated[tuple[Annotated[str, AfterValidator(curve_key)], ...], NoDecode] = ()
    listen: bool = True
    worker_concurrency: Annotated[int, Field(ge=1)] = 100
    worker_exit_when_empty: bool = False
    lease_seconds: Annotated[float, Field(ge=2)] = 15
    job_retention_days: Annotated[float, Field(gt=0)] = 7
    max_output_bytes: Annotated[int, Field(ge=1)] = 8 << 20
    stranded_minutes: Annotated[float, Field(gt=0)] = 60
    allow_private_network: bool = False
    smtp_url: SmtpUrl | None = None
    mail_from: MailSender | None = None
    blob_url: BlobUrl | None = None
    diagnostics: bool = False
    max_log_lines: Annotated[int, Field(ge=0, lt=1_000_000)] = 1000

    @field_validator("secrets_private_key", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )

    @model_validator(mode="after")
    def _mail_has_a_sender(self) -> Self:
        if self.smtp_url is not None and self.mail_from is None:
            raise ValueError("SMTP_URL is set without MAIL_FROM, the address that mail comes from")
        return self
