"""What all actors of a replication share: the clock, the model API, the coordinator, a person, the books."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from dispatch_sim.dispatch.api import ModelApi
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import Event, Failure, Ledger, State, Usage
from dispatch_sim.dispatch.plan import Plan

Process = Generator[simpy.Event, Any, None]
Steps = Generator[simpy.Event, Any, Failure | None]
"""Steps of an attempt; they end with why it failed, or None."""

COORDINATOR = -1
"""Stands for the coordinator where an event names a task."""


class Task:
    """A task as it goes through the batch."""

    __slots__ = ("arrived_s", "attempts", "group", "index", "launched_s", "number", "since_s")

    def __init__(self, number: int, group: int, index: int, arrived_s: float) -> None:
        self.number = number
        self.group = group
        self.index = index
        self.attempts = 0
        """Attempts begun."""
        self.arrived_s = arrived_s
        self.launched_s = 0.0
        """When its last attempt began."""
        self.since_s = arrived_s
        """When it entered the state that it is in."""


class AttemptBooks:
    """What one attempt has used so far; whether it was work or waste shows at its end."""

    __slots__ = ("calls", "merge", "returned", "time_s")

    def __init__(self) -> None:
        self.calls = 0
        self.returned = False
        self.merge = Usage()
        self.time_s = 0.0
        """Service and backoff."""


class World:
    """The shared state of one replication, and its books."""

    def __init__(self, plan: Plan, luck: Luck, log: list[Event] | None) -> None:
        self.env = simpy.Environment()
        self.plan = plan
        self.scenario = plan.scenario
        self.luck = luck
        self.log = log
        self.books = Ledger()
        provider = plan.scenario.provider
        self.api = ModelApi(self.env, provider.limits, waits=provider.on_limit == "wait")
        self.coordinator = simpy.Resource(self.env, capacity=1)
        self.person = simpy.Resource(self.env, capacity=1)

    def book_time(self, task: Task, state: State, kind: str, call: int = -1, tokens: int = 0) -> float:
        """Book the stretch from the last booking to now as time in a state; returns its seconds."""
        now_s = self.env.now
        start_s, task.since_s = task.since_s, now_s
        spent_s: float = now_s - start_s
        self.books.time_s[state] += spent_s
        if self.log is not None and spent_s > 0.0:
            self.log.append(Event(start_s, now_s, kind, task.number, task.attempts, call, tokens))
        return spent_s

    def note(
        self, start_s: float, kind: str, task: int, attempt: int = 0, call: int = -1, tokens: int = 0
    ) -> None:
        """Write an event that ends now into the log, where there is one."""
        if self.log is not None:
            self.log.append(Event(start_s, self.env.now, kind, task, attempt, call, tokens))
