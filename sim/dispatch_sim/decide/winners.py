"""The best of several strategies, by the samples of each, and whether it is significantly the best."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.scenario.indifference import IndifferenceThreshold, parse_indifference, threshold_for
from dispatch_sim.scenario.strategy import Kind, Strategy, strategy_of
from dispatch_sim.stats.paired_samples import in_common, paired_samples
from dispatch_sim.stats.screening import may_be_best, screen
from dispatch_sim.study.objectives import OBJECTIVES

# For its types alone: quick answers do without pandas, which takes longest to import.
if TYPE_CHECKING:
    import pandas as pd


MANY_FAILURES = 0.02
"""Share of the tasks that people complete with one strategy and not with another, above which the bill of the
one is lower because tasks fail."""

LOW_BY_FAILING = ("money_usd", "tokens")
"""Objectives that are lower where tasks fail, as people's work is no part of them."""


class Criterion(NamedTuple):
    """By what strategies are compared: a column or `p95_makespan_s`, the confidence, and the threshold."""

    objective: str
    confidence: float
    indifference: IndifferenceThreshold

    @classmethod
    def of(cls, scenario: Mapping[str, Any]) -> Criterion:
        """Return the criterion of a resolved scenario."""
        minimised, study = scenario["objective"]["minimise"], scenario["study"]
        indifference = threshold_for(study["indifference"], minimised)
        return cls(OBJECTIVES[minimised], study["confidence"], indifference)


class Standing(StrEnum):
    """Whether the winner is significantly the best."""

    SHOWN = "shown"
    """Every other strategy is significantly worse."""
    CONCURRENCY_OPEN = "concurrency open"
    """Every other kind of strategy is significantly worse; the best concurrency of its own kind is open."""
    EQUAL = "practically equal"
    """Other kinds that are not significantly worse differ by less than the indifference threshold."""
    OPEN = "open"
    """Another kind of strategy may be the best, by more than the indifference threshold."""


@dataclass(frozen=True, slots=True)
class Winner:
    """The best of several strategies.

    Attributes
    ----------
    strategy : with the least mean.
    kind : that it amounts to, by `Strategy.kind_in`.
    standing : whether it is significantly the best.
    best_subset : strategies that are not significantly worse, the winner first.
    mean, replications : of the winner, in the unit of the objective.
    rival : the best strategy of another kind; None where there is none.
    margin, low, high : the rival's difference and its interval, simultaneous over all strategies; else NaN.
    short : strategies whose difference the standing rests on, and has too few replications for its skewness:
        practically equal ones, and those that are worse but not beyond doubt. An open standing rests on none.
    needed : about how many replications they need; 0 where there are none.
    is_preliminary : whether the standing or the interval of the margin needs more replications.
    """

    strategy: Strategy
    kind: Kind
    standing: Standing
    best_subset: tuple[Strategy, ...]
    mean: float
    rival: Strategy | None
    margin: float
    low: float
    high: float
    replications: int
    short: tuple[Strategy, ...] = ()
    needed: int = 0
    is_preliminary: bool = False

    @property
    def is_decided(self) -> bool:
        """Whether its kind is significantly the best, whatever its concurrency."""
        return self.standing in (Standing.SHOWN, Standing.CONCURRENCY_OPEN)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        margin = {"margin": self.margin, "margin_low": self.low, "margin_high": self.high}
        return {
            "kind": self.kind,
            **self.strategy.to_json(),
            "standing": str(self.standing),
            "best_subset": [strategy.to_json() for strategy in self.best_subset],
            "mean": self.mean,
            "replications": self.replications,
            "preliminary": self.is_preliminary,
            "rival": None if self.rival is None else self.rival.label,
            **{key: value if math.isfinite(value) else None for key, value in margin.items()},
        }


NO_WINNER = dict.fromkeys(
    (
        *("kind", "strategy", "concurrency", "standing", "mean", "replications", "preliminary"),
        *("rival", "margin", "margin_low", "margin_high"),
    )
)
"""The keys of a winner's JSON, but for `best_subset`, where there is none."""


