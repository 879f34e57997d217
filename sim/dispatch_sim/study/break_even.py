"""Where parallel and a queue change places, along the size of the batch and the width of the queue."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.display import Displayed
from dispatch_sim.study.contest import Contest, changes_of, contest, is_kind, no_zone
from dispatch_sim.study.estimates import (
    Estimate,
    check_confidence,
    complete_part,
    factor_combinations,
    paired_samples,
)
from dispatch_sim.study.percentile import as_means, column_of
from dispatch_sim.study.sign_changes import (
    Crossing,
    Region,
    Side,
    SignChanges,
    Status,
)

_WORDS = {
    "cost_usd": ("cost", "cheaper"),
    "money_usd": ("money", "cheaper"),
    "makespan_s": ("makespan", "faster"),
    "p95_makespan_s": ("95th percentile of the makespan", "faster"),
    "people_s": ("people's time", "better"),
}


@dataclass(frozen=True, slots=True)
class BreakEven(Displayed):
    """The answer to one break-even question.

    Attributes
    ----------
    axis : `tasks` (size of the batch) or `concurrency` (width of the queue).
    against : what parallel is compared with: `best queue`, `queue: 3`, or along concurrency `queue`.
    parallel, queue : labels of the two strategies.
    objective : the measure compared; less is better.
    confidence : of each confidence set.
    tasks : the size of the batch where the axis is concurrency, otherwise None.
    factors : the further swept factors, held at these values.
    values : the points of the axis that were played; between them D is interpolated.
    replications : how many the comparison rests on.
    changes : regions and crossings along the axis.
    differences : what parallel costs more than the queue at each of the values, each interval by itself.
    practically_equal : whether at every value the interval lies within the indifference zone.
    """

    axis: Literal["tasks", "concurrency"]
    against: str
    parallel: str
    queue: str
    objective: str
    confidence: float
    tasks: int | None
    factors: dict[str, Any]
    values: tuple[int, ...]
    replications: int
    changes: SignChanges
    differences: tuple[Estimate, ...] = ()
    practically_equal: bool = False

    @property
    def status(self) -> Literal[Status, "practically_equal"]:
        """As in `SignChanges`; where nothing is at stake, `practically_equal` whatever the signs are."""
        return "practically_equal" if self.practically_equal else self.changes.status

    @property
    def favours(self) -> Side | None:
        """As in `SignChanges`."""
        return self.changes.favours

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """Every sign change of the mean, resolved or not, in the order of the axis."""
        return self.changes.crossings

    @property
    def range(self) -> tuple[int, int]:
        """The first and the last point of the axis."""
        return self.values[0], self.values[-1]

    @property
    def decided(self) -> tuple[Region, ...]:
        """The regions in which one side is shown to be better."""
        regions = self.changes.regions if self.favours else self.changes.established
        return tuple(region for region in regions if region.favours)

    @property
    def undecided(self) -> tuple[Region, ...]:
        """The regions in which neither side is."""
        regions = self.changes.regions if self.favours else self.changes.established
        return tuple(region for region in regions if not region.favours)

    def first(self, crossing: Crossing) -> int:
        """Return the first whole value at which the mean is in favour of who wins above a crossing."""
        return _above(crossing.at)

    def shown_from(self, crossing: Crossing) -> int | None:
        """Return the first whole value above a crossing's confidence set; None where that is open."""
        return None if crossing.high is None else _above(crossing.high)

    @property
    def text(self) -> str:
        """The answer as one sentence."""
        words = [f"In {_words(self.objective)[0]}"]
        words += [f"at {self.tasks} tasks"] if self.tasks is not None else []
        words += [f"with {factor} = {value}" for factor, value in self.factors.items()]
        return ", ".join([*words, self._finding()]) + "."

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        answer = asdict(self)
        del answer["changes"]
        return answer | {
            "differences": [difference.to_json() for difference in self.differences],
            "values": list(self.values),
            "range": list(self.range),
            "status": self.status,
            "favours": self.favours,
            "crossings": [
                asdict(crossing) | {"first": self.first(crossing), "shown_from": self.shown_from(crossing)}
                for crossing in self.crossings
            ],
            "decided": [asdict(region) for region in self.decided],
            "undecided": [{"low": region.low, "high": region.high} for region in self.undecided],
            "text": self.text,
        }

    def _finding(self) -> str:
        unit, noun = ("tasks", "size") if self.axis == "tasks" else ("at once", "width")
        _, better = _words(self.objective)
        names = self._names()
        low, high = self.range
        span = f"from {low} to {high} {unit}" if low < high else f"at {low} {unit}"
        if self.practically_equal:
            return f"practically equal {span}"
        near = " and ".join(_short(crossing.at) for crossing in self.crossings if not crossing.resolved)
        if self.favours:
            every = f"at every {noun} " if low < high else ""
            return f"none in range: {names[self.favours]} is {better} {every}{span}"
        if self.status == "unresolved":
            neither = f"neither is shown to be {better}"
            found = [
                (f"{names[region.favours]} is {better}" if region.favours else neither)
                + (f" from {_short(region.low)} to" if region.low < region.high else " at")
                + f" {_short(region.high)}"
                for region in self.changes.established
            ]
            found = found if len(found) > 1 else [neither]
            found += [f"the means cross near {near}, within the noise"] if near else []
            return f"unresolved {span}: {'; '.join(found)}"
        parts = [
            f"{' beats '.join(names[side] for side in _order(crossing))} from {self._from(crossing, unit)} "
            f"({_placed(crossing, self.confidence)})"
            for crossing in self.crossings
            if crossing.resolved
        ]
        return "; ".join(parts) + (f"; unresolved near {near}" if near else "")

    def _names(self) -> dict[Side, str]:
        queue = self.against.removesuffix(_versus(self.parallel))
        return {"parallel": self.parallel, "queue": queue if ":" in queue else f"the {queue}"}

    def _from(self, crossing: Crossing, unit: str) -> str:
        first, shown = self.first(crossing), self.shown_from(crossing)
        interpolated = first not in self.values or first - 1 not in self.values
        about = "about " if interpolated or shown != first else ""
        return f"{about}{first} {unit}" + (f", shown from {shown}" if shown not in (None, first) else "")


