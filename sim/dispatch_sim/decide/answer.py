"""What a study's results answer: estimates of every point, the break-evens and the choice."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.decide.break_even import (
    BreakEven,
    FactorBreakEven,
    find_break_even,
    find_factor_break_even,
)
from dispatch_sim.decide.choice import Choice, choose
from dispatch_sim.decide.constraints import Limits
from dispatch_sim.decide.diminishing_returns import Returns, slot_returns
from dispatch_sim.decide.pareto import FRONT_MEASURES, ParetoPoint, pareto_front
from dispatch_sim.display import Displayed
from dispatch_sim.model.accounting import MEASURES
from dispatch_sim.scenario.indifference import IndifferenceThreshold, threshold_for
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.stats.estimates import mean_intervals, quantile_estimate
from dispatch_sim.study.design import nearest_size
from dispatch_sim.study.objectives import OBJECTIVES, P95, column_of
from dispatch_sim.study.results import Results, Stopped
from dispatch_sim.study.table import factor_columns, factor_combinations

Front = tuple[ParetoPoint, ...]


class AnswerError(UserError):
    """Results that answer nothing; the message says why."""


@dataclass(frozen=True)
class Answer(Displayed):
    """What a study comes to.

    Attributes
    ----------
    results : all rows and the manifest.
    objective : the measure that is to be small, a column of the results.
    estimates : one row a (design point, measure): mean, interval, number of replications; and the 95th
        percentile of the makespan, as `p95_makespan_s`, with its value as the mean.
    choices : the recommended design point, for each combination of further factors.
    break_evens : where parallel and a queue change places; empty where a study cannot tell.
    factor_break_evens : the same along each further factor, at the batch's own size.
    fronts : of time and money, a front for each choice, in their order.
    returns : what each further slot gains, for each choice and each label that was played at several widths.
    """

    results: Results
    objective: str
    estimates: pd.DataFrame
    choices: tuple[Choice, ...]
    break_evens: tuple[BreakEven, ...]
    factor_break_evens: tuple[FactorBreakEven, ...] = ()
    fronts: tuple[Front, ...] = ()
    returns: tuple[Returns, ...] = ()

    @property
    def scenario(self) -> dict[str, Any]:
        """The resolved scenario, in base units, as the manifest holds it."""
        resolved: dict[str, Any] = self.results.manifest["scenario"]["resolved"]
        return resolved

    @property
    def stopped(self) -> Stopped:
        """Why no more replications were played."""
        stopped: Stopped = self.results.manifest["replications"]["stopped"]
        return stopped

    @property
    def batch_size(self) -> int:
        """Size of the batch that the choice is made for."""
        return self.choices[0].tasks

    def to_json(self) -> dict[str, Any]:
        """Return the answer for programs: `break_even`, `recommended`, `points` and what they rest on."""
        manifest = self.results.manifest
        return {
            "scenario": self.scenario["name"],
            "sha256": manifest["scenario"]["sha256"],
            "seed": manifest["seed"],
            "engine": manifest["engine"],
            "replications": self.results.replications,
            "stopped": self.stopped,
            "interrupted": manifest["interrupted"],
            "objective": self.objective,
            "confidence": self.scenario["study"]["confidence"],
            "break_even": [break_even.to_json() for break_even in self.break_evens],
            "recommended": _recommended(self.choices[0]),
            "choices": [choice.to_json() for choice in self.choices],
            "factor_break_even": [found.to_json() for found in self.factor_break_evens],
            "pareto": [
                {"factors": choice.factors, "points": [point.to_json(choice.tasks) for point in front]}
                for choice, front in zip(self.choices, self.fronts, strict=True)
            ],
            "returns": [found.to_json() for found in self.returns],
            "points": _points(self.estimates, factor_columns(self.results.points)),
        }


def answer(results: Results) -> Answer:
    """Work out what results answer, by the objective, confidence and indifference of their scenario.

    Raises
    ------
    AnswerError
        With fewer than two replications, which say nothing about their own noise.
    """
    if results.replications < 2:
        raise AnswerError("fewer than two replications were played; there is nothing to conclude from them")
    scenario = results.manifest["scenario"]["resolved"]
    objective, confidence = objective_of(scenario), scenario["study"]["confidence"]
    found = choices(results)
    tasks, zone = found[0].tasks, _zone(scenario)
    compared = results.table(dict.fromkeys([column_of(objective), *FRONT_MEASURES]))
    parts = factor_combinations(compared)
    break_evens = tuple(
        each
        for choice, (_, part) in zip(found, parts, strict=True)
        for each in find_break_even(
            part,
            objective,
            confidence,
            batch_size=tasks,
            widths=widths_to_compare(choice),
            zone=zone.at,
        )
    )
    return Answer(
        results,
        objective,
        _estimates(results, confidence),
        found,
        break_evens,
        tuple(find_factor_break_even(compared, tasks, objective, confidence, zone.at)),
        tuple(pareto_front(part[part["tasks"] == tasks], confidence) for _, part in parts),
        tuple(
            each
            for factors, part in parts
            for each in slot_returns(part, tasks, objective, confidence, zone, factors)
        ),
    )


def widths_to_compare(choice: Choice) -> list[int]:
    """Return the width of the best queue of a choice, and the widths next to it that were played."""
    strategies = [choice.strategy, *(other.strategy for other in choice.alternatives)]
    queues = [each.concurrency_in(choice.tasks) for each in strategies if each.kind == "queue"]
    widths = sorted(set(queues))
    best = widths.index(queues[0]) if queues else 0
    return widths[max(best - 1, 0) : best + 2]


def choices(results: Results) -> tuple[Choice, ...]:
    """Return the choice at the batch's own size, for each combination of further factors."""
    scenario = results.manifest["scenario"]["resolved"]
    objective, limits = objective_of(scenario), Limits.of(scenario["objective"])
    compared = results.table(dict.fromkeys([column_of(objective), *(limits.bounds if limits else ())]))
    batch_size = nearest_size(
        map(int, results.points["tasks"].unique()), sum(group["count"] for group in scenario["tasks"])
    )
    return tuple(
        choose(part, batch_size, objective, scenario["study"]["confidence"], _zone(scenario), factors, limits)
        for factors, part in factor_combinations(compared)
    )


