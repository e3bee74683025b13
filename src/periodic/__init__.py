"""Periodic schedules: what one is, and when it is due. periodiq's cron under it, made right."""

from src.periodic.cron import Cron
from src.periodic.schedule import Schedule

__all__ = ["Cron", "Schedule"]
