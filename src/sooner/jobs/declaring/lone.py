"""Actors of a program that is no deployment, such as a script, a notebook, or a test of one module."""

import dramatiq

from sooner.jobs.context import origin
from sooner.jobs.declaring.placement import placement
from sooner.queue.broker import Broker


def lone_broker() -> Broker:
    """A broker for a program without one: its actors are functions, and can be submitted. dramatiq's default needs RabbitMQ."""
    broker = Broker([], placement, origin)
    dramatiq.set_broker(broker)
    return broker
