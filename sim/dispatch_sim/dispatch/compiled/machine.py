"""The compiled engine's machinery: the heap of events, resources, the log, the books of time.

It keeps SimPy's order: events at one time by priority, then as they were scheduled; a resource is granted by an
event of its own, and passed on by another when it is given back.
"""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.routine import routine


@routine
def at_once(s: State, kind: int, who: int, token: int) -> None:
    """Schedule an event for this moment, before all that are not of this kind: SimPy's urgent priority."""
    at = s.n[URGENT_TAIL]
    if at >= s.urgent.shape[0]:
        s.n[OVERFLOW] = 1
        return
    s.n[URGENT_TAIL] = at + 1
    s.urgent[at, 0] = kind
    s.urgent[at, 1] = who
    s.urgent[at, 2] = token


@routine
def soon(s: State, kind: int, who: int, token: int) -> None:
    """Schedule an event for this moment, after what is scheduled for it already."""
    at = s.n[SOON_TAIL]
    if at >= s.soon.shape[0]:
        s.n[OVERFLOW] = 1
        return
    s.n[SOON_TAIL] = at + 1
    s.soon[at, 0] = kind
    s.soon[at, 1] = who
    s.soon[at, 2] = token


@routine
def later(s: State, seconds: float, kind: int, who: int, token: int) -> None:
    """Schedule an event for after a time, at that moment after what is scheduled for it already."""
    time = s.f[NOW] + seconds
    if time == s.f[NOW]:
        soon(s, kind, who, token)
        return
    at = s.n[HEAP]
    if at >= s.when.shape[0]:
        s.n[OVERFLOW] = 1
        return
    s.n[HEAP] = at + 1
    order = s.n[SEQUENCE]
    s.n[SEQUENCE] = order + 1
    while at > 0:
        parent = (at - 1) >> 1
        if s.when[parent] <= time:  # of equal times the one that was scheduled first
            break
        _move(s, parent, at)
        at = parent
    s.when[at] = time
    s.order[at] = order
    s.event[at, 0] = kind
    s.event[at, 1] = who
    s.event[at, 2] = token


@routine
def _move(s: State, source: int, to: int) -> None:
    s.when[to] = s.when[source]
    s.order[to] = s.order[source]
    for k in range(3):
        s.event[to, k] = s.event[source, k]


@routine
def _is_earlier(s: State, one: int, other: int) -> bool:
    return s.when[one] < s.when[other] or (s.when[one] == s.when[other] and s.order[one] < s.order[other])


@routine
def next_event(s: State) -> tuple[int, int, int]:
    """Take the next event and set the clock; returns its kind, whom it is about, and its token.

    What is in the heap for this moment was scheduled before this moment, so it comes before what was scheduled in it.
    """
    at = s.n[URGENT_HEAD]
    if at < s.n[URGENT_TAIL]:
        s.n[URGENT_HEAD] = at + 1
        return s.urgent[at, 0], s.urgent[at, 1], s.urgent[at, 2]
    s.n[URGENT_HEAD] = s.n[URGENT_TAIL] = 0
    at = s.n[SOON_HEAD]
    if at < s.n[SOON_TAIL] and not (s.n[HEAP] and s.when[0] == s.f[NOW]):
        s.n[SOON_HEAD] = at + 1
        return s.soon[at, 0], s.soon[at, 1], s.soon[at, 2]
    if s.n[HEAP] == 0:
        return E_NONE, 0, 0
    if at == s.n[SOON_TAIL]:
        s.n[SOON_HEAD] = s.n[SOON_TAIL] = 0
    return _pop(s)


@routine
def _pop(s: State) -> tuple[int, int, int]:
    s.f[NOW] = s.when[0]
    event = s.event[0, 0], s.event[0, 1], s.event[0, 2]
    last = s.n[HEAP] - 1
    s.n[HEAP] = last
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
    return event


@routine
def after(s: State, pid: int, seconds: float) -> None:
    """Let a process go on after a time."""
    later(s, seconds, E_RESUME, pid, s.qi[pid, TOKEN])


