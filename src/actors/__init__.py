"""What a team adds: one module an actor. `dramatiq src.actors` loads this: the broker, then the actors."""

# ruff: noqa: E402 - signals are heard before all that takes long to import
from src import termination

termination.hear_once()

import importlib
import pkgutil
from collections.abc import Mapping
from typing import Any

import dramatiq
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines
from dramatiq.results import Results

from src.jobs.declare import JobActor
from src.queue.broker import Broker, Place
from src.queue.lane import Lane
from src.worker import RowResults, WorkerProcess


def place(actor: "dramatiq.Actor[Any, Any]", params: Mapping[str, Any]) -> Place:
    """Where a message of an actor is to lie."""
    if isinstance(actor, JobActor):
        return Place(actor.lane, actor.limit(None, params))
    return Place(Lane(actor.queue_name), None)


_results = Results(backend=RowResults(), store_results=True)  # type: ignore[no-untyped-call]
broker = Broker([Callbacks(), Pipelines(), CurrentMessage(), _results, WorkerProcess()], place)
dramatiq.set_broker(broker)

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
