"""Transitions: the statements that change a job's state, in one file, in the order of the state machine (ops/docs/states.md)."""

from sooner.db import Queries

TRANSITIONS = Queries("sooner.queue", "sql/transitions.sql")
