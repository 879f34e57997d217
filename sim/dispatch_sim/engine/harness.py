"""What the harness imposes: a cap on agents, and a counter of calls in windows."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.backlog import add, leave_to_person
from dispatch_sim.engine.calendar import after, at_once
from dispatch_sim.engine.events import enter, note
from dispatch_sim.engine.lists import append
from dispatch_sim.engine.records import State
from dispatch_sim.engine.resources import release


def launch(s: State, t: int) -> None:
    """Begin an attempt in a free slot, unless the harness refuses it or the run is aborted."""
    if s.world.aborted:
        leave_to_person(s, t)
        return
    slots, task = s.world.slots, s.tasks[t]
    if s.plan.refuses and s.plan.cap and slots.count >= s.plan.cap:
        s.world.ledger.refused_launches += 1
        note(s, codes.REFUSED_LAUNCH, t, -1, 0)
        slots.most = min(slots.most, s.plan.cap)
        slots.window = min(slots.window, float(slots.most))
        append(s.refused, t)
        return
    slots.count += 1
    s.world.active += 1
    task.attempts += 1
    task.usage = task.checkpoint.usage
    enter(s, t, codes.HARNESS, -1, 0)
    note(s, codes.LAUNCH, t, -1, 0)
    task.instructions = s.world.instructions
    task.inherited = s.world.context.length if s.plan.forks else 0
    task.merging = False
    task.is_alive = True
    s.processes[t].token += 1
    if s.plan.cancels_others:
        append(s.cascading, t)
    at_once(s, codes.EVENT_START_ATTEMPT, t, 0)


def requeue_refused(s: State) -> None:
    """Let launches that were refused wait again, before all others."""
    for i in range(s.refused.length):
        add(s, s.refused.numbers[i], codes.FIRST)
    s.refused.length = 0


def count_call(s: State, t: int) -> bool:
    """Count a call of a task that holds the call window; False where it waits for a whole window first."""
    world, process = s.world, s.processes[t]
    window = int(world.now_s // s.plan.call_window_s)
    if window > world.call_window or process.at == codes.AT_NEXT_WINDOW:
        world.call_window, world.calls_in_window = window, 0
    if world.calls_in_window >= s.plan.calls_per_window:
        process.at = codes.AT_NEXT_WINDOW
        after(s, t, s.plan.call_window_s)
        return False
    world.calls_in_window += 1
    release(s, codes.CALL_WINDOW)
    return True
