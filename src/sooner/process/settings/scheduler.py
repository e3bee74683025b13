"""The settings of the scheduler process."""

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator

from sooner.process.settings.common import CommonSettings, LeaseSeconds, refuse_private_key
from sooner.process.settings.packages import Packages


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("not a time zone of the IANA database") from None
    return name


class SchedulerSettings(CommonSettings):
    """Settings of `python -m src.scheduler`."""

    secrets_private_key: Annotated[str | None, AfterValidator(refuse_private_key)] = None
    lease_seconds: LeaseSeconds = 15
    schedule_timezone: Annotated[str, AfterValidator(_known_zone)] = "UTC"
    schedules: Packages = ()
