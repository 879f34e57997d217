"""The answer of a study: estimates of every design point, break-evens and the recommended strategy."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.decide.break_even import BreakEven, FactorBreakEven, find_break_even, find_factor_break_even
from dispatch_sim.decide.choice import Choice, choose
from dispatch_sim.decide.constraints import Limits
from dispatch_sim.decide.diminishing_returns import DiminishingReturns, diminishing_returns
from dispatch_sim.decide.lower_bound import Bottleneck, find_bottleneck
from dispatch_sim.decide.pareto import PARETO_MEASURES, ParetoPoint, pareto_points
from dispatch_sim.decide.units import in_base_units
from dispatch_sim.decide.winners import Criterion
from dispatch_sim.display import Displayed
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.factors import paths, value_at
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.profiles import with_named_profiles
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import finite, mean_intervals, quantile_estimate
from dispatch_sim.stats.paired_samples import plain
from dispatch_sim.study.design import as_cell, nearest_size
from dispatch_sim.study.manifest import Stopped
from dispatch_sim.study.objectives import P95, column_of
from dispatch_sim.study.results import Results
from dispatch_sim.study.table import factor_columns, factor_combinations


class AnswerError(UserError):
    """Results that answer nothing; the message says why."""


@dataclass(frozen=True)
class Answer(Displayed):
    """The answer of a study.

    Attributes
    ----------
    results, objective : all rows and the manifest, and the measure that is minimised.
    estimates : one row a (design point, measure): mean, interval, number of replications; and the 95th
        percentile of the makespan, as `p95_makespan_s`, with its value as the mean.
    choices : the recommended strategy, for each combination of further factors.
    break_evens : of parallel and a queue; empty where no size has both.
    factor_break_evens : the same along each further factor, at the batch's own size.
    pareto : time against money, for each choice, in their order.
    diminishing_returns : for each choice and each strategy that was simulated at several concurrencies.
    """

    results: Results
    objective: str
    estimates: pd.DataFrame
    choices: tuple[Choice, ...]
    break_evens: tuple[BreakEven, ...]
    factor_break_evens: tuple[FactorBreakEven, ...] = ()
    pareto: tuple[tuple[ParetoPoint, ...], ...] = ()
    diminishing_returns: tuple[DiminishingReturns, ...] = ()

    def __repr__(self) -> str:
        return f"<Answer: {self.recommended} for {self.main_choice.tasks:,} tasks of {self.scenario['name']}>"

    @cached_property
    def main_choice(self) -> Choice:
        """The choice at the values that the scenario itself has for further factors.

        A factor whose levels do not include that value has its first one.
        """
        own = {path: _own_values(self.results.manifest["scenario"], path) for path in self.choices[0].factors}

        def own_levels(choice: Choice) -> int:
            return sum(in_base_units(level) in own[path] for path, level in choice.factors.items())

        return max(self.choices, key=own_levels)

    @property
    def recommended(self) -> Strategy:
        """The recommended strategy of the main choice."""
        return self.main_choice.strategy

    @property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario, in base units, as the manifest has it."""
        resolved: dict[str, Any] = self.results.manifest["scenario"]["resolved"]
        return resolved

    @property
    def stopped(self) -> Stopped:
        """Why no more replications were simulated."""
        stopped: Stopped = self.results.manifest["replications"]["stopped"]
        return stopped

    @property
    def needed(self) -> int:
        """About how many replications valid intervals need; 0 where there are as many."""
        needed: int = self.results.manifest["replications"]["needed"]
        return needed

    @cached_property
    def bottleneck(self) -> Bottleneck | None:
        """The binding resource of the main choice's strategy, and a lower bound; simulated when read."""
        return find_bottleneck(self.results, self.main_choice)

    def to_json(self) -> dict[str, Any]:
        """Return the answer for programs: `break_even`, `recommended`, `points` and what they rest on."""
        manifest, best, found = self.results.manifest, self.main_choice, self.bottleneck
        return {
            "scenario": self.scenario["name"],
            "sha256": manifest["scenario"]["sha256"],
            "seed": manifest["seed"],
            "engine": manifest["engine"],
            "replications": self.results.replications,
            "stopped": self.stopped,
            "preliminary": self.needed > 0,
            "replications_needed": self.needed,
            "interrupted": manifest["interrupted"],
            "objective": self.objective,
            "confidence": self.scenario["study"]["confidence"],
            "break_even": [found.to_json() for found in self.break_evens],
            "recommended": {
                **best.strategy.to_json(best.tasks),
                "tasks": best.tasks,
                "factors": best.factors,
                "mean": best.estimate.mean,
                "low": best.estimate.low,
                "high": best.estimate.high,
            },
            "binding": found and found.binding.to_json(),
            "lower_bound": found and asdict(found.lower_bound),
            "choices": [choice.to_json() for choice in self.choices],
            "factor_break_even": [found.to_json() for found in self.factor_break_evens],
            "pareto": [
                {"factors": choice.factors, "points": [point.to_json(choice.tasks) for point in points]}
                for choice, points in zip(self.choices, self.pareto, strict=True)
            ],
            "diminishing_returns": [found.to_json() for found in self.diminishing_returns],
            "points": _points(self.estimates, factor_columns(self.results.points)),
        }


