"""`python -m tests.benchmarks`: floors, stock dramatiq-pg and Sooner beside each other, as one table."""

import asyncio
import sys

import asyncpg

from ops.local.postgres import free_port
from tests.benchmarks import board, floor, scale, stock
from tests.benchmarks.bench import Bench, Load, bench

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

    def load(self, name: str, load: Load, note: str = "") -> None:
        """One line for an HTTP load; answers other than the expected ones are named."""
        self.row(name, load.rate, load.p50, load.p99, f"{note} {load.statuses}")


async def measure(bench: Bench, table: Table, wanted: set[str]) -> None:
    """All rows, or those of the wanted groups: http, drain, stock, crowd, scale, board."""
    connection = await asyncpg.connect(bench.url)
    await connection.execute(floor.TABLE)
    await connection.close()
    rate1, latency1 = await asyncio.to_thread(floor.lifecycle, bench.url, 1, 3, bench.cluster.home)
    table.row("floor: pgbench lifecycle, 1 client", rate1, latency1)
    rate16, latency16 = await asyncio.to_thread(floor.lifecycle, bench.url, 16, 3, bench.cluster.home)
    table.row("floor: pgbench lifecycle, 16 clients", rate16, latency16)
    if "http" in wanted:
        await http(bench, table, latency1, rate16)
    if "drain" in wanted:
        await drains(bench, table, rate16)
    if "crowd" in wanted:
        await scale.crowd(bench, table.row)
    if "scale" in wanted:
        await scale.measure(bench, table.row)
    if "board" in wanted:
        await board.measure(bench, table.row)
    if "stock" in wanted:
        table.row("stock dramatiq-pg: drain, 1 worker", await stock.drain(bench, 2000, 1))
        table.row("stock dramatiq-pg: drain, 2 workers", await stock.drain(bench, 2000, 2))


async def http(bench: Bench, table: Table, latency1: float, rate16: float) -> None:
    """HTTP loads."""
    port = free_port()
    await bench.processes.command(
        f"uvicorn tests.benchmarks.bare:app --port {port} --loop uvloop --http httptools --no-access-log"
    )
    await asyncio.sleep(2)
    bare = await bench.load(f"http://127.0.0.1:{port}/", 64)
    table.load("floor: bare Starlette route, 64 clients", bare)
    web, worker = await bench.processes.web(), await bench.processes.worker()
    echo = f"{web.url}/jobs/echo"
    await bench.load(echo, 64)
    many = await bench.load(echo, 64)
    table.load("echo, 64 clients", many, f"{many.rate / rate16:.2f} x floor lifecycle at 16")
    table.load("echo, 16 clients", await bench.load(echo, 16))
    one = await bench.load(echo, 1)
    table.load("echo, 1 client", one, f"p50 = {one.p50 / latency1:.2f} x floor lifecycle at 1")
    queued = await bench.load(echo, 64, "Prefer: respond-async")
    note = f"{queued.rate / bare.rate:.2f} x bare route"
    table.load("echo, respond-async, 64 clients, run meanwhile", queued, note)
    await web.terminate()
    await worker.terminate()
    await bench.empty()
    web = await bench.processes.web(MAX_WAITING_PER_TENANT="10000000", MAX_QUEUE_DEPTH="10000000")
    await bench.load(f"{web.url}/jobs/echo", 64, "Prefer: respond-async")
    await bench.empty()
    alone = await bench.load(f"{web.url}/jobs/echo", 64, "Prefer: respond-async")
    table.load(
        "echo, respond-async, 64 clients, no worker", alone, f"{alone.rate / bare.rate:.2f} x bare route"
    )
    await web.terminate()
    await bench.empty()


async def drains(bench: Bench, table: Table, rate16: float) -> None:
    """Backlogs."""
    for name, workers, backlog in (
        ("async echo, 1 worker", 1, {}),
        ("async echo, 2 workers", 2, {}),
        (
            "sync burn(0), 1 worker",
            1,
            {"lane": "default.threads", "actor": "burn", "params": '{"seconds": 0}'},
        ),
    ):
        rate = await bench.drain(20_000, workers, **backlog)
        table.row(f"drain of 20,000: {name}", rate, note=f"{rate / rate16:.2f} x floor lifecycle at 16")


async def main() -> None:
    """Run what the command line names, or all."""
    async with bench() as made:
        await measure(
            made, Table(), set(sys.argv[1:]) or {"http", "drain", "stock", "crowd", "scale", "board"}
        )


if __name__ == "__main__":
    asyncio.run(main())
