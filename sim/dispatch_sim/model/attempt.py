"""One attempt of a sub-agent at a task: slot, spawn, model calls, return, merge, and what follows."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import simpy
from simpy.resources.resource import Request

from dispatch_sim.model import client, merge, recovery
from dispatch_sim.model.accounting import AttemptUsage, Purpose
from dispatch_sim.model.arithmetic import ATTEMPTS_WITH_OWN_VARIATES
from dispatch_sim.model.cache import Prompt
from dispatch_sim.model.events import Activity, AttemptFailed, Failure
from dispatch_sim.model.variates import AttemptVariates, Key

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
        context = sim.coordinator.context
        self.inherited = context.length if sim.forks and context is not None else 0
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
        try:
            failure = yield from self._work()
            yield from self._wait_at_barrier(failure)
            if failure is None:
                yield from merge.merge(self)
        except AttemptFailed as failed:
            failure = failed.reason
        except simpy.Interrupt as cancelled:  # by another's failure
            failure = cancelled.cause
            self.task.log(Activity.CANCELLED)
        yield from self._settle(failure)

    def _work(self) -> Process[Failure | None]:
        """Hold a slot, a place and locks while the agent is at work; ends with why it failed, or None."""
        sim = self.sim
        try:
            with self.slot, ExitStack() as held:
                if sim.harness.places is not None:
                    yield held.enter_context(sim.harness.places.request())
                yield from sim.isolation.lock(self.task, held)
                failure = yield from self._agent_or_timeout()
            if failure is None:
                sim.slots.on_return(self)
            return failure
        finally:
            sim.harness.on_return()
            sim.notify()

    def _agent_or_timeout(self) -> Process[Failure | None]:
        """Run the agent under a hard timeout; ends with why it failed, or None."""
        sim, task = self.sim, self.task
        self.began_s = sim.env.now
        self.write = sim.isolation.begin(self)
        sim.communication.working[task.group] += 1
        self.at_work = True
        if sim.scenario.timeouts.hard is not None:
            sim.env.process(self._time_out(sim.scenario.timeouts.hard))
        failure: Failure | None = None
        try:
            yield from self._agent()
        except AttemptFailed as failed:
            failure = failed.reason
        except simpy.Interrupt as interrupt:
            failure = interrupt.cause
            if failure is Failure.CANCELLED:
                raise
        finally:
            self.at_work = False
            sim.communication.working[task.group] -= 1
            sim.isolation.end(self.write, returned=failure is None)
        if failure in (Failure.HUNG, Failure.KILLED):
            task.log(Activity.TIMEOUT)
        return failure

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
            prompt.new = variates.new_input[call] + prompt.messages
            yield from client.send(self, prompt, call)
            yield from self._call(prompt, call)
            if sim.is_solo:
                sim.coordinator.keep(prompt)
            if call == variates.crash_call:
                task.log(Activity.CRASH, call)
                raise AttemptFailed(Failure.CRASH)
            if call == variates.hang_call:
                task.enter(Activity.HANG, call)
                yield env.event()  # nothing but the hard timeout ends it
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
        yield sim.env.timeout(self.variates.spawn_s + sim.isolation.setup_s(task.group))
        prompt = self._first_prompt()
        if sim.strategy.warm_up == "stagger" and prompt.shared:
            task.enter(Activity.PREFIX)
            while pending_s := sim.cache.shared_pending_s():
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
        sim, variates = self.sim, self.variates
        cached = sim.cache.cached_tokens(prompt)
        length, output = prompt.length, variates.output[call]
        anew = length - cached
        is_written = sim.cache.is_written(prompt, last=call == variates.calls - 1)
        self.usage.add_call(prompt, cached, output, written=is_written)
        before = prompt.sent, prompt.sent_s
        sim.cache.record(prompt, sim.latency.first_token_s(anew, cached))
        self.task.enter(Activity.CALL, call, sim.input_counted(prompt, cached))
        seconds = variates.call_s + sim.latency.call_s(output, anew, cached) + sim.communication.post_s
        try:
            yield sim.env.timeout(seconds)
        except simpy.Interrupt:
            sim.limiter.charge_output(output)
            # It had no answer, so an attempt that resumes cannot read its prompt from the cache.
            prompt.sent, prompt.sent_s = before
            raise
        sim.limiter.charge_output(output)
        prompt.context += prompt.new + output

    def _wait_at_barrier(self, failure: Failure | None) -> Process[None]:
        """With a barrier, wait until all are back; without refills failures wait too (not under `abort`)."""
        sim = self.sim
        policy = sim.scenario.retry.policy
        failures_wait = not sim.strategy.refills and policy != "abort"
        waits = not self.is_first_round if failure is None else failures_wait
        if waits and sim.strategy.merge == "barrier":
            self.task.enter(Activity.BARRIER)
            yield sim.barrier.wait()
            if failure is None and policy in ("cascade", "abort"):
                yield sim.env.timeout(0)  # failures are seen before anything is merged

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
            if sim.isolation.names_directory(self.task.group):
                return Prompt(length, 0, self.inherited)
            return Prompt(length, sim.shared_prefix, self.inherited, sim.coordinator.context)
        prompt = self.resumed.prompt
        prompt.go_back_to(self.resumed.context)
        return prompt

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