def find_break_even(
    results: pd.DataFrame,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    parallel: str = "parallel",
    queue: str = "queue",
    batch_size: int | None = None,
    zone: Callable[[float], float] = no_zone,
) -> list[BreakEven]:
    """Find where parallel and a queue change places, along the size of the batch and the width of the queue.

    Parameters
    ----------
    results : one row a (design point, replication), or a block of them; points play the same replications.
    objective : the column to compare, or `p95_makespan_s`; less is better.
    confidence : of each confidence set.
    parallel, queue : the kinds to compare; with labels such as `queue (script)`, every pair is.
    batch_size : only along the widths at this number of tasks; without it, at every number of tasks.
    zone : the difference that does not matter, in the unit of the objective, at a mean of it.

    Returns
    -------
    For each combination of further factors, and each pair of labels, in this order: along tasks against
    the best queue, then against each fixed width, then for each size along the widths. A queue as wide as
    the batch starts all tasks together too: it stands beside parallel, and the cheaper of the two is
    compared with the narrower queues. So what is found is what holding tasks back is worth, and never
    what merging early is. Points that were not played are left out; so is an axis without any.

    Raises
    ------
    ValueError : a column is missing, the objective is not finite, rows are there twice, or there are less
        than 2 replications in common.

    Notes
    -----
    The best of a side is judged twice, as `contest` says. What both ways agree on is said; the confidence set
    holds what either leaves open.
    """
    check_confidence(confidence)
    answers: list[BreakEven] = []
    for factors, part in factor_combinations(results):
        samples = paired_samples(part, column_of(objective), ["strategy", "tasks", "concurrency"])
        labels = sorted({label for label, _, _ in samples})
        one = [label for label in labels if is_kind(label, parallel)]
        other = [label for label in labels if is_kind(label, queue)]
        for parallel_label, queue_label in product(one, other):
            for question in _questions(samples, parallel_label, queue_label, batch_size):
                found = _contests(objective, samples, question.comparisons)
                if not found:
                    continue
                values, contests = tuple(found), list(found.values())
                answers.append(
                    BreakEven(
                        axis=question.axis,
                        against=question.against + _versus(parallel_label),
                        parallel=parallel_label,
                        queue=queue_label,
                        objective=objective,
                        confidence=confidence,
                        tasks=question.tasks,
                        factors=factors,
                        values=values,
                        replications=contests[0].replications,
                        changes=changes_of(values, contests, confidence),
                        differences=tuple(each.estimate(confidence) for each in contests),
                        practically_equal=all(each.within(zone(each.scale), confidence) for each in contests),
                    )
                )
    return answers


