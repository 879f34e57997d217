"""Where all together and the best queue change places along a swept factor: a limit, a price, a count."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.axes import axis_place
from dispatch_sim.study.contest import Contest, changes_of, contest, no_zone, together_and_queues
from dispatch_sim.study.estimates import (
    Estimate,
    complete_part,
    factor_columns,
    factor_combinations,
    paired_samples,
)
from dispatch_sim.study.percentile import as_means, column_of
from dispatch_sim.study.sign_changes import Crossing, SignChanges


@dataclass(frozen=True, slots=True)
class FactorBreakEven:
    """The answer to one break-even question along a factor, at one batch size.

    Attributes
    ----------
    factor : its path in the scenario.
    levels : as they are written, in the order of their places.
    places : of the levels, in base units; between them D is interpolated.
    tasks, factors : the batch size and the other factors, held.
    parallel, queue : labels of the two sides; a queue as wide as the batch stands beside parallel.
    objective, confidence, replications : what is compared, how surely, and on how many it rests.
    changes : regions and crossings, by place.
    differences : what all together costs more than the best queue at each level, each interval by itself.
    practically_equal : whether at every level the interval lies within the indifference zone.
    """

    factor: str
    levels: tuple[Any, ...]
    places: tuple[float, ...]
    tasks: int
    factors: dict[str, Any]
    parallel: str
    queue: str
    objective: str
    confidence: float
    replications: int
    changes: SignChanges
    differences: tuple[Estimate, ...]
    practically_equal: bool

    @property
    def status(self) -> str:
        """As in `SignChanges`; where nothing is at stake, `practically_equal`."""
        return "practically_equal" if self.practically_equal else self.changes.status

    @property
    def crossings(self) -> tuple[Crossing, ...]:
        """Every sign change of the mean, resolved or not, in the order of the axis."""
        return self.changes.crossings

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        answer = asdict(self)
        del answer["changes"]
        return answer | {
            "status": self.status,
            "favours": self.changes.favours,
            "differences": [each.to_json() for each in self.differences],
            "crossings": [asdict(crossing) for crossing in self.crossings],
            "regions": [asdict(region) for region in self.changes.established],
        }


def find_factor_break_even(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    zone: Callable[[float], float] = no_zone,
) -> list[FactorBreakEven]:
    """Find the break-evens along every swept factor that has an order, the others held.

    Parameters
    ----------
    results : one row a (design point, replication), or a block of them; points play the same replications.
    tasks : size of the batch.
    objective : a column, or `p95_makespan_s`; less is better.
    confidence : of each confidence set.
    zone : as in `find_break_even`.

    Returns
    -------
    For each factor of at least two finite levels, each combination of the others, and each pair of labels.
    """
    part = results[results["tasks"] == tasks]
    found = []
    for factor in factor_columns(results):
        levels = _levels(part[factor].unique().tolist())
        if len(levels) < 2:
            continue
        ordered = part[part[factor].isin(levels.values())].rename(columns={factor: "level"})
        for factors, rows in factor_combinations(ordered):
            for (parallel, queue), contests in _contests(rows, objective, levels).items():
                places = tuple(contests)
                found.append(
                    FactorBreakEven(
                        factor=factor,
                        levels=tuple(levels[place] for place in places),
                        places=places,
                        tasks=tasks,
                        factors=factors,
                        parallel=parallel,
                        queue=queue,
                        objective=objective,
                        confidence=confidence,
                        replications=next(iter(contests.values())).replications,
                        changes=changes_of(places, list(contests.values()), confidence),
                        differences=tuple(each.estimate(confidence) for each in contests.values()),
                        practically_equal=all(
                            each.within(zone(each.scale), confidence) for each in contests.values()
                        ),
                    )
                )
    return found


def _levels(written: list[Any]) -> dict[float, Any]:
    """Return the levels by their places in order; nothing where a factor has no order."""
    try:
        places = {axis_place(level): level for level in written}
    except UserError:
        return {}
    return {place: places[place] for place in sorted(places) if np.isfinite(place)}


def _contests(
    rows: pd.DataFrame, objective: str, levels: dict[float, Any]
) -> dict[tuple[str, str], dict[float, Contest]]:
    """Return by pair of labels the contests along the levels, all on the replications they have in common."""
    samples = paired_samples(rows, column_of(objective), ["level", "strategy", "tasks", "concurrency"])
    pairs: dict[tuple[str, str], dict[float, tuple[list[Any], list[Any]]]] = {}
    for place, level in levels.items():
        at_level = {point[1:]: point for point in samples if point[0] == level}
        for pair, together, queues in together_and_queues(at_level):
            sides = [at_level[p] for p in together], [at_level[p] for p in queues]
            pairs.setdefault(pair, {})[place] = sides
    return {pair: dict(_played(objective, samples, sides)) for pair, sides in pairs.items() if len(sides) > 1}


def _played(
    objective: str,
    samples: dict[tuple[Any, ...], Any],
    sides: dict[float, tuple[list[Any], list[Any]]],
) -> Iterator[tuple[float, Contest]]:
    used = {point: samples[point] for both in sides.values() for side in both for point in side}
    costs = {point: as_means(objective, sample) for point, sample in complete_part(used).items()}
    for place, both in sides.items():
        present = [[costs[point] for point in side if point in costs] for side in both]
        if all(present):
            one, other = map(np.stack, present)
            yield place, contest(one, other)
