"""The actors of a deployment: the engine's, the team's, and the actors of the packages in ACTORS."""

# ruff: noqa: E402 - signal handlers are installed before the slow imports
from sooner.process import signals

signals.hear_once()

from contextlib import AbstractContextManager, nullcontext

import dramatiq
from dramatiq.middleware import CurrentMessage
from dramatiq.results import Results

from sooner.deployment import broken
from sooner.deployment.packages import further, import_modules
from sooner.jobs.context import origin
from sooner.jobs.declaring.placement import placement
from sooner.process import settings, standby
from sooner.queue.broker import Broker
from sooner.worker import FollowUpOptions, NoGroupCallbacks, RowResults, WorkerProcess


def load(package: str) -> Broker:
    """The broker with all actors of the deployment; `package` holds the team's.

    Raises SystemExit(78) for a worker's wrong settings, and where ACTORS names a package that cannot be found.
    """
    if signals.is_worker():
        settings.load(settings.WorkerSettings)
    broker = _broker()
    dramatiq.set_broker(broker)
    import_modules("sooner.actors")
    standby.wait()
    with _logged_in_a_worker(), standby.loading():
        for each in (package, *further("ACTORS")):
            import_modules(each)
    return broker


def _logged_in_a_worker() -> AbstractContextManager[None]:
    """Web, and other programs that load the actors, report errors in their own way."""
    return broken.logged("worker") if signals.is_worker() else nullcontext()


def _broker() -> Broker:
    broker = Broker(
        [FollowUpOptions(), NoGroupCallbacks(), CurrentMessage(), WorkerProcess()], placement, origin
    )
    results = Results(backend=RowResults(broker.outcome), store_results=True)  # type: ignore[no-untyped-call]
    broker.add_middleware(results, before=WorkerProcess)
    return broker