_Point = tuple[Any, ...]
"""Label, number of tasks, concurrency."""


@dataclass(frozen=True, slots=True)
class _Question:
    """An axis before it is judged: at each value of it who starts all together, and the narrower queues."""

    axis: Literal["tasks", "concurrency"]
    against: str
    tasks: int | None
    comparisons: list[tuple[int, list[_Point], list[_Point]]]


def _questions(
    samples: Mapping[_Point, NDArray[np.float64]], parallel: str, queue: str, batch_size: int | None
) -> Iterator[_Question]:
    sizes: dict[int, list[_Point]] = {p[1]: [p] for p in sorted(samples) if p[0] == parallel}
    queues = [p for p in sorted(samples) if p[0] == queue and p[1] in sizes]
    for point in queues:
        if point[2] >= point[1]:
            sizes[point[1]].append(point)
    queues = [p for p in queues if p[2] < p[1]]
    kind, _, options = queue.partition(" ")
    best = [(size, together, [p for p in queues if p[1] == size]) for size, together in sizes.items()]
    yield _Question("tasks", f"best {queue}", None, best)
    for width in sorted({p[2] for p in queues}):
        fixed = [(p[1], sizes[p[1]], [p]) for p in queues if p[2] == width]
        yield _Question("tasks", f"{kind}: {width} {options}".strip(), None, fixed)
    for size, together in sizes.items():
        if batch_size in (None, size):
            along = [(p[2], together, [p]) for p in queues if p[1] == size]
            yield _Question("concurrency", queue, size, along)


def _contests(
    objective: str,
    samples: Mapping[_Point, NDArray[np.float64]],
    comparisons: list[tuple[int, list[_Point], list[_Point]]],
) -> dict[int, Contest]:
    """Return the contest at each value of an axis that can be compared."""
    used = {point for _, together, queues in comparisons if queues for point in (*together, *queues)}
    raw = complete_part({point: samples[point] for point in used})
    costs = {point: as_means(objective, sample) for point, sample in raw.items()}
    found = {}
    for value, together, queues in comparisons:
        # Not without parallel itself: what it is compared with is asked of it.
        present = [[costs[p] for p in points if p in costs] for points in (together, queues)]
        if together[0] in costs and all(present):
            one, other = map(np.stack, present)
            found[value] = contest(one, other)
    return found


def _words(objective: str) -> tuple[str, str]:
    """Return what an objective is called, and what is better in it."""
    return _WORDS.get(objective, (objective, "better"))


def _order(crossing: Crossing) -> tuple[Side, Side]:
    """Return who wins above a crossing, and who below."""
    return ("queue", "parallel") if crossing.direction == "queue_wins_above" else ("parallel", "queue")


def _above(at: float) -> int:
    """Return the first whole number above a place, which may be one but for rounding."""
    nearest = round(at)
    return (nearest if math.isclose(at, nearest) else math.floor(at)) + 1


def _versus(parallel: str) -> str:
    return "" if parallel == "parallel" else f" vs {parallel}"


def decimals(values: Iterable[float | None]) -> int:
    """Return with how many decimals to write places of an axis of whole numbers side by side.

    None where all are whole; one, or two where with one some place would look whole and is not.
    """
    places = [value for value in values if value is not None]
    broken = [v for v in places if not math.isclose(v, round(v), abs_tol=1e-9)]
    return 0 if not broken else 2 if any(round(v, 1) == round(v) for v in broken) else 1


def _placed(crossing: Crossing, confidence: float) -> str:
    """Write the place of a resolved crossing and its set, all with the same decimals."""
    places = (crossing.at, crossing.low, crossing.high)
    digits = decimals(places)
    at, low, high = (f"{place:.{digits}f}" for place in places)
    return f"break-even {at}, {100 * confidence:g}% set {low} to {high}"


def _short(value: float) -> str:
    return f"{round(value, 1):g}"
