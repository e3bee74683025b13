"""The HTTP interface for Python programs, sync and async: submit, follow, cancel."""

from sooner.client.client import AsyncClient, Client
from sooner.client.problem import NoAnswer, ProblemError

__all__ = ["AsyncClient", "Client", "NoAnswer", "ProblemError"]
