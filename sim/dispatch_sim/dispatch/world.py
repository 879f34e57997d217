"""What all actors of a replication share: the clock, the model API, the coordinator, a person, the books."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import simpy

from dispatch_sim.dispatch.api import ModelApi
from dispatch_sim.dispatch.cache import Conversation, Prompt, PromptCache, TimedCache, WarmCache
from dispatch_sim.dispatch.harness import Pacer
from dispatch_sim.dispatch.log import Event, EventKind
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import Cause, Failure, Ledger, State, Usage
from dispatch_sim.dispatch.plan import Plan
from dispatch_sim.dispatch.rules import call_time, first_token_time
from dispatch_sim.scenario.quantities import whole

Process = Generator[simpy.Event, Any, None]
Steps = Generator[simpy.Event, Any, Failure | None]
"""Steps of an attempt; they end with why it failed, or None."""

COORDINATOR = -1
"""Stands for the coordinator where an event names a task."""

ATTEMPTS_WITH_OWN_LUCK = 256
"""From this one on a task's attempts meet the luck of its earlier ones again: the key of a draw has room for
no more, and only the cancelled attempts of cascades are so many."""

_OF_ATTEMPT = frozenset({State.SERVICE, State.BACKOFF, State.HUNG})
"""States in which time goes into an attempt."""


class AttemptBooks:
    """What one attempt has used so far; whether it was work or waste shows at its end.

    Attributes
    ----------
    work, spawn, return_, merge : what is spent for the task.
    talk : what is spent to hear of other agents.
    time_s : service, backoff and silence.
    """

    __slots__ = ("merge", "return_", "spawn", "talk", "time_s", "work")

    def __init__(self) -> None:
        self.work = Usage()
        self.spawn = Usage()
        self.return_ = Usage()
        self.merge = Usage()
        self.talk = Usage()
        self.time_s = 0.0

    def add_call(self, prompt: Prompt, read: int, output: int, *, written: bool) -> None:
        """Count a call that was admitted: its own tokens once, and all that was sent by class.

        What is read is the beginning of the prompt: spawn tokens first. Output counts although it is yet
        to come, as nothing stops an admitted call.
        """
        work, spawn, talk = self.work, self.spawn, self.talk
        if prompt.sent == 0:
            spawn.tokens = prompt.spawn
        work.tokens += prompt.new - prompt.heard + output
        work.output += output
        talk.tokens += prompt.heard
        spawn_read = min(read, prompt.spawn)
        work_read = read - spawn_read
        spawn.cache_read += spawn_read
        work.cache_read += work_read
        spawn_sent = prompt.spawn - spawn_read
        work_sent = prompt.context + prompt.new - work_read - prompt.heard
        if written:
            spawn.cache_write += spawn_sent
            work.cache_write += work_sent
            talk.cache_write += prompt.heard
        else:
            spawn.input += spawn_sent
            work.input += work_sent
            talk.input += prompt.heard

    def by_cause(self) -> tuple[tuple[Cause, Usage], ...]:
        """Return what was used for what, if the attempt is not wasted."""
        return (
            (Cause.WORK, self.work),
            (Cause.SPAWN, self.spawn),
            (Cause.RETURN, self.return_),
            (Cause.MERGE, self.merge),
            (Cause.COORDINATION, self.talk),
        )

    def copy(self) -> AttemptBooks:
        """Return the same counts."""
        return self.less(AttemptBooks())

    def less(self, other: AttemptBooks) -> AttemptBooks:
        """Return these counts without another's."""
        rest = AttemptBooks()
        rest.work = self.work.less(other.work)
        rest.spawn = self.spawn.less(other.spawn)
        rest.return_ = self.return_.less(other.return_)
        rest.merge = self.merge.less(other.merge)
        rest.talk = self.talk.less(other.talk)
        rest.time_s = self.time_s - other.time_s
        return rest


