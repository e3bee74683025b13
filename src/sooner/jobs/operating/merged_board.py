"""The operators' overview of several shards as one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sooner.jobs.operating.queues import merged
from sooner.jobs.states import State

#: What `Board.look` gives.
Seen = Mapping[str, Any]


def merged_board(boards: Mapping[str, Seen], missing: Sequence[str]) -> dict[str, Any]:
    """One overview of the shards, by their names, and the names of those that do not answer.

    Workers, schedulers and schedules say their `shard`; a queue says on which it is paused (`paused_on`).
    """
    return {
        "missing": list(missing),
        "queues": [_queue(queue, boards) for queue in merged(board["queues"] for board in boards.values())],
        "workers": _each("workers", boards),
        "schedulers": [{**board["scheduler"], "shard": shard} for shard, board in boards.items()],
        "schedules": _each("schedules", boards),
        "states": _states(board["states"] for board in boards.values()),
    }


def _each(member: str, boards: Mapping[str, Seen]) -> list[dict[str, Any]]:
    return [{**each, "shard": shard} for shard, board in boards.items() for each in board[member]]


def _queue(queue: Seen, boards: Mapping[str, Seen]) -> dict[str, Any]:
    paused_on = [
        shard
        for shard, board in boards.items()
        if any(each["name"] == queue["name"] and each["paused"] for each in board["queues"])
    ]
    return {**queue, "paused_on": paused_on}


def _states(shards: Iterable[Seen]) -> dict[str, Any]:
    """A sum of lower bounds is a lower bound, and one of estimates is an estimate."""
    states = list(shards)
    return {
        "counts": {state.value: sum(each["counts"][state.value] for each in states) for state in State},
        "about": sorted({state for each in states for state in each["about"]}),
    }