def objective_of(scenario: Mapping[str, Any]) -> str:
    """Return the measure that a resolved scenario minimises."""
    return OBJECTIVES[scenario["objective"]["minimise"]]


def _zone(scenario: Mapping[str, Any]) -> IndifferenceThreshold:
    return threshold_for(scenario["study"]["indifference"], scenario["objective"]["minimise"])


def _estimates(results: Results, confidence: float) -> pd.DataFrame:
    """Estimate every measure at every point, and the 95th percentile of the makespan."""
    tables = []
    for measure in MEASURES:
        values = results.columns.read(measure).astype(np.float64)
        mean, low, high = mean_intervals(values, confidence)
        tables.append(
            results.points.assign(measure=measure, mean=mean, low=low, high=high, n=results.replications)
        )
    together = pd.concat(tables).sort_index(kind="stable")  # all measures of a point, then of the next
    found = [quantile_estimate(row, 0.95, confidence) for row in results.columns.read(column_of(P95))]
    ends = {name: [getattr(each, name) for each in found] for name in ("low", "high", "n")}
    p95 = results.points.assign(measure=P95, mean=[each.mean for each in found], **ends)
    return pd.concat([together, p95], ignore_index=True)


def _recommended(choice: Choice) -> dict[str, Any]:
    return {
        **choice.strategy.to_json(choice.tasks),
        "tasks": choice.tasks,
        "factors": choice.factors,
        "mean": choice.estimate.mean,
        "low": choice.estimate.low,
        "high": choice.estimate.high,
    }


def _points(estimates: pd.DataFrame, factors: list[str]) -> list[dict[str, Any]]:
    points: list[dict[str, Any]] = []
    keys = ["strategy", "concurrency", "tasks", *factors]
    for names, part in estimates.groupby(keys, sort=False):
        point: dict[str, Any] = {
            key: value.item() if hasattr(value, "item") else value
            for key, value in zip(keys, names, strict=True)
        }
        rows = zip(part["measure"], part["mean"], part["low"], part["high"], strict=True)
        point["measures"] = {
            measure: {"mean": mean, "low": _finite(low), "high": _finite(high)}
            for measure, mean, low, high in rows
        }
        points.append(point)
    return points


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
