"""The binding resource: the one whose removal shortens the makespan of a strategy most.

The strategy is simulated again without each resource, under common random numbers: without a rate limit, with
a coordinator or a person whose work takes no time, or with more slots. What they read and write stays.
Makespans are compared by replication, with Bonferroni's correction.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from dispatch_sim.model.arithmetic import MINUTE_S
from dispatch_sim.model.events import COORDINATOR, Activity, Event
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.model.plan import Plan, plan_batch
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.engines import simulate_one
from dispatch_sim.study.runner import simulate_design

FEWEST, MOST, TASKS = 8, 4_096, 100_000
"""Replications, and tasks of all of them together, with and without each resource."""

MOST_LOGGED, TASKS_LOGGED = 1000, 160
"""Tasks of a batch, and of all its replications, whose event logs show how much of a resource is used."""

LEAST_GAIN = 0.01
"""Share of the makespan that the removal of a binding resource saves at least."""

CLOSE = 0.5
"""Share of the largest gain from which the second largest one is close."""

LIMITS = ("requests", "input_tokens", "output_tokens")

_WITHOUT_TIME = {
    "coordinator": (
        *("dispatch.turn.time", "dispatch.brief.time", "dispatch.context.compaction.time"),
        *("communication.brief.time", "merge.structured.time", "merge.prose.time", "merge.pair.time"),
    ),
    "people": (
        *("merge.structured.people", "merge.prose.people", "merge.pair.people", "review.people"),
        *("review.each", "recovery.people", "conflicts.people", "conflicts.resolve"),
    ),
}
"""Times that are zero without a resource."""

_IN_SLOT = frozenset(
    {
        *(Activity.SPAWN, Activity.CALL, Activity.TOOLS, Activity.RETURN, Activity.BACKOFF, Activity.HANG),
        *(Activity.PREFIX, Activity.GATEWAY, Activity.PACING, Activity.HARNESS, Activity.LOCK, Activity.PACE),
    }
)


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource, and by how many seconds the makespan is shorter without it.

    It is `requests`, `input_tokens` or `output_tokens` (a rate limit), `limits` (all three together),
    `harness_pace`, `coordinator`, `people`, or `concurrency`: then with the higher one that has the shortest
    makespan. Its utilisation is the share of what a limit admits in the makespan, of all slots, or of the
    makespan in which coordinator or person work; None if it is not known.
    """

    name: str
    utilisation: float | None
    saved_s: Estimate
    concurrency: int | None = None


@dataclass(frozen=True, slots=True)
class Binding:
    """The resources of a strategy that are used or limited, the one whose removal saves most first.

    `limits_reached` says whether the rate limits change the makespan of any replication; None if there are
    none.
    """

    strategy: Strategy
    tasks: int
    makespan_s: float
    replications: int
    resources: tuple[Resource, ...]
    limits_reached: bool | None

    def share(self, resource: Resource) -> float:
        """Return what the removal of a resource saves, as a share of the makespan."""
        return resource.saved_s.mean / self.makespan_s if self.makespan_s else 0.0

    def binds(self, resource: Resource) -> bool:
        """Whether the removal of a resource saves a significant and sufficient part of the makespan."""
        return resource.saved_s.low > 0 and self.share(resource) >= LEAST_GAIN

    @property
    def resource(self) -> Resource | None:
        """The binding resource."""
        return next(filter(self.binds, self.resources), None)

    @property
    def second(self) -> Resource | None:
        """The resource whose removal saves nearly as much as that of the binding one."""
        first, second, *_ = (*filter(self.binds, self.resources), None, None)
        return second if first and second and second.saved_s.mean >= CLOSE * first.saved_s.mean else None

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "resource": self.resource and self.resource.name,
            "second": self.second and self.second.name,
            **self.strategy.to_json(self.tasks),
            "makespan_s": self.makespan_s,
            "replications": self.replications,
            "limits_reached": self.limits_reached,
            "resources": [
                {
                    "name": each.name,
                    "utilisation": each.utilisation,
                    "saved_s": each.saved_s.to_json(),
                    "saved_share": self.share(each),
                    "binds": self.binds(each),
                    "at_concurrency": each.concurrency,
                }
                for each in self.resources
            ],
        }


