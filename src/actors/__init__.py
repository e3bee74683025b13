"""What a team adds: one module an actor. `dramatiq src.actors` loads this: the broker, then the actors."""

import importlib
import pkgutil
from typing import Any

import dramatiq
from dramatiq.middleware import Callbacks, CurrentMessage, Pipelines

from src.jobs.declare import JobActor
from src.queue.broker import Broker
from src.worker import WorkerProcess


def _lane(actor: "dramatiq.Actor[Any, Any]") -> str:
    return actor.lane if isinstance(actor, JobActor) else actor.queue_name


broker = Broker([Callbacks(), Pipelines(), CurrentMessage(), WorkerProcess()], _lane)
dramatiq.set_broker(broker)

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")
