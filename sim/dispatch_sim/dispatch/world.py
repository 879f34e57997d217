"""What all actors of a replication share: the clock, the model API, the coordinator, a person, the books."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import simpy

from dispatch_sim.dispatch.api import ModelApi
from dispatch_sim.dispatch.cache import Prompt, PromptCache, TimedCache, WarmCache
from dispatch_sim.dispatch.log import Event, EventKind
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import Failure, Ledger, State, Usage
from dispatch_sim.dispatch.plan import Plan
from dispatch_sim.dispatch.rules import call_time, first_token_time
from dispatch_sim.scenario.quantities import whole

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

    __slots__ = ("merge", "return_", "spawn", "time_s", "work")

    def __init__(self) -> None:
        self.work = Usage()
        self.spawn = Usage()
        self.return_ = Usage()
        self.merge = Usage()
        self.time_s = 0.0
        """Service and backoff."""

    def add_call(self, prompt: Prompt, read: int, output: int, *, written: bool) -> None:
        """Count a call that was admitted: its own tokens once, and all that was sent by class.

        What is read is the beginning of the prompt: spawn tokens first. Output counts although it is yet
        to come, as nothing stops an admitted call.
        """
        work, spawn = self.work, self.spawn
        if prompt.sent == 0:
            spawn.tokens = prompt.spawn
        work.tokens += prompt.new + output
        work.output += output
        spawn_read = min(read, prompt.spawn)
        work_read = read - spawn_read
        spawn.cache_read += spawn_read
        work.cache_read += work_read
        spawn_sent = prompt.spawn - spawn_read
        work_sent = prompt.context + prompt.new - work_read
        if written:
            spawn.cache_write += spawn_sent
            work.cache_write += work_sent
        else:
            spawn.input += spawn_sent
            work.input += work_sent


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
        self.api = ModelApi(self.env, provider.limits, provider.accounting, waits=provider.on_limit == "wait")
        self.cache: PromptCache = (
            WarmCache() if provider.cache is None else TimedCache(self.env, provider.cache)
        )
        self.shared_tokens = whole(plan.scenario.dispatch.spawn.shared)
        self.coordinator = simpy.Resource(self.env, capacity=1)
        self.person = simpy.Resource(self.env, capacity=1)

    def quota_need(self, prompt: Prompt) -> int:
        """Return the input tokens that the limiter would count for a prompt if it were sent now."""
        return self.counted(prompt, self.cache.tokens_read(prompt))

    def counted(self, prompt: Prompt, read: int) -> int:
        """Return the input tokens that the limiter counts for a prompt of which some are read."""
        return prompt.length if self.scenario.provider.accounting.cache_reads else prompt.length - read

    def latency_s(self, output: int, uncached: int, cached: int) -> float:
        """Return the time of a call by what it does; 0 where tasks have a duration instead."""
        latency = self.scenario.provider.latency
        if latency is None:
            return 0.0
        return call_time(
            output,
            uncached,
            cached,
            latency.base,
            latency.per_output_token,
            latency.per_uncached_ktoken,
            latency.per_cached_ktoken,
        )

    def first_token_s(self, uncached: int, cached: int) -> float:
        """Return the time until a response begins."""
        latency, cache = self.scenario.provider.latency, self.scenario.provider.cache
        if latency is None:
            return 0.0 if cache is None else cache.first_token
        return first_token_time(
            uncached, cached, latency.base, latency.per_uncached_ktoken, latency.per_cached_ktoken
        )

    def book_time(self, task: Task, state: State, kind: EventKind, call: int = -1, tokens: int = 0) -> float:
        """Book the stretch from the last booking to now as time in a state; returns its seconds."""
        now_s = self.env.now
        start_s, task.since_s = task.since_s, now_s
        spent_s: float = now_s - start_s
        self.books.time_s[state] += spent_s
        if self.log is not None and spent_s > 0.0:
            self.log.append(Event(start_s, now_s, kind, task.number, task.attempts, call, tokens))
        return spent_s

    def note(
        self, start_s: float, kind: EventKind, task: int, attempt: int = 0, call: int = -1, tokens: int = 0
    ) -> None:
        """Write an event that ends now into the log, where there is one."""
        if self.log is not None:
            self.log.append(Event(start_s, self.env.now, kind, task, attempt, call, tokens))
