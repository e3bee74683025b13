"""What became of the jobs that a load wrote down."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import asyncpg

from sooner.jobs.states import PUBLIC

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from uuid import UUID

#: Every change of a row that was final before, whoever makes it, by whatever statement.
WATCH_FINAL = """
create schema judge;
create table judge.changed (id uuid, was text, became text);
create function judge.note() returns trigger language plpgsql security definer as $$
begin
  insert into judge.changed values (old.message_id, old.state, case tg_op when 'UPDATE' then new.state::text end);
  return null;
end $$;
create trigger judge after update or delete on dramatiq.queue
  for each row when (old.finished_at is not null) execute function judge.note();
"""

ROWS = """
select message_id, state::text as state, error->>'type' as error, result::text as result
from dramatiq.queue where message_id = any($1)
"""
OPEN = "select count(*) from dramatiq.queue where message_id = any($1) and finished_at is null"
CHANGED = "select id from judge.changed"


@dataclass
class Verdict:
    """Counts of one run. `held`: jobs that killed workers held when they were killed, summed over the kills."""

    accepted: int = 0
    done: int = 0
    worker_lost: int = 0
    repeated: int = 0
    lost: int = 0
    changed: int = 0
    contradicted: int = 0
    without_effect: int = 0
    refused: int = 0
    killed: int = 0
    held: int = 0
    odd: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        counts = {name: value for name, value in asdict(self).items() if name != "odd"}
        return " ".join(f"{name}={value}" for name, value in counts.items())

    def require(self, *, repeats: int = 0) -> None:
        """Asserts what holds under every fault; at most `repeats` effects were had a second time."""
        assert self.odd == []
        assert self.accepted > 0
        assert (self.lost, self.changed, self.contradicted, self.without_effect) == (0, 0, 0, 0), str(self)
        assert self.done + self.worker_lost == self.accepted, str(self)
        assert self.repeated <= repeats, str(self)


async def watch_final(url: str) -> None:
    """Begin to note changes of final jobs in this database."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(WATCH_FINAL)
    finally:
        await connection.close()


async def judge(
    url: str, accepted: Mapping[UUID, dict[str, Any]], effects: Path, *, within: float = 90
) -> Verdict:
    """Wait until every accepted job is final, at most `within` seconds, then count."""
    connection = await asyncpg.connect(url)
    try:
        await _all_final(connection, list(accepted), within)
        rows = {row["message_id"]: row for row in await connection.fetch(ROWS, list(accepted))}
        changed = {row["id"] for row in await connection.fetch(CHANGED)}
    finally:
        await connection.close()
    return _count(accepted, rows, changed, read_effects(effects))


async def _all_final(connection: asyncpg.Connection, ids: list[UUID], within: float) -> None:
    deadline = time.monotonic() + within
    while await connection.fetchval(OPEN, ids) and time.monotonic() < deadline:  # noqa: ASYNC110 - a table tells nobody
        await asyncio.sleep(0.2)


def read_effects(path: Path) -> Counter[str]:
    """How often each job had its effect."""
    return Counter(line.split()[0] for line in path.read_text().splitlines()) if path.exists() else Counter()


def _count(
    accepted: Mapping[UUID, dict[str, Any]],
    rows: Mapping[UUID, asyncpg.Record],
    changed: set[UUID],
    effects: Counter[str],
) -> Verdict:
    verdict = Verdict(accepted=len(accepted), changed=len(changed))
    for id, answer in accepted.items():
        row = rows.get(id)
        state = PUBLIC[row["state"]].value if row is not None else "gone"
        if row is None or state in ("waiting", "processing"):
            verdict.lost += 1
            verdict.odd.append(f"{id} is {state}")
            continue
        verdict.done += state == "done"
        verdict.worker_lost += row["error"] == "worker-lost"
        verdict.contradicted += answer["finished_at"] is not None and answer["state"] != state
        verdict.without_effect += state == "done" and not effects[str(id)]
        if state != "done" and row["error"] != "worker-lost":
            verdict.odd.append(f"{id} is {state}: {row['error']}")
    verdict.repeated = sum(count - 1 for count in effects.values())
    return verdict
