"""Rare, expensive events that a scenario states, and the replications that it takes to see enough of them.

No diagnostic of a sample detects an event that never occurred in it. Where the scenario states how probable
an event is, the number of replications follows from that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dispatch_sim.model.arithmetic import HOUR_S
from dispatch_sim.model.plan import group_counts
from dispatch_sim.scenario.composites import Mixture
from dispatch_sim.scenario.distribution_text import NAMES as DISTRIBUTIONS
from dispatch_sim.scenario.distributions import Distribution
from dispatch_sim.scenario.model import Scenario

ENOUGH = 25
"""Occurrences of an event that a study should contain: by Cochran's rule, as the skewness of a mean that one
event of probability p dominates is about the inverse of the square root of p."""

QUOTED = 4096
"""Replications behind a quoted interval: of skewed costs with 4,096, 95% intervals by Student's t held the
mean in 93% or more of studies (`reports/validation`)."""


@dataclass(frozen=True, slots=True)
class RareEvent:
    """Something expensive that a batch may meet.

    Attributes
    ----------
    probability : that a batch meets it, about.
    seconds : that a person works, or all wait, because of it.
    cost_usd : of these, at the scenario's value of time.
    """

    probability: float
    seconds: float
    cost_usd: float


def replications_for_rare_events(scenario: Scenario, tasks: int, indifference: float) -> int:
    """Return how many replications contain enough of the rarest event that matters.

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
    probabilities = [
        event.probability
        for event in _events(scenario, tasks)
        if event.probability * (event.cost_usd if minimised == "cost" else event.seconds) > indifference
    ]
    return round(ENOUGH / min(probabilities)) if probabilities else 0


def is_random(scenario: dict[str, Any]) -> bool:
    """Whether anything in a resolved scenario is random, so that equal batches do not prove that all are."""
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
    manual = in_batch(failed ** (1 if retry.policy == "none" else retry.max_attempts))
    for weight, mean in _components(scenario.recovery.people):
        if manual > 0:
            yield RareEvent(manual * weight, mean, mean * people)
    if failures.hang and scenario.timeouts.hard is not None:
        yield RareEvent(in_batch(failures.hang), scenario.timeouts.hard, scenario.timeouts.hard * waiting)
    for group, count in zip(scenario.tasks, group_counts(scenario, tasks), strict=True):
        if isinstance(group.duration, Mixture):
            for weight, mean in _components(group.duration):
                yield RareEvent(in_batch(weight, count), mean, mean * waiting)


def _components(distribution: Distribution) -> list[tuple[float, float]]:
    """Return the weights and the means of a mixture; one component of anything else."""
    if not isinstance(distribution, Mixture):
        return [(1.0, distribution.mean)]
    return list(zip(distribution.weights, (part.mean for part in distribution.components), strict=True))
