"""Periodic schedules: what one is, and when it is due. periodiq's cron under it, made right."""

from sooner.periodic.cron import Cron
from sooner.periodic.schedule import Schedule
from sooner.periodic.upcoming import Upcoming, upcoming

__all__ = ["Cron", "Schedule", "Upcoming", "upcoming"]
