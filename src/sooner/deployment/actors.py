"""The actors of a deployment: the engine's own, the team's, and those of the packages that ACTORS names."""

# ruff: noqa: E402 - signals are heard before all that takes long to import
from sooner.process import signals

signals.hear_once()

from collections.abc import Mapping
from typing import Any

import dramatiq
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines
from dramatiq.results import Results

from sooner.deployment.packages import further, import_modules
from sooner.jobs.declaring.declare import JobActor
from sooner.queue.broker import Broker, Place
from sooner.queue.lane import Lane
from sooner.worker import RowResults, WorkerProcess


def load(package: str) -> Broker:
    """The broker with every actor declared on it; `package` holds the team's own.

    Raises SystemExit(78) where ACTORS names a package that cannot be found.
    """
    broker = _broker()
    dramatiq.set_broker(broker)
    for each in ("sooner.actors", package, *further("ACTORS")):
        import_modules(each)
    return broker


def _broker() -> Broker:
    results = Results(backend=RowResults(), store_results=True)  # type: ignore[no-untyped-call]
    return Broker([Callbacks(), Pipelines(), CurrentMessage(), results, WorkerProcess()], place)


def place(actor: "dramatiq.Actor[Any, Any]", params: Mapping[str, Any]) -> Place:
    """Where a message of an actor is to lie."""
    if isinstance(actor, JobActor):
        return Place(actor.lane, actor.limit(None, params))
    return Place(Lane(actor.queue_name), None)
