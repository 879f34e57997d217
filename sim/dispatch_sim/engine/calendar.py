"""The calendar of events, in SimPy's order: at one time by priority, then as they were scheduled.

Events of this moment go through two queues, first in, first out; only later ones go through the heap.
"""

from dispatch_sim.engine import codes
from dispatch_sim.engine.records import MAX_EVENTS, State


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


def after(s: State, pid: int, seconds: float) -> None:
    """Let a process go on after a time."""
    later(s, seconds, codes.EVENT_RESUME, pid, s.processes[pid].token)


def now(s: State, pid: int) -> None:
    """Let a process go on, after what is scheduled for this moment already."""
    soon(s, codes.EVENT_RESUME, pid, s.processes[pid].token)
