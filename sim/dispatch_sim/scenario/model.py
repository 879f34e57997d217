"""What a scenario says as a whole.

Its parts are in `tasks`, `coordination`, `failure`, `provider` and `strategy`. The models are frozen and
strict. Quantities are read as people write them (``45s``, ``15K``, ``50/min``, ``20%``); see
`dispatch_sim.scenario.quantities` for the units they are held in. Beside every key stands what it means and,
as `Default VALUE: ORIGIN.`, what it is where nothing is said and where that comes from;
docs/parameters.py makes a table of it.
"""

from __future__ import annotations

import hashlib
import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dispatch_sim.interruption import uninterrupted
from dispatch_sim.scenario.base import Model, OrWord
from dispatch_sim.scenario.coordination import Communication, Dispatch, Harness, Merge, Review
from dispatch_sim.scenario.failure import Conflicts, Failures, Recovery, Retry, Timeouts
from dispatch_sim.scenario.indifference import USUAL, Indifference, IndifferenceThreshold, threshold_for
from dispatch_sim.scenario.provider import Client, Provider
from dispatch_sim.scenario.quantities import Dollars, DollarsPerHour, Integers, Number, Seconds, Share
from dispatch_sim.scenario.strategy import DEFAULTS, MOST_STRATEGIES, Strategy, strategies_schema
from dispatch_sim.scenario.tasks import TaskGroup

MOST_REPLICATIONS = 1_000_000_000

FIRST = 256
"""Replications with which `auto` begins."""


class Values(Model):
    """What time is worth, in dollars an hour."""

    waiting: DollarsPerHour = 40.0
    """Of the makespan: somebody waits for the batch. Default $40/h: an assumption to be replaced by your
    own."""
    people: DollarsPerHour = 80.0
    """Of people's working time: recovery, merging, review. Default $80/h: an assumption to be replaced by
    your own."""


class Sweep(BaseModel):
    """The axes of a sweep: tasks, concurrency, and any other by its path in the scenario.

    Where a scenario cannot be played without a key that only an axis gives, the axis's first value stands for
    it wherever nothing is swept.
    """

    model_config = ConfigDict(frozen=True, extra="allow", strict=True, use_attribute_docstrings=True)

    tasks: Integers = tuple(range(1, 21))
    """Sizes of the batch. Groups keep their proportions. Default 1..20: an assumption, where most fan-outs
    are."""
    concurrency: Integers = tuple(range(1, 21))
    """Of queues and waves without a number of their own; what is beyond the batch is not simulated. Default
    1..20: the sizes of the batch."""

    @property
    def factors(self) -> dict[str, list[Any]]:
        """Further axes: path in the scenario to the values it takes, as written."""
        return dict(self.__pydantic_extra__ or {})


class Study(Model):
    """How often, and how sure."""

    seed: Annotated[int, Field(ge=0, lt=2**64)] = 1
    """Of all draws. Default 1: any other is as good."""
    replications: Annotated[
        Annotated[int, Field(ge=2, le=MOST_REPLICATIONS)] | None, OrWord("auto", None)
    ] = None
    """Of every design point. `auto` begins with 256 and doubles them until the difference that decides is
    known to within the indifference zone, or a budget ends. Default auto: with fewer than 256, intervals for
    the skewed makespan are too short; how many more are needed depends on what is compared."""
    at_most: Annotated[int, Field(ge=2, le=MOST_REPLICATIONS)] = 1024
    """Replications at which `auto` ends. Default 1024: half the half-width of 256 for four times the time."""
    seconds: Annotated[Annotated[Number, Field(gt=0)] | None, OrWord("none", None)] = None
    """Time at which `auto` ends: it does not double once more if that would take longer. Default none: with
    it, how many are played depends on the machine."""
    confidence: Annotated[Share, Field(gt=0.5, lt=1)] = 0.95
    """Of intervals and confidence sets. Default 95%: the convention."""
    indifference: Indifference = USUAL
    """A difference in the objective that nobody would act on: `$0.05`, `10s`, `1K tokens`, or a share such
    as `2%` of what the better way comes to. Default $0.05: an assumption to be replaced by your own; where
    the objective is not in dollars, 1%."""

    @property
    def first(self) -> int:
        """Replications with which a study begins: as many as are asked for, or those of `auto`."""
        return self.replications or min(FIRST, self.at_most)


class Objective(Model):
    """What is to be small, and within what."""

    minimise: Literal["cost", "makespan", "p95_makespan", "tokens", "money", "people"] = "cost"
    """`cost` is money, and waiting and people's time at what they are worth; `money` what is billed;
    `p95_makespan` what one batch in twenty exceeds. Default cost: the only one that weighs all of them."""
    deadline: Annotated[Seconds | None, OrWord("none", None)] = None
    """A makespan to be kept; ways that miss it too often are not recommended. Default none: no batch is too
    late."""
    budget: Annotated[Dollars | None, OrWord("none", None)] = None
    """An amount billed to be kept, likewise. Default none: no batch is too dear."""
    probability: Annotated[Share, Field(gt=0, lt=1)] = 0.95
    """With which deadline and budget are to be kept, both in the same batch. Default 95%: the convention."""


class Scenario(Model):
    """One batch of tasks, the ways to dispatch it, and the world it meets."""

    name: Annotated[str, Field(min_length=1, max_length=500)] = "unnamed"
    """What reports call it. Default unnamed: a name is yours to give."""
    description: Annotated[str, Field(max_length=10_000)] = ""
    """Said in reports, under the name. Default "": left out."""
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
    """How agents learn what the others of their group do; a word stands for its kind: `communication:
    rounds`."""
    merge: Merge = Merge()
    review: Annotated[Review | None, OrWord("none", None)] = None
    """A gate: a person approves what is merged, and nothing is handed out while it is looked at. Default
    none: results are used as they are."""
    values: Values = Values()
    strategies: Annotated[
        tuple[Strategy, ...], Field(min_length=1, max_length=MOST_STRATEGIES, strict=False), strategies_schema
    ] = (DEFAULTS["sequential"], DEFAULTS["parallel"], DEFAULTS["queue"])
    """The ways to dispatch the batch: `parallel`, `queue: 3`, `queue of 3`, `queue` for all of
    `sweep.concurrency`, or a mapping of a kind to its number, with options. Default
    [sequential, parallel, queue]: the two extremes and what lies between."""
    sweep: Sweep = Sweep()
    engine: Literal["auto", "simpy", "compiled"] = "auto"
    """What plays replications: `simpy`, the model as one reads it, `compiled`, the same to the last bit and
    two hundred times as fast once it is compiled, or `auto`. Default auto: the one that is done first."""
    study: Study = Study()
    objective: Objective = Objective()

    @property
    def batch_size(self) -> int:
        """Tasks in the batch as written."""
        return sum(group.count for group in self.tasks)

    @property
    def threshold(self) -> IndifferenceThreshold:
        """The difference in what is minimised that nobody would act on."""
        return threshold_for(self.study.indifference, self.objective.minimise)

    def resolved(self, exclude: set[str] | None = None) -> dict[str, Any]:
        """Return all that the scenario says, defaults included, as plain data."""
        # Pydantic makes an error of its own of an interruption that comes within a serializer.
        with uninterrupted():
            return self.model_dump(mode="json", by_alias=True, exclude=exclude)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all that the scenario says, defaults included, however it is written."""
        # Not which engine plays it: results are the same.
        said = json.dumps(self.resolved(exclude={"engine"}), sort_keys=True, allow_nan=False)
        return hashlib.sha256(said.encode()).hexdigest()
