"""The barrier of a wave: outputs, and failures of a wave, wait until all agents are back."""

from __future__ import annotations

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import after, soon
from dispatch_sim.engine.events import enter
from dispatch_sim.engine.merge import merge
from dispatch_sim.engine.records import State
from dispatch_sim.scenario.tasks import MAX_TASKS


def wait_at_barrier(s: State, t: int) -> None:
    """Wait until all is back."""
    enter(s, t, codes.BARRIER, -1, 0)
    s.processes[t].at = codes.AT_BARRIER
    if s.world.barrier_high - s.world.barrier_low >= MAX_TASKS:
        s.world.overflow = True
        return
    entry = s.barrier[s.world.barrier_high % MAX_TASKS]
    entry.process, entry.token = t, s.processes[t].token
    s.world.barrier_high += 1


def after_barrier(s: State, t: int) -> None:
    """Merge; where a failure cancels others, after the failures of this moment are seen."""
    if s.plan.cancels_others and s.tasks[t].failure == codes.NONE:
        s.processes[t].at = codes.AT_FAILURES_SEEN
        after(s, t, 0.0)
        return
    merge(s, t)


def lift_barrier(s: State) -> None:
    """Release what waits at the barrier; later ones wait for the next lift."""
    low, high = s.world.barrier_lifted, s.world.barrier_high
    s.world.barrier_lifted = high
    if high > low:
        soon(s, codes.EVENT_BARRIER, low, high)
