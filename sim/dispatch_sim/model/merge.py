"""Merging of outputs by the coordinator or by a person, with a cost per pair of independent outputs."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.events import Activity, AttemptFailed, Failure

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.simulation import Process, Simulation


class _Count:
    """Counts the merges that an agent did not see: those begun and not over when it began."""

    def __init__(self) -> None:
        self.begun = 0
        self.over_s: list[float] = []

    def unseen(self, since_s: float) -> int:
        """Count the merges that have begun and were not over at a time."""
        return self.begun - bisect_right(self.over_s, since_s)


Entry = tuple[_Count, _Count]
"""The two counts of an output that is being merged: of all, and of its group."""


class MergeRecord:
    """Counts outputs that were made without sight of each other."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self._all = _Count()
        self._of_group = [_Count() for _ in sim.scenario.tasks]
        self._sizes = [0] * len(sim.scenario.tasks)
        for task in sim.plan.tasks:
            self._sizes[task.group] += 1

    def join(self, attempt: Attempt) -> tuple[int, int]:
        """Count an output among those that are merged; returns how many it did not see: all, own group.

        Its agent saw what was merged when it began, and what its group's others do if they communicate.
        """
        everything, own = attempt.merge_entry = self._all, self._of_group[attempt.task.group]
        unseen, of_group = everything.unseen(attempt.began_s), own.unseen(attempt.began_s)
        everything.begun += 1
        own.begun += 1
        return (unseen, of_group) if self._sim.communication.is_none else (unseen - of_group, 0)

    def complete(self, attempt: Attempt) -> None:
        """Note that an output is merged."""
        for count in attempt.merge_entry or ():
            count.over_s.append(self._sim.env.now)
        attempt.merge_entry = None

    def drop(self, attempt: Attempt) -> None:
        """Count an output no longer that was to be merged, or was being merged."""
        for count in attempt.merge_entry or ():
            count.begun -= 1
        attempt.merge_entry = None

    def share(self, group: int, unseen: int) -> float:
        """Return the part of its group that an agent did not see.

        Outputs of a task that was done again count as well, but no more than all others can be missed.
        """
        others = max(1, self._sizes[group] - 1)
        return self._sim.scenario.tasks[group].coupling * min(unseen, others) / others


def merge(attempt: Attempt) -> Process[None]:
    """Merge an output; raises AttemptFailed if it is bad, which shows at the end, or overwritten."""
    sim, task = attempt.sim, attempt.task
    if attempt.is_first_round:
        return
    if attempt.wrong_brief:
        raise AttemptFailed(Failure.WRONG_BRIEF)
    bad_output, of_group = attempt.variates.bad_output, 0
    if not attempt.write.lost:
        unseen, of_group = (0, 0) if bad_output or task.rework else sim.merges.join(attempt)
        yield from _combine(attempt, unseen)
    attempt.merging = True
    if attempt.write.lost:  # before, while it was in line, or being merged
        sim.merges.drop(attempt)
        yield from fail_overwritten(attempt)
    if bad_output:
        task.log(Activity.BAD_OUTPUT)
        raise AttemptFailed(Failure.BAD_OUTPUT)
    if seconds := sim.isolation.begin_merge(attempt.write):
        yield from by_person(attempt, Activity.RESOLVE, seconds)
        sim.ledger.people_conflicts_s += seconds
    sim.merges.complete(attempt)
    yield from sim.isolation.end_merge(attempt)
    if attempt.write.lost:
        yield from fail_overwritten(attempt)
    attempt.unseen_share = sim.merges.share(task.group, of_group)


def _combine(attempt: Attempt, pairs: int) -> Process[None]:
    """Have the coordinator and a person combine an output with the others, each where it costs anything.

    A person does where the scenario gives `people` a time. Either stops if the output has been overwritten.
    """
    sim, task, costs = attempt.sim, attempt.task, attempt.sim.scenario.merge
    cost = costs.structured if sim.scenario.tasks[task.group].output == "structured" else costs.prose
    tokens = cost.tokens + pairs * costs.pair.tokens
    time_s = cost.time + pairs * costs.pair.time
    people_s = cost.people + pairs * costs.pair.people
    if sim.is_solo:  # it has the output in its context
        tokens = time_s = 0.0
    if tokens or time_s:
        task.enter(Activity.COORDINATOR_BUSY)
        with sim.coordinator.request() as turn:
            yield turn
            attempt.merging = True
            if not attempt.write.lost:
                yield from sim.coordinator.start_turn()
                task.enter(Activity.MERGE)
                yield sim.env.timeout(time_s)
                sim.coordinator.write_output(attempt.usage.by_purpose[Purpose.MERGE], tokens)
    if people_s and not attempt.write.lost:
        spent_s = yield from by_person(attempt, Activity.MERGE_BY_PERSON, people_s)
        sim.ledger.people_merge_s += spent_s  # not in one: `x += yield` reads x before it waits


def by_person(attempt: Attempt, activity: Activity, seconds: float) -> Process[float]:
    """Have a person work on an output; returns the seconds: 0 if it is lost before its turn comes."""
    sim, task = attempt.sim, attempt.task
    task.enter(Activity.PERSON_BUSY)
    with sim.person.request() as turn:
        yield turn
        attempt.merging = True
        if attempt.write.lost and activity is Activity.MERGE_BY_PERSON:
            return 0.0
        task.enter(activity)
        yield sim.env.timeout(seconds)
    return seconds


def fail_overwritten(attempt: Attempt) -> Process[None]:
    """Have a person clean up after the loss of an attempt's work, then raise AttemptFailed."""
    sim = attempt.sim
    attempt.task.log(Activity.OVERWRITTEN)
    if seconds := sim.variates.clean_up_s(*attempt.key):
        yield from by_person(attempt, Activity.CLEAN_UP, seconds)
        sim.ledger.people_conflicts_s += seconds
    raise AttemptFailed(Failure.OVERWRITTEN)
