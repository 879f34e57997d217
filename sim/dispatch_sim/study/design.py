"""Design points of a study: its strategies, concurrency, batch sizes and factor levels."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal

from pydantic_core import PydanticCustomError

from dispatch_sim.model.plan import Plan, make_batch, make_plan, plan_batch
from dispatch_sim.scenario import checks
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from dispatch_sim.scenario.wording import listed

SCREENED = 256
"""Replications of the strategies at other batch sizes than the scenario's own, at first."""

MAX_ROWS = 30_000_000
"""Maximum number of rows of results. Statistics take some 220 bytes of memory per row: 7 GB for this many."""

MOST_TASKS = 10_000_000
"""Maximum number of tasks of all batch sizes and variants, which are planned before the simulation."""

MOST_VARIANTS = 10_000
"""Maximum number of combinations of factor levels; checking each like a file takes 3 ms."""

Command = Literal["sweep", "compare"]
"""Commands that simulate a study."""


class DesignError(UserError):
    """A study that cannot be simulated; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Variant:
    """A scenario with a level of each further factor, in their order, and the plans of its design points."""

    levels: tuple[Any, ...]
    scenario: Scenario
    plans: tuple[Plan, ...]


@dataclass(frozen=True, slots=True)
class Stage:
    """A part of a study: some replications of some design points, by their numbers, which increase."""

    points: tuple[int, ...]
    replications: range


@dataclass(frozen=True, slots=True)
class Design:
    """All design points of a study.

    Attributes
    ----------
    factors : scenario paths of the further swept factors.
    variants : one for each combination of their levels.
    replications : of every design point, at first.
    at_most : the most replications that a point may have; None where their number is fixed.
    batch_size : the one that is asked about; None for all. Where the number of replications is not fixed,
        points of other sizes begin with fewer.
    """

    factors: tuple[str, ...]
    variants: tuple[Variant, ...]
    replications: int
    at_most: int | None = None
    batch_size: int | None = None
    command: Command = "sweep"

    @property
    def engine(self) -> str:
        """The engine asked for: `auto`, `simpy` or `compiled`."""
        return self.variants[0].scenario.engine

    @property
    def plans(self) -> list[Plan]:
        """The plan of each design point."""
        return [plan for variant in self.variants for plan in variant.plans]

    @property
    def points(self) -> int:
        """Number of design points."""
        return len(self.plans)

    @property
    def batch_sizes(self) -> list[int]:
        """The batch sizes, increasing."""
        return sorted({len(plan.tasks) for plan in self.plans})

    @property
    def tasks(self) -> int:
        """Number of tasks in one replication of all design points."""
        return sum(len(plan.tasks) for plan in self.plans)

    @property
    def first_stages(self) -> list[Stage]:
        """The stages that a study begins with."""
        points = tuple(range(self.points))
        if self.at_most is None or self.batch_size is None:
            return [Stage(points, range(self.replications))]
        sizes = [len(plan.tasks) for plan in self.plans]
        size = nearest_size(sizes, self.batch_size)
        asked = tuple(point for point in points if sizes[point] == size)
        screened = self.replications if asked == points else min(SCREENED, self.replications)
        stages = [Stage(points, range(screened)), Stage(asked, range(screened, self.replications))]
        return [stage for stage in stages if stage.replications]

    def part(self, points: Collection[int]) -> Design:
        """Return the design of some points, in the same order."""
        kept, numbers = set(points), itertools.count()
        variants = [
            replace(variant, plans=tuple(plan for plan in variant.plans if next(numbers) in kept))
            for variant in self.variants
        ]
        return replace(self, variants=tuple(variant for variant in variants if variant.plans))


def nearest_size(sizes: Iterable[int], wanted: int) -> int:
    """Return the batch size that is nearest to the one wanted, the larger of two."""
    return min(sizes, key=lambda size: (abs(size - wanted), -size))


def design_sweep(source: Source) -> Design:
    """Return the design of a sweep: each strategy at each concurrency, batch size and factor level.

    A queue or waves with a concurrency of their own are simulated at that, others at each value of
    `sweep.concurrency`. A concurrency above the batch size is left out, as it is equivalent to that size.

    Raises ScenarioError where a factor's path or level does not fit the scenario, and DesignError where the
    study is too large.
    """
    return _design(source, lambda scenario: scenario.sweep.tasks, "sweep")


def design_comparison(source: Source) -> Design:
    """Return the design of a comparison: the strategies at the batch's own size."""
    return _design(source, lambda scenario: (scenario.batch_size,), "compare")


