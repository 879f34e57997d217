"""Claims that are advice: how wide a queue, from how many tasks on, and a rule of thumb by its regret."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit

from dispatch_sim.dispatch.rules import HOUR_S
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.study.axes import axis_place, axis_unit
from dispatch_sim.study.break_even import BreakEven, cross_fitted_best, find_break_even
from dispatch_sim.study.claims import Best, BreakEvenMap, Regret
from dispatch_sim.study.design import Variant, design_sweep
from dispatch_sim.study.estimates import (
    Estimate,
    factor_combinations,
    mean_and_deviations,
    mean_estimate,
    paired_difference,
    paired_samples,
)
from dispatch_sim.study.results import Results
from dispatch_sim.study.sign_changes import Side
from dispatch_sim.study.verdicts import State, Verdict, verdict_of_states


@dataclass(frozen=True)
class BestFinding:
    """Which places of an axis may be the best.

    Attributes
    ----------
    levels : of the axis, in its order, as written.
    means : of the measure, at each level, each interval by itself.
    more : what each costs more than the one with the least mean, paired, all intervals together.
    best : levels that cannot be told from the best, or that cost no more than the indifference more.
    unit_of_axis : how levels are written.
    verdict : confirmed where all of the best are as claimed, refuted where none is.
    """

    levels: tuple[Any, ...]
    means: tuple[Estimate, ...]
    more: tuple[Estimate, ...]
    best: tuple[Any, ...]
    unit_of_axis: str
    verdict: Verdict

    @property
    def least(self) -> Any:
        """The level with the least mean."""
        return min(zip(self.levels, self.means, strict=True), key=lambda pair: pair[1].mean)[0]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "best": list(self.best),
            "points": [
                {"at": level, "mean": mean.to_json(), "more": more.to_json()}
                for level, mean, more in zip(self.levels, self.means, self.more, strict=True)
            ],
        }


def find_best(claim: Best, results: Results, confidence: float) -> BestFinding:
    """Find the places of an axis that may be the best.

    Screened as in `choose`: the set holds the truly best place with at least `confidence`. A place is as good
    as the best, too, where the whole interval of the difference is within the scenario's indifference.
    """
    study = results.manifest["scenario"]["resolved"]["study"]
    frame = results.frame[results.frame["strategy"] == claim.strategy]
    for path, level in claim.at.items():
        column = frame[path]
        frame = frame[column == (str(level) if column.dtype == object else level)]
    samples = {
        level: sample for (level,), sample in paired_samples(frame, claim.measure, [claim.over]).items()
    }
    levels = tuple(sorted(samples, key=axis_place))
    least = min(levels, key=lambda level: float(samples[level].mean()))
    together = 1 - (1 - confidence) / max(len(levels) - 1, 1)
    more = tuple(paired_difference(samples[level], samples[least], together) for level in levels)
    indifference = study["indifference"] if claim.measure.endswith("_usd") else 0.0
    best = tuple(
        level
        for level, difference in zip(levels, more, strict=True)
        if difference.low <= 0 or difference.high <= indifference
    )
    inside = [_within(axis_place(level), claim) for level in best]
    verdict = Verdict.NOT_SHOWN
    if all(inside):
        verdict = Verdict.CONFIRMED
    elif not any(inside):
        verdict = Verdict.REFUTED
    means = tuple(mean_estimate(samples[level], confidence) for level in levels)
    return BestFinding(levels, means, more, best, axis_unit(levels), verdict)


@dataclass(frozen=True)
class Cell:
    """One place of the map.

    Attributes
    ----------
    factors : the levels.
    break_even : along the number of tasks, against the best queue.
    width : of the queue that is the best at the largest size.
    more : what parallel costs more than the queue, as a part of the queue's cost, by the number of tasks; of
        means, for the whole sizes at the bounds of the claim.
    state : whether the break-even lies where it is claimed to.
    """

    factors: dict[str, Any]
    break_even: BreakEven
    width: int
    more: dict[int, float]
    state: State

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "factors": self.factors,
            "state": self.state,
            "width": self.width,
            "more": {str(tasks): more for tasks, more in self.more.items()},
            "break_even": self.break_even.to_json(),
        }


@dataclass(frozen=True)
class Passing:
    """Between which levels of the last factor the better of parallel and queue changes, at one size.

    Attributes
    ----------
    held : levels of the other factors.
    tasks : size of the batch.
    below, above : the last level at which one is shown to be better, and the first at which the other is;
        what lies between is open. Not interpolated, as lost work makes the difference far from linear.
    favours_above : who is better from `above` on.
    """

    held: dict[str, Any]
    tasks: int
    below: float
    above: float
    favours_above: Side

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "held": self.held,
            "tasks": self.tasks,
            "below": self.below,
            "above": self.above,
            "favours_above": self.favours_above,
        }


@dataclass(frozen=True)
class MapFinding:
    """The break-even over the levels of the swept factors.

    Attributes
    ----------
    cells : in the order of the factors.
    passings : along the last factor, for the sizes at the bounds.
    verdict : by the rule of `verdicts`, over the cells.
    """

    cells: tuple[Cell, ...]
    passings: tuple[Passing, ...]
    verdict: Verdict

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "cells": [cell.to_json() for cell in self.cells],
            "passings": [passing.to_json() for passing in self.passings],
        }


def find_map(claim: BreakEvenMap, frame: pd.DataFrame, confidence: float) -> MapFinding:
    """Find the break-even between parallel and the queue at every combination of the factors.

    The confidence sets hold all together, for all combinations (Bonferroni), and so does what is said of who
    wins along the last factor.
    """
    frame = frame[frame["strategy"].isin([claim.strategy, claim.queue])]
    if claim.width is not None:
        frame = frame[(frame["strategy"] == claim.strategy) | (frame["concurrency"] == claim.width)]
    parts = factor_combinations(frame)
    together = 1 - (1 - confidence) / len(parts)
    found = find_break_even(frame, claim.measure, together, batch_size=0)
    found = [each for each in found if each.axis == "tasks" and each.against.startswith("best")]
    cells = tuple(
        Cell(
            each.factors, each, _best_width(claim, part), _stakes(claim, part), break_even_state(each, claim)
        )
        for each, (_, part) in zip(found, parts, strict=True)
    )
    verdict = verdict_of_states(cell.state for cell in cells)
    return MapFinding(cells, tuple(_passings(claim, parts, confidence)), verdict)


def _best_width(claim: BreakEvenMap, part: pd.DataFrame) -> int:
    """Return the width of the queue with the least mean at the largest size."""
    queues = part[(part["strategy"] == claim.queue) & (part["tasks"] == part["tasks"].max())]
    return int(queues.groupby("concurrency")[claim.measure].mean().idxmin())


def _sizes(claim: BreakEvenMap) -> list[int]:
    """Return the smallest and the largest whole size within the bounds."""
    low = [] if claim.at_least is None else [math.ceil(claim.at_least)]
    return low if claim.at_most is None else [*low, math.floor(claim.at_most)]


def _stakes(claim: BreakEvenMap, part: pd.DataFrame) -> dict[int, float]:
    """Return what parallel costs more than the queue with the least mean, as a part, by size."""
    stakes = {}
    for tasks in _sizes(claim):
        samples = paired_samples(part[part["tasks"] == tasks], claim.measure, ["strategy", "concurrency"])
        means = {point: float(sample.mean()) for point, sample in samples.items()}
        queues = [mean for (label, width), mean in means.items() if label == claim.queue and width < tasks]
        once = [mean for (label, _), mean in means.items() if label == claim.strategy]
        if queues and once and min(queues) > 0:
            stakes[tasks] = once[0] / min(queues) - 1
    return stakes


def break_even_state(found: BreakEven, claim: BreakEvenMap) -> State:
    """Return whether a break-even lies within bounds.

    It holds where there is one resolved crossing, the queue wins above it, and its whole confidence set is
    within the bounds. It fails where one side is shown to be better all over them, or the crossing is the
    other way. Against a queue of fixed width the smallest batch is one wider than that: a smaller one is all
    at once by either name. Where that is within the bounds, it is enough that the queue wins from some size
    within them up to the largest.
    """
    first, last = found.range
    if claim.at_least is not None and claim.at_most is not None and first >= claim.at_least:
        region = found.decided[-1] if found.decided else None
        if (
            region is not None
            and region.favours == "queue"
            and region.high == last
            and region.low <= claim.at_most
        ):
            return State.HOLDS
    low, high = map(float, found.range)
    low = low if claim.at_least is None else max(low, claim.at_least)
    high = high if claim.at_most is None else min(high, claim.at_most)
    if any(region.low <= low and high <= region.high for region in found.decided):
        return State.FAILS
    resolved = [crossing for crossing in found.crossings if crossing.resolved]
    if len(resolved) != 1:
        return State.UNDECIDED
    (crossing,) = resolved
    assert crossing.low is not None  # both ends are known where a crossing is resolved
    assert crossing.high is not None
    if not (low <= crossing.low and crossing.high <= high):
        return State.UNDECIDED
    return State.HOLDS if crossing.direction == "queue_wins_above" else State.FAILS


def _passings(
    claim: BreakEvenMap, parts: Sequence[tuple[dict[str, Any], pd.DataFrame]], confidence: float
) -> Iterator[Passing]:
    """Yield where the last factor decides, for the smallest and the largest whole size within the bounds."""
    *others, last = parts[0][0] or {"": None}
    rows: dict[tuple[Any, ...], list[tuple[float, pd.DataFrame]]] = {}
    for levels, part in parts if last else ():
        rows.setdefault(tuple(levels[name] for name in others), []).append((axis_place(levels[last]), part))
    sizes = _sizes(claim)
    together = 1 - (1 - confidence) / max(len(parts) * len(sizes), 1)
    for held, by_level in rows.items():
        for tasks in sizes:
            shown: list[tuple[float, Side]] = []
            for place, part in sorted(by_level, key=lambda pair: pair[0]):
                side = _better(claim, part[part["tasks"] == tasks], tasks, together)
                if side is not None:
                    shown.append((place, side))
            for (below, side), (above, other) in pairwise(shown):
                if side != other:
                    yield Passing(dict(zip(others, held, strict=True)), tasks, below, above, other)


def _better(claim: BreakEvenMap, part: pd.DataFrame, tasks: int, confidence: float) -> Side | None:
    """Return who costs less at one size, with the queue chosen on all replications and on half of them."""
    samples = paired_samples(part, claim.measure, ["strategy", "concurrency"])
    queues = [s for (label, width), s in samples.items() if label == claim.queue and width < tasks]
    parallel = next((s for (label, _), s in samples.items() if label == claim.strategy), None)
    if not queues or parallel is None:
        return None
    costs = np.stack(queues)
    sides: set[Side | None] = set()
    for queue in (costs[costs.mean(axis=1).argmin()], cross_fitted_best(costs)):
        more = paired_difference(parallel, queue, confidence)
        sides.add("queue" if more.low > 0 else "parallel" if more.high < 0 else None)
    return sides.pop() if len(sides) == 1 else None


@dataclass(frozen=True)
class RegretEntry:
    """What a rule of thumb costs in one scenario at one combination of its factors.

    Attributes
    ----------
    scenario : its file.
    factors : the levels.
    tasks : size of the batch.
    independent, structured, matters : the rule's three conditions, as read off the scenario.
    picked, best : the rule's choice and the best plain way that was played, as label and width.
    regret : how much more the choice costs, as a part of the cost of the best.
    """

    scenario: str
    factors: dict[str, Any]
    tasks: int
    independent: bool
    structured: bool
    matters: bool
    picked: tuple[str, int]
    best: tuple[str, int]
    regret: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "scenario": self.scenario,
            "factors": self.factors,
            "tasks": self.tasks,
            "independent": self.independent,
            "structured": self.structured,
            "matters": self.matters,
            "picked": list(self.picked),
            "best": list(self.best),
            "regret": self.regret.to_json(),
        }


@dataclass(frozen=True)
class RegretFinding:
    """What a rule of thumb costs, over scenarios of equal weight.

    Attributes
    ----------
    entries : one a scenario and combination of its factors.
    mean : over scenarios, of the mean over each one's combinations.
    always : likewise of doing the same everywhere: `sequential`, `parallel`, `queue`.
    verdict : confirmed where the interval of the mean is within the bound, refuted where it is above.
    """

    entries: tuple[RegretEntry, ...]
    mean: Estimate
    always: dict[str, Estimate]
    verdict: Verdict

    @property
    def worst(self) -> RegretEntry:
        """The entry with the greatest regret."""
        return max(self.entries, key=lambda entry: entry.regret.mean)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "mean": self.mean.to_json(),
            "always": {name: estimate.to_json() for name, estimate in self.always.items()},
            "entries": [entry.to_json() for entry in self.entries],
        }


def find_regret(
    claim: Regret, sources: Mapping[str, Source], results: Mapping[str, Results], confidence: float
) -> RegretFinding:
    """Judge a rule of thumb by its mean regret over scenarios.

    The best way is the one with the least mean among plain ones: a rule about how many run at once does not
    choose worktrees, a blackboard or who launches. It is picked from the same replications that it is judged
    by, which makes it look a little better, and the regret a little larger, than it is. Scenarios in which
    sequential or parallel is not played at the batch's own size are left out.

    Notes
    -----
    The regret of a scenario is a ratio of means; its error is that of its linearisation, one value a
    replication. Scenarios have seeds of their own, so their errors are independent, and Welch and
    Satterthwaite's degrees of freedom go with their sum.
    """
    entries: list[RegretEntry] = []
    by_rule: dict[str, list[NDArray[np.float64]]] = {rule: [] for rule in ("conditions", *_ALWAYS)}
    for name, played in results.items():
        of_scenario: list[dict[str, NDArray[np.float64]]] = []
        design = design_sweep(sources[name])
        for variant in design.variants:
            found = _entry(claim, name, design.factors, variant, played.frame, confidence)
            if found is not None:
                entries.append(found[0])
                of_scenario.append(found[1])
        for rule, samples in by_rule.items():
            if of_scenario:
                samples.append(np.mean([values[rule] for values in of_scenario], axis=0))
    if not entries:
        nothing = Estimate(math.nan, -math.inf, math.inf, 0)
        return RegretFinding((), nothing, {}, Verdict.NOT_SHOWN)
    means = {rule: _mean_of_means(samples, confidence) for rule, samples in by_rule.items()}
    mean = means.pop("conditions")
    verdict = Verdict.NOT_SHOWN
    if mean.high <= claim.at_most:
        verdict = Verdict.CONFIRMED
    elif mean.low > claim.at_most:
        verdict = Verdict.REFUTED
    return RegretFinding(tuple(entries), mean, means, verdict)


_ALWAYS = ("sequential", "parallel", "queue")
"""What the rule is put beside: doing the same everywhere."""


def _entry(
    claim: Regret,
    name: str,
    factors: Sequence[str],
    variant: Variant,
    frame: pd.DataFrame,
    confidence: float,
) -> tuple[RegretEntry, dict[str, NDArray[np.float64]]] | None:
    """Return a scenario's entry at one combination, and by rule the linearised regret of each replication."""
    scenario = variant.scenario
    plain = ~frame["strategy"].str.contains(" ", regex=False)
    part = frame[(frame["tasks"] == scenario.batch_size) & plain]
    for factor, level in zip(factors, variant.levels, strict=True):
        column = part[factor]
        part = part[column == (str(level) if column.dtype == object else level)]
    if part.empty:
        return None
    keys = ["strategy", "concurrency"]
    costs = paired_samples(part, "cost_usd", keys)
    ways = {kind: point for point in reversed(costs) if (kind := _kind(point[0])) != "queue"}
    if not {"sequential", "parallel"} <= set(ways):
        return None
    # Without a queue in a scenario, the rule's queue is one by one.
    queues = [point for point in costs if _kind(point[0]) == "queue"] or [ways["sequential"]]
    ways["queue"] = min(queues, key=lambda point: (abs(point[1] - claim.width), point[1]))
    makespans = paired_samples(part, "makespan_s", keys)
    saved_s = float(makespans[ways["sequential"]].mean() - makespans[ways["parallel"]].mean())
    saved_usd = saved_s / HOUR_S * scenario.values.waiting
    conditions = (is_independent(scenario), is_structured(scenario), saved_usd > scenario.study.indifference)
    best = min(costs, key=lambda point: float(costs[point].mean()))
    least = float(costs[best].mean())
    if least <= 0:
        return None
    ways["conditions"] = picked = ways["parallel" if all(conditions) else claim.otherwise]
    values = {}
    for rule in ("conditions", *_ALWAYS):
        cost = costs[ways[rule]]
        ratio = float(cost.mean()) / least
        values[rule] = (ratio - 1) + (cost - ratio * costs[best]) / least
    entry = RegretEntry(
        name,
        dict(zip(factors, variant.levels, strict=True)),
        scenario.batch_size,
        *conditions,
        (picked[0], int(picked[1])),
        (best[0], int(best[1])),
        mean_estimate(values["conditions"], confidence),
    )
    return entry, values


