"""The plan of a replication: the tasks of the batch, and the strategy with its concurrency."""

from __future__ import annotations

import heapq
from dataclasses import dataclass

from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy


@dataclass(frozen=True, slots=True)
class TaskId:
    """A task: its group, and its number within the group, both from 0."""

    group: int
    index: int


@dataclass(frozen=True, slots=True)
class Plan:
    """One design point.

    Attributes
    ----------
    scenario : the scenario.
    strategy : with a concurrency where its kind needs one.
    tasks : in the order in which they are dispatched.
    """

    scenario: Scenario
    strategy: Strategy
    tasks: tuple[TaskId, ...]

    @property
    def concurrency(self) -> int:
        """Most attempts at once: at most the number of tasks."""
        return self.strategy.concurrency_in(len(self.tasks))

    @property
    def slots(self) -> int:
        """Most attempts at once that the harness allows."""
        return min(self.concurrency, self.scenario.harness.cap or self.concurrency)

    @property
    def calls(self) -> float:
        """Mean number of model calls of one attempt of every task."""
        return sum(max(1.0, self.scenario.tasks[task.group].calls.mean) for task in self.tasks)

    def name_of(self, task: int) -> str:
        """Return a task's name: its group's, and its number from 1 where the group has several."""
        key = self.tasks[task]
        group = self.scenario.tasks[key.group]
        # A group's tasks stand together, so its neighbours tell whether a task is the only one.
        near = (self.tasks[other] for other in (task - 1, task + 1) if 0 <= other < len(self.tasks))
        alone = all(other.group != key.group for other in near)
        return group.name if alone else f"{group.name} {key.index + 1}"


def make_plan(scenario: Scenario, strategy: Strategy, tasks: int | None = None) -> Plan:
    """Return the plan of a strategy for a batch of `tasks` tasks, or of the scenario's own size.

    Raises
    ------
    ValueError
        Where the strategy needs a concurrency and has none.
    """
    return plan_batch(scenario, strategy, make_batch(scenario, tasks))


def make_batch(scenario: Scenario, tasks: int | None = None) -> tuple[TaskId, ...]:
    """Return the tasks of a batch, in the order in which they are dispatched."""
    counts = group_counts(scenario, scenario.batch_size if tasks is None else tasks)
    return tuple(TaskId(group, index) for group, count in enumerate(counts) for index in range(count))


def plan_batch(scenario: Scenario, strategy: Strategy, batch: tuple[TaskId, ...]) -> Plan:
    """Return the plan of a strategy for a batch that is there already; otherwise as `make_plan`."""
    if strategy.is_swept:
        raise ValueError(f"{strategy.kind} needs a concurrency; write {strategy.kind}: 3")
    return Plan(scenario, strategy.within(len(batch)), batch)


def group_counts(scenario: Scenario, tasks: int) -> list[int]:
    """Return how many tasks of each group are in a batch of `tasks` tasks.

    The groups keep their proportions, by the method of Webster (Sainte-Lague): it gives the counts
    as written at the batch's own size, and a larger batch holds every task of a smaller one, so that
    sizes can be compared task by task.
    """
    written = [group.count for group in scenario.tasks]
    if tasks == sum(written):
        return written
    counts = [0] * len(written)
    heap: list[tuple[float, int]] = [(-count, group) for group, count in enumerate(written)]
    heapq.heapify(heap)
    for _ in range(tasks):
        _, group = heap[0]
        counts[group] += 1
        heapq.heapreplace(heap, (-written[group] / (2 * counts[group] + 1), group))
    return counts