def _design(source: Source, sizes: Any, command: Command) -> Design:
    base = source.scenario()
    factors = base.sweep.factors if command == "sweep" else {}
    variants = []
    _refuse_too_large(base, sizes(base), math.prod(len(levels) for levels in factors.values()))
    for levels in itertools.product(*factors.values()):
        scenario = source.replaced(dict(zip(factors, levels, strict=True))).scenario() if levels else base
        plans = tuple(_plans(scenario, sizes(scenario)))
        variants.append(Variant(tuple(as_cell(level) for level in levels), scenario, plans))
    at_most = base.study.at_most if base.study.replications is None else None
    return Design(tuple(factors), tuple(variants), base.study.first, at_most, base.batch_size, command)


def _refuse_too_large(scenario: Scenario, sizes: tuple[int, ...], variants: int) -> None:
    """Raise a `DesignError` for a study that has no points or does not fit in memory."""
    points = variants * sum(len(spread(scenario, tasks)) for tasks in sizes)
    if variants > MOST_VARIANTS:
        raise DesignError(
            f"the sweep has {variants:,} combinations of the levels of its axes; at most {MOST_VARIANTS:,} "
            "can be simulated: shorten an axis"
        )
    if points == 0:
        raise DesignError("each concurrency exceeds the batch size; write a smaller one")
    replications = scenario.study.first
    if points * replications > MAX_ROWS:
        raise DesignError(
            f"the study has {points:,} design points of {replications:,} replications; at most {MAX_ROWS:,} "
            "rows fit in memory while they are analysed: ask for fewer replications, or shorten an axis"
        )
    if (tasks := variants * sum(sizes)) > MOST_TASKS:
        raise DesignError(
            f"the batches of the sweep have {tasks:,} tasks together; at most {MOST_TASKS:,} can be planned: "
            "shorten sweep.tasks or another axis"
        )


def _plans(scenario: Scenario, sizes: tuple[int, ...]) -> Iterator[Plan]:
    for tasks in sizes:
        batch = make_batch(scenario, tasks)
        for strategy in spread(scenario, tasks):
            yield plan_batch(scenario, strategy, batch)


def spread(scenario: Scenario, tasks: int) -> list[Strategy]:
    """Return the scenario's strategies for a batch size, each once at each concurrency."""
    alike: dict[Strategy, set[Strategy]] = {}
    for strategy in scenario.strategies:
        swept = map(strategy.at, scenario.sweep.concurrency) if strategy.is_swept else [strategy]
        alike.setdefault(strategy.at(None), set()).update(each.within(tasks) for each in swept)
    return [
        each
        for strategies in alike.values()
        for each in sorted(strategies, key=lambda each: each.concurrency or tasks)
        if (each.concurrency or tasks) <= tasks
    ]


def left_out(scenario: Scenario, tasks: int) -> list[str]:
    """Return a message on each strategy whose own concurrency exceeds the largest batch of a study."""
    return [
        f"{each}: left out, as the concurrency exceeds the batch of {tasks:,} tasks; write {each.at(tasks)}"
        for each in scenario.strategies
        if (each.within(tasks).concurrency or 0) > tasks
    ]


def as_cell(level: Any) -> Any:
    """Return a factor's level as a cell of a table: a number as it is, anything else as text."""
    if isinstance(level, int | float | str) and not isinstance(level, bool):
        return level
    return json.dumps(level)


def find_plan(scenario: Scenario, strategy: str | None, tasks: int | None) -> Plan:
    """Return the plan of one replication; without a strategy, the first of the scenario's.

    `queue: 3` has the options of the scenario's queues, `{queue: 3, manager: script}` its own.

    Raises DesignError where the strategy is none, does not fit the scenario or is ambiguous.
    """
    try:
        chosen = scenario.strategies[0] if strategy is None else parse_strategy(strategy)
    except PydanticCustomError as error:
        raise DesignError(f"--strategy: {error.message()}") from error
    if chosen.is_swept:
        kind = "paced" if chosen.pace == "limits" else chosen.kind
        raise DesignError(f"--strategy: {kind} needs a concurrency here; write '{kind}: 3'")
    if strategy is not None and not {"{", "("} & set(strategy):
        alike = dict.fromkeys(
            each.at(None)
            for each in scenario.strategies
            if (each.kind, each.pace) == (chosen.kind, chosen.pace)
        )
        if len(alike) > 1:
            raise DesignError(
                f"--strategy: the scenario has {listed(map(str, alike))}; write the options of one of them, "
                f"such as '{{{chosen.kind}: {chosen.concurrency or 'all'}, manager: script}}'"
            )
        chosen = next((each.at(chosen.concurrency) for each in alike), chosen)
    for finding in checks.strategies(scenario.model_copy(update={"strategies": (chosen,)})):
        key = "".join(f"{part}: " for part in finding.path[2:])
        raise DesignError(f"--strategy: {key}{finding.message}")
    return make_plan(scenario, chosen, tasks)
