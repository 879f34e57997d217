"""Resources, as SimPy's: a grant is an event of its own, and a release passes the resource on by another."""

from dispatch_sim.engine import codes
from dispatch_sim.engine.calendar import now, soon
from dispatch_sim.engine.records import State


def request(s: State, resource: int, pid: int) -> None:
    """Queue a process for a resource; an event resumes it when it has it."""
    process, of = s.processes[pid], s.resources[resource]
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
