"""Strategies: how a batch of tasks is dispatched to sub-agents, until every task is done."""

from __future__ import annotations

from typing import TYPE_CHECKING

import simpy

from dispatch_sim.model.arithmetic import FIRST_ADAPTIVE_WINDOW, grown, shrunk
from dispatch_sim.model.cache import is_cold
from dispatch_sim.model.events import COORDINATOR, Activity

if TYPE_CHECKING:
    from dispatch_sim.model.attempt import Attempt
    from dispatch_sim.model.backlog import Task
    from dispatch_sim.model.simulation import Process, Simulation


class Slots(simpy.Resource):
    """Slots for attempts, as many as the concurrency; an attempt holds one while its agent works.

    Adaptive dispatch changes its window by additive increase, multiplicative decrease (AIMD; Chiu and Jain,
    1989): one more slot in a round of attempts that were not rate-limited; half of them on a 429, once for
    all agents that were at work then, as they collided with each other. What runs already is not ended.

    Attributes
    ----------
    most, window : the number that the dispatcher may use, and the one that it uses.
    """

    def __init__(self, env: simpy.Environment, concurrency: int, *, is_adaptive: bool) -> None:
        super().__init__(env, capacity=concurrency)
        self.most = concurrency
        self.window = float(min(FIRST_ADAPTIVE_WINDOW, concurrency) if is_adaptive else concurrency)
        self._is_adaptive = is_adaptive
        self._shrunk_s = -1.0

    @property
    def free(self) -> int:
        """How many attempts can be launched now."""
        return int(self.window) - self.count

    def limit_to(self, cap: int) -> None:
        """Keep to the harness's cap."""
        self.most = min(self.most, cap)
        self.window = min(self.window, float(self.most))

    def on_return(self, attempt: Attempt) -> None:
        """Grow an adaptive window when an attempt has returned an output."""
        if self._is_adaptive and attempt.began_s > self._shrunk_s:
            self.window = grown(self.window, self.most)

    def on_429(self, attempt: Attempt) -> None:
        """Halve an adaptive window when an agent has received a 429."""
        if self._is_adaptive and attempt.began_s > self._shrunk_s:
            self.window, self._shrunk_s = shrunk(self.window), self._env.now


def dispatch(sim: Simulation) -> Process[None]:
    """Dispatch the batch: by `queue` if queue, adaptive, or parallel without a barrier, else by `waves`."""
    sim.backlog.arrive()
    yield from queue(sim) if sim.strategy.refills else waves(sim)


def queue(sim: Simulation) -> Process[None]:
    """Queue, adaptive, and parallel without a barrier: dispatch whenever a task waits and a slot is free.

    A failed task goes to the end, or waits until all has drained: no agent at work, and no task ready.
    """
    backlog, slots = sim.backlog, sim.slots

    def can_refill() -> bool:
        return can_dispatch(sim) and slots.free > 0

    while backlog.unfinished:
        if slots.count:
            yield from sim.changed.wait_for(lambda: can_refill() or not slots.count)
        else:
            if not backlog.ready:
                for task in sim.failed:
                    backlog.add(task)
                sim.failed.clear()
            if not backlog.ready:
                sim.lift_barrier()
            yield from sim.changed.wait_for(
                lambda: (
                    can_dispatch(sim) or not backlog.unfinished or (bool(sim.failed) and not backlog.ready)
                )
            )
        if can_refill():
            yield from launch_ready(sim)


def waves(sim: Simulation) -> Process[None]:
    """Waves of one task (solo, sequential), of as many as there are slots, or of all (parallel).

    The next begins when all of this one is over.
    """
    backlog, slots = sim.backlog, sim.slots
    waits_for_person = sim.strategy.waits_for_recovery
    while backlog.unfinished:
        yield from sim.changed.wait_for(lambda: can_dispatch(sim) or not backlog.unfinished)
        if not backlog.ready:
            break
        yield from launch_ready(sim)
        yield from sim.changed.wait_for(lambda: not slots.count)
        sim.lift_barrier()
        yield from sim.changed.wait_for(lambda: not (sim.active or (waits_for_person and sim.recovering)))
        sim.review.after_wave()
        backlog.add_first(sim.failed)
        sim.failed.clear()


def can_dispatch(sim: Simulation) -> bool:
    """Whether a task waits for an attempt, and no review holds up new ones."""
    return bool(sim.backlog.ready) and not sim.review.blocks


def take_ready(sim: Simulation) -> list[Task]:
    """Take as many of the waiting tasks as can be launched now.

    While the dispatcher waited for the coordinator, a review may have begun, or the window may have shrunk.
    """
    return [] if sim.review.blocks else sim.backlog.take(sim.slots.free)


def has_to_wait(sim: Simulation) -> bool:
    """Whether the coordinator has something to do before a script can launch tasks.

    It writes a cold prefix, or does the common work of one of the tasks that can be launched now.
    """
    prewarms = sim.strategy.warm_up == "prewarm" and is_cold(sim.cache, sim.shared_prefix, sim.env.now)
    first = sim.backlog.first(sim.slots.free) if sim.forks else []
    return prewarms or any(map(sim.coordinator.has_to_do_common, first))


def launch_ready(sim: Simulation) -> Process[None]:
    """Launch as many of the waiting tasks as there are free slots.

    An agent that coordinates does it in one turn, writing the briefs one after another. A script launches
    at once unless it has to wait for the coordinator; so does an agent that does the tasks itself.
    """
    coordinator, prewarms = sim.coordinator, sim.strategy.warm_up == "prewarm"
    if sim.strategy.manager == "script" or sim.is_solo:
        if not has_to_wait(sim):
            tasks = take_ready(sim)
        else:
            # By the coordinator, one call after another: two callers that never give up could
            # reject each other for ever.
            with coordinator.request() as turn:
                yield turn
                if prewarms:
                    yield from coordinator.prewarm()
                tasks = take_ready(sim)
                for task in tasks:
                    yield from coordinator.do_common(task)
        for task in tasks:
            sim.harness.launch(task)
        return
    costs = sim.scenario.dispatch
    with coordinator.request() as turn:
        yield turn
        tasks = take_ready(sim)
        if not tasks:
            return
        for task in tasks:
            yield from coordinator.do_common(task)
        start_s = sim.env.now
        yield from coordinator.start_turn()
        yield sim.env.timeout(costs.turn.time)
        if prewarms:
            yield from coordinator.prewarm()
        for task in tasks:
            yield sim.env.timeout(costs.brief.time)
            sim.harness.launch(task)
        coordinator.write_briefs(len(tasks))
        sim.log(start_s, Activity.TURN, COORDINATOR)
