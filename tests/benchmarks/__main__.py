"""`python -m tests.benchmarks`: floors, stock dramatiq-pg and Sooner beside each other, as one table."""

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from statistics import median

import asyncpg
import uvloop

from sooner.local.ports import free_port
from tests.benchmarks import (
    board,
    calling,
    capacity,
    floor,
    heavy,
    inventory,
    moving,
    scale,
    shards,
    size,
    stock,
    streams,
    teams_tests,
)
from tests.benchmarks.bench import RUNS, SECONDS, Bench, Load, bench, in_turn, median_load
from tests.benchmarks.floor import Lifecycles

ROW = "{:<58} {:>10} {:>9} {:>9}   {}"


class Table:
    """Prints rows as they come."""

    def __init__(self) -> None:
        print(ROW.format("", "a second", "p50 ms", "p99 ms", ""))

    def row(
        self, name: str, rate: float, p50: float | None = None, p99: float | None = None, note: str = ""
    ) -> None:
        """One line."""
        times = [f"{time:.2f}" if time is not None else "" for time in (p50, p99)]
        print(ROW.format(name, f"{rate:,.0f}", *times, note), flush=True)

    def load(self, name: str, loads: Sequence[Load], note: str = "") -> None:
        """One line for an HTTP load, the median of its runs by rate; how it was answered is named."""
        load = median_load(loads)
        self.row(name, load.rate, load.p50, load.p99, f"{note} {load.statuses}")

    def floor(self, clients: int, runs: Sequence[Lifecycles]) -> None:
        """One line for pgbench."""
        rate, latency = median(run.rate for run in runs), median(run.milliseconds for run in runs)
        self.row(f"floor: pgbench lifecycle, clients: {clients}", rate, latency)


async def lifecycles(bench: Bench, clients: int) -> Lifecycles:
    """A run of pgbench on the same server."""
    return await asyncio.to_thread(floor.lifecycle, bench.url, clients, SECONDS, bench.cluster.home)


async def http(bench: Bench, table: Table) -> None:
    """HTTP loads, each beside its floor."""
    port = free_port()
    bare = partial(bench.load_once, f"http://127.0.0.1:{port}/", 64)
    await bench.processes.command(f"uvicorn tests.benchmarks.bare:app --port {port} --no-access-log")
    web, worker = await bench.processes.web(), await bench.processes.worker()
    echo, later = f"{web.url}/jobs/echo", "Prefer: respond-async"
    await bench.load(echo, 64)
    many = await in_turn(partial(lifecycles, bench, 16), partial(bench.load_once, echo, 64))
    table.floor(16, [low for low, _ in many])
    ratio = median(load.rate / low.rate for low, load in many)
    table.load("echo, 64 clients", [load for _, load in many], f"{ratio:.2f} x floor lifecycle at 16")
    table.load("echo, 16 clients", [await bench.load(echo, 16)])
    alone = await in_turn(partial(lifecycles, bench, 1), partial(bench.load_once, echo, 1))
    table.floor(1, [low for low, _ in alone])
    ratio = median(load.p50 / low.milliseconds for low, load in alone)
    table.load("echo, 1 client", [load for _, load in alone], f"p50 = {ratio:.2f} x floor lifecycle at 1")
    await accepting(table, "run meanwhile", bare, partial(bench.load_once, echo, 64, later))
    await web.terminate()
    await worker.terminate()
    web = await bench.processes.web(MAX_WAITING_PER_TENANT="10000000", MAX_QUEUE_DEPTH="10000000")

    async def accept() -> Load:
        await bench.empty()
        return await bench.load_once(f"{web.url}/jobs/echo", 64, later)

    await bench.load(f"{web.url}/jobs/echo", 64, later)
    await accepting(table, "no worker", bare, accept)
    await web.terminate()
    await bench.empty()


async def accepting(
    table: Table, how: str, bare: Callable[[], Awaitable[Load]], accept: Callable[[], Awaitable[Load]]
) -> None:
    """Jobs accepted, beside a route that does nothing."""
    runs = await in_turn(bare, accept)
    table.load("floor: bare Starlette route, 64 clients", [low for low, _ in runs])
    ratio = median(load.rate / low.rate for low, load in runs)
    name = f"echo, respond-async, 64 clients, {how}"
    table.load(name, [load for _, load in runs], f"{ratio:.2f} x bare route")


