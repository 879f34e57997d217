"""What attempts write: who is overwritten, and whose copies conflict."""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import append, now, remove
from dispatch_sim.engine.records import MAX_WRITES, State
from dispatch_sim.engine.variates import attempt_number, conflict


def is_overwritten(s: State, t: int) -> bool:
    """Whether a later write has taken the place of an attempt's."""
    write = s.tasks[t].write
    return write >= 0 and s.writes[write].is_lost != 0


def begin_write(s: State, t: int) -> None:
    """Note that a writing attempt is at work."""
    s.tasks[t].write = codes.NONE
    if s.plan.conflicts.isolation == codes.BY_LOCKS or not s.groups[s.tasks[t].group].writes:
        return
    w = s.world.writes
    if w >= MAX_WRITES:
        s.world.overflow = True
        return
    s.world.writes = w + 1
    s.tasks[t].write = w
    write = s.writes[w]
    write.task, write.number, write.is_lost, write.is_safe = t, attempt_number(s, t), False, False
    write.began_s, write.returned_s, write.merged_s = s.world.now_s, math.inf, math.inf
    if s.plan.conflicts.isolation == codes.SHARED:
        append(s.writing, w)


def _write_same_thing(s: State, one: int, other: int) -> bool:
    """Whether two writes' groups write a thing in common; the locks of a group are in increasing order."""
    a, b = s.groups[s.tasks[s.writes[one].task].group], s.groups[s.tasks[s.writes[other].task].group]
    i, j = a.first_lock, b.first_lock
    while i < a.first_lock + a.locks and j < b.first_lock + b.locks:
        if s.links[i] == s.links[j]:
            return True
        if s.links[i] < s.links[j]:
            i += 1
        else:
            j += 1
    return False


def writes_conflict(s: State, one: int, other: int) -> bool:
    """Whether two writes conflict."""
    a, b = s.writes[one], s.writes[other]
    return _write_same_thing(s, one, other) and conflict(s, a.task, a.number, b.task, b.number)


def end_write(s: State, t: int, returned: bool) -> None:
    """Let a write overwrite what it conflicts with, if it has returned; what nobody can overwrite is safe."""
    w = s.tasks[t].write
    if w < 0 or s.plan.conflicts.isolation != codes.SHARED:
        return
    remove(s.writing, w)
    if returned:
        s.writes[w].returned_s = s.world.now_s
        for i in range(s.returned.length):
            other = s.returned.numbers[i]
            at_risk = s.writes[other].returned_s > s.writes[w].began_s and not s.writes[other].is_lost
            if at_risk and writes_conflict(s, w, other):
                s.writes[other].is_lost = True
        append(s.returned, w)
    kept = 0
    for i in range(s.returned.length):
        other = s.returned.numbers[i]
        if _can_be_overwritten(s, other):
            s.returned.numbers[kept] = other
            kept += 1
            continue
        s.writes[other].is_safe = True
        waiting = s.writes[other].task
        is_its_own = s.tasks[waiting].is_alive and s.tasks[waiting].write == other
        if s.processes[waiting].at == codes.AT_EXPOSED and is_its_own:
            now(s, waiting)
    s.returned.length = kept


def _can_be_overwritten(s: State, write: int) -> bool:
    for j in range(s.writing.length):
        one = s.writing.numbers[j]
        began_before = s.writes[one].began_s < s.writes[write].returned_s
        if began_before and _write_same_thing(s, one, write):
            return True
    return False
