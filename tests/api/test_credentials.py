"""Who may ask: what is answered without credentials, and with the wrong ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_an_unknown_address_tells_nothing_without_credentials(
    method: str, processes: Processes, connect: Connect, api_key: MakeKey
) -> None:
    web = await processes.web()

    stranger = await connect(web).request(method, "/no/such/address")
    caller = await connect(web, await api_key()).request(method, "/no/such/address")

    assert stranger.status_code == 401
    assert stranger.headers["WWW-Authenticate"].startswith("Bearer")
    assert stranger.headers["Content-Type"] == "application/problem+json"
    assert caller.status_code == 404
    assert caller.json()["type"] == "not-found"


async def test_a_wrong_method_on_an_open_address_needs_no_credentials(
    processes: Processes, connect: Connect
) -> None:
    client = connect(await processes.web())

    assert (await client.post("/livez")).status_code == 405
    assert (await client.delete("/uploads")).status_code == 401
