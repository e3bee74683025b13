"""The settings of a program that submits jobs outside of web and worker."""

from typing import Annotated

from pydantic import AfterValidator

from sooner.process.settings.common import DatabaseSettings, Days, curve_key


class CodeSettings(DatabaseSettings):
    """Settings of `submit` and of dramatiq's `.send()`, read at the first call."""

    listen: bool = True
    job_retention_days: Days = 7
    secrets_public_key: Annotated[str, AfterValidator(curve_key)] | None = None
