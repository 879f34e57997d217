"""Records of a design point: its parameters, groups and distributions.

`Annotated[Any, Client]` is a section of the scenario as a record, see `layout`.
"""

from typing import Annotated, Any

from dispatch_sim.scenario.coordination import Communication, Dispatch, Harness, Merge, Review
from dispatch_sim.scenario.failure import Conflicts, Failures, Recovery, Retry, Timeouts
from dispatch_sim.scenario.model import Values
from dispatch_sim.scenario.provider import Client, Prices
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tasks import TaskGroup


class Distribution:
    """A distribution: its family, and its fields by the names that they have in `scenario.distributions`.

    The values of a sample are the `count` from `first` on in `State.samples`; the components of a mixture are
    so many rows of `State.distributions`, each with its weight, and its quantiles are from `low` to `high`.
    """

    family: int
    value: float
    low: float
    mode: float
    high: float
    mu: float
    sigma: float
    shape: float
    scale: float
    median: float
    first: int
    count: int
    weight: float


class MergeCount:
    """Counts merges that have begun; those that are over have their times in `State.merges_over`."""

    begun: int
    over: int
    first: int
    room: int


class Group:
    """A group of tasks."""

    section: Annotated[Any, TaskGroup]
    key: int
    size: int
    writes: bool
    own_directory: bool
    first_variates: int
    """Where its first tasks' variates stand among those that design points share."""
    first_lock: int
    locks: int
    first_follower: int
    followers: int
    # state
    unfinished: int
    waits_for: int
    first_round_unfinished: int
    awaiting_second: int
    working: int
    merges: MergeCount
    next_arrival: int
    is_briefing: bool
    common_done: bool


class Plan:
    """The design point: all that is constant during a replication."""

    seed: int
    tasks: int
    groups: int
    locks: int
    # processes, after those of the tasks; last, one of each group for its brief between two rounds
    dispatcher: int
    reviewer: int
    first_interim: int
    # strategy; its isolation and communication are those in the sections
    is_solo: bool
    forks: bool
    refills: bool
    by_script: bool
    waits_for_recovery: bool
    strategy: Annotated[Any, Strategy]
    # scenario
    has_line: bool
    """Whether there is a line before the limits, or before the client's own."""
    retry_after_s: float
    overloaded: float
    shared_prefix: int
    cancels_others: bool
    """Whether a failure cancels the other attempts."""
    dispatch: Annotated[Any, Dispatch]
    client: Annotated[Any, Client]
    harness: Annotated[Any, Harness]
    failures: Annotated[Any, Failures]
    timeouts: Annotated[Any, Timeouts]
    retry: Annotated[Any, Retry]
    recovery: Annotated[Any, Recovery]
    conflicts: Annotated[Any, Conflicts]
    communication: Annotated[Any, Communication]
    merge: Annotated[Any, Merge]
    review: Annotated[Any, Review]


class Valuation:
    """Prices and values of a scenario, by which outcomes are computed."""

    prices: Prices
    values: Values


class Member:
    """A task's group and index."""

    group: int
    index: int
