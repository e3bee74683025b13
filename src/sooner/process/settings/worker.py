"""The settings of the worker process."""

from typing import Annotated

from pydantic import AfterValidator, Field, field_validator
from pydantic_settings import NoDecode

from sooner.process.settings.common import CommonSettings, curve_key


class WorkerSettings(CommonSettings):
    """Settings of `dramatiq src.actors`."""

    secrets_private_key: Annotated[tuple[Annotated[str, AfterValidator(curve_key)], ...], NoDecode] = ()
    listen: bool = True
    worker_concurrency: Annotated[int, Field(ge=1)] = 100
    worker_exit_when_empty: bool = False
    lease_seconds: Annotated[float, Field(ge=2)] = 15
    job_retention_days: Annotated[float, Field(gt=0)] = 7
    stranded_minutes: Annotated[float, Field(gt=0)] = 60
    allow_private_network: bool = False
    diagnostics: bool = False

    @field_validator("secrets_private_key", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return (
            tuple(part.strip() for part in value.split(",") if part.strip())
            if isinstance(value, str)
            else value
        )
