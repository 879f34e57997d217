"""Writes break-evens in sentences and in cells of a table. `templates/break-even.txt` has the sentences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from dispatch_sim.decide.break_even import BreakEven, FactorBreakEven
from dispatch_sim.decide.units import UNITS, axis_unit
from dispatch_sim.report.format import (
    MEASURES,
    axis_point,
    clean,
    confidence,
    count,
    factors_text,
    listed,
    named,
    plural,
)
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.view import View
from dispatch_sim.scenario.model import FIRST
from dispatch_sim.stats.crossings import Crossing

TEMPLATE = "break-even.txt"

MOST_BREAK_EVENS = 6
"""Sentences on break-evens; with several variants of a kind there is one a pair of them."""


class _Text:
    """What templates read of a break-even of any axis."""

    def __init__(self, found: BreakEven | FactorBreakEven, parallel: str, queue: str) -> None:
        self.parallel, self.queue = parallel, queue
        self.tasks, self.replications = found.tasks, found.replications
        self.practically_equal, self.confidence = found.practically_equal, confidence(found.confidence)
        measure = MEASURES.get(found.objective)
        self.better = measure.better if measure else "better"
        self.noun = measure.noun if measure else found.objective
        self.favoured = self.side(found.favours) if found.favours else ""
        self.other = self.side("parallel" if found.favours == "queue" else "queue")
        self.identical = bool(found.differences) and all(e.low == e.high == 0 for e in found.differences)
        self.resolved = [crossing for crossing in found.crossings if crossing.resolved]

    def side(self, side: str) -> str:
        return self.queue if side == "queue" else self.parallel


class _AxisText(_Text):
    """What templates read of a break-even along the size of the batch or the concurrency."""

    def __init__(self, found: BreakEven, *, unpaced: bool = False) -> None:
        queue = queue_name(found)
        name = queue.replace(" queue", " unpaced queue", 1) if unpaced else queue
        super().__init__(found, str(found.parallel), name)
        self.axis, (self.low, high) = found.axis, found.range
        self.is_point = self.low == high and not found.crossings
        self.span = f"{self.low} to {high}"
        unresolved = [axis_point(crossing.at) for crossing in found.crossings if not crossing.resolved]
        self.near = list(dict.fromkeys(unresolved))
        self._found, self._unpaced = found, unpaced

    @cached_property
    def _stretches(self) -> list[tuple[str, int, int]]:
        """Each decided region with a whole number: the side, and the first and the last of them."""
        found = [(self.side(str(each.favours)), *self._found.whole(each)) for each in self._found.decided]
        return [stretch for stretch in found if stretch[1] <= stretch[2]]

    @cached_property
    def decided(self) -> list[tuple[str, str]]:
        """Each side that is significantly better somewhere, and at most three ranges where it is.

        The first is the side above the first crossing.
        """
        sides = dict.fromkeys(side for side, *_ in self._stretches)
        if self.resolved:
            sides = dict.fromkeys([self.side(self.resolved[0].favours_above), *sides])
        found = []
        for side in sides:
            ranges = [self._range(low, high) for of, low, high in self._stretches if of == side]
            found.append((side, listed(ranges[:3] + ["more"] * (len(ranges) > 3))))
        return found

    @cached_property
    def undecided(self) -> str:
        """The whole numbers of the range where neither side is."""
        first, last = self._found.range
        lows = [low for _, low, _ in self._stretches] + [last + 1]
        highs = [first - 1] + [high for *_, high in self._stretches]
        gaps = [_span(high + 1, low - 1) for high, low in zip(highs, lows, strict=True)]
        return listed([gap for gap in gaps if gap])

    @cached_property
    def starts(self) -> str:
        """Where the queue begins to be better, if that is from there to the end of the range."""
        sides = [side for side, *_ in self._stretches]
        _, low, high = self._stretches[-1]
        ends = high == self._found.range[1]
        return self._point(low) if ends and sides == [self.parallel, self.queue] else ""

    def queues(self, points: str) -> str:
        """Return the queues of some concurrencies: `unpaced queues of 1 to 5`."""
        kind = self._found.queue.kind
        queues = str(self._found.queue).replace(kind, f"{kind.rstrip('s')}s of {points}", 1)
        return f"unpaced {queues}" if self._unpaced else queues

    def _range(self, low: int, high: int) -> str:
        if self.axis == "tasks" and high == self._found.range[1]:
            return f"{self._point(low)} or more"
        return self._point(low) if low == high else f"{self._point(low)} to {high}"

    def _point(self, value: int) -> str:
        """Return a whole number; `about` it where it was not simulated."""
        return str(value) if value in self._found.values else f"about {value}"


@dataclass(frozen=True, slots=True)
class _Crossing:
    """A resolved crossing along a factor as text.

    Attributes
    ----------
    at, interval : the break-even point and its confidence interval.
    winner : above it.
    between : the levels between which the point was interpolated.
    """

    at: str
    interval: str
    winner: str
    between: tuple[str, ...]


class _FactorText(_Text):
    """What templates read of a break-even along a factor."""

    def __init__(self, found: FactorBreakEven) -> None:
        # A queue as wide as the batch counts as parallel here, so neither's label will do.
        super().__init__(found, "starting all tasks together", f"the best narrower {found.queue}")
        unit = axis_unit(found.levels)
        show = UNITS["share" if unit == "percent" else unit].show
        self.crossings = []
        for crossing in self.resolved:
            low = "start of range" if crossing.low is None else show(crossing.low)
            high = "end of range" if crossing.high is None else show(crossing.high)
            between = _between(found.positions, found.levels, crossing.at)
            winner = self.side(crossing.favours_above)
            self.crossings.append(_Crossing(show(crossing.at), f"{low} to {high}", winner, between))


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
    held = f" with {factors_text(found.factors)}" if found.factors else ""
    lead = (
        f"Along {clean(found.factor)} from {clean(found.levels[0])} to {clean(found.levels[-1])}"
        f"{held} ({count(found.tasks or 0, 'task')}):"
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
        + _preliminary(each, view)
        for each in found
        if each.range[0] < each.range[1]
    ]
    more = len(sentences) - MOST_BREAK_EVENS
    return (
        sentences
        if more <= 0
        else [*sentences[:MOST_BREAK_EVENS], f"The files have {more} more {plural('break-even', more)}."]
    )


def _preliminary(found: BreakEven, view: View) -> str:
    """Mark a break-even of a study that ended before it had the replications it rests on otherwise."""
    answer = view.answer
    first = min(FIRST, answer.scenario["study"]["at_most"])
    if answer.stopped in ("asked", "settled") or found.replications >= first:
        return ""
    return f" This is preliminary: it rests on {count(found.replications, 'replication')}."


def winner_above(found: BreakEven, crossing: Crossing) -> str:
    """Return who wins above a crossing."""
    return _AxisText(found).side(crossing.favours_above)


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


def _between(positions: Sequence[float], levels: Sequence[object], at: float) -> tuple[str, ...]:
    """Return the levels on both sides of an interpolated point; nothing where it is a level itself."""
    if at in positions or not positions[0] < at < positions[-1]:
        return ()
    above = next(number for number, position in enumerate(positions) if position > at)
    return clean(levels[above - 1]), clean(levels[above])
