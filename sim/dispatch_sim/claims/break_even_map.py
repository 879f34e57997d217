"""Judges a case about the break-even between parallel and a queue, at every combination of factors."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal

from dispatch_sim.claims.simulation import NotSimulatedError, Points
from dispatch_sim.claims.statements import BreakEvenMap
from dispatch_sim.claims.verdicts import State, Verdict, is_valid, verdict_of_states
from dispatch_sim.stats.estimates import to_end_early
from dispatch_sim.stats.paired_comparison import best_of, compare_best

FIRST = 256
"""Replications at which a comparison may end, at a fiftieth of the error. One that is quoted has more."""

Side = Literal["parallel", "queue"]


@dataclass(frozen=True)
class Cell:
    """The break-even along the batch size at one combination of the factors.

    Attributes
    ----------
    favours : the strategy that is shown to cost less, by batch size.
    ratios : mean cost of parallel relative to the queue, by batch size.
    state : whether the break-even is within the bounds.
    """

    factors: dict[str, Any]
    favours: dict[int, Side | None]
    ratios: dict[int, float]
    state: State


@dataclass(frozen=True)
class MapFinding:
    """The cells of a map, in the order of the factors."""

    cells: tuple[Cell, ...]
    valid: bool
    verdict: Verdict


@dataclass
class _Comparison:
    """Parallel against queues at one batch size."""

    parallel: int
    queues: list[int]
    favours: Side | None = None
    ratio: float = 1.0
    valid: bool = False
    open: bool = True

    def judge(self, points: Points, measure: str, count: int, confidence: float) -> None:
        """Compare the best queue with parallel, and drop the queues that are significantly worse.

        With the replications of what is quoted, it stays open only if its interval is not valid.
        """
        self.queues = points.contenders(self.queues, [measure], confidence, count)
        one, others = (points.sums(rows, [measure], count) for rows in ([self.parallel], self.queues))
        compared = compare_best(one, others)
        difference = compared.estimate(confidence)
        self.favours = "queue" if difference.low > 0 else "parallel" if difference.high < 0 else None
        self.ratio = float(one.mean() / best_of(others).mean())
        strict = compared.estimate(to_end_early(confidence))
        skewed = not is_valid(compared.whole)
        self.valid = not skewed or strict.low > 0 or strict.high < 0
        is_last = count >= points.stages[0]
        is_decided = self.favours is not None or not compared.whole.any()
        self.open = not self.valid if is_last else skewed or not is_decided


def judge_map(claim: BreakEvenMap, points: Points, confidence: float) -> MapFinding:
    """Judge a statement about break-evens; all comparisons hold together (Bonferroni).

    Each batch size is compared by itself, until it is decided at a fiftieth of the error or has the most
    replications. A queue with the concurrency of the batch size is left out: it starts all tasks in parallel.
    """
    maps = _comparisons(claim, points)
    compared = [each for sizes in maps.values() for each in sizes.values()]
    if not compared:
        raise NotSimulatedError(f"{claim.strategy} and {claim.queue} have no batch size in common")
    together = 1 - (1 - confidence) / len(compared)
    for count in sorted({min(FIRST, points.screening), points.screening, *points.stages}):
        undecided = [each for each in compared if each.open]
        points.extend([row for each in undecided for row in (each.parallel, *each.queues)], count)
        for each in undecided:
            is_last = count >= points.stages[0]
            each.judge(points, claim.measure, count, together if is_last else to_end_early(together))
    cells = []
    axes = [axis for axis in points.table if "." in axis]
    for levels, sizes in maps.items():
        favours = {size: each.favours for size, each in sizes.items()}
        ratios = {size: each.ratio for size, each in sizes.items()}
        cells.append(
            Cell(dict(zip(axes, levels, strict=True)), favours, ratios, break_even_state(favours, claim))
        )
    valid = all(each.valid for each in compared)
    return MapFinding(tuple(cells), valid, verdict_of_states(cell.state for cell in cells))


def _comparisons(claim: BreakEvenMap, points: Points) -> dict[tuple[Any, ...], dict[int, _Comparison]]:
    """Return the comparison at each batch size, by the levels of the factors."""
    found: dict[tuple[Any, ...], dict[int, _Comparison]] = {}
    for row, point in enumerate(zip(*(column.tolist() for column in points.table.values()), strict=True)):
        strategy, concurrency, size, *levels = point
        compared = found.setdefault(tuple(levels), {}).setdefault(size, _Comparison(-1, []))
        if strategy == claim.strategy:
            compared.parallel = row
        elif strategy == claim.queue and concurrency < size and claim.concurrency in (None, concurrency):
            compared.queues.append(row)
    return {
        levels: {size: each for size, each in sorted(sizes.items()) if each.parallel >= 0 and each.queues}
        for levels, sizes in found.items()
    }


def break_even_state(favours: Mapping[int, Side | None], claim: BreakEvenMap) -> State:
    """Return whether the break-even, the first size from which the queue costs less, is within bounds.

    It is where the queue is shown to cost less from some size within them up to the largest, and parallel at
    the largest size below them, if that was compared. It is not where parallel is shown to cost less at all
    sizes within them, or the queue at these and at the largest size below.
    """
    low, high = claim.at_least or 0, math.inf if claim.at_most is None else claim.at_most
    below = [side for size, side in favours.items() if size < low][-1:]
    inside = {side for size, side in favours.items() if low <= size <= high}
    start = queue_from(favours)
    if start is not None and start <= high and below in ([], ["parallel"]):
        return State.HOLDS
    if inside == {"parallel"} or (inside == {"queue"} and below == ["queue"]):
        return State.FAILS
    return State.UNDECIDED


def queue_from(favours: Mapping[int, Side | None]) -> int | None:
    """Return the batch size from which the queue costs less, up to the largest one."""
    won = takewhile(lambda size: favours[size] == "queue", sorted(favours, reverse=True))
    return min(won, default=None)
