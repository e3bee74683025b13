"""Settings, one class a process: each reads its own environment variables and no other's."""

from src.settings.load import load
from src.settings.scheduler import SchedulerSettings
from src.settings.web import WebSettings
from src.settings.worker import WorkerSettings

__all__ = ["SchedulerSettings", "WebSettings", "WorkerSettings", "load"]
