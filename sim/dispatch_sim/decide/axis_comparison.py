"""Parallel compared with a queue along an axis: what all break-evens have in common.

A queue as wide as the batch starts all tasks together too. It is on the side of parallel, and the cheaper of
the two is compared with the narrower queues. So a break-even is about holding tasks back, and not about
merging early.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from itertools import product
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.decide.winners import Criterion
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.strategy import Strategy, strategy_of
from dispatch_sim.stats.crossings import Crossing, SignChanges, Status
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.stats.paired_comparison import compare_best, sign_changes_along
from dispatch_sim.stats.paired_samples import paired_samples
from dispatch_sim.stats.screening import may_be_best
from dispatch_sim.study.objectives import as_means, column_of

SIDES = ("queue", "parallel")
"""The side that a positive difference favours, and that of a negative one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisComparison(Displayed):
    """Parallel compared with a queue along an axis.

    Attributes
    ----------
    parallel, queue : the two strategies; without a concurrency, the queue is the best one, or any.
    objective, confidence : the measure that is minimised, and of each confidence interval.
    tasks, factors : size of the batch (None along the sizes), and values of the other swept factors.
    replications : the least number of replications at a point of the axis.
    changes : regions and crossings along the axis.
    differences : the cost of parallel above the queue at each point, each interval by itself.
    practically_equal : whether every interval lies within the indifference threshold.
    """

    parallel: Strategy
    queue: Strategy
    objective: str
    confidence: float
    tasks: int | None
    factors: dict[str, Any]
    replications: int
    changes: SignChanges
    differences: tuple[Estimate, ...] = ()
    practically_equal: bool = False

    @property
    def status(self) -> Literal[Status, "practically_equal"]:
        """As in `SignChanges`; `practically_equal` takes precedence."""
        return "practically_equal" if self.practically_equal else self.changes.status

    @property
    def favours(self) -> str | None:
        """The side that is significantly better over the whole range: `queue` or `parallel`."""
        return self.changes.favours

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """Every sign change of the mean, resolved or not, in the order of the axis."""
        return self.changes.crossings

    @property
    def resolved(self) -> tuple[Crossing, ...]:
        """The crossings that the replications resolve."""
        return tuple(crossing for crossing in self.crossings if crossing.resolved)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.parallel} against {self.queue}, {self.status}>"

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        fields = asdict(self)
        del fields["changes"]
        return fields | {
            "parallel": self.parallel.label,
            "queue": self.queue.label,
            "differences": [difference.to_json() for difference in self.differences],
            "status": self.status,
            "favours": self.favours,
            "crossings": [asdict(crossing) for crossing in self.crossings],
        }


Point = tuple[Any, ...]
"""Strategy, number of tasks; along a factor its level too."""

Sides = tuple[list[Point], list[Point]]
"""Strategies that start all tasks together, parallel first, and strategies that hold some back."""

Samples = Mapping[Point, NDArray[np.float64]]


def samples_of(results: pd.DataFrame, objective: str, *further: str) -> Samples:
    """Return values whose mean is the objective, along the replications; see `paired_samples`."""
    keys = ["strategy", "concurrency", "tasks", *further]
    found = paired_samples(results, column_of(objective), keys)
    return {
        (strategy_of(*point[:3]), *point[2:]): as_means(objective, sample) for point, sample in found.items()
    }


def pairs_of(
    points: Iterable[Point], parallel: str, queue: str
) -> dict[tuple[Strategy, Strategy], dict[tuple[Any, ...], Sides]]:
    """Return the sides to compare wherever parallel was simulated, for each pair of two kinds or labels.

    Both are paced by the limits, or neither is: otherwise pacing would decide.
    """
    ordered = sorted(points, key=lambda point: (point[0].label, point[1], point[0].concurrency_in(point[1])))
    strategies = dict.fromkeys(strategy.at(None) for strategy, *_ in ordered)
    pairs: dict[tuple[Strategy, Strategy], dict[tuple[Any, ...], Sides]] = {}
    for one, other in product(strategies, repeat=2):
        if (
            parallel in (one.kind, one.label)
            and queue in (other.kind, other.label)
            and one.pace == other.pace
        ):
            sides: dict[tuple[Any, ...], Sides] = {
                point[1:]: ([point], []) for point in ordered if point[0] == one
            }
            for point in ordered:
                strategy, tasks = point[:2]
                if strategy.at(None) == other and point[1:] in sides:
                    holds_back = strategy.concurrency_in(tasks) < tasks
                    sides[point[1:]][holds_back].append(point)
            pairs[one, other] = sides
    return pairs


def compare_sides(
    criterion: Criterion, samples: Samples, sides: Mapping[Any, Sides]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Compare two sides along an axis, at each point on their common replications.

    Of each side, only the strategies count that may be its best: others may have fewer replications. Returned
    are the points at which both sides were simulated, and the fields of an `AxisComparison` that follow.
    """
    objective, confidence, indifference = criterion
    at, found = [], []
    for value, both in sides.items():
        one, other = (
            list(may_be_best({point: samples[point] for point in side}, confidence).values()) for side in both
        )
        if other:
            at.append(value)
            found.append(compare_best(np.stack(one), np.stack(other)))
    return tuple(at), {
        "objective": objective,
        "confidence": confidence,
        "replications": min((each.replications for each in found), default=0),
        "changes": sign_changes_along(at, found, confidence, SIDES) if found else None,
        "differences": tuple(each.estimate(confidence) for each in found),
        "practically_equal": all(each.is_within(indifference.at(each.scale), confidence) for each in found),
    }
