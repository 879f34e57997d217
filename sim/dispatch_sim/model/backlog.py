"""The backlog: tasks that wait for an attempt, in order, and those that wait for other groups."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dispatch_sim.model import recovery
from dispatch_sim.model.accounting import AttemptUsage, book_output
from dispatch_sim.model.events import OF_ATTEMPT, Activity

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt, Checkpoint
    from dispatch_sim.model.simulation import Process, Simulation


@dataclass(slots=True, eq=False)
class Task:
    """A task as it goes through the batch.

    Attributes
    ----------
    number : in the plan.
    group, index : its group, and its number in the group.
    attempts, failures : attempts begun, and those that failed by themselves.
    attempt : its last, and `instructions` the version of the batch's instructions that it was given.
    checkpoint : the point from which another attempt can resume.
    outputs : usage of each attempt whose output it still needs, and whether that was rework.
    rework : the part that its next attempt does again, as it was made without sight of others; 0: all.
    second_round : whether it has been through the first of two rounds.
    activity, call, tokens, since_s : its present activity, for the ledger and the log, and its start.
    """

    sim: Simulation
    number: int
    group: int
    index: int
    arrived_s: float
    since_s: float
    attempts: int = 0
    failures: int = 0
    attempt: Attempt | None = None
    instructions: int = 0
    checkpoint: Checkpoint | None = None
    outputs: list[tuple[AttemptUsage, bool]] = field(default_factory=list)
    rework: float = 0.0
    second_round: bool = False
    activity: Activity = Activity.WAIT
    call: int = -1
    tokens: int = 0

    def enter(self, activity: Activity, call: int = -1, tokens: int = 0) -> None:
        """Begin an activity, and book the time of the last one."""
        sim = self.sim
        now_s = sim.env.now
        spent_s = now_s - self.since_s
        if spent_s > 0.0:
            last = self.activity
            state = last.state
            assert state is not None
            sim.ledger.time_s[state] += spent_s
            if state in OF_ATTEMPT and self.attempt is not None:
                self.attempt.usage.time_s += spent_s
            sim.log(self.since_s, last, self.number, self.attempts, self.call, self.tokens)
            self.since_s = now_s
        self.activity, self.call, self.tokens = activity, call, tokens

    def log(self, activity: Activity, call: int = -1, tokens: int = 0) -> None:
        """Write a moment into the log."""
        self.sim.log(self.sim.env.now, activity, self.number, self.attempts, call, tokens)


class Backlog:
    """Every task, from its arrival until it is done."""

    def __init__(self, sim: Simulation) -> None:
        self._sim = sim
        self.ready: list[tuple[int, float, int, Task]] = []
        """A heap of waiting tasks: those that go first, then by length if asked for, then by arrival."""
        self._came = itertools.count()
        groups = sim.scenario.tasks
        self.tasks: list[Task] = []
        """All of them, by number."""
        self.unfinished = len(sim.plan.tasks)
        self._unfinished_of = [0] * len(groups)
        for task in sim.plan.tasks:
            self._unfinished_of[task.group] += 1
        self._waits_for = [
            sum(other.name in group.after and self._unfinished_of[i] > 0 for i, other in enumerate(groups))
            for group in groups
        ]
        """How many groups that are not done a group waits for."""
        self._blocked: list[list[Task]] = [[] for _ in groups]
        """Tasks that have arrived, by group, while their group has to wait for others."""
        self.aborted = False
        """Whether no attempt is launched any more."""

    @property
    def blocked(self) -> int:
        """Tasks that wait for other groups to be done."""
        return sum(map(len, self._blocked))

    def arrive(self) -> None:
        """Let the tasks come: at once, or one after another."""
        sim = self._sim
        late: dict[int, list[Task]] = {}
        for number, key in enumerate(sim.plan.tasks):
            arrived_s = sim.variates.arrival_s(key.group, key.index)
            task = Task(sim, number, key.group, key.index, arrived_s, since_s=arrived_s)
            self.tasks.append(task)
            if task.arrived_s > 0.0:
                late.setdefault(key.group, []).append(task)
            else:
                self._receive(task)
        for tasks in late.values():
            sim.env.process(self._arrivals(tasks))

    def add(self, task: Task, *, first: bool = False) -> None:
        """Let a task wait for an attempt, after those that wait already unless it is longer or shorter."""
        if self.aborted:
            recovery.leave_to_person(task)
            return
        order, length_s = self._sim.strategy.order, 0.0
        if order != "as-given":
            length_s = self._sim.variates.length_s(task.group, task.index)
        sort_key = -length_s if order == "longest-first" else length_s
        heapq.heappush(self.ready, (not first, sort_key, next(self._came), task))

    def add_first(self, tasks: Iterable[Task]) -> None:
        """Let tasks wait for an attempt before all others."""
        for task in tasks:
            self.add(task, first=True)

    def first(self, most: int) -> list[Task]:
        """Return the first of the waiting tasks, in their order."""
        return [entry[-1] for entry in heapq.nsmallest(most, self.ready)]

    def take(self, most: int) -> list[Task]:
        """Take from the waiting tasks, in their order."""
        return [heapq.heappop(self.ready)[-1] for _ in range(min(most, len(self.ready)))]

    def abort(self) -> None:
        """Leave every task that waits, now or later, to a person."""
        self.aborted = True
        for task in (*self.take(len(self.ready)), *self._sim.communication.take_waiting()):
            recovery.leave_to_person(task)

    def finish(self, task: Task) -> None:
        """Note that a task is done, and release the groups that have waited for its group."""
        sim = self._sim
        for usage, rework in task.outputs:
            book_output(sim.ledger, usage, rework)
        task.outputs.clear()
        task.enter(Activity.WAIT)  # books its last activity
        sim.ledger.flow_s += sim.env.now - task.arrived_s
        self.unfinished -= 1
        self._unfinished_of[task.group] -= 1
        if self._unfinished_of[task.group] == 0:
            self._group_is_done(sim.scenario.tasks[task.group].name)

    def _group_is_done(self, name: str) -> None:
        for follower, group in enumerate(self._sim.scenario.tasks):
            if name in group.after:
                self._waits_for[follower] -= 1
                if not self._waits_for[follower]:
                    for task in self._blocked[follower]:
                        task.enter(Activity.WAIT)
                        self.add(task)
                    self._blocked[follower].clear()

    def _arrivals(self, tasks: list[Task]) -> Process[None]:
        """Let the tasks of a group arrive one after another."""
        env = self._sim.env
        for task in tasks:
            yield env.timeout(task.arrived_s - env.now)
            task.since_s = task.arrived_s = env.now
            self._receive(task)
            self._sim.notify()

    def _receive(self, task: Task) -> None:
        if self._waits_for[task.group]:
            task.activity = Activity.DEPENDENCY
            self._blocked[task.group].append(task)
        else:
            self.add(task)
