"""Stock dramatiq-pg: what `dramatiq tests.benchmarks.stock_actors` drains."""

import os

import dramatiq
from dramatiq_pg import PostgresBroker

broker = PostgresBroker(url=os.environ["DATABASE_URL"], results=False)
dramatiq.set_broker(broker)


@dramatiq.actor
def nothing() -> None:
    """A job that does nothing."""
