"""Rare, expensive events that a scenario states, and the replications that it takes to see enough of them.

No diagnostic of a sample detects an event that never occurred in it. Where the scenario states how probable
an event is and how large, the number of replications follows from that. Let an event of size S have a small
probability p. The squared skewness of what it adds to a batch is E[S^3]^2 / E[S^2]^3 / p, and Cochran's rule
asks for 25 times as many replications.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from dispatch_sim.model.arithmetic import HOUR_S
from dispatch_sim.model.plan import group_counts
from dispatch_sim.scenario.composites import Mixture
from dispatch_sim.scenario.distribution_text import NAMES as DISTRIBUTIONS
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.stats.estimates import Estimate

ENOUGH = 25
"""Occurrences of an event that a study should contain, by Cochran's rule, if all are of one size."""

QUOTED = 4096
"""Replications behind a quoted interval: of skewed costs with 4,096, 95% intervals by Student's t held the
mean in 93% or more of studies (`reports/validation`)."""

_STEPS = 1000
"""Quantiles that stand for a distribution."""


@dataclass(frozen=True, slots=True)
class RareEvent:
    """Something expensive that a batch may meet.

    Attributes
    ----------
    probability : that a batch meets it, about.
    size_s : seconds that a person works, or all wait, because of it.
    usd_per_s : their cost, at the scenario's value of time.
    """

    probability: float
    size_s: Distribution
    usd_per_s: float

    @property
    def replications(self) -> float:
        """How many contain enough of it."""
        return ENOUGH * _spread(self.size_s) / self.probability


def replications_to_quote(
    scenario: Scenario, tasks: int, indifference: float, estimates: Iterable[Estimate]
) -> int:
    """Return how many replications estimates need to be quoted, by their skewness and by the scenario.

    Parameters
    ----------
    tasks, indifference : see `replications_for_rare_events`.
    estimates : what is quoted. If they do not vary and nothing in the scenario is random, few are enough.
    """
    quoted = list(estimates)
    varies = any(each.varies for each in quoted) or _is_random(scenario.resolved())
    rare = replications_for_rare_events(scenario, tasks, indifference)
    return max(*(each.needed for each in quoted), QUOTED if varies else 0, rare)


def replications_for_rare_events(scenario: Scenario, tasks: int, indifference: float) -> int:
    """Return how many replications contain enough of every event that matters.

    Parameters
    ----------
    tasks : size of the batch.
    indifference : in dollars or seconds, as the objective is; an event matters if it moves the mean by more.

    Returns
    -------
    0 where no event matters, or the objective is neither a cost nor a time.
    """
    minimised = scenario.objective.minimise
    if minimised not in ("cost", "makespan", "people"):
        return 0
    matter = (
        event.replications
        for event in _events(scenario, tasks)
        if event.probability * event.size_s.mean * (event.usd_per_s if minimised == "cost" else 1)
        > indifference
    )
    return round(max(matter, default=0))


def _is_random(scenario: dict[str, Any]) -> bool:
    """Whether something in a resolved scenario is random, so that equal batches do not prove that all are.

    A client's jitter and the times of recovery and conflicts are left out: where they occur, batches differ.
    """
    timeouts, conflicts = scenario["timeouts"], scenario["conflicts"]
    writes = any(group["writes"] for group in scenario["tasks"])
    return (
        any(scenario["failures"].values())
        or bool(scenario["provider"]["overloaded"])
        or (timeouts["soft"] is not None and 0 < timeouts["obeyed"] < 1)
        or (writes and 0 < conflicts["probability"] < 1)
        or _has_distribution([scenario[key] for key in ("tasks", "dispatch", "review")])
    )


def _has_distribution(part: Any) -> bool:
    """Whether there is a distribution anywhere in a part of a resolved scenario; a constant is a number."""
    if isinstance(part, list):
        return any(map(_has_distribution, part))
    if not isinstance(part, dict):
        return False
    return (len(part) == 1 and not set(DISTRIBUTIONS).isdisjoint(part)) or any(
        map(_has_distribution, part.values())
    )


def _events(scenario: Scenario, tasks: int) -> Iterator[RareEvent]:
    """Yield what is stated: manual completion, hung attempts, and the rare components of mixtures."""
    failures, retry, values = scenario.failures, scenario.retry, scenario.values
    waiting, people = values.waiting / HOUR_S, (values.waiting + values.people) / HOUR_S

    def in_batch(probability: float, of: int = tasks) -> float:
        return float(1 - (1 - probability) ** of)

    failed = 1 - (1 - failures.crash) * (1 - failures.bad_output) * (1 - failures.hang)
    manual = failed ** (1 if retry.policy == "none" else retry.max_attempts)
    for weight, size_s in _components(scenario.recovery.people):
        if manual > 0:
            yield RareEvent(in_batch(manual * weight), size_s, people)
    if failures.hang and scenario.timeouts.hard is not None:
        yield RareEvent(in_batch(failures.hang), Constant(scenario.timeouts.hard), waiting)
    for group, count in zip(scenario.tasks, group_counts(scenario, tasks), strict=True):
        if isinstance(group.duration, Mixture):
            for weight, size_s in _components(group.duration):
                yield RareEvent(in_batch(weight, count), size_s, waiting)


def _components(distribution: Distribution) -> list[tuple[float, Distribution]]:
    """Return the weights and the components of a mixture; one component of anything else."""
    if not isinstance(distribution, Mixture):
        return [(1.0, distribution)]
    return list(zip(distribution.weights, distribution.components, strict=True))


@cache
def _spread(size: Distribution) -> float:
    """Return E[S^3]^2 / E[S^2]^3: 1 for a constant, (1 + cv^2)^3 for a log-normal distribution."""
    upper = (np.arange(_STEPS) + 0.5) / _STEPS  # with u = 1 - upper^2, there are more quantiles in the tail
    values = np.array([size.quantile(u) for u in (1 - upper**2).tolist()])
    cubes, squares = ((2 * upper * values**power).mean() for power in (3, 2))
    return float(cubes**2 / squares**3)
