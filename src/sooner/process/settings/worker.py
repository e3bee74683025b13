"""The settings of the worker process."""

from typing import Annotated

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from sooner.process.settings.common import (
    BlobUrl,
    CommonSettings,
    Count,
    Days,
    LeaseSeconds,
    MailSender,
    Several,
    SmtpUrl,
    Whole,
    curve_key,
)
from sooner.process.settings.packages import Packages


class WorkerSettings(CommonSettings):
    """Settings of `dramatiq src.actors`."""

    secrets_private_key: Several[Annotated[str, AfterValidator(curve_key)]] = ()
    listen: bool = True
    #: These two are for dramatiq's command line: the Procfile passes 1 for what is refused here.
    worker_processes: Annotated[Whole, Field(ge=1, le=1000)] = 1
    worker_threads: Annotated[Whole, Field(ge=1, le=10_000)] = 8
    worker_concurrency: Count = 100
    worker_exit_when_empty: bool = False
    lease_seconds: LeaseSeconds = 15
    job_retention_days: Days = 7
    max_output_bytes: Annotated[int, Field(ge=1)] = 8 << 20
    stranded_minutes: Annotated[float, Field(gt=0)] = 60
    allow_private_network: bool = False
    smtp_url: SmtpUrl | None = None
    mail_from: Annotated[MailSender | None, Field(validate_default=True)] = None
    blob_url: BlobUrl | None = None
    actors: Packages = ()
    schedules: Packages = ()
    diagnostics: bool = False
    max_log_lines: Annotated[int, Field(ge=0, lt=1_000_000)] = 1000

    @field_validator("mail_from")
    @classmethod
    def _mail_has_a_sender(cls, sender: str | None, others: ValidationInfo) -> str | None:
        if sender is None and others.data.get("smtp_url") is not None:
            raise ValueError("missing: SMTP_URL is set, and this is the address that mail comes from")
        return sender
