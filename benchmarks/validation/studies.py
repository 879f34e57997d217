"""Coverage of whole studies: of what a default study states, against the truth of its scenario.

A pool of replications of every design point stands for all batches. Each study draws its replications from
the pool, with replacement, all points the same ones, as with a new seed. It begins and goes on as `run_study`
does. The truth of the pool is known exactly.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.random import Generator
from numpy.typing import NDArray

from dispatch_sim.decide.answer import choices
from dispatch_sim.decide.break_even import find_break_even
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.studies import replications_needed
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.loader import Source, load
from dispatch_sim.scenario.strategy import strategy_of
from dispatch_sim.study.design import Stage, design_sweep
from dispatch_sim.study.manifest import manifest_of
from dispatch_sim.study.results import Results, named_points
from dispatch_sim.study.run_study import _next_stages
from dispatch_sim.study.runner import all_cores, simulate_design

ROOT = Path(__file__).parents[2]
POOL, AT_ONCE = 400_000, 20_000
COST = MEASURES.index("cost_usd")

FEW_SIZES: Mapping[str, Any] = {"sweep": {"tasks": [2, 3, 4, 10], "concurrency": [1, 2, 3, 9, 10]}}
FAILURES = {"failures.crash": "1%", "failures.bad_output": "1%"}
RARE = """
name: an eight-hour recovery in 0.3% of batches
tasks:
- {name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 0.4}}, duration: {lognormal: {mean: 60s, cv: 0.5}}}
failures: {crash: 0.0751%, bad_output: 0%}
retry: {policy: none}
recovery: {people: 8h}
strategies: [sequential, parallel, queue]
sweep: {tasks: [2, 3, 4], concurrency: [1, 2, 3, 4]}
"""


def scenarios() -> dict[str, Source]:
    """Return the scenarios, by name; the sizes and concurrencies of the large ones are fewer."""
    ten = load(ROOT / "scenarios" / "ten-sources.yaml").replaced(FEW_SIZES)
    starter = load(ROOT / "sim" / "dispatch_sim" / "scenario" / "starter.yaml")
    swe = load(ROOT / "scenarios" / "swe-tasks.yaml")
    return {
        "init": starter.replaced({"sweep": {"tasks": [3, 4, 5], "concurrency": [1, 2, 3, 4, 5]}}),
        "ten-sources": ten,
        "ten-sources, crash and bad output 1%": ten.replaced(FAILURES),
        "swe-tasks": swe.replaced({"sweep": {"tasks": [2, 3, 5], "concurrency": [1, 2, 3, 5]}}),
        "an eight-hour recovery in 0.3% of batches": load(RARE),
    }


@dataclass
class Drawn:
    """Replications of a pool, as the columns of a study."""

    points: pd.DataFrame
    stages: list[Stage]
    pool: NDArray[np.float64]
    drawn: NDArray[np.int64]

    def read(self, stage: int, measure: str, start: int = 0, stop: int | None = None) -> NDArray[Any]:
        """Return the costs of a stage."""
        here = self.stages[stage]
        return self.pool[np.ix_(here.points, self.drawn[list(here.replications[start:stop])])]


@dataclass
class Coverage:
    """How often each statement of the studies of a scenario held."""

    studies: Counter[str] = field(default_factory=Counter)
    held: Counter[str] = field(default_factory=Counter)
    replications: int = 0

    def add(self, statement: str, holds: bool) -> None:
        """Count a statement of a study."""
        self.studies[statement] += 1
        self.held[statement] += holds


class Population:
    """A scenario and its pool."""

    def __init__(self, source: Source) -> None:
        self.source, self.design = source, design_sweep(source)
        self.points, self.manifest = named_points(self.design), manifest_of(source, self.design)
        whole = replace(self.design, at_most=None)
        parts = [
            simulate_design(replace(whole, replications=start + AT_ONCE), all_cores(), first=start)[
                :, :, COST
            ]
            for start in range(0, POOL, AT_ONCE)
        ]
        self.pool = np.concatenate(parts, axis=1)
        keys = zip(*(self.points[name].tolist() for name in self.points.columns), strict=True)
        self.means = {
            (strategy_of(*key[:3]), key[2]): float(self.pool[row].mean()) for row, key in enumerate(keys)
        }

    def study(self, rng: Generator) -> Results:
        """Return the results of a study that draws its replications."""
        drawn = rng.integers(self.pool.shape[1], size=self.design.at_most)
        stages = self.design.first_stages
        while True:
            columns = Drawn(self.points, list(stages), self.pool, drawn)
            results = Results(columns, manifest_of(self.source, self.design))
            needed = replications_needed(self.design, results)
            more, stopped = _next_stages(results.counts, needed.in_all, self.design)
            if stopped is not None:
                return results
            stages += more

    def judge(self, coverage: Coverage, results: Results) -> None:
        """Compare what a study states with the truth."""
        (choice,) = choices(results)
        here = {strategy: mean for (strategy, tasks), mean in self.means.items() if tasks == choice.tasks}
        best = here[choice.strategy]
        coverage.replications += int(results.counts.sum())
        coverage.add("recommended mean", choice.estimate.low <= best <= choice.estimate.high)
        coverage.add("best subset", any(here[each] == min(here.values()) for each in choice.best_subset))
        for statement, other in _quoted(choice):
            difference = other.difference
            coverage.add(statement, difference.low <= here[other.strategy] - best <= difference.high)
        for zero, found in self._break_evens(results, choice):
            regions = [region for region in found.changes.regions if not region.favours]
            coverage.add("break-even", any(region.low <= zero <= region.high for region in regions))

    def _break_evens(self, results: Results, choice: Choice) -> Iterator[tuple[float, Any]]:
        """Yield the first true zero of parallel against the best queue, and what the study found."""
        found = find_break_even(results.table(["cost_usd"]), confidence=choice.confidence)
        for each in found:
            if each.axis == "tasks" and each.is_with_best and each.parallel.pace == "none":
                curve = [self._difference(each, tasks) for tasks in each.values]
                for (low, one), (high, two) in pairwise(zip(each.values, curve, strict=True)):
                    if one <= 0 < two:
                        yield low + (high - low) * one / (one - two), each
                        return

    def _difference(self, found: Any, tasks: int) -> float:
        """Return the true cost of starting all together above that of the best narrower queue."""
        alike = {s: m for (s, size), m in self.means.items() if size == tasks}
        queues = {s.concurrency_in(tasks): m for s, m in alike.items() if s.at(None) == found.queue}
        together = [alike[found.parallel], *(m for width, m in queues.items() if width == tasks)]
        return min(together) - min(mean for width, mean in queues.items() if width < tasks)


def _quoted(choice: Choice) -> Iterator[tuple[str, Any]]:
    """Yield the differences that a report states first."""
    others = [other for other in choice.alternatives if not other.identical]
    for kind in ("sequential", "parallel"):
        yield from ((f"difference from {kind}", other) for other in others if other.strategy.kind == kind)
    if others:
        yield "difference from the nearest rival", others[0]


STATEMENTS = (
    "recommended mean",
    "difference from sequential",
    "difference from parallel",
    "difference from the nearest rival",
    "break-even",
    "best subset",
)


def studies_table(studies: int) -> str:
    """Return the section of the page about whole studies."""
    lines = [
        "## Whole studies",
        "",
        f"Each line is {studies:,} studies by default rules, with new random variates each. The truth is "
        f"known from {POOL:,} replications, from which they draw. Differences are simultaneous over all "
        "strategies. "
        "*Best subset*: how often it holds the truly best strategy.",
        "",
        f"| Scenario | {' | '.join(STATEMENTS)} | Replications of all points |",
        f"| --- |{' ---: |' * (len(STATEMENTS) + 1)}",
    ]
    for name, source in scenarios().items():
        population, found = Population(source), Coverage()
        rng = np.random.default_rng(18)
        for _ in range(studies):
            population.judge(found, population.study(rng))
        cells = [
            f"{found.held[each] / found.studies[each]:.1%}" if found.studies[each] else "none"
            for each in STATEMENTS
        ]
        lines.append(f"| {name} | {' | '.join(cells)} | {found.replications // studies:,} |")
    return "\n".join(lines) + "\n"
