"""The event log, and the time that tasks spend in each state."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.records import State


def write_log(
    s: State, start_s: float, activity: int, task: int, attempt: int, call: int, tokens: int
) -> None:
    """Write an event that ends now into the log, where there is one."""
    if s.log_room == 0:
        return
    at = s.world.log_length
    if at >= s.log_room:
        s.world.overflow = True
        return
    s.world.log_length = at + 1
    entry = s.log[at]
    entry.start_s, entry.end_s, entry.activity = start_s, s.world.now_s, activity
    entry.task, entry.attempt, entry.call, entry.tokens = task, attempt, call, tokens


def note(s: State, activity: int, t: int, call: int, tokens: int) -> None:
    """Log a moment of a task's attempt."""
    write_log(s, s.world.now_s, activity, t, s.tasks[t].attempts, call, tokens)


def enter(s: State, t: int, activity: int, call: int, tokens: int) -> None:
    """Let a task begin an activity, and count the time of the last one."""
    task = s.tasks[t]
    spent_s = s.world.now_s - task.since_s
    if spent_s > 0.0:
        state = codes.STATE_OF[task.activity]
        s.world.ledger.time_s[state] += spent_s
        if codes.OF_ATTEMPT[state]:
            task.usage.time_s += spent_s
        write_log(s, task.since_s, task.activity, t, task.attempts, task.activity_call, task.activity_tokens)
    task.since_s = s.world.now_s
    task.activity, task.activity_call, task.activity_tokens = activity, call, tokens
