"""A line before the limits, first in, first out; its head is served when the buckets hold enough.

The provider has one, or the client that paces its calls, for its own limiter.
"""

import math

from dispatch_sim.engine import codes
from dispatch_sim.engine.api import admit, coordinator_input, input_needed, request_answer
from dispatch_sim.engine.calendar import at_once, later, soon
from dispatch_sim.engine.records import MAX_PROCESSES, State


def _place(s: State, i: int) -> int:
    return (s.world.gateway.head + i) % MAX_PROCESSES


def _needed(s: State, place: int) -> int:
    need = s.line[place].need
    return (
        input_needed(s, s.line[place].process) if need == codes.NEEDS_PROMPT else coordinator_input(s, need)
    )


def _admit_first(s: State, place: int) -> float:
    """Admit the request at a place of the line, or return the time after which it may be.

    The answer to it is in `Process.answer_s` then: infinite where it can never be admitted. The client's own
    limiter sends it to the provider at once.
    """
    entry = s.line[place]
    process = s.processes[entry.process]
    if not s.plan.is_paced:
        wait_s = admit(s, s.world.limiter, _needed(s, place), False)
        process.answer_s = wait_s
        return 0.0 if wait_s == math.inf else wait_s
    wait_s = admit(s, s.world.pacing, _needed(s, place), True)
    if wait_s == 0.0:
        if entry.need == codes.NEEDS_PROMPT:
            process.answer_s = request_answer(s, entry.process)
        else:
            process.answer_s = admit(s, s.world.limiter, coordinator_input(s, entry.need), False)
    return wait_s


def join_line(s: State, pid: int, need: int) -> bool:
    """Get a request admitted, or let it wait in line; whether it waits.

    Parameters
    ----------
    need : input tokens; `NEEDS_PROMPT` for a task's prompt, `NEEDS_CONTEXT` for the coordinator's context:
        these are counted when the turn comes, as a wait can outlive an entry of the prompt cache.
    """
    gateway = s.world.gateway
    place = _place(s, gateway.count)
    entry = s.line[place]
    entry.process, entry.token, entry.need = pid, s.processes[pid].token, need
    gateway.count += 1
    s.processes[pid].in_line = True
    if gateway.count == 1 and not gateway.is_serving:
        if _admit_first(s, place) == 0.0:
            gateway.count = 0
            s.processes[pid].in_line = False
            return False
        gateway.is_serving = True
        at_once(s, codes.EVENT_START_SERVER, 0, 0)
    return True


def leave_line(s: State, pid: int) -> None:
    """Take an ended agent's request out of the line."""
    s.processes[pid].in_line = False
    found = 0
    while s.line[_place(s, found)].process != pid:
        found += 1
    for i in range(found, s.world.gateway.count - 1):
        s.line[_place(s, i)] = s.line[_place(s, i + 1)]
    s.world.gateway.count -= 1
    if found == 0 and s.world.gateway.is_serving:
        at_once(s, codes.EVENT_INTERRUPT_SERVER, 0, s.world.gateway.servers)


def serve_line(s: State) -> None:
    """Admit those in line as long as there is enough, and wait for the first for whom there is not."""
    gateway = s.world.gateway
    while gateway.count:
        place = gateway.head
        wait_s = _admit_first(s, place)
        if wait_s != 0.0:
            gateway.server_token += 1
            later(s, wait_s, codes.EVENT_SERVER, 0, gateway.server_token)
            return
        gateway.head = _place(s, 1)
        gateway.count -= 1
        pid = s.line[place].process
        s.processes[pid].in_line = False
        soon(s, codes.EVENT_RESUME, pid, s.line[place].token)
    gateway.is_serving = False
    gateway.servers += 1
    gateway.server_token += 1