def find_winner(
    strategies: Sequence[Strategy],
    costs: NDArray[np.float64],
    tasks: int,
    confidence: float = 0.95,
    indifference: float | str | IndifferenceThreshold = 0.0,
) -> Winner:
    """Find the strategy with the least mean, of equal ones the simplest, and the best subset.

    Parameters
    ----------
    costs : shape (strategies, replications), at least 2 of each; NaN where a replication is missing. One with
        fewer replications than others, as it is worse beyond doubt, is not the winner.
    confidence : of all differences simultaneously.
    indifference : the indifference threshold; a number is in the unit of the costs.
    """
    counts = (~np.isnan(costs)).sum(axis=1)
    order = ranked(strategies, np.nanmean(costs, axis=1).tolist(), tasks)
    best, *rest = sorted(order, key=lambda number: counts[number] < counts.max())
    others = [strategies[number] for number in rest]
    mean = float(np.nanmean(costs[best]))
    screened = screen(costs[rest], costs[best], confidence, parse_indifference(indifference).at(mean))
    not_worse = ~screened.is_worse & ~screened.is_same
    equal = screened.is_equal & ~screened.is_same
    kind = strategies[best].kind_in(tasks)
    rivals = [number for number, other in enumerate(others) if other.kind_in(tasks) != kind]
    rival = screened.difference(rivals[0]) if rivals else None
    different = [number for number in rivals if not_worse[number] or equal[number]]
    if different:
        standing = Standing.EQUAL if all(equal[different]) else Standing.OPEN
    else:
        standing = Standing.CONCURRENCY_OPEN if not_worse.any() else Standing.SHOWN
    rests_on = screened.is_worse & screened.is_contender
    rests_on[different] = True
    if standing is Standing.OPEN:
        rests_on[:] = False
    short = np.flatnonzero(rests_on & (screened.replications < screened.needed))
    return Winner(
        strategy=strategies[best],
        kind=kind,
        standing=standing,
        best_subset=(strategies[best], *(others[number] for number in np.flatnonzero(not_worse))),
        mean=mean,
        rival=others[rivals[0]] if rivals else None,
        margin=rival.mean if rival else math.nan,
        low=rival.low if rival else math.nan,
        high=rival.high if rival else math.nan,
        replications=int(counts[best]),
        short=tuple(others[number] for number in short),
        needed=int(screened.needed[short].max(initial=0)),
        is_preliminary=short.size > 0 or (rival is not None and rival.is_preliminary),
    )


def strategy_samples(results: pd.DataFrame, column: str) -> dict[Strategy, NDArray[np.float64]]:
    """Return a column at each strategy, along the replications; see `paired_samples`.

    The results are of one batch size and one combination of factors.
    """
    found = paired_samples(results, column, ["strategy", "concurrency", "tasks"])
    return {strategy_of(*point): sample for point, sample in found.items()}


def least(samples: Mapping[Strategy, NDArray[np.float64]], confidence: float, tasks: int) -> Strategy:
    """Return the strategy with the least mean, of equal ones the simplest (see `ranked`).

    It is one that `may_be_best`. Means are of the replications that all of these have in common.
    """
    leading = may_be_best(samples, confidence)
    means = in_common(*leading.values()).mean(axis=1)
    return list(leading)[ranked(list(leading), means.tolist(), tasks)[0]]


def ranked(strategies: Sequence[Strategy], means: Sequence[float], tasks: int) -> list[int]:
    """Return the numbers of strategies from the least mean to the largest, of equal ones the simplest first.

    Sequential is the simplest, then the smaller concurrency, at the same one parallel, and then the label in
    alphabetical order (default options first).
    """
    return sorted(
        range(len(strategies)), key=lambda number: (means[number], *simplicity(strategies[number], tasks))
    )


def simplicity(strategy: Strategy, tasks: int) -> tuple[bool, int, bool, str]:
    """Return the key that orders strategies of equal means; see `ranked`."""
    is_other = strategy.kind != "sequential"
    return is_other, strategy.concurrency_in(tasks), strategy.kind != "parallel", strategy.label


def with_few_failures(manual: Mapping[Strategy, float], tasks: int) -> list[Strategy]:
    """Return the strategies with which people complete hardly more tasks than with any other one."""
    most = min(manual.values()) + MANY_FAILURES * tasks
    return [strategy for strategy, mean in manual.items() if mean <= most]
