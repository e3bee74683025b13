"""Jobs that need a thread, where fewer threads are free."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.busy import busy_worker, stock_message
from tests.support.jobs import fetch, final, post, processing, rows

if TYPE_CHECKING:
    from tests.conftest import Connect, MakeKey
    from tests.support.processes import Processes


async def test_a_claimed_job_that_no_thread_has_begun_is_cancelled_at_once_and_loses_no_time(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    client = connect(await processes.web(), await api_key(scopes=["admin"]))
    _, running = await busy_worker(processes, client, database_url)
    limited = stock_message(database_url, "burn", seconds=0, time_limit=100)
    unwanted = stock_message(database_url, "burn", seconds=600)
    for id in (limited, unwanted):
        await processing(client, id)

    assert (await client.post(f"/jobs/{unwanted}/cancel")).status_code == 202
    assert (await final(client, unwanted))["state"] == "cancelled"
    # Claimed long ago, so that the limit would be over if it counted from the claim.
    assert (await client.get(f"/jobs/{limited}", headers={"Prefer": "wait=1"})).json()[
        "state"
    ] == "processing"

    await client.post(f"/jobs/{running}/cancel")
    assert (await final(client, limited))["state"] == "done"


async def test_a_worker_leaves_others_the_jobs_for_which_it_has_no_thread(
    processes: Processes, connect: Connect, api_key: MakeKey, database_url: str
) -> None:
    client = connect(await processes.web(), await api_key(scopes=["admin"]))
    await processes.worker(WORKER_THREADS="1")
    held = "select count(*) from dramatiq.queue where actor = 'burn' and state = 'consumed'"
    submitted = "select sooner.submit('burn', '{\"seconds\": 600}') from generate_series(1, 3)"
    await processing(client, str((await fetch(database_url, submitted))[0]["submit"]))

    # It comes behind them, and needs no thread.
    assert (await post(client, "echo", prefer="wait=20"))["state"] == "done"
    assert (await fetch(database_url, held))[0]["count"] == 1
    await processes.worker(WORKER_THREADS="1")
    left = "select 1 from dramatiq.queue where actor = 'burn' having count(*) filter (where state = 'queued') = 1"
    assert await rows(database_url, left)
