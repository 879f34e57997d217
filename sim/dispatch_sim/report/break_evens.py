"""Writes break-evens in sentences and in cells of a table. `templates/break-even.txt` has the sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.decide.factor_break_even import FactorBreakEven
from dispatch_sim.report.format import MEASURES, clean, confidence, count, factors_words, listed, named, place
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.view import View
from dispatch_sim.stats.crossings import Crossing, Region

TEMPLATE = "break-even.txt"

MOST_BREAK_EVENS = 6
"""Sentences on break-evens; with several variants of a kind there is one a pair of them."""


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A resolved crossing as text.

    Attributes
    ----------
    at, interval : the break-even point and its confidence interval.
    winner, loser : above it.
    between : the levels between which the point was interpolated, along a factor.
    starts : the first whole number where the winner is significantly better; `about` it where it was
        interpolated. Along a factor empty.
    below : the whole numbers of the range where the loser is.
    undecided : the whole numbers between these, if any.
    """

    at: str
    interval: str
    winner: str
    loser: str
    between: tuple[str, ...] = ()
    starts: str = ""
    below: str = ""
    undecided: str = ""


class _Text:
    """What templates read of a break-even of any axis."""

    def __init__(self, found: BreakEven | FactorBreakEven, parallel: str, queue: str) -> None:
        self.parallel, self.queue = parallel, queue
        self.tasks, self.replications = found.tasks, found.replications
        self.practically_equal, self.confidence = found.practically_equal, confidence(found.confidence)
        measure = MEASURES.get(found.objective)
        self.better = measure.better if measure else "better"
        self.favoured = self.side(found.favours) if found.favours else ""
        self.other = self.side("parallel" if found.favours == "queue" else "queue")
        self.identical = bool(found.differences) and all(e.low == e.high == 0 for e in found.differences)
        self.resolved = [crossing for crossing in found.crossings if crossing.resolved]

    def side(self, side: str) -> str:
        return self.queue if side == "queue" else self.parallel

    def crossing(self, crossing: Crossing, between: tuple[str, ...] = ()) -> _Crossing:
        points = (crossing.at, crossing.low, crossing.high)
        digits = decimals(points)
        at, low, high = ("" if value is None else f"{value:.{digits}f}" for value in points)
        winner = crossing.favours_above
        loser = "parallel" if winner == "queue" else "queue"
        interval = f"{low or 'start of range'} to {high or 'end of range'}"
        sides = self.side(winner), self.side(loser)
        return _Crossing(at, interval, *sides, between)


class _AxisText(_Text):
    """What templates read of a break-even along the size of the batch or the concurrency."""

    def __init__(self, found: BreakEven, *, unpaced: bool = False) -> None:
        queue = queue_name(found)
        name = queue.replace(" queue", " unpaced queue", 1) if unpaced else queue
        super().__init__(found, str(found.parallel), name)
        self.axis, (self.low, high) = found.axis, found.range
        self.is_point = self.low == high and not found.crossings
        self.span = f"{self.low} to {high}"
        self.is_plain = [crossing.favours_above for crossing in self.resolved] == ["queue"]
        self.near = [place(crossing.at) for crossing in found.crossings if not crossing.resolved]
        self._found = found

    @cached_property
    def crossings(self) -> list[_Crossing]:
        return [self._crossing(crossing) for crossing in self.resolved]

    def _crossing(self, crossing: Crossing) -> _Crossing:
        starts, ends = self._found.starts(crossing), self._found.ends(crossing)
        undecided = "" if starts is None or ends is None else _span(ends + 1, starts - 1)
        return replace(
            self.crossing(crossing),
            starts=self._whole(starts),
            below="" if ends is None else _span(self._found.range[0], ends),
            undecided=undecided,
        )

    def _whole(self, value: int | None) -> str:
        """Return a whole number; `about` it where it was not simulated."""
        if value is None:
            return ""
        return str(value) if value in self._found.values else f"about {value}"

    @cached_property
    def decided(self) -> list[tuple[str, str]]:
        """Each side that is significantly better somewhere, and at most three ranges where it is."""
        found = []
        for side in dict.fromkeys(region.favours for region in self._found.decided if region.favours):
            regions = [region for region in self._found.decided if region.favours == side]
            ranges = [_range(self._found, region) for region in regions[:3]]
            found.append((self.side(side), listed(ranges + ["more"] * (len(regions) > 3))))
        return found


