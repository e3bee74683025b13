"""A pytest plugin: a team's actors on a real PostgreSQL, in the test's own process and event loop.

A project asks for it in its `conftest.py`: `pytest_plugins = ["sooner.testing"]`. It needs pytest-asyncio.

The server is TEST_DATABASE_URL's, whose user may create databases, or an embedded one. Each test has a database of its own.
"""

import importlib
import importlib.util
import os
from collections.abc import AsyncIterator, Iterator

import dramatiq
import pytest
import pytest_asyncio

from sooner.testing.server import Server, serving
from sooner.testing.testbed import Testbed, testbed

__all__ = ["Testbed"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the package of the team's actors to pytest's settings."""
    parser.addini("sooner_actors", "The package of the team's actors.", default="src.actors")


def pytest_collection(session: pytest.Session) -> None:
    """Load the team's actors before any test module, so that actors which tests declare join them."""
    package = session.config.getini("sooner_actors")
    parent = package.partition(".")[0]
    if importlib.util.find_spec(parent) is not None and importlib.util.find_spec(package) is not None:
        importlib.import_module(package)


@pytest.fixture(scope="session")
def sooner_server(pytestconfig: pytest.Config) -> Iterator[Server]:
    """The server of the session, with a database that the tests' databases are copies of."""
    with serving(os.environ.get("TEST_DATABASE_URL"), pytestconfig.rootpath) as server:
        yield server


@pytest_asyncio.fixture
async def sooner(sooner_server: Server) -> AsyncIterator[Testbed]:
    """The team's service for one test: see `Testbed`."""
    with sooner_server.database() as database:
        async with testbed(database, dramatiq.get_broker()) as bed:
            yield bed
