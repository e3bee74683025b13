"""Placing: which shard a new tenant comes to."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sooner.db import Link, Queries
from sooner.db.link import Connection, rows
from sooner.jobs.tenants.directory import Place
from sooner.jobs.tenants.locator import locator

SQL = Queries("sooner.jobs.tenants", "sql/placer.sql")


class CannotPlace(Exception):
    """A tenant is not placed; the message says what to do."""


class Placer:
    """Places tenants, over a connection to the home's database whose role may write the directory.

    The shard with the fewest tenants for its weight has the most room. Shards that are draining, or have no weight, get none.
    """

    def __init__(self, home: Link) -> None:
        self._home = home

    async def place(self, tenant: str) -> Place:
        """The place of a tenant, which has one from now on. Raises CannotPlace, and Unavailable when the home is away."""
        return await self._home.run_whole(partial(self._place, tenant))

    async def _place(self, tenant: str, connection: Connection) -> Place:
        name = locator(tenant)
        found = await rows(connection, SQL.placed, locator=name)
        if not found:
            await rows(connection, SQL.wait_for_turn)
            # Another program may have placed it meanwhile.
            found = await rows(connection, SQL.placed, locator=name)
        if not found:
            found = await rows(connection, SQL.place, locator=name, tenant=tenant)
        if not found:
            raise CannotPlace(
                f"no shard has room for tenant {tenant}: add one (python -m sooner shards add NAME), give one a weight above 0 "
                "(shards add NAME --weight 1), or let one take tenants again (shards drain NAME --undo)"
            )
        return _place_of(tenant, found[0])


def _place_of(tenant: str, row: Mapping[str, Any]) -> Place:
    if row["tenant"] != tenant:
        raise CannotPlace(
            f"tenants {tenant} and {row['tenant']} have the same locator, by which keys tell whose they are: "
            f"give {tenant} another name"
        )
    return Place(row["shard"], row["previous"], row["is_frozen"])