class Task:
    """A task as it goes through the batch.

    Attributes
    ----------
    number : in the plan.
    group, index : whose it is, and which of them.
    arrived_s, launched_s : when it came, and when its last attempt began.
    attempts, failures : attempts begun, and those that failed by themselves.
    state, kind, call, tokens, since_s : what it is doing now, for the books and the log, and since when.
    process : of its attempt, while there is one.
    in_slot : whether its agent is at work, so that a timeout can end it.
    merging : whether the merge of its output has begun.
    books : of its attempt.
    instructions : which version of the batch's instructions its attempt was launched with.
    second_round : whether it has been through the first of two rounds.
    rework : the part of it that its attempt does again, as it was made without sight of others, or 0: all.
    blind_share : the part of its merged output that was made so.
    made : books of what attempts have made of it that it still needs, and whether that was rework.
    unseen_counted : whether others count it among the outputs that are being merged.
    prompt, origin, done_calls, context, saved : what an attempt can go on from: the conversation, the attempt
        that began it, how many calls of it are done, how long their context is, and their books.
    """

    __slots__ = (
        "arrived_s",
        "attempts",
        "blind_share",
        "books",
        "call",
        "context",
        "done_calls",
        "failures",
        "group",
        "in_slot",
        "index",
        "instructions",
        "kind",
        "launched_s",
        "made",
        "merging",
        "number",
        "origin",
        "process",
        "prompt",
        "rework",
        "saved",
        "second_round",
        "since_s",
        "state",
        "tokens",
        "unseen_counted",
    )

    def __init__(self, number: int, group: int, index: int, arrived_s: float) -> None:
        self.number = number
        self.group = group
        self.index = index
        self.arrived_s = arrived_s
        self.launched_s = 0.0
        self.attempts = 0
        self.failures = 0
        self.state = State.WAIT
        self.kind = EventKind.WAIT
        self.call = -1
        self.tokens = 0
        self.since_s = arrived_s
        self.process: simpy.Process | None = None
        self.in_slot = False
        self.merging = False
        self.books = AttemptBooks()
        self.instructions = 0
        self.second_round = False
        self.rework = 0.0
        self.blind_share = 0.0
        self.made: list[tuple[AttemptBooks, bool]] = []
        self.unseen_counted = False
        self.context = 0
        self.prompt: Prompt | None = None
        self.origin = 0
        self.done_calls = 0
        self.saved: AttemptBooks | None = None

    @property
    def luck_number(self) -> int:
        """Which draws its attempt meets."""
        return (self.attempts - 1) % ATTEMPTS_WITH_OWN_LUCK

    @property
    def luck_key(self) -> tuple[int, int, int]:
        """Of its attempt: group, index, number."""
        return self.group, self.index, self.luck_number

    def forget(self) -> None:
        """Drop what an attempt could go on from."""
        self.prompt = self.saved = None
        self.done_calls = self.context = 0


class World:
    """The shared state of one replication, and its books."""

    def __init__(self, plan: Plan, luck: Luck, log: list[Event] | None) -> None:
        self.env = simpy.Environment()
        self.plan = plan
        self.scenario = scenario = plan.scenario
        self.luck = luck
        self.log = log
        self.books = Ledger()
        provider = scenario.provider
        self.api = ModelApi(self.env, provider.limits, provider.accounting, waits=provider.on_limit == "wait")
        self.cache: PromptCache = (
            WarmCache() if provider.cache is None else TimedCache(self.env, provider.cache)
        )
        self.isolation = plan.strategy.isolation or scenario.conflicts.isolation
        self.communication = plan.strategy.communication or scenario.communication.kind
        apart = self.isolation == "worktree" and scenario.harness.directory_in_prompt
        self.shared_tokens = whole(scenario.dispatch.spawn.shared)
        self._apart = [apart and bool(group.writes) for group in scenario.tasks]
        context = scenario.dispatch.context
        self.context = None if context is None else Conversation(context.start)
        self.coordinator = simpy.Resource(self.env, capacity=1)
        self.person = simpy.Resource(self.env, capacity=1)
        pace = scenario.harness.pace
        self.pacer = None if pace is None else Pacer(self.env, pace)
        self.at_work = [0] * len(scenario.tasks)
        """Agents at work, by group."""
        self.on_limited: Callable[[Task], None] | None = None
        """Told of each 429 that an agent gets."""

    def shared_prefix(self, group: int) -> int:
        """Return how many tokens an agent's prompt has in common with the other agents'."""
        return 0 if self._apart[group] else self.shared_tokens

    def quota_need(self, prompt: Prompt) -> int:
        """Return the input tokens that the limiter would count for a prompt if it were sent now."""
        return self.counted(prompt.length, self.cache.tokens_read(prompt))

    def counted(self, length: int, read: int) -> int:
        """Return the input tokens that the limiter counts for a prompt of which some are read."""
        return length if self.scenario.provider.accounting.cache_reads else length - read

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

    def enter(self, task: Task, state: State, kind: EventKind, call: int = -1, tokens: int = 0) -> None:
        """Let a task enter a state, and book the time that it was in the last one."""
        now_s = self.env.now
        spent_s = now_s - task.since_s
        if spent_s > 0.0:
            self.books.time_s[task.state] += spent_s
            if task.state in _OF_ATTEMPT:
                task.books.time_s += spent_s
            if self.log is not None:
                self.log.append(
                    Event(task.since_s, now_s, task.kind, task.number, task.attempts, task.call, task.tokens)
                )
        task.since_s = now_s
        task.state, task.kind, task.call, task.tokens = state, kind, call, tokens

    def note(
        self, start_s: float, kind: EventKind, task: int, attempt: int = 0, call: int = -1, tokens: int = 0
    ) -> None:
        """Write an event that ends now into the log, where there is one."""
        if self.log is not None:
            self.log.append(Event(start_s, self.env.now, kind, task, attempt, call, tokens))
