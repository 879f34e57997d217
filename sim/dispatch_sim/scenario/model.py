"""The scenario as a whole; `tasks`, `coordination`, `failure`, `provider` and `strategy` have its parts.

The models are frozen and strict. Quantities are read as people write them (``45s``, ``15K``, ``50/min``,
``20%``); `quantities` states the units they are held in. The docstring of each key states its meaning and, as
`Default VALUE: ORIGIN.`, its default and where that comes from; docs/parameters.py makes a table of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dispatch_sim.interruption import uninterrupted
from dispatch_sim.scenario.base import Model, OrWord, describe
from dispatch_sim.scenario.coordination import Communication, Dispatch, Harness, Merge, Review
from dispatch_sim.scenario.failure import Conflicts, Failures, Recovery, Retry, Timeouts
from dispatch_sim.scenario.indifference import USUAL, Indifference, IndifferenceThreshold, threshold_for
from dispatch_sim.scenario.json_forms import StrategiesSchema
from dispatch_sim.scenario.provider import Client, Provider
from dispatch_sim.scenario.quantities import Dollars, DollarsPerHour, Integers, Seconds, Share
from dispatch_sim.scenario.strategy import DEFAULTS, MOST_STRATEGIES, Strategy
from dispatch_sim.scenario.tasks import TaskGroup, whole_calls

MOST_REPLICATIONS = 1_000_000_000

FIRST = 1024
"""Replications with which `auto` begins."""


class Values(Model):
    """The value of time, in dollars per hour."""

    waiting: DollarsPerHour = 40.0
    """Of the makespan: somebody waits for the batch. Default $40/h: an assumption; replace it by your own."""
    people: DollarsPerHour = 80.0
    """Of people's working time: manual completion, merging, review. Default $80/h: an assumption; replace it
    by your own."""


class Sweep(BaseModel):
    """The axes of a sweep: tasks, concurrency, and any other by its path in the scenario."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, json_schema_extra=describe)

    tasks: Integers = tuple(range(1, 21))
    """Batch sizes. Groups keep their proportions. Default 1..20: an assumption, where most fan-outs are."""
    concurrency: Integers = tuple(range(1, 21))
    """Of queues and waves without a number of their own. Values above the batch size are omitted. Default
    1..20: the batch sizes."""

    @property
    def factors(self) -> dict[str, list[Any]]:
        """Further axes: path in the scenario to the values it takes, as written."""
        return dict(self.__pydantic_extra__ or {})


class Study(Model):
    """The number of replications, and the precision of results."""

    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    """Of all random variates. Default 1: an arbitrary choice."""
    replications: Annotated[
        Annotated[int, Field(ge=2, le=MOST_REPLICATIONS)] | None, OrWord("auto", None)
    ] = None
    """Per design point. `auto` simulates 1,024 of every strategy, 4,096 of those that may be recommended or
    are compared with the recommended one, and more where rare, expensive batches need them for a valid
    interval. At other batch sizes, those that cannot be the best of their kind have 256.
    Default auto: how many are needed depends on what is compared."""
    at_most: Annotated[int, Field(ge=2, le=MOST_REPLICATIONS)] = 65_536
    """Replications of a design point at which `auto` ends. Default 65536: enough for a valid interval where
    one batch in 2,600 is expensive."""
    calls: Annotated[Annotated[int, Field(ge=1)] | None, OrWord("none", None)] = 200_000_000
    """Model calls that `auto` simulates at most, about, after its first replications. Default 200000000: a
    minute of one core."""
    confidence: Annotated[Share, Field(gt=0.5, lt=1)] = 0.95
    """Confidence level of all intervals. Default 95%: the convention."""
    indifference: Indifference = USUAL
    """Indifference threshold: a difference in the objective that is too small to matter, as `$0.05`, `10s`,
    `1K tokens`, or a share of the better strategy's mean, as `2%`. Default $0.05: an assumption; replace it
    by your own. It is 1% if the objective is not in dollars."""

    @property
    def first(self) -> int:
        """Replications with which a study begins."""
        return self.replications or min(FIRST, self.at_most)


class Objective(Model):
    """The metric to minimise, and constraints."""

    minimise: Literal["cost", "makespan", "p95_makespan", "tokens", "money", "people"] = "cost"
    """Metric to minimise. `cost` is money plus waiting and people's time at their value, `money` the amount
    billed, `p95_makespan` the 95th percentile of the makespan. Default cost: the only one that weighs all of
    them."""
    deadline: Annotated[Seconds | None, OrWord("none", None)] = None
    """Limit on the makespan; strategies that exceed it too often are not recommended. Default none: no batch
    is too late."""
    budget: Annotated[Dollars | None, OrWord("none", None)] = None
    """Limit on the amount billed, likewise. Default none: no batch is too expensive."""
    probability: Annotated[Share, Field(gt=0, lt=1)] = 0.95
    """Required probability of meeting deadline and budget, both in the same batch. Default 95%: the
    convention."""


