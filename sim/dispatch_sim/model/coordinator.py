"""The coordinator: a resource that dispatches tasks and merges outputs, in turns that are model calls.

It has a context, which grows, and shares its agents' limits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import simpy

from dispatch_sim.model import api
from dispatch_sim.model.accounting import Purpose, Usage
from dispatch_sim.model.cache import (
    Prompt,
    context_cached,
    is_cold,
    is_too_long,
    make_context,
    record_shared,
    summarise,
)
from dispatch_sim.model.events import COORDINATOR, Activity
from dispatch_sim.model.variates import input_of, output_of
from dispatch_sim.scenario.quantities import whole

if TYPE_CHECKING:
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.simulation import Process, Simulation


class Coordinator(simpy.Resource):
    """The coordinating agent: `request()` a turn, `start_turn()` it, `write_output()` at its end."""

    def __init__(self, sim: Simulation) -> None:
        super().__init__(sim.env, capacity=1)
        self._sim = sim
        self._costs = sim.scenario.dispatch
        self.context = make_context(self._costs.context)

    def start_turn(self) -> Process[None]:
        """Get a turn admitted, which reads all of the context; too long a one is compacted first."""
        if not self.context.is_kept:
            yield from self._send(lambda: 0)
            return
        if is_too_long(self.context):
            yield from self._compact()
        yield from self._send_context()

    def write_output(self, usage: Usage, tokens: float) -> None:
        """Charge and book what was written in a turn, at its end."""
        written = whole(tokens)
        usage.tokens += written
        usage.output += written
        self._sim.api.charge_output(written)
        if self.context.is_kept:
            self.context.length += written

    def write_briefs(self, briefs: int) -> None:
        """Charge and book a turn in which briefs were written."""
        costs = self._costs
        usage = self._sim.ledger.usage[Purpose.COORDINATION]
        self.write_output(usage, costs.turn.tokens + briefs * costs.brief.tokens)

    def read_result(self, usage: Usage, tokens: int) -> None:
        """Charge and book an agent's result, which the coordinator has read and keeps in its context."""
        self._sim.api.charge_input(tokens)
        usage.tokens = tokens
        if self.context.is_kept:
            usage.cache_write = tokens
            self.context.length += tokens
            self.context.sent += tokens
        else:
            usage.input = tokens

    def prewarm(self) -> Process[None]:
        """Write the agents' shared prefix to the cache, where it cannot be read: a call without output."""
        sim = self._sim
        prefix = sim.shared_prefix
        if not is_cold(sim.cache, prefix, sim.env.now):
            return
        yield from self._send(lambda: prefix)
        usage = sim.ledger.usage[Purpose.COORDINATION]
        usage.tokens += prefix
        usage.cache_write += prefix
        first_token_s = api.first_token_s(sim.api.latency, prefix, 0)
        start_s = sim.env.now
        record_shared(sim.cache, first_token_s, start_s)
        yield sim.env.timeout(first_token_s)
        sim.api.charge_output(0)
        sim.log(start_s, Activity.PREWARM, COORDINATOR, tokens=prefix)

    def write_interim_brief(self) -> Process[None]:
        """Write the brief for a second round, in a turn."""
        sim = self._sim
        brief = sim.scenario.communication.brief
        with self.request() as turn:
            yield turn
            start_s = sim.env.now
            yield from self.start_turn()
            yield sim.env.timeout(brief.time)
            self.write_output(sim.ledger.usage[Purpose.COORDINATION], brief.tokens)
            sim.log(start_s, Activity.INTERIM, COORDINATOR)

    def own_prompt(self, task: Task) -> Process[Prompt]:
        """Return the prompt of a task's next call in its own context; too long a one is compacted first."""
        context = self.context
        if is_too_long(context):
            task.enter(Activity.COORDINATOR_BUSY)
            yield from self._compact()
        prompt = Prompt(context.length, 0, inherited=context.length, reads_context=False)
        prompt.sent, prompt.sent_s = context.sent, context.sent_s
        return prompt

    def keep(self, prompt: Prompt) -> None:
        """Keep a call that was answered in its own context."""
        context = self.context
        context.length = prompt.spawn + prompt.context
        context.sent, context.sent_s = prompt.sent, prompt.sent_s

    def do_common(self, task: Task) -> Process[None]:
        """Do the common part of a task's group, in calls of its own, by the variates of its first attempt."""
        sim, context = self._sim, self.context
        if not self.has_to_do_common(task):
            return
        sim.common_done.add(task.group)
        share = sim.scenario.tasks[task.group].common
        variates = sim.variates.attempt(task.group, task.index, 0).part(share)
        usage, start_s = sim.ledger.usage[Purpose.WORK], sim.env.now
        for call in range(variates.calls):
            new, output = input_of(variates, call), output_of(variates, call)
            if is_too_long(context):
                yield from self._compact()
            cached = yield from self._send_context(new)
            usage.tokens += new
            usage.cache_write += new
            anew = context.length - cached
            yield sim.env.timeout(variates.call_s + api.call_s(sim.api.latency, output, anew, cached))
            self.write_output(usage, output)
            if variates.tool_s[call:]:
                yield sim.env.timeout(variates.tool_s[call])
        sim.log(start_s, Activity.COMMON, COORDINATOR)

    def has_to_do_common(self, task: Task) -> bool:
        """Whether it has to do the common part of a task's group before it launches an agent."""
        sim = self._sim
        common = sim.scenario.tasks[task.group].common
        return sim.forks and common > 0.0 and task.group not in sim.common_done

    def _compact(self) -> Process[None]:
        """Shorten the context to a summary, in a call that reads all of it."""
        assert self._costs.context is not None  # or it would not be too long
        compaction = self._costs.context.compaction
        yield from self._send_context()
        start_s, summed_up = self._sim.env.now, self.context.length
        try:
            yield self._sim.env.timeout(compaction.time)
        except simpy.Interrupt:  # a timeout that ends the attempt does not stop an admitted call
            self._end_compaction(start_s, summed_up, compaction.tokens)
            raise
        self._end_compaction(start_s, summed_up, compaction.tokens)

    def _end_compaction(self, start_s: float, summed_up: int, tokens: float) -> None:
        sim = self._sim
        self.write_output(sim.ledger.usage[Purpose.CONTEXT], tokens)
        summarise(self.context, summed_up)
        sim.ledger.compactions += 1
        sim.log(start_s, Activity.COMPACTION, COORDINATOR)

    def _send_context(self, new: int = 0) -> Process[int]:
        """Get a call admitted that sends the whole context, then new input; returns what it has read.

        What is read and written of the context is booked; the new input is not.
        """
        sim, context = self._sim, self.context

        def readable() -> int:
            return context_cached(sim.cache, context, sim.env.now)

        yield from self._send(lambda: api.counted(sim.api.limiter, context.length + new, readable()))
        cached = readable()
        usage = sim.ledger.usage[Purpose.CONTEXT]
        usage.cache_read += cached
        usage.cache_write += context.length - cached
        context.length += new
        context.sent, context.sent_s = context.length, sim.env.now
        return cached

    def _send(self, input_tokens: Callable[[], int]) -> Process[None]:
        """Get a call admitted. It never gives up: it comes back when there should be enough.

        One that needs more than the input bucket can hold takes all of it: nobody can do without it.
        """
        sim = self._sim

        def needed() -> int:
            return api.at_most(sim.api.limiter, input_tokens())

        def request() -> float:
            return sim.api.admit(needed())

        if sim.api.line is None:
            retry_after_s = request()
        else:
            retry_after_s = yield from sim.api.line.acquire(needed, request)
        while retry_after_s:
            sim.ledger.rejected_requests += 1
            sim.log(sim.env.now, Activity.LIMITED, COORDINATOR)
            yield sim.env.timeout(retry_after_s)
            retry_after_s = request()
