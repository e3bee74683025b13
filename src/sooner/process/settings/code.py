"""The settings of a program that submits jobs outside of web and worker."""

from typing import Annotated

from pydantic import AfterValidator, Field

from sooner.process.settings.common import DatabaseSettings, curve_key


class CodeSettings(DatabaseSettings):
    """Settings of `submit` and of dramatiq's `.send()`, read at the first call."""

    listen: bool = True
    job_retention_days: Annotated[float, Field(gt=0)] = 7
    secrets_public_key: Annotated[str, AfterValidator(curve_key)] | None = None
