"""Rare, expensive events that a scenario states, and the replications that it takes to see enough of them.

No diagnostic of a sample detects an event that never occurred in it. Where the scenario states how probable
an event is and how large, the number of replications follows from that. Let an event of size S have a small
probability p. The squared skewness of what it adds to a batch is E[S^3]^2 / E[S^2]^3 / p, and Cochran's rule
asks for 25 times as many replications.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
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


def replications_to_quote(
    scenario: Scenario, tasks: int, indifference: float, estimates: Iterable[Estimate]
) -> int:
    """Return how many replications estimates need to be quoted, by their skewness and by the scenario.

    If they do not vary and nothing in the scenario is random, few are enough. See
    `replications_for_rare_events` for the other parameters.
    """
    quoted = list(estimates)
    varies = any(each.varies for each in quoted) or _is_random(scenario.resolved())
    rare = replications_for_rare_events(scenario, tasks, indifference)
    return max(*(each.needed for each in quoted), QUOTED if varies else 0, rare)


def next_number(have: int, needed: int, at_most: int) -> int:
    """Return how many replications there will be after the next step; no more where `have` are enough."""
    return have if have >= needed else max(have, min(max(QUOTED, 2 * have), at_most))


def replications_for_rare_events(scenario: Scenario, tasks: int, indifference: float) -> int:
    """Return how many replications contain enough of every event that matters.

    An event matters if it moves the mean by more than the indifference threshold, in dollars or seconds as
    the objective is. It is 0 where none matters, or the objective is neither a cost nor a time.
    """
    minimised = scenario.objective.minimise
    if minimised not in ("cost", "makespan", "people"):
        return 0
    matter = (
        ENOUGH * _spread(size_s) / probability
        for probability, size_s, usd_per_s in _events(scenario, tasks)
        if probability * size_s.mean * (usd_per_s if minimised == "cost" else 1) > indifference
    )
    return round(max(matter, default=0))


def _is_random(scenario: dict[str, Any]) -> bool:
    """Whether something in a resolved scenario is random, so that equal batches do not prove that all are.

    A client's jitter and the times of recovery and conflicts are left out: where they occur, batches differ.
    """
    timeouts, conflicts = scenario["timeouts"], scenario["conflicts"]
    return (
        any(scenario["failures"].values())
        or bool(scenario["provider"]["overloaded"])
        or (timeouts["soft"] is not None and 0 < timeouts["obeyed"] < 1)
        or (any(group["writes"] for group in scenario["tasks"]) and 0 < conflicts["probability"] < 1)
        or _has_distribution([scenario[key] for key in ("tasks", "dispatch", "review")])
    )


def _has_distribution(part: Any) -> bool:
    """Whether there is a distribution anywhere in a part of a resolved scenario; a constant is a number."""
    if isinstance(part, dict):
        is_one = len(part) == 1 and not set(DISTRIBUTIONS).isdisjoint(part)
        return is_one or _has_distribution([*part.values()])
    return isinstance(part, list) and any(map(_has_distribution, part))


def _events(scenario: Scenario, tasks: int) -> Iterator[tuple[float, Distribution, float]]:
    """Yield what is stated: manual completion, hung attempts, and the rare components of mixtures.

    Of each its probability in a batch, about; its seconds, which a person works or all wait; and the cost of
    a second.
    """
    failures, retry, values = scenario.failures, scenario.retry, scenario.values
    waiting, people = values.waiting / HOUR_S, (values.waiting + values.people) / HOUR_S

    def in_batch(probability: float, of: int = tasks) -> float:
        return float(1 - (1 - probability) ** of)

    failed = 1 - (1 - failures.crash) * (1 - failures.bad_output) * (1 - failures.hang)
    manual = failed ** (1 if retry.policy == "none" else retry.max_attempts)
    for weight, size_s in _components(scenario.recovery.people):
        if manual > 0:
            yield in_batch(manual * weight), size_s, people
    if failures.hang and scenario.timeouts.hard is not None:
        yield in_batch(failures.hang), Constant(scenario.timeouts.hard), waiting
    for group, count in zip(scenario.tasks, group_counts(scenario, tasks), strict=True):
        if isinstance(group.duration, Mixture):
            for weight, size_s in _components(group.duration):
                yield in_batch(weight, count), size_s, waiting


def _components(distribution: Distribution) -> Iterable[tuple[float, Distribution]]:
    """Return the weights and the components of a mixture; one component of anything else."""
    if not isinstance(distribution, Mixture):
        return [(1.0, distribution)]
    return zip(distribution.weights, distribution.components, strict=True)


@cache
def _spread(size: Distribution) -> float:
    """Return E[S^3]^2 / E[S^2]^3: 1 for a constant, (1 + cv^2)^3 for a log-normal distribution."""
    upper = (np.arange(_STEPS) + 0.5) / _STEPS  # with u = 1 - upper^2, there are more quantiles in the tail
    values = np.array([size.quantile(u) for u in (1 - upper**2).tolist()])
    cubes, squares = ((2 * upper * values**power).mean() for power in (3, 2))
    return float(cubes**2 / squares**3)
