"""Judges a rule of thumb by its regret: the cost of following it above that of the best strategy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.claims.simulation import Points
from dispatch_sim.claims.statements import Regret
from dispatch_sim.claims.verdicts import Verdict, is_valid
from dispatch_sim.model.arithmetic import HOUR_S
from dispatch_sim.scenario.indifference import threshold_for
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy, strategy_of
from dispatch_sim.stats.estimates import Estimate, mean_estimate

_KINDS = ("sequential", "parallel", "queue")
"""What the rule chooses from, and is compared with: the same strategy everywhere."""


@dataclass(frozen=True)
class RegretFinding:
    """The mean regret, over scenarios of equal weight, of the rule and of the same strategy everywhere.

    `right` counts the settings (combinations of a scenario and its factors) where the rule picks the best.
    """

    right: int
    settings: int
    mean: Estimate
    always: dict[str, Estimate]
    valid: bool
    verdict: Verdict


def judge_regret(claim: Regret, points: Mapping[str, Points], confidence: float) -> RegretFinding:
    """Judge a statement about the rule that parallel is best where three conditions hold.

    The best strategy has the least mean among those without further options, as the rule does not choose
    worktrees or a blackboard. It is picked and judged by the same replications, so regrets are slightly too
    large. Scenarios that do not simulate both sequential and parallel at the batch's own size are left out.
    """
    estimates: dict[str, list[Estimate]] = {}
    right = settings = 0
    valid = True
    for each in points.values():
        found = list(_settings(claim, each))
        settings += len(found)
        right += sum(is_right for is_right, _ in found)
        for rule in found[0][1] if found else ():
            regret = np.mean([by_rule[rule] for _, by_rule in found], axis=0)
            estimates.setdefault(rule, []).append(mean_estimate(regret, confidence))
            valid = valid and is_valid(regret)
    if not settings:
        return RegretFinding(0, 0, Estimate(math.nan, -math.inf, math.inf, 0), {}, False, Verdict.NOT_SHOWN)
    means = {rule: _mean_of_means(each) for rule, each in estimates.items()}
    mean = means.pop("conditions")
    # At twice the half-width the error is less than a fiftieth.
    valid = valid or abs(mean.mean - claim.at_most) > 2 * mean.half_width
    verdict = Verdict.REFUTED if mean.low > claim.at_most else Verdict.NOT_SHOWN
    verdict = Verdict.CONFIRMED if mean.high <= claim.at_most else verdict
    return RegretFinding(right, settings, mean, means, valid, verdict)


def _settings(claim: Regret, points: Points) -> Iterator[tuple[bool, dict[str, NDArray[np.float64]]]]:
    """Yield of each setting whether the rule picks the best strategy, and values whose mean is the regret.

    The values are those of each rule, one a replication.
    """
    design = points.design
    is_kind = np.isin(points.table["strategy"].astype(str), _KINDS)
    sizes = {variant.scenario.batch_size for variant in design.variants}
    own_size = is_kind & np.isin(points.table["tasks"], list(sizes))
    if not {"sequential", "parallel"} <= set(points.table["strategy"][own_size]):
        return
    points.extend(np.flatnonzero(own_size).tolist(), points.screening)
    for variant in design.variants:
        scenario, factors = variant.scenario, dict(zip(design.factors, variant.levels, strict=True))
        tasks = scenario.batch_size
        wanted = [points.is_at(axis, level) for axis, level in {**factors, "tasks": tasks}.items()]
        rows = np.flatnonzero(np.logical_and.reduce([own_size, *wanted])).tolist()
        named = zip(points.table["strategy"][rows], points.table["concurrency"][rows], strict=True)
        strategies = [strategy_of(label, int(concurrency), tasks) for label, concurrency in named]
        if not {"sequential", "parallel"} <= {each.kind for each in strategies}:
            continue
        costs, times = (
            dict(zip(strategies, points.sums(rows, [measure], points.screening), strict=True))
            for measure in ("cost_usd", "makespan_s")
        )
        far_first = sorted(strategies, key=lambda each: _distance(each, claim, tasks), reverse=True)
        chosen: dict[str, Strategy] = {each.kind: each for each in far_first}  # the nearest of each kind
        sequential, parallel = chosen["sequential"], chosen["parallel"]
        chosen.setdefault("queue", sequential)  # a scenario without a queue
        saved_usd = float((times[sequential] - times[parallel]).mean()) / HOUR_S * scenario.values.waiting
        threshold = threshold_for(scenario.study.indifference, "cost").at(float(costs[sequential].mean()))
        conditions = (is_independent(scenario), is_structured(scenario), saved_usd > threshold)
        chosen["conditions"] = parallel if all(conditions) else chosen[claim.otherwise]
        best = min(costs, key=lambda each: float(costs[each].mean()))
        if costs[best].mean() > 0:
            by_rule = {rule: _regret(costs[each], costs[best]) for rule, each in chosen.items()}
            yield chosen["conditions"] == best, by_rule


def _distance(strategy: Strategy, claim: Regret, tasks: int) -> tuple[int, int]:
    """Return how far a strategy's concurrency is from the claimed one; of two as far, the smaller first."""
    concurrency = strategy.concurrency_in(tasks)
    return abs(concurrency - claim.concurrency), concurrency


def _regret(cost: NDArray[np.float64], best: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the ratio of two means less one, linearised: a value a replication."""
    ratio = float(cost.mean()) / float(best.mean())
    return ratio - 1 + (cost - ratio * best) / float(best.mean())


def is_independent(scenario: Scenario) -> bool:
    """Return whether no two tasks write the same thing, and none depends on another or waits for it."""
    written = [
        name for group in scenario.tasks for name in set(group.writes) for _ in range(min(group.count, 2))
    ]
    apart = len(written) == len(set(written))
    return apart and all(group.coupling == 0 and not group.after for group in scenario.tasks)


def is_structured(scenario: Scenario) -> bool:
    """Return whether all outputs are structured."""
    return all(group.output == "structured" for group in scenario.tasks)


def _mean_of_means(estimates: list[Estimate]) -> Estimate:
    """Return the mean of independent estimates, as scenarios have seeds of their own."""
    mean = float(np.mean([each.mean for each in estimates]))
    half = math.hypot(*(each.half_width for each in estimates)) / len(estimates)
    return Estimate(mean, mean - half, mean + half, len(estimates))
