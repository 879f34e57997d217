"""What a scenario says: every key, its unit, its default and where that default comes from.

The models are frozen and strict. Quantities are read as people write them (``45s``, ``15K``,
``50/min``, ``20%``); see `dispatch_sim.scenario.quantities` for the units they are held in.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from dispatch_sim.scenario.base import Model
from dispatch_sim.scenario.distributions import (
    Constant,
    CountDistribution,
    LogNormal,
    SecondsDistribution,
    TokensDistribution,
)
from dispatch_sim.scenario.provider import Client, Provider
from dispatch_sim.scenario.quantities import Dollars, DollarsPerHour, Integers, Seconds, Share, Tokens, whole
from dispatch_sim.scenario.strategy import Strategy, parse_strategies, strategies_schema

MAX_TASKS = 100_000
"""Most tasks of a batch; a larger batch is refused rather than left to run for hours."""

MAX_CALLS = 10_000
"""Most calls of one attempt; a larger draw is cut, so that a heavy tail cannot stall a study."""


def whole_calls(calls: float) -> int:
    """Return a drawn number of calls as an attempt makes them: whole, at least one, at most `MAX_CALLS`."""
    return min(max(1, whole(calls)), MAX_CALLS)


class Variance(Model):
    """Whose the log-variance of durations, tokens and calls is; the shares add up to 100%."""

    batch: Share = 0.0
    """Shared by all tasks of a batch: a hard batch is hard in all its tasks."""
    task: Share = 0.6
    """The task's own: it is slow again when it is retried."""
    attempt: Share = 0.4
    """Of the attempt alone. Default 60/40: repeats of one task have a log-sd of 0.32 to 0.92 where
    tasks of one parallel group have 0.67 (measured on 333 real sub-agent runs)."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.batch + self.task + self.attempt
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares add up to {total:.0%}; batch + task + attempt must be 100%")
        return self


class TaskGroup(Model):
    """Tasks of one kind."""

    name: Annotated[str, Field(min_length=1, max_length=200)]
    """Names the group, and is part of the key of its tasks' random draws."""
    count: Annotated[int, Field(ge=1, le=MAX_TASKS)] = 1
    """Tasks of this kind in the batch."""
    calls: CountDistribution = Constant(5)
    """Model calls of one attempt. Default 5, the order of a short research task; the median of 333
    real sub-agent runs is 10."""
    tokens: TokensDistribution
    """Work tokens of one attempt: new input and output, each counted once."""
    output_share: Share = 0.2
    """Part of the work tokens that the model writes. Default 20%: 3K of a 15K-token task."""
    duration: SecondsDistribution | None = None
    """Unimpeded time of one attempt's model calls: no waiting for slots or limits. Needed, unless
    `provider.latency` gives the time of calls."""
    tool_time: SecondsDistribution = Constant(0.0)
    """With `provider.latency`: time between two calls of an attempt, in which its tools run."""
    variance: Variance = Variance()
    """Whose the log-variance of `calls`, `tokens` and `duration` is."""
    output: Literal["structured", "prose"] = "structured"
    """What comes back: `structured` is merged by the coordinator, `prose` by a person."""
    interarrival: SecondsDistribution = Constant(0.0)
    """Time between the arrivals of this group's tasks. Default 0s: the whole batch is there at once."""


class Spawn(Model):
    """Starting a sub-agent."""

    tokens: TokensDistribution = Constant(3000.0)
    """At the head of its context, `shared` included. Default 3K, the 2-4K of practitioners' reports;
    measured Claude Code sub-agents start at 11K to 33K, median 23.5K."""
    shared: Tokens = 0.0
    """Of these, the prefix that is the same for all sub-agents, which they can read from a timed cache.
    Default none."""
    time: SecondsDistribution = Constant(2.0)
    """From launch to the first call. Default 2s, an assumption."""


class Return(Model):
    """Handing a result back to the coordinator."""

    tokens: TokensDistribution = Constant(2000.0)
    """Into the coordinator's context. Default 2K: 1-2K by design, median 1.3K measured."""
    time: SecondsDistribution = Constant(2.0)
    """From the last call to the coordinator. Default 2s, an assumption."""


class Brief(Model):
    """What the coordinator writes for one task. Briefs of one turn are written one after another."""

    tokens: Tokens = 240.0
    """Default 240: what a large model writes in 4 to 6 s."""
    time: Seconds = 5.7
    """Default 5.7s: measured between the launches of one parallel group's members."""


class Turn(Model):
    """One turn of the coordinator, before its first brief."""

    tokens: Tokens = 300.0
    """Default 300, an assumption."""
    time: Seconds = 4.0
    """Default 4s: about 1.2 s latency and 15.7 ms a token for 180 tokens (measured, one large model)."""


class Dispatch(Model):
    """What it costs to hand out work and get it back."""

    spawn: Spawn = Spawn()
    return_: Annotated[Return, Field(alias="return")] = Return()
    brief: Brief = Brief()
    turn: Turn = Turn()


