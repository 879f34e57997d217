"""Which design point to take at a given batch size, and how far it is from the alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.study.estimates import (
    Estimate,
    check_confidence,
    complete_part,
    factor_combinations,
    mean_estimate,
    paired_difference,
    paired_samples,
)


@dataclass(frozen=True, slots=True)
class Alternative:
    """One design point beside the recommended one.

    Attributes
    ----------
    strategy, concurrency : the point.
    estimate : of the objective.
    difference : what it costs more than the recommended one, paired, and simultaneous over all alternatives.
    share_won : of the replications in which it is the best; those who are equally good share one.
    in_best_subset : not significantly worse than the recommended one.
    practically_equal : the whole interval of its difference lies within the indifference zone.
    identical : equal to the recommended one in every replication.
    """

    strategy: str
    concurrency: int
    estimate: Estimate
    difference: Estimate
    share_won: float
    in_best_subset: bool
    practically_equal: bool
    identical: bool

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self) | {"estimate": self.estimate.to_json(), "difference": self.difference.to_json()}


@dataclass(frozen=True, slots=True)
class Choice:
    """The recommended design point, and the alternatives from the best to the worst mean.

    Attributes
    ----------
    tasks, factors : where the choice is made.
    objective : the measure compared; less is better.
    confidence : of the estimates each by itself, and of the differences together.
    indifference : the difference that does not matter, in the unit of the objective.
    replications : how many the choice rests on.
    strategy, concurrency, estimate, share_won : of the recommended point, as in `Alternative`.
    alternatives : all other points.
    """

    tasks: int
    factors: dict[str, Any]
    objective: str
    confidence: float
    indifference: float
    replications: int
    strategy: str
    concurrency: int
    estimate: Estimate
    share_won: float
    alternatives: tuple[Alternative, ...]

    @property
    def best_subset(self) -> tuple[tuple[str, int], ...]:
        """The points (strategy, concurrency) that may be the best one, the recommended first."""
        others = (other for other in self.alternatives if other.in_best_subset)
        return ((self.strategy, self.concurrency), *((o.strategy, o.concurrency) for o in others))

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self) | {
            "estimate": self.estimate.to_json(),
            "alternatives": [other.to_json() for other in self.alternatives],
            "best_subset": [
                {"strategy": strategy, "concurrency": concurrency}
                for strategy, concurrency in self.best_subset
            ],
        }


def choose(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    indifference: float = 0.0,
    factors: Mapping[str, Any] | None = None,
) -> Choice:
    """Choose among all strategies and widths that were played at one batch size.

    Parameters
    ----------
    results : one row a (design point, replication); points play the same replications.
    tasks : size of the batch.
    objective : the column to compare; less is better.
    confidence : see `Choice`.
    indifference : the difference that does not matter, in the unit of the objective, not negative.
    factors : values of the further swept factors; may be left out where there is one combination.

    Returns
    -------
    The point with the least mean. Equal means go to the simplest: sequential first, then the smaller
    concurrency, at the same one parallel, and then the label in alphabetical order (default options first).

    Raises
    ------
    ValueError : no such point, more than one combination of factors, less than 2 replications in common,
        a negative indifference, or what `paired_samples` refuses.

    Notes
    -----
    Screening by paired differences with Bonferroni's correction: Nelson, Swann, Goldsman and Song,
    Simple procedures for selecting the best simulated system, Operations Research 49 (2001), with
    differences paired as common random numbers allow. The best subset holds the truly best point with at
    least `confidence`, although the recommended one is picked from the same replications: to be screened
    out, the truly best would have to look significantly worse than one of the others, and there are
    as many of these as the correction is for. The interval of a single difference is exact only
    for a recommended point that was named beforehand; picked, it looks slightly better than it is.
    """
    check_confidence(confidence)
    if not indifference >= 0:
        raise ValueError(f"indifference is {indifference}; it must not be negative")
    wanted = dict(factors or {})
    matching = [
        (values, part)
        for values, part in factor_combinations(results[results["tasks"] == tasks])
        if all(name in values and values[name] == value for name, value in wanted.items())
    ]
    if len(matching) > 1:
        raise ValueError(
            f"{len(matching)} combinations of factors fit {wanted}; name one, such as {matching[0][0]}"
        )
    if not matching or matching[0][1].empty:
        raise ValueError(f"nothing was played with {tasks} tasks" + (f" and {wanted}" if wanted else ""))
    held, part = matching[0]
    samples = complete_part(paired_samples(part, objective, ["strategy", "concurrency"]))
    replications = len(next(iter(samples.values())))
    if replications < 2:
        raise ValueError(f"a choice needs at least 2 replications in common, found {replications}")

    points = sorted(samples, key=_simplicity)
    estimates = {point: mean_estimate(samples[point], confidence) for point in points}
    points.sort(key=lambda point: estimates[point].mean)  # stable: equal means stay simplest first
    matrix = np.stack([samples[point] for point in points])
    wins = matrix == matrix.min(axis=0)
    shares = dict(zip(points, (wins / wins.sum(axis=0)).mean(axis=1).tolist(), strict=True))

    recommended, others = points[0], points[1:]
    together = 1 - (1 - confidence) / max(len(others), 1)
    alternatives = []
    for point in others:
        difference = paired_difference(samples[point], samples[recommended], together)
        alternatives.append(
            Alternative(
                strategy=point[0],
                concurrency=point[1],
                estimate=estimates[point],
                difference=difference,
                share_won=shares[point],
                in_best_subset=difference.low <= 0,
                practically_equal=-indifference <= difference.low and difference.high <= indifference,
                identical=bool(np.array_equal(samples[point], samples[recommended])),
            )
        )
    return Choice(
        tasks=int(tasks),
        factors=held,
        objective=objective,
        confidence=confidence,
        indifference=float(indifference),
        replications=replications,
        strategy=recommended[0],
        concurrency=recommended[1],
        estimate=estimates[recommended],
        share_won=shares[recommended],
        alternatives=tuple(alternatives),
    )


def _simplicity(point: tuple[Any, ...]) -> tuple[int, int, int, str]:
    label, concurrency = point
    kind = label.partition(" ")[0]
    return {"sequential": 0}.get(kind, 1), concurrency, {"parallel": 0}.get(kind, 1), label
