"""Writes break-evens in sentences and in cells of a table. `templates/break-even.txt` has the sentences."""

from __future__ import annotations

from dispatch_sim.decide.break_even import BreakEven, FactorBreakEven
from dispatch_sim.decide.units import UNITS, axis_unit
from dispatch_sim.report.format import axis_point, count, listed, named, plural
from dispatch_sim.report.sentences import sentence
from dispatch_sim.report.view import View
from dispatch_sim.scenario.model import FIRST

TEMPLATE = "break-even.txt"

MOST_BREAK_EVENS = 6
"""Sentences on break-evens; with several variants of a kind there is one a pair of them."""


class _Text:
    """What templates read of a break-even along the size of the batch or the concurrency.

    Attributes
    ----------
    found : the break-even.
    parallel, queue : names of the two sides.
    identical : whether both are equal in every replication.
    near : where the mean difference changes sign, but not significantly.
    decided : each side that is significantly better somewhere, and at most three ranges where it is; first
        the side above the first crossing.
    undecided : the whole numbers of the range where neither side is.
    starts : where the queue begins to be better, if that is from there to the end of the range.
    """

    def __init__(self, found: BreakEven, *, unpaced: bool = False) -> None:
        self.found, self._unpaced = found, "unpaced " if unpaced else ""
        self.parallel = str(found.parallel)
        self.queue = queue_name(found).replace(" queue", f" {self._unpaced}queue", 1)
        self.identical = bool(found.differences) and all(e.low == e.high == 0 for e in found.differences)
        unresolved = [axis_point(crossing.at) for crossing in found.crossings if not crossing.resolved]
        self.near = list(dict.fromkeys(unresolved))
        regions = [(str(each.favours), *found.whole(each)) for each in found.decided]
        stretches = [(side, low, high) for side, low, high in regions if low <= high]
        sides = dict.fromkeys(side for side, *_ in stretches)
        if found.resolved:
            sides = dict.fromkeys([found.resolved[0].favours_above, *sides])
        self.decided: list[tuple[str, str]] = []
        for side in sides:
            ranges = [self._range(low, high) for of, low, high in stretches if of == side]
            self.decided.append((self.side(side), listed(ranges[:3] + ["more"] * (len(ranges) > 3))))
        first, last = found.range
        lows = [low for _, low, _ in stretches] + [last + 1]
        highs = [first - 1] + [high for *_, high in stretches]
        gaps = [(high + 1, low - 1) for high, low in zip(highs, lows, strict=True) if high + 1 < low]
        self.undecided = listed([f"{low} to {high}" if low < high else f"{low}" for low, high in gaps])
        is_at_end = [side for side, *_ in stretches] == ["parallel", "queue"] and stretches[-1][2] == last
        self.starts = self._point(stretches[-1][1]) if is_at_end else ""

    def side(self, side: str) -> str:
        """Return the name of a side."""
        return self.queue if side == "queue" else self.parallel

    def queues(self, points: str) -> str:
        """Return the queues of some concurrencies: `unpaced queues of 1 to 5`."""
        kind = self.found.queue.kind
        return self._unpaced + str(self.found.queue).replace(kind, f"{kind.rstrip('s')}s of {points}", 1)

    def _range(self, low: int, high: int) -> str:
        if self.found.axis == "tasks" and high == self.found.range[1]:
            return f"{self._point(low)} or more"
        return self._point(low) if low == high else f"{self._point(low)} to {high}"

    def _point(self, value: int) -> str:
        """Return a whole number; `about` it where it was not simulated."""
        return str(value) if value in self.found.values else f"about {value}"


def break_even_sentence(found: BreakEven, *, unpaced: bool = False) -> str:
    """Return where parallel and a queue break even; `unpaced` calls the queue so, where others are paced."""
    return sentence(TEMPLATE, "sentence", found, _Text(found, unpaced=unpaced))


def break_even_cell(found: BreakEven) -> str:
    """Return a break-even for a cell: `from 5 on; undecided at 4` where the queue is better."""
    return sentence(TEMPLATE, "cell", found, _Text(found))


def factor_break_even_sentence(found: FactorBreakEven) -> str:
    """Return where starting all tasks together and the best queue break even along a factor."""
    unit = axis_unit(found.levels)
    show = UNITS["share" if unit == "percent" else unit].show
    return sentence(TEMPLATE, "along_factor", found, show, _between)


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
    if more > 0:
        return [*sentences[:MOST_BREAK_EVENS], f"The files have {more} more {plural('break-even', more)}."]
    return sentences


def _preliminary(found: BreakEven, view: View) -> str:
    """Mark a break-even of a study that ended before it had the replications it rests on otherwise."""
    answer = view.answer
    first = min(FIRST, answer.scenario["study"]["at_most"])
    if answer.stopped in ("asked", "settled") or found.replications >= first:
        return ""
    return f" This is preliminary: it rests on {count(found.replications, 'replication')}."


def queue_name(found: BreakEven) -> str:
    """Return what parallel is compared with: `the best narrower queue`, `a queue of 3`, `a narrower queue`.

    A queue as wide as the batch counts as parallel, as it starts all tasks together too.
    """
    if found.is_with_best:
        return f"the best narrower {found.queue}"
    return named(found.queue) if found.queue.concurrency else f"a narrower {found.queue}"


def _between(found: FactorBreakEven, at: float) -> tuple[object, ...]:
    """Return the levels on both sides of an interpolated point; nothing where it is a level itself."""
    positions = found.positions
    if at in positions or not positions[0] < at < positions[-1]:
        return ()
    above = next(number for number, position in enumerate(positions) if position > at)
    return found.levels[above - 1 : above + 1]
