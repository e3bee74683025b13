"""The lanes that a worker claims from."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import dramatiq

from sooner.jobs.declaring.placement import lane_of, limits_of
from sooner.jobs.running.runner import Runner, runs_on_loop
from sooner.queue.claim import ServedLane
from sooner.queue.lane import Lane

Actors = Mapping[str, "dramatiq.Actor[Any, Any]"]


def served(actors: Actors, queues: Collection[str], runner: Runner) -> list[ServedLane]:
    """The lanes that this worker claims from: of each queue those for tasks, threads and last chances, limited or not."""
    names: dict[Lane, list[str]] = {}
    for name, actor in actors.items():
        for lane in _lanes(actor) if actor.queue_name in queues else ():
            names.setdefault(lane, []).append(name)
    made = [_served(lane, of_lane, actors, runner) for lane, of_lane in names.items()]
    # A worker that has just begun holds no jobs: the best moment for a last chance.
    return sorted(made, key=lambda each: not each.lane.is_last)


def _served(lane: Lane, names: list[str], actors: Actors, runner: Runner) -> ServedLane:
    limits = limits_of(actors[name] for name in names)
    if lane.is_last:
        return ServedLane(lane, names, runner.last_chance_room, limits=limits)
    threaded = [name for name in names if not runs_on_loop(actors[name])]
    if len(threaded) == len(names):
        return ServedLane(lane, names, runner.thread_room, limits=limits)
    return ServedLane(lane, names, runner.task_room, threaded, runner.thread_room, limits)


def claims(actors: Actors, work: Sequence[ServedLane]) -> dict[str, list[str]]:
    """The actors whose jobs may stay in each lane. Where a lane is another kind's, threads take what they can at once,
    and the rescuer brings the rest to the actor's own lane, so that nobody's claim walks past it.
    """
    return {
        each.lane.name: [
            name for name in each.actors if name not in each.threaded or lane_of(actors[name]) == each.lane
        ]
        for each in work
    }


def _lanes(actor: "dramatiq.Actor[Any, Any]") -> set[Lane]:
    """The lanes in which an actor's jobs are claimed. A stock producer's messages lie in the queue's plain lane.

    The rescuer moves those of a limited actor to its limited lane, where they count.
    """
    lane = lane_of(actor)
    return {lane, lane.last} if lane.is_limited else {Lane(lane.queue), lane, lane.last}
