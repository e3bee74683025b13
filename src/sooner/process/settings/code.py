"""The settings of a program that submits jobs outside of web and worker."""

from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sooner.process.settings.common import PostgresUrl, curve_key


class CodeSettings(BaseSettings):
    """Settings of `submit` and of dramatiq's `.send()`, read at the first call."""

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True, hide_input_in_errors=True)

    database_url: PostgresUrl
    listen: bool = True
    job_retention_days: Annotated[float, Field(gt=0)] = 7
    secrets_public_key: Annotated[str, AfterValidator(curve_key)] | None = None