def find_binding(plan: Plan, most: int = MOST) -> Binding:
    """Find the binding resource of a strategy, by at most so many replications and at least `FEWEST`."""
    scenario, tasks = plan.scenario, len(plan.tasks)
    replications = max(FEWEST, min(most, MOST, TASKS // tasks))
    base = _simulate([plan], replications)[0]
    own_s = base[:, MEASURES.index("makespan_s")]
    means = dict(zip(MEASURES, base.mean(axis=0).tolist(), strict=True))
    removals = list(_removals(plan, means))
    makespans_s = _simulate([each for _, each in removals], replications)[:, :, MEASURES.index("makespan_s")]
    confidence = 1 - (1 - scenario.study.confidence) / len(removals)
    utilisation = _utilisation(plan, means, replications)
    found: dict[str, Resource] = {}
    for (name, without), without_s in zip(removals, makespans_s, strict=True):
        saved_s = paired_difference(own_s, without_s, confidence)
        if name not in found or saved_s.mean > found[name].saved_s.mean:
            more = without.concurrency if name == "concurrency" else None
            found[name] = Resource(name, utilisation.get(name), saved_s, more)
    never = Estimate(0.0, 0.0, 0.0, replications)
    for name in utilisation.keys() - found.keys():
        found[name] = Resource(name, utilisation[name], never)
    together = found.pop("limits", None)
    reached = (
        None if scenario.provider.limits.unlimited else together is not None and together.saved_s != never
    )
    used = [each for each in found.values() if each.utilisation or each.saved_s != never]
    ranked = sorted(used, key=lambda each: (-each.saved_s.mean, each.name))
    binding = Binding(plan.strategy, tasks, means["makespan_s"], replications, tuple(ranked), reached)
    alone = any(binding.binds(each) for each in ranked if each.name in LIMITS)
    if together is None or alone or not binding.binds(together):
        return binding
    # Each limit by itself is as good as the others, so that the removal of one saves nothing.
    return replace(binding, resources=tuple(sorted([together, *ranked], key=lambda each: -each.saved_s.mean)))


def _simulate(plans: Sequence[Plan], replications: int) -> NDArray[np.float64]:
    """Return the measures of plans, each of a scenario of its own; shape (plans, replications, measures)."""
    variants = tuple(Variant((), plan.scenario, (plan,)) for plan in plans)
    return simulate_design(Design((), variants, replications))


def _removals(plan: Plan, means: dict[str, float]) -> Iterator[tuple[str, Plan]]:
    """Yield the plan without each resource whose removal may change something."""
    scenario, strategy, tasks = plan.scenario, plan.strategy, len(plan.tasks)

    def without(paths: Sequence[str], value: Any = None) -> Plan:
        found = scenario
        for path in paths:
            found = _with(found, path.split("."), value)
        return replace(plan, scenario=found)

    provider = scenario.provider
    set_limits = [name for name in LIMITS if getattr(provider.limits, name) is not None]
    touched = ("rejected_requests", "too_large_attempts", "paced_s")
    if set_limits and (provider.on_limit == "wait" or any(means[name] for name in touched)):
        paths = {name: (f"provider.limits.{name}", f"client.pacing.{name}") for name in set_limits}
        for name in set_limits:
            yield name, without(paths[name])
        yield "limits", without([path for each in paths.values() for path in each])
    if scenario.harness.pace is not None:
        yield "harness_pace", without(["harness.pace"])
    yield "coordinator", without(_WITHOUT_TIME["coordinator"], 0.0)
    if means["people_s"]:
        yield "people", without(_WITHOUT_TIME["people"], 0.0)
    for number in sorted({min(2 * plan.slots, tasks), tasks} - {plan.slots}):
        more = strategy.at(number)
        if strategy.kind in ("sequential", "adaptive"):
            more = replace(strategy, kind="queue", concurrency=number)
        elif strategy.kind == "solo":
            more = Strategy("queue", number, order=strategy.order, pace=strategy.pace)
        yield "concurrency", plan_batch(without(["harness.cap"]).scenario, more, plan.tasks)


def _with(section: BaseModel, path: Sequence[str], value: Any) -> Any:
    """Return a section with another value at a path; the same one where the path leads through nothing."""
    key, *rest = path
    old = getattr(section, key)
    if rest:
        value = old if old is None else _with(old, rest, value)
    elif value is not None and not isinstance(old, float):
        value = Constant(value)
    return section.model_copy(update={key: value})


def _utilisation(plan: Plan, means: dict[str, float], replications: int) -> dict[str, float]:
    """Return the utilisation of each resource that is used."""
    makespan_s, limits = means["makespan_s"], plan.scenario.provider.limits
    found: dict[str, float] = {}
    if not makespan_s:
        return found
    for name in LIMITS:
        if (limit := getattr(limits, name)) is not None:
            admits = limits.capacity(limit) + limits.per_minute(limit) * makespan_s / MINUTE_S
            found[name] = means[f"quota_{name}"] / admits
    if means["people_s"]:
        found["people"] = means["people_s"] / makespan_s
    if len(plan.tasks) > MOST_LOGGED:
        return found
    number = max(1, min(replications, TASKS_LOGGED // len(plan.tasks)))
    runs = [simulate_one(plan, replication) for replication in range(number)]
    logged_s = sum(outcome.makespan_s for outcome, _ in runs)
    if logged_s:
        found["coordinator"] = sum(_coordinating_s(log) for _, log in runs) / logged_s
        in_slot_s = sum(each.end_s - each.start_s for _, log in runs for each in log if each.kind in _IN_SLOT)
        found["concurrency"] = in_slot_s / (plan.slots * logged_s)
    return found


def _coordinating_s(log: Sequence[Event]) -> float:
    """Return the time in which the coordinator works; a compaction may be part of a turn."""
    spans = [
        (each.start_s, each.end_s) for each in log if each.task == COORDINATOR or each.kind is Activity.MERGE
    ]
    total_s = until_s = 0.0
    for start_s, end_s in sorted(spans):
        total_s += max(0.0, end_s - max(start_s, until_s))
        until_s = max(until_s, end_s)
    return total_s
