"""The coordinator's own calls: turns, compaction, the shared prefix."""

from __future__ import annotations

from dispatch_sim.dispatch.compiled.api import (
    admit,
    charge_output,
    context_read,
    coordinator_need,
    first_token_time,
    send_shared,
    shared_is_readable,
)  # fmt: skip
from dispatch_sim.dispatch.compiled.gateway import join_line
from dispatch_sim.dispatch.compiled.layout import *
from dispatch_sim.dispatch.compiled.luck import whole
from dispatch_sim.dispatch.compiled.machine import after, write_log
from dispatch_sim.dispatch.compiled.routine import routine


@routine
def _coordinator_admitted(s: State, pid: int, need: int) -> bool:
    """Get a call of the coordinator admitted; False where the process has to wait, and to ask again then."""
    if s.pi[WAITS]:
        if s.qi[pid, STAGE_IN_LINE]:
            s.qi[pid, STAGE_IN_LINE] = 0
            return True
        if join_line(s, pid, need) >= 0:
            return True
        s.qi[pid, STAGE_IN_LINE] = 1
        return False
    retry_after_s = admit(s, coordinator_need(s, need))
    if retry_after_s == 0.0:
        return True
    s.n[REJECTED_TRIES] += 1
    write_log(s, s.f[NOW], s.f[NOW], K_LIMITED, -1, 0, -1, 0)
    after(s, pid, retry_after_s)
    return False


@routine
def _book_context(s: State) -> None:
    """Book what of the coordinator's context is read and written."""
    read = context_read(s)
    s.ledger[CONTEXT, CACHE_READ] += read
    s.ledger[CONTEXT, CACHE_WRITE] += s.n[CONTEXT_LENGTH] - read
    s.n[CONTEXT_SENT], s.f[CONTEXT_SENT_S] = s.n[CONTEXT_LENGTH], s.f[NOW]


@routine
def begin_turn(s: State, pid: int) -> bool:
    """Get a turn admitted, and the context compacted before; False where the process has to wait."""
    stage = s.qi[pid, STAGE]
    if stage == T_BEGIN:
        if not s.pi[HAS_CONTEXT]:
            return _coordinator_admitted(s, pid, 0)
        stage = T_COMPACT if s.n[CONTEXT_LENGTH] > s.pf[CONTEXT_WINDOW] else T_SEND
        s.qi[pid, STAGE] = stage
    if stage == T_COMPACT:
        if not _coordinator_admitted(s, pid, -1):
            return False
        _book_context(s)
        s.qf[pid, COMPACTION_STARTED] = s.f[NOW]
        s.qi[pid, NEED] = s.n[CONTEXT_LENGTH]
        s.qi[pid, STAGE] = T_COMPACTING
        after(s, pid, s.pf[COMPACTION_TIME])
        return False
    if stage == T_COMPACTING:
        charge_writing(s, CONTEXT, -1, s.pf[COMPACTION_TOKENS])
        s.n[CONTEXT_LENGTH] += s.pi[CONTEXT_START] - s.qi[pid, NEED]
        s.n[CONTEXT_SENT] = s.pi[CONTEXT_START]
        s.n[COMPACTIONS] += 1
        write_log(s, s.qf[pid, COMPACTION_STARTED], s.f[NOW], K_COMPACTION, -1, 0, -1, 0)
        s.qi[pid, STAGE] = T_SEND
    if not _coordinator_admitted(s, pid, -1):
        return False
    _book_context(s)
    s.qi[pid, STAGE] = T_BEGIN
    return True


@routine
def charge_writing(s: State, cause: int, t: int, tokens: float) -> None:
    """Charge and book what the coordinator has written, of a task's books or (-1) of the ledger."""
    written = whole(tokens)
    if t >= 0:
        s.books[t, cause, COUNTED] += written
        s.books[t, cause, OUTPUT] += written
    else:
        s.ledger[cause, COUNTED] += written
        s.ledger[cause, OUTPUT] += written
    charge_output(s, written)
    if s.pi[HAS_CONTEXT]:
        s.n[CONTEXT_LENGTH] += written


@routine
def prefix_is_cold(s: State) -> bool:
    """Whether the agents' shared prefix can be in the cache and is not to be read now."""
    can_be = s.pi[HAS_CACHE] == 1 and s.pi[SHARED_TOKENS] >= max(1.0, s.pf[CACHE_MINIMUM])
    return can_be and not shared_is_readable(s)


@routine
def warm_prefix(s: State, pid: int) -> bool:
    """Write the agents' shared prefix to the cache where it is cold; False where the process has to wait."""
    prefix = s.pi[SHARED_TOKENS]
    if s.qi[pid, PREFIX_STAGE] == 0:
        if not prefix_is_cold(s):
            return True
        s.qi[pid, PREFIX_STAGE] = 1
    if s.qi[pid, PREFIX_STAGE] == 1:
        if not _coordinator_admitted(s, pid, prefix):
            return False
        s.ledger[COORDINATION, COUNTED] += prefix
        s.ledger[COORDINATION, CACHE_WRITE] += prefix
        first_token_s = first_token_time(s, prefix, 0)
        send_shared(s, first_token_s)
        s.qf[pid, COMPACTION_STARTED] = s.f[NOW]
        s.qi[pid, PREFIX_STAGE] = 2
        after(s, pid, first_token_s)
        return False
    charge_output(s, 0)
    write_log(s, s.qf[pid, COMPACTION_STARTED], s.f[NOW], K_PREWARM, -1, 0, -1, prefix)
    s.qi[pid, PREFIX_STAGE] = 0
    return True
