"""Which design point to take at a given batch size, and how far it is from the alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.decide.constraints import Kept, Limits, keeping
from dispatch_sim.decide.ranking import ranked, strategy_samples
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.indifference import IndifferenceThreshold
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import (
    Estimate,
    check_confidence,
    mean_and_deviations,
    mean_estimate,
    quantile_estimate,
    t_critical,
    to_end_early,
)
from dispatch_sim.stats.screening import screen
from dispatch_sim.study.objectives import as_means, column_of
from dispatch_sim.study.table import factor_combinations


@dataclass(frozen=True, slots=True)
class Alternative:
    """One design point beside the recommended one.

    Attributes
    ----------
    strategy : the point.
    estimate : of the objective.
    difference : what it costs more than the recommended one, paired, and simultaneous over all alternatives.
    share_won : of the replications in which it is the best; those who are equally good share one.
    in_best_subset : not significantly worse than the recommended one, or that may miss the limits; then this
        may be the best that keeps them.
    practically_equal : the whole interval of its difference lies within the indifference zone.
    identical : equal to the recommended one in every replication, or in the mean of every block of them.
    kept : how often it keeps the deadline and the budget; None where there is neither.
    beyond_doubt : shown to be worse than the recommended one with what `to_end_early` asks for.
    """

    strategy: Strategy
    estimate: Estimate
    difference: Estimate
    share_won: float
    in_best_subset: bool
    practically_equal: bool
    identical: bool
    kept: Kept | None = None
    beyond_doubt: bool = False

    @property
    def misses(self) -> bool:
        """Whether it is shown to miss the deadline or the budget: no alternative then, however cheap."""
        return self.kept is not None and self.kept.verdict == "missed"

    def to_json(self, tasks: int) -> dict[str, Any]:
        """Return a dict for JSON, of a choice for a batch of a size."""
        return asdict(self) | {
            **self.strategy.to_json(tasks),
            "estimate": self.estimate.to_json(),
            "difference": self.difference.to_json(),
            "kept": self.kept.to_json() if self.kept else None,
        }


@dataclass(frozen=True, slots=True)
class Choice(Displayed):
    """The recommended design point, and the alternatives from the best to the worst mean.

    Attributes
    ----------
    tasks, factors : where the choice is made.
    objective : the measure compared; less is better.
    confidence : of the estimates each by itself, and of the differences together.
    indifference : the difference that does not matter, in the unit of the objective.
    replications : how many the choice rests on.
    strategy, estimate, share_won, kept : of the recommended point, as in `Alternative`.
    alternatives : all other points; those that miss the limits come last.
    limits : the deadline and the budget, if there is one.
    worst_five : part of the spread of the recommended point that five replications, or blocks of them, make
        up; where that is most of it, rare bad batches decide, and t intervals are short of what they promise.
    """

    tasks: int
    factors: dict[str, Any]
    objective: str
    confidence: float
    indifference: float
    replications: int
    strategy: Strategy
    estimate: Estimate
    share_won: float
    alternatives: tuple[Alternative, ...]
    kept: Kept | None = None
    limits: Limits | None = None
    worst_five: float = 0.0

    @property
    def concurrency(self) -> int:
        """Most tasks at once of the recommended strategy."""
        return self.strategy.concurrency_in(self.tasks)

    @property
    def feasible(self) -> bool:
        """Whether some way may keep the limits; where none does, the likeliest one is recommended."""
        return self.kept is None or self.kept.verdict != "missed"

    @property
    def at_stake(self) -> bool:
        """Whether it makes a difference which is taken, of those that may keep the limits."""
        return not all(other.practically_equal for other in self.alternatives if not other.misses)

    @property
    def deciding(self) -> Alternative | None:
        """The nearest rival that is not shown to be worse; None where all are, or are identical."""
        return next((o for o in self.alternatives if o.in_best_subset and not o.identical), None)

    @property
    def settled(self) -> bool:
        """Whether more replications would change nothing that anyone would act on.

        The difference to the nearest rival is known to within the indifference zone, or all are shown to be
        worse, and none that may be the best is undecided about the limits.
        """
        rival = self.deciding
        near = rival is None or rival.difference.half_width <= self.indifference
        kept = (self.kept, *(other.kept for other in self.alternatives if other.in_best_subset))
        return near and not any(each is not None and each.verdict == "undecided" for each in kept)

    @property
    def ends_early(self) -> bool:
        """Whether a study that could go on need not: as `settled`, of all that is not shown beyond doubt.

        So that what is shown is not what a study has waited for: see `estimates.to_end_early`.
        """
        left = [other for other in self.alternatives if not other.beyond_doubt]
        rival = next((other for other in left if not (other.identical or other.misses)), None)
        near = rival is None or rival.difference.half_width <= self.indifference
        kept = (self.kept, *(other.kept for other in left))
        return near and all(each is None or each.beyond_doubt for each in kept)

    @property
    def best_subset(self) -> tuple[Strategy, ...]:
        """The strategies that may be the best one, the recommended first."""
        return (self.strategy, *(other.strategy for other in self.alternatives if other.in_best_subset))

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return asdict(self) | {
            **self.strategy.to_json(self.tasks),
            "estimate": self.estimate.to_json(),
            "kept": self.kept.to_json() if self.kept else None,
            "feasible": self.feasible,
            "at_stake": self.at_stake,
            "precision": self._precision(),
            "alternatives": [other.to_json(self.tasks) for other in self.alternatives],
            "best_subset": [strategy.to_json(self.tasks) for strategy in self.best_subset],
        }

    def _precision(self) -> dict[str, Any]:
        rival = self.deciding
        return {
            "settled": self.settled,
            "replications": self.replications,
            "rival": None if rival is None else rival.strategy.to_json(self.tasks),
            "half_width": None if rival is None else rival.difference.half_width,
            "indifference": self.indifference,
        }


def choose(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    indifference: float | IndifferenceThreshold = 0.0,
    factors: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Choice:
    """Choose among all strategies and widths that were played at one batch size.

    Parameters
    ----------
    results : one row a (design point, replication), or a block of them; points play the same replications.
    tasks : size of the batch.
    objective : the column to compare, or `p95_makespan_s`; less is better.
    confidence : see `Choice`.
    indifference : the difference that does not matter, in the unit of the objective, not negative; or a
        zone, of which a share is taken of the recommended one's mean.
    factors : values of the further swept factors; may be left out where there is one combination.
    limits : a deadline and a budget; what misses them is left out of the best subset.

    Returns
    -------
    The strategy with the least mean, of equal ones the simplest (`screening.ranked`). With limits it is the
    least among those shown to keep them, without such among those that may, and where all miss them the one
    that keeps them most often.

    Raises
    ------
    ValueError : no such point, more than one combination of factors, less than 2 replications in common,
        a negative indifference, or what `paired_samples` refuses.

    Notes
    -----
    The rule is that of `screening`. With limits, half of what may go wrong is left to the screening, and
    half to what misses them; by a way that may miss them nothing is screened out, as it may be none of those
    to choose from.
    """
    check_confidence(confidence)
    if not (isinstance(indifference, IndifferenceThreshold) or indifference >= 0):
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
    raw = strategy_samples(part, column_of(objective))
    samples = {strategy: as_means(objective, sample) for strategy, sample in raw.items()}
    sample_size = len(next(iter(samples.values())))
    if sample_size < 2:
        raise ValueError(f"a choice needs at least 2 replications in common, found {sample_size}")
    screening = confidence if limits is None else (1 + confidence) / 2
    kept = keeping(part, limits, screening) if limits is not None else {}

    strategies = list(samples)
    estimates = {strategy: _estimate(objective, raw[strategy], confidence) for strategy in strategies}
    order = ranked(strategies, [estimates[strategy].mean for strategy in strategies], tasks)
    recommended, *others = _by_limits([strategies[number] for number in order], kept)
    shares = _shares_won(strategies, raw)

    undecided = bool(kept) and kept[recommended].verdict == "undecided"
    scale = estimates[recommended].mean
    zone = indifference.at(scale) if isinstance(indifference, IndifferenceThreshold) else float(indifference)
    costs = np.array([samples[other] for other in others]).reshape(-1, sample_size)
    screened = screen(costs, samples[recommended], screening, zone)
    together = screened.confidence
    early = t_critical(to_end_early(together), sample_size) / t_critical(together, sample_size)
    beyond_doubt = screened.mean > early * screened.half_width
    alternatives = []
    for number, other in enumerate(others):
        missed = bool(kept) and kept[other].verdict == "missed"
        alternatives.append(
            Alternative(
                strategy=other,
                estimate=estimates[other],
                difference=screened.difference(number),
                share_won=shares[other],
                in_best_subset=(undecided or not screened.is_worse[number]) and not missed,
                practically_equal=bool(screened.is_equal[number]) and not missed,
                identical=bool(np.array_equal(raw[other], raw[recommended])),
                kept=kept.get(other),
                beyond_doubt=bool(beyond_doubt[number]) and not undecided,
            )
        )
    return Choice(
        tasks=int(tasks),
        factors=held,
        objective=objective,
        confidence=confidence,
        indifference=zone,
        replications=sample_size,
        strategy=recommended,
        estimate=estimates[recommended],
        share_won=shares[recommended],
        alternatives=tuple(alternatives),
        kept=kept.get(recommended),
        limits=limits,
        worst_five=_worst_five(raw[recommended]),
    )


def _worst_five(sample: NDArray[np.float64]) -> float:
    _, deviations = mean_and_deviations(sample)
    squares = np.sort(deviations**2)
    return float(squares[-5:].sum() / squares.sum()) if squares.any() else 0.0


def _estimate(objective: str, sample: NDArray[np.float64], confidence: float) -> Estimate:
    """Estimate a mean by Student's t, a percentile by order statistics."""
    if column_of(objective) == objective:
        return mean_estimate(sample, confidence)
    return quantile_estimate(sample, 0.95, confidence)


def _by_limits(points: list[Strategy], kept: Mapping[Strategy, Kept]) -> list[Strategy]:
    """Put first who is to be recommended, and last, the likeliest first, who misses the limits."""
    if not kept:
        return points
    within = [point for point in points if kept[point].verdict != "missed"]
    missing = [point for point in points if kept[point].verdict == "missed"]
    if not within:
        return sorted(missing, key=lambda point: -kept[point].share.share)
    first = next((point for point in within if kept[point].verdict == "kept"), within[0])
    return [first, *(point for point in within if point != first), *missing]


def _shares_won(points: list[Strategy], raw: Mapping[Strategy, NDArray[np.float64]]) -> dict[Strategy, float]:
    matrix = np.stack([raw[point] for point in points])
    wins = matrix == matrix.min(axis=0)
    return dict(zip(points, (wins / wins.sum(axis=0)).mean(axis=1).tolist(), strict=True))
