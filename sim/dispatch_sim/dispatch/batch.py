"""The tasks of a batch: which of them wait for an attempt, in which order, and which wait for others."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Callable, Iterable

from dispatch_sim.dispatch.coordinator import write_interim_brief
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.outcome import State
from dispatch_sim.dispatch.world import Process, Task, World


class Batch:
    """Every task, from its arrival until it is done."""

    def __init__(self, world: World, on_change: Callable[[], None]) -> None:
        self._world = world
        self._on_change = on_change
        self._waiting: list[tuple[int, float, int, Task]] = []
        """A heap of what waits for an attempt: what goes first, by length if asked for, as it came."""
        self._came = itertools.count()
        names = [group.name for group in world.scenario.tasks]
        self._followers: list[list[int]] = [[] for _ in names]
        for number, group in enumerate(world.scenario.tasks):
            for name in sorted(set(group.after)):
                self._followers[names.index(name)].append(number)
        self._held: list[list[Task]] = [[] for _ in names]
        """Tasks that have arrived, by group, while their group has to wait for others."""
        self._not_done_of = [0] * len(names)
        for task in world.plan.tasks:
            self._not_done_of[task.group] += 1
        self._waits_for = [0] * len(names)
        """How many groups that are not done a group waits for."""
        for number, followers in enumerate(self._followers):
            for follower in followers:
                self._waits_for[follower] += self._not_done_of[number] > 0
        self._not_through = list(self._not_done_of)
        """Tasks of each group that are not through the first of two rounds."""
        self._second_round: list[list[Task]] = [[] for _ in names]
        self._briefing = [False] * len(names)
        self.tasks: list[Task] = []
        """All of them, by number."""
        self.not_done = len(world.plan.tasks)
        self._leave_to_person: Callable[[Task], None] | None = None
        """What becomes of tasks that would wait for an attempt, once the run is aborted."""

    @property
    def held(self) -> int:
        """Tasks that wait for other groups to be done."""
        return sum(len(tasks) for tasks in self._held)

    def arrive(self) -> None:
        """Let the tasks come: at once, or one after another."""
        world = self._world
        late: dict[int, list[Task]] = {}
        for number, key in enumerate(world.plan.tasks):
            task = Task(number, key.group, key.index, world.luck.arrival(key.group, key.index))
            self.tasks.append(task)
            if task.arrived_s > 0.0:
                late.setdefault(key.group, []).append(task)
            else:
                self._receive(task)
        for group in late.values():
            world.env.process(self._arrive_late(group))

    def __bool__(self) -> bool:
        """Whether a task waits for an attempt."""
        return bool(self._waiting)

    def add(self, task: Task) -> None:
        """Let a task wait for an attempt, after those that wait already unless it is longer or shorter."""
        self._push(task, 1)

    def put_back(self, tasks: Iterable[Task]) -> None:
        """Let tasks wait for an attempt before all others."""
        for task in tasks:
            self._push(task, 0)

    def take(self, most: int) -> list[Task]:
        """Take from the waiting tasks, in their order."""
        return [heapq.heappop(self._waiting)[3] for _ in range(min(most, len(self._waiting)))]

    @property
    def aborted(self) -> bool:
        """Whether no attempt is launched any more."""
        return self._leave_to_person is not None

    def abort(self, leave_to_person: Callable[[Task], None]) -> None:
        """Leave every task that waits, now or later, to a person."""
        self._leave_to_person = leave_to_person
        for task in self.take(len(self._waiting)):
            leave_to_person(task)
        for tasks in self._second_round:
            for task in tasks:
                leave_to_person(task)
            tasks.clear()

    def finish(self, task: Task) -> None:
        """Note that a task is done, and let the groups go that have waited for its group."""
        self._world.enter(task, State.WAIT, EventKind.WAIT)  # books what it was doing
        self.not_done -= 1
        self._world.books.flow_s += self._world.env.now - task.arrived_s
        self._not_done_of[task.group] -= 1
        if not self._not_done_of[task.group]:
            for follower in self._followers[task.group]:
                self._waits_for[follower] -= 1
                if not self._waits_for[follower]:
                    for held in self._held[follower]:
                        self._world.enter(held, State.WAIT, EventKind.WAIT)
                        self.add(held)
                    self._held[follower].clear()

    def through_first_round(self, task: Task, *, by_agent: bool) -> None:
        """Note that a task has been through the first of two rounds, or is left to a person."""
        if by_agent:
            task.second_round = True
            self._world.enter(task, State.BLOCKED, EventKind.ROUND)
            self._second_round[task.group].append(task)
        self._not_through[task.group] -= 1
        group = task.group
        if not self._not_through[group] and self._second_round[group] and not self._briefing[group]:
            self._briefing[group] = True
            self._world.env.process(self._begin_second_round(group))

    def leave_second_round(self, task: Task) -> None:
        """Let a task that is through its first round wait for an attempt again."""
        self._second_round[task.group].remove(task)
        self._world.enter(task, State.WAIT, EventKind.WAIT)
        self.add(task)

    def back_to_first_round(self, task: Task) -> None:
        """Have a task go through both of two rounds again."""
        if task.second_round:
            task.second_round = False
            self._not_through[task.group] += 1

    def _begin_second_round(self, group: int) -> Process:
        yield from write_interim_brief(self._world)
        self._briefing[group] = False
        if self._not_through[group]:
            return  # some have gone back to the first round meanwhile; there will be another brief
        for task in self._second_round[group]:
            self._world.enter(task, State.WAIT, EventKind.WAIT)
            self.add(task)
        self._second_round[group].clear()
        self._on_change()

    def _arrive_late(self, tasks: list[Task]) -> Process:
        """Let the tasks of a group arrive one after another."""
        for task in tasks:
            yield self._world.env.timeout(task.arrived_s - self._world.env.now)
            task.since_s = task.arrived_s = self._world.env.now
            self._receive(task)
            self._on_change()

    def _receive(self, task: Task) -> None:
        if self._waits_for[task.group]:
            task.state, task.kind = State.BLOCKED, EventKind.DEPENDENCY
            self._held[task.group].append(task)
        else:
            self.add(task)

    def _push(self, task: Task, turn: int) -> None:
        if self._leave_to_person is not None:
            self._leave_to_person(task)
            return
        order = self._world.plan.strategy.order
        length_s = 0.0 if order == "as-given" else self._world.luck.length_s(task.group, task.index)
        key = -length_s if order == "longest-first" else length_s
        heapq.heappush(self._waiting, (turn, key, next(self._came), task))