def is_independent(scenario: Scenario) -> bool:
    """Whether no two tasks write the same thing, none bears on another, and none waits for another."""
    written = [
        name for group in scenario.tasks for name in set(group.writes) for _ in range(min(group.count, 2))
    ]
    apart = len(written) == len(set(written))
    return apart and all(group.coupling == 0 and not group.after for group in scenario.tasks)


def is_structured(scenario: Scenario) -> bool:
    """Whether all outputs are structured."""
    return all(group.output == "structured" for group in scenario.tasks)


def _mean_of_means(samples: Sequence[NDArray[np.float64]], confidence: float) -> Estimate:
    """Estimate the mean of independent samples' means."""
    means, squares, weights = [], 0.0, 0.0
    for sample in samples:
        average, deviations = mean_and_deviations(sample)
        square = float(deviations @ deviations) / (sample.size - 1) / sample.size
        means.append(float(average))
        squares += square
        weights += square**2 / (sample.size - 1)
    mean = float(np.mean(means))
    half = 0.0
    if squares > 0:
        half = float(stdtrit(squares**2 / weights, (1 + confidence) / 2)) * math.sqrt(squares) / len(samples)
    return Estimate(mean, mean - half, mean + half, len(samples))


def _within(value: float, claim: Best) -> bool:
    low = -math.inf if claim.at_least is None else claim.at_least
    high = math.inf if claim.at_most is None else claim.at_most
    return low <= value <= high


def _kind(label: str) -> str:
    return label.partition(" ")[0]
