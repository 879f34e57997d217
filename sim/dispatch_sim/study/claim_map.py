"""Claims about the break-even, as a map over two axes."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.study.axes import axis_place
from dispatch_sim.study.break_even import BreakEven, find_break_even
from dispatch_sim.study.claims import BreakEvenMap
from dispatch_sim.study.contest import cross_fitted_best
from dispatch_sim.study.estimates import (
    factor_combinations,
    paired_difference,
    paired_samples,
)
from dispatch_sim.study.sign_changes import Side
from dispatch_sim.study.verdicts import State, Verdict, verdict_of_states


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
    # A claim is on the way that it names: a queue as wide as the batch must not stand beside it.
    narrower = frame["concurrency"] < frame["tasks"]
    frame = frame[(frame["strategy"] == claim.strategy) | narrower]
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