class _FactorText(_Text):
    """What templates read of a break-even along a factor."""

    def __init__(self, found: FactorBreakEven) -> None:
        # A queue as wide as the batch counts as parallel here, so neither's label will do.
        super().__init__(found, "starting all tasks together", f"the best narrower {found.queue}")
        self.crossings = [
            self.crossing(crossing, between=_between(found.positions, found.levels, crossing.at))
            for crossing in self.resolved
        ]


def break_even_sentence(found: BreakEven, *, unpaced: bool = False) -> str:
    """Return where parallel and a queue break even, in a sentence or more.

    Parameters
    ----------
    unpaced : whether to say that the queue is not paced, where other queues are.
    """
    return sentence(TEMPLATE, "sentence", _AxisText(found, unpaced=unpaced))


def break_even_cell(found: BreakEven) -> str:
    """Return a break-even for a cell: `from 5 on; undecided at 4` where the queue is better."""
    return sentence(TEMPLATE, "cell", _AxisText(found))


def factor_break_even_sentence(found: FactorBreakEven) -> str:
    """Return where starting all tasks together and the best queue break even along a factor."""
    held = f" with {factors_words(found.factors)}" if found.factors else ""
    lead = (
        f"Along {clean(found.factor)} from {clean(found.levels[0])} to {clean(found.levels[-1])}"
        f"{held} ({count(found.tasks or 0)} tasks):"
    )
    return sentence(TEMPLATE, "along_factor", _FactorText(found), lead)


def break_even_sentences(view: View) -> list[str]:
    """Return the break-evens with the best queue and along concurrency, if several points were simulated."""
    found = [*view.along("tasks"), *view.along("concurrency")]
    if all(other.identical for other in view.choice.alternatives):
        found = view.along("tasks")
    is_paced = any(strategy.pace == "limits" for strategy in view.points)
    sentences = [
        break_even_sentence(each, unpaced=is_paced and each.parallel.pace == "none")
        for each in found
        if each.range[0] < each.range[1]
    ]
    more = len(sentences) - MOST_BREAK_EVENS
    return sentences if more <= 0 else [*sentences[:MOST_BREAK_EVENS], f"The files have {more} more."]


def winner_above(found: BreakEven, crossing: Crossing) -> str:
    """Return who wins above a crossing."""
    return _AxisText(found).crossing(crossing).winner


def queue_name(found: BreakEven) -> str:
    """Return what parallel is compared with: `the best narrower queue`, `a queue of 3`, `a narrower queue`.

    A queue as wide as the batch counts as parallel, as it starts all tasks together too.
    """
    if found.is_with_best:
        return f"the best narrower {found.queue}"
    return named(found.queue) if found.queue.concurrency else f"a narrower {found.queue}"


def _span(low: int, high: int) -> str:
    """Return a range of whole numbers, which may be empty or a single one."""
    if low > high:
        return ""
    return str(low) if low == high else f"{low} to {high}"


def decimals(values: Iterable[float | None]) -> int:
    """Return with how many decimals to write points of an axis of whole numbers next to each other.

    None where all are whole; one, or two where with one some point would look whole and is not.
    """
    points = [value for value in values if value is not None]
    broken = [v for v in points if not math.isclose(v, round(v), abs_tol=1e-9)]
    return 0 if not broken else 2 if any(round(v, 1) == round(v) for v in broken) else 1


def _between(positions: Sequence[float], levels: Sequence[object], at: float) -> tuple[str, ...]:
    """Return the levels on both sides of an interpolated point; nothing where it is a level itself."""
    if at in positions or not positions[0] < at < positions[-1]:
        return ()
    above = next(number for number, position in enumerate(positions) if position > at)
    return clean(levels[above - 1]), clean(levels[above])


def _range(found: BreakEven, region: Region) -> str:
    """Return the points of a region that were simulated, or its ends where it has none.

    A point on its border is not in it: an undecided region includes its ends.
    """
    inside = [
        value
        for value in found.values
        if region.low <= value <= region.high
        and not any(other.low <= value <= other.high for other in found.undecided)
    ]
    low, high = (f"{inside[0]}", f"{inside[-1]}") if inside else (place(region.low), place(region.high))
    return f"{low} to {high}" if low != high else low