async def drains(bench: Bench, table: Table) -> None:
    """Backlogs, each beside the floor."""
    for name, workers, backlog in (
        ("async echo, 1 worker", 1, {}),
        ("async echo, 2 workers", 2, {}),
        (
            "sync burn(0), 1 worker",
            1,
            {"lane": "default.threads", "actor": "burn", "params": '{"seconds": 0}'},
        ),
    ):
        runs = await in_turn(partial(lifecycles, bench, 16), partial(bench.drain, 20_000, workers, **backlog))
        table.floor(16, [low for low, _ in runs])
        ratio = median(rate / low.rate for low, rate in runs)
        rate = median(rate for _, rate in runs)
        table.row(f"drain of 20,000: {name}", rate, note=f"{ratio:.2f} x floor lifecycle at 16")


async def against_stock(bench: Bench, table: Table) -> None:
    """The same backlogs beside stock dramatiq-pg's, by as many workers."""
    for workers in (1, 2):
        runs = await in_turn(
            partial(stock.drain, bench, 2_000, workers), partial(bench.drain, 20_000, workers)
        )
        table.row(f"stock dramatiq-pg: drain, workers: {workers}", median(low for low, _ in runs))
        ratio = median(rate / low for low, rate in runs)
        rate = median(rate for _, rate in runs)
        table.row(f"drain of 20,000: async echo, workers: {workers}", rate, note=f"{ratio:.1f} x stock")


async def adopted(bench: Bench, table: Table) -> None:
    """A stock producer's 100,000 rows by one statement, and by one of 10,000: the rate is the same where each costs the same."""
    runs = await in_turn(partial(stock.adopt, bench, 10_000), partial(stock.adopt, bench, 100_000))
    table.row("stock producer: 10,000 rows by one INSERT", median(few for few, _ in runs))
    ratio = median(many / few for few, many in runs)
    rate = median(many for _, many in runs)
    table.row(
        "stock producer: 100,000 rows by one INSERT", rate, note=f"{100_000 / rate:.1f} s, {ratio:.2f} x"
    )


async def from_code(bench: Bench, table: Table) -> None:
    """One caller, one job after the other, by each way that code has; beside stock dramatiq-pg's `.send()`. Then many at once."""
    rates: dict[str, list[float]] = {name: [] for name in calling.WAYS}
    for _ in range(RUNS):
        for name, way in calling.WAYS.items():
            rates[name].append(await way(bench))
    for name, found in rates.items():
        table.row(f"from code: {name}", median(found), note=f"{1e6 / median(found):,.0f} us each")
    seconds = [
        await calling.many(bench, 10_000, within=within) for within in (False, True) for _ in range(RUNS)
    ]
    for name, took in (("submit_all", seconds[:RUNS]), ("submit_all, connection=", seconds[RUNS:])):
        table.row(f"from code: {name} of 10,000", 10_000 / median(took), note=f"{median(took):.2f} s")


GROUPS: dict[str, Callable[[Bench, Table], Awaitable[None]]] = {
    "http": http,
    "drain": drains,
    "stock": against_stock,
    "adopt": adopted,
    "code": from_code,
    "crowd": lambda bench, table: scale.crowd(bench, table.row),
    "scale": lambda bench, table: scale.measure(bench, table.row),
    "shards": lambda bench, table: shards.measure(bench, table.row),
    "capacity": lambda bench, table: capacity.measure(bench),
    "testing": lambda bench, table: teams_tests.measure(table.row),
    "inventory": lambda bench, table: inventory.measure(table.row),
    "streams": lambda bench, table: streams.measure(bench, table.row),
    "heavy": lambda bench, table: heavy.measure(bench, table.row),
    "size": lambda bench, table: size.measure(bench, table.row),
    "board": lambda bench, table: board.measure(bench, table.row),
    "moving": lambda bench, table: moving.measure(bench, table.row),
}


#: Groups that run where they are named alone: they take an hour.
LONG = ("size",)


async def main() -> None:
    """Run the groups that the command line names, or all that are not long."""
    wanted = sys.argv[1:] or [name for name in GROUPS if name not in LONG]
    if unknown := [name for name in wanted if name not in GROUPS]:
        sys.exit(f"no such group: {', '.join(unknown)}; there are {', '.join(GROUPS)}")
    async with bench() as made:
        connection = await asyncpg.connect(made.url)
        await connection.execute(floor.TABLE)
        await connection.close()
        table = Table()
        for name in wanted:
            await GROUPS[name](made, table)


if __name__ == "__main__":
    uvloop.run(main())
