"""Settings, one class a process: each process reads its own environment variables alone."""

from sooner.process.settings.code import CodeSettings
from sooner.process.settings.home import HomeSettings
from sooner.process.settings.load import load, read
from sooner.process.settings.migration import MigrationSettings
from sooner.process.settings.scheduler import SchedulerSettings
from sooner.process.settings.web import WebSettings
from sooner.process.settings.worker import WorkerSettings

__all__ = [
    "CodeSettings",
    "HomeSettings",
    "MigrationSettings",
    "SchedulerSettings",
    "WebSettings",
    "WorkerSettings",
    "load",
    "read",
]