@routine
def now(s: State, pid: int) -> None:
    """Let a process go on, after what is scheduled for this moment already."""
    soon(s, E_RESUME, pid, s.qi[pid, TOKEN])


@routine
def request(s: State, resource: int, pid: int) -> None:
    """Queue a process for a resource; an event tells it when it has it."""
    s.qi[pid, ASKS] = resource + 1
    s.qi[pid, GRANTED] = 0
    s.qi[pid, NEXT] = -1
    if s.ri[resource, FIRST] < 0:
        s.ri[resource, FIRST] = pid
    else:
        s.qi[s.ri[resource, LAST], NEXT] = pid
    s.ri[resource, LAST] = pid
    grant(s, resource)


@routine
def grant(s: State, resource: int) -> None:
    """Grant a resource to who waits first, if it is free; like SimPy's, one at a time."""
    if s.ri[resource, FIRST] >= 0 and s.ri[resource, USERS] < s.ri[resource, CAPACITY]:
        pid = s.ri[resource, FIRST]
        s.ri[resource, FIRST] = s.qi[pid, NEXT]
        s.ri[resource, USERS] += 1
        s.qi[pid, GRANTED] = 1
        now(s, pid)


@routine
def release(s: State, resource: int) -> None:
    """Give a resource back; who waits for it has it after what is scheduled for this moment already."""
    s.ri[resource, USERS] -= 1
    soon(s, E_RELEASED, resource, 0)


@routine
def withdraw(s: State, pid: int) -> None:
    """Take a process out of the queue that it waits in, or give back what it has just been granted."""
    resource = s.qi[pid, ASKS] - 1
    s.qi[pid, ASKS] = 0
    if resource < 0:
        return
    if s.qi[pid, GRANTED]:
        release(s, resource)
        return
    before, at = -1, s.ri[resource, FIRST]
    while at != pid:
        before, at = at, s.qi[at, NEXT]
    if before < 0:
        s.ri[resource, FIRST] = s.qi[pid, NEXT]
    else:
        s.qi[before, NEXT] = s.qi[pid, NEXT]
    if s.ri[resource, LAST] == pid:
        s.ri[resource, LAST] = before
    soon(s, E_RELEASED, resource, 0)


@routine
def write_log(
    s: State, start: float, end: float, kind: int, task: int, attempt: int, call: int, tokens: int
) -> None:
    """Write an event into the log, where there is one."""
    if not s.n[LOG]:
        return
    at = s.n[LOG_LENGTH]
    if at >= s.log_times.shape[0]:
        s.n[OVERFLOW] = 1
        return
    s.n[LOG_LENGTH] = at + 1
    s.log_times[at, 0], s.log_times[at, 1] = start, end
    s.log_rest[at, 0], s.log_rest[at, 1], s.log_rest[at, 2] = kind, task, attempt
    s.log_rest[at, 3], s.log_rest[at, 4] = call, tokens


@routine
def note(s: State, kind: int, t: int, call: int, tokens: int) -> None:
    """Log a moment of a task's attempt."""
    write_log(s, s.f[NOW], s.f[NOW], kind, t, s.ti[t, ATTEMPTS], call, tokens)


@routine
def enter(s: State, t: int, state: int, kind: int, call: int = -1, tokens: int = 0) -> None:
    """Let a task enter a state, and book the time that it was in the last one."""
    spent = s.f[NOW] - s.tf[t, SINCE]
    if spent > 0.0:
        last = s.ti[t, STATE]
        s.times[last] += spent
        if last == SERVICE or last == BACKOFF or last == HUNG:
            s.tf[t, BOOKS_TIME] += spent
        write_log(
            s, s.tf[t, SINCE], s.f[NOW], s.ti[t, KIND], t, s.ti[t, ATTEMPTS], s.ti[t, CALL], s.ti[t, TOKENS]
        )
    s.tf[t, SINCE] = s.f[NOW]
    s.ti[t, STATE], s.ti[t, KIND], s.ti[t, CALL], s.ti[t, TOKENS] = state, kind, call, tokens
