"""One attempt of a sub-agent at a task: slot, spawn, model calls, return, merge, and what follows."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy
from simpy.resources.resource import Request

from dispatch_sim.model import api, cache, client, merge, recovery
from dispatch_sim.model.accounting import AttemptUsage, Purpose, add_call
from dispatch_sim.model.arithmetic import ATTEMPTS_WITH_OWN_VARIATES
from dispatch_sim.model.cache import Prompt, go_back_to
from dispatch_sim.model.events import Activity, AttemptFailed, Failure
from dispatch_sim.model.variates import AttemptVariates, Key, input_of, output_of

if TYPE_CHECKING:
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.conflicts import Write
    from dispatch_sim.model.simulation import Process, Simulation


@dataclass(slots=True)
class Checkpoint:
    """The point from which another attempt can resume; `origin` is the attempt whose sizes this work has."""

    origin: int
    prompt: Prompt
    done_calls: int
    context: int
    usage: AttemptUsage


class Attempt:
    """One attempt at a task; its process runs from the slot to the handling of its outcome.

    Attributes
    ----------
    key : of its draws.
    began_s : when its agent began, after it was launched and had waited for a place and locks.
    is_first_round : whether it is of the first of two rounds, so that there is nothing to merge yet.
    inherited : tokens of the coordinator's context that it starts with.
    at_work : whether its agent is at work, so that a timeout can end it.
    merging : whether the merge of its output has begun, so that a cascade cannot cancel it.
    unseen_share : the part of its merged output that was made without sight of others.
    """

    def __init__(self, sim: Simulation, task: Task, slot: Request) -> None:
        self.sim = sim
        self.task = task
        self.slot = slot
        self.instructions = sim.review.instructions
        self.number = (task.attempts - 1) % ATTEMPTS_WITH_OWN_VARIATES
        self.key: Key = (task.group, task.index, self.number)
        self.resumed = task.checkpoint
        self.origin = self.number if self.resumed is None else self.resumed.origin
        self.usage = AttemptUsage() if self.resumed is None else self.resumed.usage.copy()
        self.began_s: float
        self.is_first_round = sim.communication.is_first_round(task)
        self.variates = self._variates()
        self.inherited = sim.coordinator.context.length if sim.forks else 0
        self.at_work = self.merging = False
        self.write: Write
        self.merge_entry: merge.Entry | None = None
        self.unseen_share = 0.0
        self.process: simpy.Process

    @property
    def wrong_brief(self) -> bool:
        """Whether its instructions have been found wrong since it was launched."""
        return self.instructions != self.sim.review.instructions

    def run(self) -> Process[None]:
        """Run the attempt: work in a slot, wait at the barrier, merge, then handle the outcome."""
        sim = self.sim
        with self.slot, ExitStack() as held:
            failure = yield from _failure_of(self._work(held))
        if failure is None:
            sim.slots.on_return(self)
        sim.harness.on_return()
        sim.notify()
        if failure is not Failure.CANCELLED:
            failure = yield from _failure_of(self._wait_and_merge(failure))
        if failure is Failure.CANCELLED:
            self.task.log(Activity.CANCELLED)
        yield from self._settle(failure)

    def _work(self, held: ExitStack) -> Process[None]:
        """Take a place and locks, to be held while the agent is at work, under a hard timeout."""
        sim, task = self.sim, self.task
        if sim.harness.places is not None:
            yield held.enter_context(sim.harness.places.request())
        yield from sim.isolation.lock(task, held)
        self.began_s = sim.env.now
        self.write = sim.isolation.begin(self)
        sim.communication.working[task.group] += 1
        self.at_work = True
        if sim.scenario.timeouts.hard is not None:
            sim.env.process(self._time_out(sim.scenario.timeouts.hard))
        failure = yield from _failure_of(self._agent())
        self.at_work = False
        sim.communication.working[task.group] -= 1
        sim.isolation.end(self.write, returned=failure is None)
        if failure in (Failure.HUNG, Failure.KILLED):
            task.log(Activity.TIMEOUT)
        if failure is not None:
            raise AttemptFailed(failure)

    def _agent(self) -> Process[None]:
        """Spawn, call the model until the task is done, return; raises AttemptFailed.

        Without sub-agents, the coordinator makes the calls, in its own context.
        """
        sim, task, variates = self.sim, self.task, self.variates
        env, resumes = sim.env, sim.scenario.retry.policy == "resume"
        if not sim.is_solo:
            prompt = yield from self._spawn()
        calls = sim.communication.calls(self)
        for call in calls:
            if self._gives_up():
                raise AttemptFailed(Failure.KILLED)
            if sim.is_solo:
                prompt = yield from sim.coordinator.own_prompt(task)
            prompt.messages = sim.communication.messages(self, prompt)
            prompt.new = input_of(variates, call) + prompt.messages
            yield from client.send(self, prompt, call)
            yield from self._call(prompt, call)
            if sim.is_solo:
                sim.coordinator.keep(prompt)
            if call == variates.crash_call:
                task.log(Activity.CRASH, call)
                raise AttemptFailed(Failure.CRASH)
            if call == variates.hang_call:
                task.enter(Activity.HANG, call)
                yield env.event()  # an interrupt ends it: by the hard timeout, a cascade or an abort
            if resumes:
                task.enter(Activity.CALL, call)  # so that its usage is up to date
                task.checkpoint = Checkpoint(self.origin, prompt, call + 1, prompt.context, self.usage.copy())
            if variates.tool_s and call != calls[-1]:
                task.enter(Activity.TOOLS, call)
                yield env.timeout(variates.tool_s[call])
        if not sim.is_solo:
            task.enter(Activity.RETURN)
            yield env.timeout(variates.return_s)
            returned = self.usage.by_purpose[Purpose.RETURN]
            sim.coordinator.read_result(returned, variates.return_tokens)

    def _spawn(self) -> Process[Prompt]:
        """Start the agent; ends with its prompt, before the new input."""
        sim, task = self.sim, self.task
        task.enter(Activity.SPAWN)
        setup_s = sim.scenario.conflicts.setup if sim.isolation.has_copy(task.group) else 0.0
        yield sim.env.timeout(self.variates.spawn_s + setup_s)
        prompt = self._first_prompt()
        if sim.strategy.warm_up == "stagger" and prompt.shared:
            task.enter(Activity.PREFIX)
            while pending_s := cache.shared_pending_s(sim.cache, sim.env.now):
                yield sim.env.timeout(pending_s)
        return prompt

    def _settle(self, failure: Failure | None) -> Process[None]:
        """Handle the outcome: retry or recover, enter the second round, redo a part, or be approved."""
        sim, task = self.sim, self.task
        task.enter(Activity.WAIT)
        del sim.active[self]
        if failure is None and self.wrong_brief:
            failure = Failure.WRONG_BRIEF
        if failure is None and sim.is_solo:
            sim.common_done.add(task.group)
        if failure is not None:
            recovery.fail(self, failure)
        elif self.is_first_round:
            sim.communication.first_is_done(self)
        elif self.unseen_share:
            recovery.redo_in_part(self)
        else:
            yield from sim.review.approve(self)
        sim.notify()

    def _call(self, prompt: Prompt, call: int) -> Process[None]:
        """Make a call that was admitted.

        Its output is billed now, as nothing stops it. The output bucket is charged at its end, or when an
        interrupt ends the attempt.
        """
        sim, variates, latency = self.sim, self.variates, self.sim.api.latency
        cached, output = sim.cached_tokens(prompt), output_of(variates, call)
        anew = cache.prompt_length(prompt) - cached
        is_written = cache.is_written(sim.cache, prompt, call == variates.calls - 1)
        add_call(self.usage, prompt, cached, output, is_written)
        before = prompt.sent, prompt.sent_s
        cache.record(sim.cache, prompt, api.first_token_s(latency, anew, cached), sim.env.now)
        counted = api.input_counted(sim.api.limiter, prompt, cached, sim.is_solo)
        self.task.enter(Activity.CALL, call, counted)
        seconds = variates.call_s + api.call_s(latency, output, anew, cached) + sim.communication.post_s
        try:
            yield sim.env.timeout(seconds)
        except simpy.Interrupt:
            sim.api.charge_output(output)
            # It had no answer, so an attempt that resumes cannot read its prompt from the cache.
            prompt.sent, prompt.sent_s = before
            raise
        sim.api.charge_output(output)
        prompt.context += prompt.new + output

    def _wait_and_merge(self, failure: Failure | None) -> Process[None]:
        """Merge the output, at a barrier when all are back.

        Without refills failures wait there too (not under `abort`).
        """
        sim = self.sim
        policy = sim.scenario.retry.policy
        failures_wait = not sim.strategy.refills and policy != "abort"
        waits = not self.is_first_round if failure is None else failures_wait
        if waits and sim.strategy.merge == "barrier":
            self.task.enter(Activity.BARRIER)
            yield sim.barrier
            if failure is None and policy in ("cascade", "abort"):
                yield sim.env.timeout(0)  # failures are seen before anything is merged
        if failure is not None:
            raise AttemptFailed(failure)
        yield from merge.merge(self)

    def _time_out(self, seconds: float) -> Process[None]:
        """End the agent's work after its hard timeout, if it is still at it: honest work, or a hang."""
        yield self.sim.env.timeout(seconds)
        if self.at_work:
            is_hung = self.task.activity is Activity.HANG
            self.process.interrupt(Failure.HUNG if is_hung else Failure.KILLED)

    def _gives_up(self) -> bool:
        """Whether an agent obeys the soft timeout in its prompt, now that it could make another call."""
        soft_s = self.sim.scenario.timeouts.soft
        return soft_s is not None and self.variates.obeys and self.sim.env.now - self.began_s >= soft_s

    def _first_prompt(self) -> Prompt:
        """Return the prompt of its first call, before the new input."""
        if self.resumed is None:
            sim = self.sim
            length = self.inherited + self.variates.spawn_tokens
            if sim.scenario.harness.directory_in_prompt and sim.isolation.has_copy(self.task.group):
                return Prompt(length, 0, self.inherited, reads_context=False)
            return Prompt(length, min(sim.shared_prefix, length), self.inherited, reads_context=sim.forks)
        go_back_to(self.resumed.prompt, self.resumed.context)
        return self.resumed.prompt

    def _variates(self) -> AttemptVariates:
        """Return the attempt's variates, of all its work or of the part that it does."""
        sim, task = self.sim, self.task
        if self.resumed is None:
            variates = sim.variates.attempt(*self.key)
        else:
            variates = sim.variates.resumed(task.group, task.index, self.origin, self.number)
        common = sim.scenario.tasks[task.group].common
        if common and task.group in sim.common_done:
            variates = variates.without(common)
        return variates.part(task.rework) if task.rework else sim.communication.part(variates)


def _failure_of(part: Process[None]) -> Process[Failure | None]:
    """Run a part of an attempt; returns why it failed, by itself or by an interrupt, or None."""
    failure: Failure | None = None
    try:
        yield from part
    except (AttemptFailed, simpy.Interrupt) as end:
        failure = end.cause
    return failure