def answer(results: Results) -> Answer:
    """Derive the answer of results, by the objective, confidence and indifference of their scenario.

    Raises AnswerError with fewer than two replications, whose noise cannot be estimated.
    """
    if results.replications < 2:
        raise AnswerError("fewer than two replications; simulate at least 2 to conclude anything")
    scenario = results.manifest["scenario"]["resolved"]
    criterion = Criterion.of(scenario)
    objective, confidence, threshold = criterion
    found = choices(results)
    tasks = found[0].tasks
    compared = results.table(dict.fromkeys([column_of(objective), *PARETO_MEASURES]))
    break_evens: list[BreakEven] = []
    pareto: list[tuple[ParetoPoint, ...]] = []
    returns: list[DiminishingReturns] = []
    for choice, (factors, part) in zip(found, factor_combinations(compared), strict=True):
        break_evens += find_break_even(
            part,
            objective,
            confidence,
            batch_size=tasks,
            concurrencies=concurrencies_to_compare(choice),
            indifference=threshold,
        )
        pareto.append(pareto_points(part[part["tasks"] == tasks], confidence))
        returns += diminishing_returns(part, tasks, *criterion, factors)
    return Answer(
        results,
        objective,
        estimates=_estimates(results, confidence),
        choices=found,
        break_evens=tuple(break_evens),
        factor_break_evens=tuple(find_factor_break_even(compared, tasks, *criterion)),
        pareto=tuple(pareto),
        diminishing_returns=tuple(returns),
    )


def concurrencies_to_compare(choice: Choice) -> list[int]:
    """Return the concurrency of the best queue of a choice, and its neighbours that were simulated."""
    found = [each for each in choice.strategies if each.kind == "queue"]
    compared = [each for each in found if each.pace == "none"] or found
    queues = [each.concurrency_in(choice.tasks) for each in compared]
    ordered = sorted(set(queues))
    best = ordered.index(queues[0]) if queues else 0
    return ordered[max(best - 1, 0) : best + 2]


def choices(results: Results) -> tuple[Choice, ...]:
    """Return the choice at the batch's own size, for each combination of further factors."""
    scenario = results.manifest["scenario"]["resolved"]
    criterion, limits = Criterion.of(scenario), Limits.of(scenario["objective"])
    measures = [column_of(criterion.objective), *(limits.bounds if limits else ())]
    compared = results.table(dict.fromkeys(measures))
    own_size = sum(group["count"] for group in scenario["tasks"])
    tasks = nearest_size(results.points["tasks"].unique().tolist(), own_size)
    return tuple(
        choose(part, tasks, *criterion, factors, limits) for factors, part in factor_combinations(compared)
    )


def _own_values(scenario: Mapping[str, Any], dotted: str) -> list[Any]:
    """Return a scenario's value at the path of a factor, as written and as resolved, both in base units.

    Where the path stands for several groups of tasks, the value is that of all of them.
    """
    written, resolved = with_named_profiles(scenario["as_written"]), scenario["resolved"]
    in_trees = (
        [in_base_units(as_cell(value_at(written, path))) for path in paths(written, dotted)],
        [in_base_units(value_at(resolved, path)) for path in paths(resolved, dotted)],
    )
    return [values[0] for values in in_trees if values and values.count(values[0]) == len(values)]


def _estimates(results: Results, confidence: float) -> pd.DataFrame:
    """Estimate every measure at every point, and the 95th percentile of the makespan."""
    points = results.points
    mean, low, high = np.empty((3, len(points), len(MEASURES)))
    for column, measure in enumerate(MEASURES):
        samples = [sample.astype(np.float64) for sample in results.samples(measure)]
        for n in set(map(len, samples)):
            alike = [point for point, sample in enumerate(samples) if len(sample) == n]
            found = mean_intervals(np.stack([samples[point] for point in alike]), confidence)
            mean[alike, column], low[alike, column], high[alike, column] = found
    together = points.iloc[np.repeat(np.arange(len(points)), len(MEASURES))].assign(
        measure=MEASURES * len(points),
        mean=mean.ravel(),
        low=low.ravel(),
        high=high.ravel(),
        n=np.repeat(results.counts, len(MEASURES)),
    )
    quantiles = [quantile_estimate(sample, 0.95, confidence) for sample in results.samples(column_of(P95))]
    columns = {name: [getattr(each, name) for each in quantiles] for name in ("mean", "low", "high", "n")}
    return pd.concat([together, points.assign(measure=P95, **columns)], ignore_index=True)


def _points(estimates: pd.DataFrame, factors: list[str]) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    keys = ["strategy", "concurrency", "tasks", *factors]
    for names, part in estimates.groupby(keys, sort=False):
        rows = zip(part["measure"], part["mean"], part["low"], part["high"], strict=True)
        measures = {
            measure: {"mean": mean, "low": finite(low), "high": finite(high)}
            for measure, mean, low, high in rows
        }
        of_point = {"replications": int(part["n"].iloc[0]), "measures": measures}
        points.append(dict(zip(keys, map(plain, names), strict=True)) | of_point)
    return points
