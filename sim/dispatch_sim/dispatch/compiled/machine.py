"""The compiled engine's machinery: the heap of events, resources, the log, the books of time.

It keeps SimPy's order: events at one time by priority, then as they were scheduled; a resource is granted by an
event of its own, and passed on by another when it is given back.
"""

from __future__ import annotations

from numba import njit

from dispatch_sim.dispatch.compiled.layout import *

URGENT, NORMAL = 0, 1
_PRIORITY = 1 << 60


@njit(cache=True)
def push(s, time, priority, kind, who, token):
    """Schedule an event."""
    at = s.n[HEAP]
    if at >= s.when.shape[0]:
        s.n[OVERFLOW] = 1
        return
    s.n[HEAP] = at + 1
    order = priority * _PRIORITY + s.n[SEQUENCE]
    s.n[SEQUENCE] += 1
    while at > 0:
        parent = (at - 1) >> 1
        if s.when[parent] < time or (s.when[parent] == time and s.order[parent] < order):
            break
        s.when[at], s.order[at] = s.when[parent], s.order[parent]
        for k in range(3):
            s.event[at, k] = s.event[parent, k]
        at = parent
    s.when[at], s.order[at] = time, order
    s.event[at, 0], s.event[at, 1], s.event[at, 2] = kind, who, token


@njit(cache=True)
def pop(s):
    """Take the next event; returns its time, kind, whom it is about, and its token."""
    time = s.when[0]
    kind, who, token = s.event[0, 0], s.event[0, 1], s.event[0, 2]
    last = s.n[HEAP] - 1
    s.n[HEAP] = last
    when, order = s.when[last], s.order[last]
    at = 0
    while True:
        child = 2 * at + 1
        if child >= last:
            break
        right = child + 1
        if right < last and (
            s.when[right] < s.when[child]
            or (s.when[right] == s.when[child] and s.order[right] < s.order[child])
        ):
            child = right
        if when < s.when[child] or (when == s.when[child] and order < s.order[child]):
            break
        s.when[at], s.order[at] = s.when[child], s.order[child]
        for k in range(3):
            s.event[at, k] = s.event[child, k]
        at = child
    if at != last:
        s.when[at], s.order[at] = when, order
        for k in range(3):
            s.event[at, k] = s.event[last, k]
    return time, kind, who, token


@njit(cache=True)
def after(s, pid, seconds):
    """Let a process go on after a time."""
    push(s, s.f[NOW] + seconds, NORMAL, E_RESUME, pid, s.qi[pid, TOKEN])


@njit(cache=True)
def now(s, pid):
    """Let a process go on, after what is scheduled for this moment already."""
    push(s, s.f[NOW], NORMAL, E_RESUME, pid, s.qi[pid, TOKEN])


@njit(cache=True)
def request(s, resource, pid):
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


@njit(cache=True)
def grant(s, resource):
    """Grant a resource to who waits first, if it is free; like SimPy's, one at a time."""
    if s.ri[resource, FIRST] >= 0 and s.ri[resource, USERS] < s.ri[resource, CAPACITY]:
        pid = s.ri[resource, FIRST]
        s.ri[resource, FIRST] = s.qi[pid, NEXT]
        s.ri[resource, USERS] += 1
        s.qi[pid, GRANTED] = 1
        now(s, pid)


@njit(cache=True)
def release(s, resource):
    """Give a resource back; who waits for it has it after what is scheduled for this moment already."""
    s.ri[resource, USERS] -= 1
    push(s, s.f[NOW], NORMAL, E_RELEASED, resource, 0)


@njit(cache=True)
def withdraw(s, pid):
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
    push(s, s.f[NOW], NORMAL, E_RELEASED, resource, 0)


@njit(cache=True)
def write_log(s, start, end, kind, task, attempt, call, tokens):
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


@njit(cache=True)
def note(s, kind, t, call, tokens):
    """Log a moment of a task's attempt."""
    write_log(s, s.f[NOW], s.f[NOW], kind, t, s.ti[t, ATTEMPTS], call, tokens)


@njit(cache=True)
def enter(s, t, state, kind, call=-1, tokens=0):
    """Let a task enter a state, and book the time that it was in the last one."""
    spent = s.f[NOW] - s.tf[t, SINCE]
    if spent > 0.0:
        last = s.ti[t, STATE]
        s.times[last] += spent
        if last in (SERVICE, BACKOFF, HUNG):
            s.tf[t, BOOKS_TIME] += spent
        write_log(
            s, s.tf[t, SINCE], s.f[NOW], s.ti[t, KIND], t, s.ti[t, ATTEMPTS], s.ti[t, CALL], s.ti[t, TOKENS]
        )
    s.tf[t, SINCE] = s.f[NOW]
    s.ti[t, STATE], s.ti[t, KIND], s.ti[t, CALL], s.ti[t, TOKENS] = state, kind, call, tokens
