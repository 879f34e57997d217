"""Judges a case about the break-even between parallel and a queue, at every combination of factors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import pandas as pd

from dispatch_sim.claims.cases import NotSimulatedError
from dispatch_sim.claims.statements import BreakEvenMap
from dispatch_sim.claims.verdicts import State, Verdict, verdict_of_states
from dispatch_sim.decide.break_even import BreakEven, find_break_even
from dispatch_sim.study.table import factor_combinations


@dataclass(frozen=True)
class Cell:
    """The break-even along the batch size at one combination of the factors.

    Attributes
    ----------
    state : whether it is within the bounds.
    best : concurrency of the queue that is the best at the largest size.
    ratios : mean cost of parallel relative to the best queue, at the batch sizes at the ends of the bounds.
    """

    break_even: BreakEven
    state: State
    best: int
    ratios: dict[int, float]


@dataclass(frozen=True)
class MapFinding:
    """The cells of a map, in the order of the factors."""

    cells: tuple[Cell, ...]
    verdict: Verdict


def judge_map(claim: BreakEvenMap, results: pd.DataFrame, confidence: float) -> MapFinding:
    """Judge a statement about break-evens; the confidence intervals of all cells hold together (Bonferroni).

    A queue with the concurrency of the batch size is left out, because it starts all tasks in parallel.
    """
    of_queue = (results["strategy"] == claim.queue) & (results["concurrency"] < results["tasks"])
    if claim.concurrency is not None:
        of_queue &= results["concurrency"] == claim.concurrency
    parts = factor_combinations(results[(results["strategy"] == claim.strategy) | of_queue])
    cells = []
    for _, part in parts:
        found = find_break_even(part, claim.measure, 1 - (1 - confidence) / len(parts), batch_size=0)
        if not found:
            raise NotSimulatedError(f"{claim.strategy} and {claim.queue} have no batch size in common")
        against_best = found[0]
        means = part.groupby(["tasks", "strategy", "concurrency"])[claim.measure].mean()
        queues = {size: means[size, claim.queue] for size in against_best.values}
        parallel = {size: means[size, claim.strategy].iloc[0] for size in queues}
        sizes = {math.ceil(claim.at_least or 0), math.floor(claim.at_most or 0)} & queues.keys()
        ratios = {size: float(parallel[size] / queues[size].min()) for size in sorted(sizes)}
        best = int(queues[against_best.range[1]].idxmin())
        cells.append(Cell(against_best, break_even_state(against_best, claim), best, ratios))
    return MapFinding(tuple(cells), verdict_of_states(cell.state for cell in cells))


def break_even_state(found: BreakEven, claim: BreakEvenMap) -> State:
    """Return whether a break-even lies within bounds.

    It holds where there is one resolved crossing, the queue wins above it, and its confidence interval is
    within the bounds. It fails where one side is shown to be better all over them, or the crossing has the
    other direction. A queue of 3 is compared from four tasks on; where the smallest size is within the
    bounds, it is enough that the queue wins from some size within them up to the largest.
    """
    first, last = found.range
    low = first if claim.at_least is None else max(first, claim.at_least)
    high = last if claim.at_most is None else min(last, claim.at_most)
    if found.decided and low == first and claim.at_least is not None and claim.at_most is not None:
        end = found.decided[-1]
        if end.favours == "queue" and end.low <= high and end.high == last:
            return State.HOLDS
    if any(region.low <= low and high <= region.high for region in found.decided):
        return State.FAILS
    resolved = [(each.low, each.high, each.favours_above) for each in found.crossings if each.resolved]
    if len(resolved) != 1:
        return State.UNDECIDED
    ((start, stop, above),) = resolved
    if start is None or stop is None or start < low or stop > high:
        return State.UNDECIDED
    return State.HOLDS if above == "queue" else State.FAILS
