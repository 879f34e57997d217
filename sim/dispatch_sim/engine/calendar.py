"""Events, resources, lists of numbers, and the event log.

Events are in SimPy's order: at one time by priority, then as they were scheduled. Those of this moment go
through two queues, first in, first out; only later ones go through the heap. As SimPy's, a grant of a
resource is an event of its own, and a release passes the resource on by another.
"""

from dispatch_sim.engine import codes
from dispatch_sim.engine.records import MAX_EVENTS, NumberList, State


def at_once(s: State, kind: int, who: int, token: int) -> None:
    """Schedule an event for this moment, before all that are not of this kind: SimPy's urgent priority."""
    at = s.world.calendar.urgent_tail
    if at >= MAX_EVENTS:
        s.world.overflow = True
        return
    s.world.calendar.urgent_tail = at + 1
    event = s.urgent[at]
    event.kind, event.who, event.token = kind, who, token


def soon(s: State, kind: int, who: int, token: int) -> None:
    """Schedule an event for this moment, after what is scheduled for it already."""
    at = s.world.calendar.soon_tail
    if at >= MAX_EVENTS:
        s.world.overflow = True
        return
    s.world.calendar.soon_tail = at + 1
    event = s.soon[at]
    event.kind, event.who, event.token = kind, who, token


def later(s: State, seconds: float, kind: int, who: int, token: int) -> None:
    """Schedule an event for after a time, at that moment after what is scheduled for it already."""
    calendar = s.world.calendar
    time_s = s.world.now_s + seconds
    if time_s == s.world.now_s:
        soon(s, kind, who, token)
        return
    at = calendar.later
    if at >= MAX_EVENTS:
        s.world.overflow = True
        return
    calendar.later = at + 1
    while at > 0:
        parent = (at - 1) >> 1
        if s.calendar[parent].time_s <= time_s:  # of equal times the one that was scheduled first
            break
        _move(s, parent, at)
        at = parent
    event = s.calendar[at]
    event.time_s, event.order = time_s, calendar.scheduled
    event.kind, event.who, event.token = kind, who, token
    calendar.scheduled += 1


def _move(s: State, source: int, to: int) -> None:
    """Move an event, field by field: a copy of the whole record waits for writes of its fields to end."""
    event, other = s.calendar[to], s.calendar[source]
    event.time_s, event.order = other.time_s, other.order
    event.kind, event.who, event.token = other.kind, other.who, other.token


def _is_earlier(s: State, one: int, other: int) -> bool:
    a, b = s.calendar[one], s.calendar[other]
    return a.time_s < b.time_s or (a.time_s == b.time_s and a.order < b.order)


def next_event(s: State) -> tuple[int, int, int]:
    """Take the next event and set the clock; return its kind, whom it is about, and its token.

    What is in the heap for this moment was scheduled before this moment, so it comes before what was
    scheduled in it.
    """
    calendar = s.world.calendar
    at = calendar.urgent_head
    if at < calendar.urgent_tail:
        calendar.urgent_head = at + 1
        return s.urgent[at].kind, s.urgent[at].who, s.urgent[at].token
    calendar.urgent_head = calendar.urgent_tail = 0
    at = calendar.soon_head
    if at < calendar.soon_tail and not (calendar.later and s.calendar[0].time_s == s.world.now_s):
        calendar.soon_head = at + 1
        return s.soon[at].kind, s.soon[at].who, s.soon[at].token
    if calendar.later == 0:
        return codes.EVENT_NONE, 0, 0
    if at == calendar.soon_tail:
        calendar.soon_head = calendar.soon_tail = 0
    return _pop(s)


def _pop(s: State) -> tuple[int, int, int]:
    s.world.now_s = s.calendar[0].time_s
    kind, who, token = s.calendar[0].kind, s.calendar[0].who, s.calendar[0].token
    last = s.world.calendar.later - 1
    s.world.calendar.later = last
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        if child + 1 < last and _is_earlier(s, child + 1, child):
            child += 1
        if _is_earlier(s, last, child):
            break
        _move(s, child, at)
        at = child
    _move(s, last, at)
    return kind, who, token


def after(s: State, pid: int, seconds: float, at: int) -> None:
    """Let a process go on after a time, from a position in its program."""
    s.processes[pid].at = at
    later(s, seconds, codes.EVENT_RESUME, pid, s.processes[pid].token)


def now(s: State, pid: int) -> None:
    """Let a process go on, after what is scheduled for this moment already."""
    soon(s, codes.EVENT_RESUME, pid, s.processes[pid].token)


def request(s: State, resource: int, pid: int, at: int) -> None:
    """Queue a process for a resource; an event resumes it from a position when it has it."""
    process, of = s.processes[pid], s.resources[resource]
    process.at = at
    process.asks = resource + 1
    process.is_granted = False
    process.next = -1
    if of.first < 0:
        of.first = pid
    else:
        s.processes[of.last].next = pid
    of.last = pid
    grant(s, resource)


def grant(s: State, resource: int) -> None:
    """Grant a resource to who waits first, if it is free; like SimPy's, one at a time."""
    of = s.resources[resource]
    if of.first >= 0 and of.users < of.capacity:
        pid = of.first
        of.first = s.processes[pid].next
        of.users += 1
        s.processes[pid].is_granted = True
        now(s, pid)


def release(s: State, resource: int) -> None:
    """Give a resource back; who waits for it has it after what is scheduled for this moment already."""
    s.resources[resource].users -= 1
    soon(s, codes.EVENT_RELEASED, resource, 0)


def withdraw(s: State, pid: int) -> None:
    """Take a process out of the queue that it waits in, or give back what it has just been granted."""
    resource = s.processes[pid].asks - 1
    s.processes[pid].asks = 0
    if resource < 0:
        return
    if s.processes[pid].is_granted:
        release(s, resource)
        return
    before, at = -1, s.resources[resource].first
    while at != pid:
        before, at = at, s.processes[at].next
    if before < 0:
        s.resources[resource].first = s.processes[pid].next
    else:
        s.processes[before].next = s.processes[pid].next
    if s.resources[resource].last == pid:
        s.resources[resource].last = before
    soon(s, codes.EVENT_RELEASED, resource, 0)


def append(of: NumberList, number: int) -> None:
    """Append a number to a list."""
    of.numbers[of.length] = number
    of.length += 1


def remove(of: NumberList, number: int) -> None:
    """Remove a number from a list; the others keep their order."""
    kept = 0
    for i in range(of.length):
        of.numbers[kept] = of.numbers[i]
        if of.numbers[i] != number:
            kept += 1
    of.length = kept


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