class Failures(Model):
    """How attempts fail, besides spent retries.

    Defaults: 4.6% of 333 real sub-agent calls failed in some way.
    """

    crash: Share = 0.03
    """Probability that an attempt dies, at the end of one of its calls; all it did is lost."""
    bad_output: Share = 0.02
    """Probability that a returned output is found unusable when it is merged."""


class Retry(Model):
    """What becomes of a failed attempt."""

    policy: Literal["failed-only", "none"] = "failed-only"
    """`failed-only` dispatches the task again, from its beginning; `none` leaves it to a person."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 2
    """Attempts of one task, the first included. Default 2, an assumption."""


class Recovery(Model):
    """A person finishes what the agents could not, one task at a time, so that everything ends done."""

    people: SecondsDistribution = LogNormal.of(mean=600.0, cv=0.5)
    """A person's time for one task. Default mean 10m, cv 0.5, an assumption to be replaced by your own."""


class MergeCost(Model):
    """What it takes to merge: coordinator's tokens and time, and people's time."""

    tokens: Tokens = 0.0
    time: Seconds = 0.0
    people: Seconds = 0.0


class Merge(Model):
    """Putting the outputs together."""

    structured: MergeCost = MergeCost.model_validate({"tokens": 500, "time": "5s"})
    """Per structured output. Default 500 tokens, 5s of the coordinator, an assumption."""
    prose: MergeCost = MergeCost.model_validate({"people": "3m"})
    """Per prose output. Default 3m of a person, an assumption."""
    pair: MergeCost = MergeCost()
    """Per pair of outputs made without sight of each other, whatever their kind. Default nothing:
    there is no figure to go by. It is the coherency term of the Universal Scalability Law."""


class Values(Model):
    """What time is worth, in dollars an hour. Assumptions to be replaced by your own."""

    waiting: DollarsPerHour = 40.0
    """Of the makespan: somebody waits for the batch."""
    people: DollarsPerHour = 80.0
    """Of people's working time: recovery and merging."""


class Sweep(BaseModel):
    """The axes of a sweep: tasks, concurrency, and any other by its path in the scenario."""

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, use_attribute_docstrings=True)

    tasks: Integers = tuple(range(1, 21))
    """Sizes of the batch. Groups keep their proportions. Default 1..20."""
    concurrency: Integers = tuple(range(1, 21))
    """Widths of the strategies that have one. Default 1..20; widths beyond the batch are not played."""

    @property
    def factors(self) -> dict[str, list[Any]]:
        """Further axes: path in the scenario to the values it takes, as written."""
        return dict(self.__pydantic_extra__ or {})


class Study(Model):
    """How often, and how sure."""

    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    replications: Annotated[int, Field(ge=2, le=10_000_000)] = 256
    """Of every design point. Default 256: with fewer, intervals for the skewed makespan are too short."""
    confidence: Annotated[Share, Field(gt=0.5, lt=1)] = 0.95
    indifference: Dollars = 0.05
    """A difference in cost that nobody would act on."""


class Objective(Model):
    """What is to be small."""

    minimise: Literal["cost", "makespan", "tokens", "money", "people"] = "cost"


class Scenario(Model):
    """One batch of tasks, the ways to dispatch it, and the world it meets."""

    name: Annotated[str, Field(min_length=1, max_length=500)] = "unnamed"
    description: Annotated[str, Field(max_length=10_000)] = ""
    tasks: Annotated[tuple[TaskGroup, ...], Field(min_length=1, max_length=1000, strict=False)]
    dispatch: Dispatch = Dispatch()
    provider: Provider = Provider()
    client: Client = Client()
    failures: Failures = Failures()
    retry: Retry = Retry()
    recovery: Recovery = Recovery()
    merge: Merge = Merge()
    values: Values = Values()
    strategies: Annotated[tuple[Strategy, ...], BeforeValidator(parse_strategies), strategies_schema] = Field(
        default=parse_strategies(["sequential", "parallel", "queue"]), min_length=1
    )
    sweep: Sweep = Sweep()
    study: Study = Study()
    objective: Objective = Objective()

    @property
    def batch_size(self) -> int:
        """Tasks in the batch as written."""
        return sum(group.count for group in self.tasks)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that the scenario says, defaults included, however it is written."""
        said = json.dumps(self.model_dump(mode="json", by_alias=True), sort_keys=True, allow_nan=False)
        return hashlib.sha256(said.encode()).hexdigest()

    @model_validator(mode="after")
    def _fits(self) -> Self:
        repeated = [name for name, n in Counter(group.name for group in self.tasks).items() if n > 1]
        if repeated:
            raise ValueError(f"two groups of tasks are called {repeated[0]!r}; names must differ")
        if self.batch_size > MAX_TASKS:
            raise ValueError(f"the batch has {self.batch_size:,} tasks; at most {MAX_TASKS:,} are played")
        return self
