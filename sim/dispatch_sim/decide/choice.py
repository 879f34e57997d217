"""The recommended strategy at a given batch size, and its distance from the alternatives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.decide.constraints import Feasibility, Limits, eligible, find_feasibility
from dispatch_sim.decide.winners import Criterion, least, ranked, strategy_samples
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.indifference import IndifferenceThreshold, parse_indifference
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.stats.paired_samples import in_common
from dispatch_sim.stats.screening import screen
from dispatch_sim.stats.student_t import check_confidence
from dispatch_sim.study.objectives import as_means, column_of, estimate_of
from dispatch_sim.study.table import find_combination

# For its types alone: quick answers do without pandas, which takes longest to import.
if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Alternative:
    """A strategy other than the recommended one.

    Attributes
    ----------
    strategy : the strategy.
    estimate : of the objective.
    difference : what it costs more than the recommended one, paired, and simultaneous over all alternatives.
    better_in, saves, loses : the share of batches in which it costs less than the recommended one, how much
        less it then costs on average, and how much more in all other batches.
    in_best_subset : whether it may be the best feasible one: not significantly worse than the recommended
        one, or that one may be infeasible.
    practically_equal : whether its whole interval lies within the indifference threshold.
    identical : whether it is equal to the recommended one in every replication; a percentile, by what each
        replication adds to it.
    feasibility : how often it meets the deadline and the budget; None where there is neither.
    beyond_doubt : whether it is significantly worse with the confidence of `to_end_early`.
    is_contender : whether it may turn out to be the best with more replications.
    """

    strategy: Strategy
    estimate: Estimate
    difference: Estimate
    better_in: float
    saves: float
    loses: float
    in_best_subset: bool
    practically_equal: bool
    identical: bool
    feasibility: Feasibility | None = None
    beyond_doubt: bool = False
    is_contender: bool = False

    @property
    def infeasible(self) -> bool:
        """Whether it significantly misses the deadline or the budget."""
        return self.feasibility is not None and self.feasibility.verdict == "infeasible"

    def to_json(self, tasks: int) -> dict[str, Any]:
        """Return a dict for JSON, of a choice for a batch of a size."""
        return asdict(self) | {
            **self.strategy.to_json(tasks),
            "estimate": self.estimate.to_json(),
            "difference": self.difference.to_json(),
            "feasibility": self.feasibility and self.feasibility.to_json(),
        }


@dataclass(frozen=True, slots=True)
class Choice(Displayed):
    """The recommended strategy, and the alternatives from the best to the worst mean.

    Attributes
    ----------
    tasks, factors : size of the batch, and values of the further factors.
    objective : the measure that is minimised.
    confidence : of each estimate by itself, and at least that of all differences simultaneously.
    indifference : the indifference threshold, in the unit of the objective.
    strategy, estimate, feasibility : of the recommended strategy, as in `Alternative`.
    alternatives : all other strategies; infeasible ones come last.
    limits : the deadline and the budget, if there is one.
    """

    tasks: int
    factors: dict[str, Any]
    objective: str
    confidence: float
    indifference: float
    strategy: Strategy
    estimate: Estimate
    alternatives: tuple[Alternative, ...]
    feasibility: Feasibility | None = None
    limits: Limits | None = None

    @property
    def replications(self) -> int:
        """Number of replications of the recommended strategy."""
        return self.estimate.n

    @property
    def strategies(self) -> list[Strategy]:
        """All strategies, in the order of `alternatives`, the recommended first."""
        return [self.strategy, *(other.strategy for other in self.alternatives)]

    def __repr__(self) -> str:
        return f"<Choice: {self.strategy} for {self.tasks:,} tasks, {self.replications:,} replications>"

    @property
    def feasible(self) -> bool:
        """Whether some strategy may meet the limits; otherwise the likeliest one is recommended."""
        return self.feasibility is None or self.feasibility.verdict != "infeasible"

    @property
    def as_feasible(self) -> list[Alternative]:
        """The alternatives that meet the limits as surely as the recommended strategy; all without limits."""
        verdict = self.feasibility and self.feasibility.verdict
        return [o for o in self.alternatives if (o.feasibility and o.feasibility.verdict) == verdict]

    @property
    def at_stake(self) -> bool:
        """Whether the choice among those that may meet the limits makes a difference."""
        return not all(other.practically_equal for other in self.alternatives if not other.infeasible)

    @property
    def deciding(self) -> Alternative | None:
        """The least known alternative that may be the best; None where all are worse, or identical."""
        open_ = (other for other in self.alternatives if other.in_best_subset and not other.identical)
        return max(open_, key=lambda other: other.difference.half_width, default=None)

    @property
    def settled(self) -> bool:
        """Whether more replications would not change the decision.

        The difference from each that may be the best is known to within the indifference threshold, and the
        feasibility of none of them is undecided.
        """
        left = (other.feasibility for other in self.alternatives if other.in_best_subset)
        is_open = any(each is not None and each.verdict == "undecided" for each in (self.feasibility, *left))
        return (self.deciding is None or self._is_known(self.deciding)) and not is_open

    @property
    def contenders(self) -> tuple[Alternative, ...]:
        """The alternatives that may turn out to be the best with more replications."""
        return tuple(other for other in self.alternatives if other.is_contender)

    @property
    def is_resolved(self) -> bool:
        """Whether a study may end before its last replication, by its contenders; see `to_end_early`."""
        left = [other for other in self.alternatives if not other.beyond_doubt]
        found = (self.feasibility, *(other.feasibility for other in left))
        is_known = (other.identical or other.infeasible or self._is_known(other) for other in left)
        return all(each is None or each.beyond_doubt for each in found) and all(is_known)

    def _is_known(self, other: Alternative) -> bool:
        """Whether the difference is known to within the indifference threshold."""
        return other.difference.half_width <= self.indifference

    @property
    def best_subset(self) -> tuple[Strategy, ...]:
        """The strategies that may be the best one, the recommended first."""
        return (self.strategy, *(other.strategy for other in self.alternatives if other.in_best_subset))

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        rival = self.deciding
        return asdict(self) | {
            **self.strategy.to_json(self.tasks),
            "estimate": self.estimate.to_json(),
            "feasibility": self.feasibility and self.feasibility.to_json(),
            "feasible": self.feasible,
            "at_stake": self.at_stake,
            "precision": {
                "settled": self.settled,
                "replications": self.replications,
                "rival": rival and rival.strategy.to_json(self.tasks),
                "half_width": rival and rival.difference.half_width,
                "indifference": self.indifference,
            },
            "alternatives": [other.to_json(self.tasks) for other in self.alternatives],
            "best_subset": [strategy.to_json(self.tasks) for strategy in self.best_subset],
        }


def choose(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    indifference: float | str | IndifferenceThreshold = 0.0,
    factors: Mapping[str, Any] | None = None,
    limits: Limits | None = None,
) -> Choice:
    """Choose among all strategies that were simulated at one batch size, by the rule of `stats.screening`.

    The recommended strategy has the least mean, of equal ones it is the simplest (see `least`). With limits
    it is the least among the feasible ones; without such among the undecided ones; where all are infeasible,
    the one that meets the limits most often. Half of the error probability is then for screening, and half
    for feasibility. A recommended strategy that may be infeasible screens out no other.

    Raises ValueError for no such point, more than one combination of factors, less than 2 replications in
    common, a negative indifference, or what `paired_samples` raises.

    Parameters
    ----------
    results : one row a (design point, replication); points share the replications' random numbers.
    tasks : size of the batch.
    objective, confidence : the column to minimise, or `p95_makespan_s`, and as in `Choice`.
    indifference : the indifference threshold; a number is in the unit of the objective, a share is one of the
        recommended strategy's mean.
    factors : values of the further swept factors; may be left out where there is one combination.
    limits : a deadline and a budget; an infeasible strategy is not in the best subset.
    """
    check_confidence(confidence)
    held, part = find_combination(results, tasks, dict(factors or {}))
    raw = strategy_samples(part, column_of(objective))
    if (fewest := in_common(*raw.values()).shape[1]) < 2:
        raise ValueError(f"a choice needs at least 2 replications in common, found {fewest}")
    screening = confidence if limits is None else (1 + confidence) / 2
    bounded = {measure: strategy_samples(part, measure) for measure in (limits.bounds if limits else ())}
    feasibility = find_feasibility(bounded, limits, screening)
    criterion = Criterion(objective, confidence, parse_indifference(indifference))
    return choose_among(raw, tasks, criterion, screening, feasibility, limits, held)


def choose_among(
    raw: Mapping[Strategy, NDArray[np.float64]],
    tasks: int,
    criterion: Criterion,
    screening: float,
    feasibility: Mapping[Strategy, Feasibility],
    limits: Limits | None,
    factors: dict[str, Any],
) -> Choice:
    """Choose among strategies by their samples; see `choose`.

    Parameters
    ----------
    raw : the column of the objective, along the replications; NaN where one is missing.
    screening : the confidence of all differences simultaneously.
    feasibility : how often each strategy meets the limits; empty without limits.
    """
    objective, confidence, indifference = criterion
    samples = {strategy: as_means(objective, sample) for strategy, sample in raw.items()}
    strategies = list(samples)
    estimates = {strategy: estimate_of(objective, raw[strategy], confidence) for strategy in strategies}
    allowed = eligible(feasibility) if feasibility else strategies
    recommended = least({strategy: samples[strategy] for strategy in allowed}, screening, tasks)
    infeasible = {each for each in feasibility if feasibility[each].verdict == "infeasible"}
    order = ranked(strategies, [estimates[strategy].mean for strategy in strategies], tasks)
    others = [strategies[number] for number in order if strategies[number] != recommended]
    others.sort(key=lambda other: other in infeasible)

    threshold = indifference.at(estimates[recommended].mean)
    screened = screen([samples[other] for other in others], samples[recommended], screening, threshold)
    beyond_doubt, is_contender = screened.is_beyond_doubt, screened.is_contender
    undecided = bool(feasibility) and feasibility[recommended].verdict == "undecided"

    alternatives = []
    for number, other in enumerate(others):
        feasible = other not in infeasible
        mine, best = in_common(raw[other], raw[recommended])
        better = mine < best
        identical = bool(np.array_equal(*in_common(samples[other], samples[recommended])))
        alternatives.append(
            Alternative(
                strategy=other,
                estimate=estimates[other],
                difference=screened.difference(number),
                better_in=float(better.mean()),
                saves=float((best - mine)[better].mean()) if better.any() else 0.0,
                loses=float((mine - best)[~better].mean()) if not better.all() else 0.0,
                in_best_subset=feasible and (undecided or not screened.is_worse[number]),
                practically_equal=feasible and bool(screened.is_equal[number]),
                identical=identical,
                feasibility=feasibility.get(other),
                beyond_doubt=bool(beyond_doubt[number]) and not undecided,
                is_contender=feasible and bool(is_contender[number] or (undecided and not identical)),
            )
        )
    return Choice(
        tasks=int(tasks),
        factors=factors,
        objective=objective,
        confidence=confidence,
        indifference=threshold,
        strategy=recommended,
        estimate=estimates[recommended],
        alternatives=tuple(alternatives),
        feasibility=feasibility.get(recommended),
        limits=limits,
    )
