"""Sooner: slow work behind a browser frontend, answered at once when it can be.

This is the face: all that a team's code imports. Each name is imported from its module when it is first asked for, so that
a process loads only what it uses.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import Secret, SecretBytes, SecretStr

    from sooner.db import Queries, Unavailable
    from sooner.jobs.calling.functions import handle, submit, submit_all
    from sooner.jobs.calling.handle import Handle, JobError
    from sooner.jobs.calling.sooner import Sooner
    from sooner.jobs.codec import written as written_json
    from sooner.jobs.context import Current, current, progress
    from sooner.jobs.declaring.declare import job
    from sooner.jobs.declaring.limit import Limit, Rate
    from sooner.jobs.dependencies import Depends
    from sooner.jobs.failure import Failure
    from sooner.jobs.files.fetch_upload import fetch_upload
    from sooner.jobs.files.files import FileResult
    from sooner.jobs.files.files import create as create_file
    from sooner.jobs.files.uploads import Upload
    from sooner.jobs.output.emit import emit
    from sooner.jobs.problem import Invalid, wrong
    from sooner.jobs.worker_resources import database, network
    from sooner.periodic import Cron, Schedule
    from sooner.process.scratch import folder as scratch_folder

__all__ = [
    "Cron",
    "Current",
    "Depends",
    "Failure",
    "FileResult",
    "Handle",
    "Invalid",
    "JobError",
    "Limit",
    "Queries",
    "Rate",
    "Schedule",
    "Secret",
    "SecretBytes",
    "SecretStr",
    "Sooner",
    "Unavailable",
    "Upload",
    "create_file",
    "current",
    "database",
    "emit",
    "fetch_upload",
    "handle",
    "job",
    "network",
    "progress",
    "scratch_folder",
    "submit",
    "submit_all",
    "written_json",
    "wrong",
]

#: Each name's module, and its name there.
_HOMES = {
    "Cron": ("sooner.periodic", "Cron"),
    "Current": ("sooner.jobs.context", "Current"),
    "Depends": ("sooner.jobs.dependencies", "Depends"),
    "Failure": ("sooner.jobs.failure", "Failure"),
    "FileResult": ("sooner.jobs.files.files", "FileResult"),
    "Handle": ("sooner.jobs.calling.handle", "Handle"),
    "Invalid": ("sooner.jobs.problem", "Invalid"),
    "JobError": ("sooner.jobs.calling.handle", "JobError"),
    "Limit": ("sooner.jobs.declaring.limit", "Limit"),
    "Queries": ("sooner.db", "Queries"),
    "Rate": ("sooner.jobs.declaring.limit", "Rate"),
    "Schedule": ("sooner.periodic", "Schedule"),
    "Secret": ("pydantic", "Secret"),
    "SecretBytes": ("pydantic", "SecretBytes"),
    "SecretStr": ("pydantic", "SecretStr"),
    "Sooner": ("sooner.jobs.calling.sooner", "Sooner"),
    "Unavailable": ("sooner.db", "Unavailable"),
    "Upload": ("sooner.jobs.files.uploads", "Upload"),
    "create_file": ("sooner.jobs.files.files", "create"),
    "current": ("sooner.jobs.context", "current"),
    "database": ("sooner.jobs.worker_resources", "database"),
    "emit": ("sooner.jobs.output.emit", "emit"),
    "fetch_upload": ("sooner.jobs.files.fetch_upload", "fetch_upload"),
    "handle": ("sooner.jobs.calling.functions", "handle"),
    "job": ("sooner.jobs.declaring.declare", "job"),
    "network": ("sooner.jobs.worker_resources", "network"),
    "progress": ("sooner.jobs.context", "progress"),
    "scratch_folder": ("sooner.process.scratch", "folder"),
    "submit": ("sooner.jobs.calling.functions", "submit"),
    "submit_all": ("sooner.jobs.calling.functions", "submit_all"),
    "written_json": ("sooner.jobs.codec", "written"),
    "wrong": ("sooner.jobs.problem", "wrong"),
}


def __getattr__(name: str) -> Any:
    """A name of the face. Raises AttributeError for any other."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, there = _HOMES[name]
    globals()[name] = getattr(importlib.import_module(module), there)
    return globals()[name]
