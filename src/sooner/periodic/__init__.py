"""Schedules and their times, on periodiq's cron with its faults mended."""

from sooner.periodic.cron import Cron
from sooner.periodic.schedule import Schedule
from sooner.periodic.upcoming import Upcoming, upcoming

__all__ = ["Cron", "Schedule", "Upcoming", "upcoming"]
