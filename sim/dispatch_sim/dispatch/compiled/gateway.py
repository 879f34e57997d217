"""The line of a gateway: tries that wait, first in, first out."""

from __future__ import annotations

import math

from dispatch_sim.dispatch.compiled.api import admit, coordinator_need, quota_need
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.machine import at_once, later, soon
from dispatch_sim.dispatch.compiled.routine import routine


@routine
def _line_need(s: State, at: int) -> int:
    pid, need = s.lists[LINE_LIST, at], s.lists[LINE_NEEDS, at]
    return quota_need(s, pid) if need == -2 else coordinator_need(s, need)


@routine
def _line_at(s: State, i: int) -> int:
    return (s.n[LINE_HEAD] + i) % s.lists.shape[1]


@routine
def join_line(s: State, pid: int, need: int) -> int:
    """Get a try admitted, or let it wait in line; returns 1 where it is, 0 where it never can be, -1 to wait.

    `need` is -2 for a task's prompt, -1 for the coordinator's context, or a number of tokens.
    """
    at = _line_at(s, s.n[LINE_COUNT])
    s.lists[LINE_LIST, at], s.lists[LINE_TOKENS, at], s.lists[LINE_NEEDS, at] = pid, s.qi[pid, TOKEN], need
    s.n[LINE_COUNT] += 1
    s.qi[pid, IN_LINE] = 1
    if s.n[LINE_COUNT] == 1 and not s.n[SERVER]:
        wait_s = admit(s, _line_need(s, at))
        if wait_s == 0.0 or wait_s == math.inf:
            s.n[LINE_COUNT] = 0
            s.qi[pid, IN_LINE] = 0
            return 1 if wait_s == 0.0 else 0
        s.n[SERVER] = 1
        at_once(s, E_START_SERVER, 0, 0)
    return -1


@routine
def leave_line(s: State, pid: int) -> None:
    """Take an ended agent's try out of the line."""
    s.qi[pid, IN_LINE] = 0
    found = -1
    for i in range(s.n[LINE_COUNT]):
        if s.lists[LINE_LIST, _line_at(s, i)] == pid:
            found = i
            break
    for i in range(found, s.n[LINE_COUNT] - 1):
        to, of = _line_at(s, i), _line_at(s, i + 1)
        for row in (LINE_LIST, LINE_TOKENS, LINE_NEEDS):
            s.lists[row, to] = s.lists[row, of]
    s.n[LINE_COUNT] -= 1
    if found == 0 and s.n[SERVER]:
        at_once(s, E_INTERRUPT_SERVER, 0, s.n[SERVERS])


@routine
def serve_line(s: State) -> None:
    """Admit those in line as long as there is enough, and wait for the first for whom there is not."""
    while s.n[LINE_COUNT]:
        at = s.n[LINE_HEAD]
        wait_s = admit(s, _line_need(s, at))
        if wait_s != 0.0 and wait_s != math.inf:
            s.n[SERVER_TOKEN] += 1
            later(s, wait_s, E_SERVER, 0, s.n[SERVER_TOKEN])
            return
        s.n[LINE_HEAD] = _line_at(s, 1)
        s.n[LINE_COUNT] -= 1
        pid = s.lists[LINE_LIST, at]
        s.qi[pid, IN_LINE] = 0
        s.qi[pid, ADMITTED] = wait_s == 0.0
        soon(s, E_RESUME, pid, s.lists[LINE_TOKENS, at])
    s.n[SERVER] = 0
    s.n[SERVERS] += 1
    s.n[SERVER_TOKEN] += 1
