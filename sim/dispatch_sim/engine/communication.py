"""Communication between agents: two rounds with a brief for all between, or a blackboard."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.backlog import add, add_group, notify
from dispatch_sim.engine.calendar import after, append, at_once, enter, release, remove, write_log
from dispatch_sim.engine.coordinator import begin_turn, write_output
from dispatch_sim.engine.records import State
from dispatch_sim.model.accounting import Purpose
from dispatch_sim.scenario.quantities import whole


def is_first_round(s: State, t: int) -> bool:
    """Whether a task's attempt is of the first of two rounds."""
    return s.plan.communication.kind == codes.ROUNDS and not s.tasks[t].second_round


def messages(s: State, t: int) -> int:
    """Return the tokens that a task's next call reads from other agents."""
    task = s.tasks[t]
    if s.plan.communication.kind == codes.BLACKBOARD:
        return whole(s.plan.communication.post.tokens) * (s.groups[task.group].working - 1)
    if s.plan.communication.kind == codes.ROUNDS and task.second_round and not task.prompt.sent:
        return whole(s.plan.communication.brief.tokens)
    return 0


def plan_calls(s: State, t: int) -> None:
    """Set the calls that an attempt has to make: all, those of its round, or those not done yet."""
    task = s.tasks[t]
    calls = task.variates.calls
    first, end = 0, calls
    if s.plan.communication.kind == codes.ROUNDS and task.rework == 0.0:
        half = min((calls + 1) // 2, calls)
        if task.second_round:
            first = min(half, calls - 1)
        else:
            end = half
    task.call = max(first, task.checkpoint.done_calls)
    task.last_call = end - 1


def end_first_round(s: State, t: int, by_agent: bool) -> None:
    """Let a task wait for its second round unless a person has finished it; brief a complete group."""
    group = s.groups[s.tasks[t].group]
    if by_agent:
        s.tasks[t].second_round = True
        enter(s, t, codes.ROUND, -1, 0)
        append(s.second_round, t)
        group.awaiting_second += 1
    group.first_round_unfinished -= 1
    waits = group.awaiting_second > 0 and not group.is_briefing
    if group.first_round_unfinished == 0 and waits:
        group.is_briefing = True
        at_once(s, codes.EVENT_START_ROUND, s.tasks[t].group, 0)


def stop_waiting_for_brief(s: State, t: int) -> None:
    """Let a task that waits for the brief wait for an attempt again."""
    remove(s.second_round, t)
    s.groups[s.tasks[t].group].awaiting_second -= 1
    enter(s, t, codes.WAIT, -1, 0)
    add(s, t, codes.LAST)


def resume_interim_brief(s: State, group: int) -> None:
    """Go on with the brief between a group's rounds; then its tasks wait for their second attempt."""
    pid = s.plan.first_interim + group
    process = s.processes[pid]
    if process.at == codes.AT_INTERIM_REQUEST:
        process.turn_started_s = s.world.now_s
        process.at = codes.AT_INTERIM_BEGIN
    if process.at == codes.AT_INTERIM_BEGIN:
        if begin_turn(s, pid):
            after(s, pid, s.plan.communication.brief.time, codes.AT_INTERIM)
        return
    write_output(s, s.world.ledger.usage[Purpose.COORDINATION], s.plan.communication.brief.tokens)
    write_log(s, process.turn_started_s, codes.INTERIM, codes.NONE, 0, -1, 0)
    release(s, codes.COORDINATOR)
    s.groups[group].is_briefing = False
    if s.groups[group].first_round_unfinished:
        return
    add_group(s, s.second_round, group)
    s.groups[group].awaiting_second = 0
    notify(s)
