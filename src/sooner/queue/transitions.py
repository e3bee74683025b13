"""Transitions: the statements that change a job's state, in one file, in the order of the state machine (ops/docs/states.md)."""

from sooner.db import Queries
from sooner.queue.freeze import STAYS

TRANSITIONS = Queries("sooner.queue", "sql/transitions.sql", stays=STAYS)