def default_strategies(sections: Mapping[str, Any]) -> tuple[Strategy, ...]:
    """Return the strategies to compare by default, given the sections of a scenario that are valid."""
    found = [DEFAULTS[kind] for kind in ("sequential", "parallel", "queue")]
    provider, client = sections.get("provider", Provider()), sections.get("client", Client())
    if client.can_be_paced and provider.on_limit == "reject" and not provider.limits.unlimited:
        found.append(replace(DEFAULTS["queue"], pace="limits"))
    if sections.get("dispatch", Dispatch()).context is not None:
        found.append(DEFAULTS["solo"])
    return tuple(found)


class Scenario(Model):
    """One batch of tasks, the strategies to dispatch it, and its environment."""

    name: Annotated[str, Field(min_length=1, max_length=500)] = "unnamed"
    """Name of the scenario, in reports. Default unnamed: none is needed."""
    description: Annotated[str, Field(max_length=10_000)] = ""
    """Shown in reports, under the name. Default "": left out."""
    tasks: Annotated[tuple[TaskGroup, ...], Field(min_length=1, max_length=1000, strict=False)]
    dispatch: Dispatch = Dispatch()
    provider: Provider = Provider()
    client: Client = Client()
    harness: Harness = Harness()
    failures: Failures = Failures()
    timeouts: Timeouts = Timeouts()
    retry: Retry = Retry()
    recovery: Recovery = Recovery()
    conflicts: Conflicts = Conflicts()
    communication: Annotated[
        Communication,
        OrWord("none", {"kind": "none"}),
        OrWord("rounds", {"kind": "rounds"}),
        OrWord("blackboard", {"kind": "blackboard"}),
    ] = Communication()
    """How agents learn what others of their group do. A word is short for its kind: `communication:
    rounds`."""
    merge: Merge = Merge()
    review: Annotated[Review | None, OrWord("none", None)] = None
    """A person reviews merged outputs; no task is dispatched during a review. A section turns reviews on,
    whichever of its keys it has. Default none: results are used as they are."""
    values: Values = Values()
    strategies: Annotated[
        tuple[Strategy, ...],
        Field(min_length=1, max_length=MOST_STRATEGIES, strict=False),
        StrategiesSchema(),
    ] = Field(default_factory=default_strategies)
    """The strategies to compare: `parallel`, `queue: 3`, `queue of 3`, `queue` for all of
    `sweep.concurrency`, or a mapping of a kind to its number, with options. Default
    [sequential, parallel, queue, paced, solo]: the two extremes, what lies between, and the alternatives that
    are often better; without `paced` where the client cannot be paced or has no limits to keep, and without
    `solo` where `dispatch.context` is none."""
    sweep: Sweep = Sweep()
    engine: Literal["auto", "simpy", "compiled"] = "auto"
    """`simpy` runs the readable model. `compiled` gives identical results two hundred times as fast, once it
    is compiled. `auto` chooses one for the study. Default auto: the one that finishes first."""
    study: Study = Study()
    objective: Objective = Objective()

    @property
    def batch_size(self) -> int:
        """Tasks in the batch as written."""
        return sum(group.count for group in self.tasks)

    @property
    def threshold(self) -> IndifferenceThreshold:
        """The indifference threshold of the metric that is minimised."""
        return threshold_for(self.study.indifference, self.objective.minimise)

    def median_time(self, group: TaskGroup) -> float:
        """Return the seconds that an attempt of a group takes without waiting, at all medians."""
        dispatch, latency = self.dispatch, self.provider.latency
        around = dispatch.spawn.time.quantile(0.5) + dispatch.return_.time.quantile(0.5)
        if group.duration is not None:
            return around + group.duration.quantile(0.5)
        if latency is None:
            return around
        calls = whole_calls(group.calls.quantile(0.5))
        work, spawn = group.tokens.quantile(0.5), dispatch.spawn.tokens.quantile(0.5)
        output = work * group.output_share
        read = (calls - 1) * (spawn + work / 2)  # each call after the first reads what came before it
        return (
            around
            + calls * latency.base
            + output * latency.per_output_token
            + (spawn + work - output) / 1000 * latency.per_uncached_ktoken
            + read / 1000 * latency.per_cached_ktoken
            + (calls - 1) * group.tool_time.quantile(0.5)
        )

    def resolved(self, exclude: set[str] | None = None) -> dict[str, Any]:
        """Return the scenario with all defaults, as plain data."""
        # Within a serializer, pydantic turns a KeyboardInterrupt into an error of its own.
        with uninterrupted():
            return self.model_dump(mode="json", by_alias=True, exclude=exclude)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the scenario with all defaults; it does not depend on how the file is written."""
        # Without the engine, as results do not depend on it, and a spread, which is in the distributions.
        resolved = self.resolved(exclude={"engine"})
        resolved["tasks"] = [{**group, "spread": 0.0} for group in resolved["tasks"]]
        said = json.dumps(resolved, sort_keys=True, allow_nan=False)
        return hashlib.sha256(said.encode()).hexdigest()
