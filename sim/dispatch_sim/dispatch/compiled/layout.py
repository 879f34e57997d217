"""Where everything stands in the compiled engine's arrays.

A plan is arrays of parameters, a replication's state is arrays for the world, its tasks and its processes. The names
are indices into them: ``s.n[NOT_DONE]`` of the world, ``s.ti[t, FAILURES]`` of a task.
"""

# fmt: off

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.outcome import MEASURES

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

# ---- the table of distributions: a row of this length has the kind, see `draws`
ROW = 6
CONSTANT, UNIFORM, TRIANGULAR, EXPONENTIAL, LOGNORMAL, GAMMA, WEIBULL, LOGLOGISTIC, EMPIRICAL, MIXTURE = range(10)

# ---- s.pi: parameters, whole numbers; the names with _DIST are rows of the table of distributions
(
    TASKS, GROUPS, WIDTH, REFILLS, ADAPTIVE, BARRIER_MERGE, BY_SCRIPT, WARM_UP, ORDER, WAITS_FOR_RECOVERY,
    ISOLATION, COMMUNICATION, POLICY, MOST_FAILURES,
    WAITS, COUNTS_REFUSED, COUNTS_READS, HAS_CACHE, HAS_LATENCY, RETRIES, GIVES_UP_ABOVE, HAS_RETRY_AFTER,
    BACKOFF_IS_FLOOR,
    SPAWN_TOKENS_DIST, SPAWN_TIME_DIST, RETURN_TOKENS_DIST, RETURN_TIME_DIST, SHARED_TOKENS,
    HAS_CONTEXT, CONTEXT_START, CAP, REFUSES, PACE_CALLS, HAS_HARD, HAS_SOFT,
    REVIEW_EVERY, REVIEW_DIST, RECOVERY_DIST, CLEAN_UP_DIST, RESOLVE_DIST, POST_TOKENS, INTERIM_TOKENS, LOCKS,
    SEED, PI_SIZE,
) = range(45)
NO_REVIEW, AFTER_ROUND = 0, -1
"""Values of REVIEW_EVERY besides a number of outputs."""

# ---- s.pf: parameters, floats
(
    REQUEST_RATE, REQUEST_CAPACITY, INPUT_RATE, INPUT_CAPACITY, OUTPUT_RATE, OUTPUT_CAPACITY, RESERVED, RETRY_AFTER,
    TTL, FIRST_TOKEN, CACHE_MINIMUM, LATENCY_BASE, LATENCY_OUTPUT, LATENCY_UNCACHED, LATENCY_CACHED,
    PRICE_INPUT, PRICE_WRITE, PRICE_READ, PRICE_OUTPUT, OVERLOADED,
    BACKOFF_INITIAL, BACKOFF_FACTOR, BACKOFF_CAP, JITTER_SHARE, OBEYED_UP_TO,
    RETRY_AFTER_JITTER, EXTRA_DELAY,
    BRIEF_TOKENS, BRIEF_TIME, TURN_TOKENS, TURN_TIME, CONTEXT_WINDOW, COMPACTION_TOKENS, COMPACTION_TIME,
    CRASH, BAD_OUTPUT, HANG, BAD_BRIEF, SOFT, OBEYED, HARD, CONFLICT, SETUP_TIME, POST_TIME, INTERIM_TIME,
    PACE_WINDOW, INTERIM_WRITTEN, STRUCTURED_TOKENS, STRUCTURED_TIME, STRUCTURED_PEOPLE, PROSE_TOKENS, PROSE_TIME, PROSE_PEOPLE,
    PAIR_TOKENS, PAIR_TIME, PAIR_PEOPLE, REVIEW_EACH, VALUE_WAITING, VALUE_PEOPLE, PF_SIZE,
) = range(60)

# ---- s.gi, s.gf: of each group
(
    CALLS_DIST, TOKENS_DIST, DURATION_DIST, TOOL_DIST, ARRIVAL_DIST, PROSE, WRITES, APART, FIRST_LOCK, LOCK_COUNT,
    HAS_DURATION, HAS_TOOLS, SIZE, FIRST_FOLLOWER, FOLLOWERS, ARRIVES_LATE, GI_SIZE,
) = range(17)
OUTPUT_SHARE, COUPLING, BATCH_WEIGHT, TASK_WEIGHT, ATTEMPT_WEIGHT, GF_SIZE = range(6)

# ---- s.n: the world, whole numbers
(
    SEQUENCE, HEAP, URGENT_HEAD, URGENT_TAIL, SOON_HEAD, SOON_TAIL, OVERFLOW, LOG, LOG_LENGTH,
    NOT_DONE, RUNNING, UNSETTLED, RECOVERING, CAME, WAITING, HELD, FAILED_IN_ROUND, REFUSED_WAITING, ACTIVE_COUNT,
    CONDITION, CLOSED, GATES, GATE_WAITING, WRONG, INSTRUCTIONS_NOW, BARRIER_LOW, BARRIER_HIGH,
    LINE_HEAD, LINE_TAIL, LINE_COUNT, SERVER, SERVER_TOKEN, PACE_WINDOWS, PACE_TAKEN,
    CONTEXT_LENGTH, CONTEXT_SENT, MOST, QUOTA_REQUESTS, QUOTA_INPUT, QUOTA_OUTPUT,
    BEGUN, WORKING_COUNT, RETURNED_COUNT, MERGING_COUNT, MERGED_COUNT, SECOND_COUNT, TAKEN, HAND_COUNT, HAND_AT,
    BARRIER_LIFTED, SERVERS, WRITES_BEGUN,
    REJECTED_TRIES, RECOVERED, REFUSED_LAUNCHES, MERGE_CONFLICTS, REWORKED, REVIEWS, COMPACTIONS, DRAWN_AT, ABORTED, N_SIZE,
) = range(62)

# ---- s.f: the world, floats
(
    NOW, REQUEST_LEVEL, REQUEST_UPDATED, INPUT_LEVEL, INPUT_UPDATED, OUTPUT_LEVEL, OUTPUT_UPDATED,
    SHARED_READABLE, SHARED_USED, CONTEXT_SENT_S, ADAPTIVE_WIDTH, SHRUNK, FLOW, WASTED_TIME,
    PEOPLE_MERGE, PEOPLE_RECOVERY, PEOPLE_CONFLICTS, PEOPLE_REVIEW, BATCH_CALLS, BATCH_TOKENS, BATCH_DURATION, F_SIZE,
) = range(22)

# ---- s.ti: a task, whole numbers
(
    GROUP, INDEX, ATTEMPTS, FAILURES, STATE, KIND, CALL, TOKENS, IN_SLOT, MERGING, INSTRUCTIONS, SECOND_ROUND,
    ORIGIN, DONE_CALLS, HAS_SAVED, ALIVE, TRY, FAILURE, HAS_PROMPT, P_SPAWN, P_SHARED, P_CONTEXT, P_NEW, P_HEARD,
    P_SENT, SENT_BEFORE, L_CALLS, L_READ, L_WRITTEN, L_SPAWN, L_RETURN, L_CRASH, L_HANG, L_OBEYS, L_BAD, LOCKS_HELD, HAS_PLACE,
    WRITE, AT_CALL, LAST_CALL, PENDING_OUTPUT, BLIND, UNSEEN_COUNTED, SAVED_CONTEXT,
    MADE_COUNT, TI_SIZE,
) = range(46)

# ---- s.tf: a task, floats
(
    ARRIVED, LAUNCHED, SINCE, REWORK, BLIND_SHARE, STARTED, BOOKS_TIME, SAVED_TIME, L_CALL_TIME, L_SPAWN_TIME,
    L_RETURN_TIME, SENT_S, SENT_S_BEFORE, PERSON_TIME, MERGE_TIME, MERGE_TOKENS, TF_SIZE,
) = range(17)

FIRST_L, SIZE_L, FIRST_L_TIME, SIZE_L_TIME = L_CALLS, L_BAD - L_CALLS + 1, L_CALL_TIME, L_RETURN_TIME - L_CALL_TIME + 1
"""Where what is drawn for an attempt stands in s.ti and s.tf."""

# ---- s.qi, s.qf: a process, that of a task, the dispatcher, the gate, or a group's second round
PC, STAGE, IN_LINE, STAGE_IN_LINE, ADMITTED, TOKEN, NEXT, ASKS, GRANTED, PREFIX_STAGE, NEED, BACK_TO, QI_SIZE = range(13)
TURN_STARTED, COMPACTION_STARTED, QF_SIZE = range(3)

MOST_MADE = 8
"""Attempts of a task whose work is kept until it is done."""

# ---- s.wi, s.wf: a write
W_TASK, W_NUMBER, W_LOST, W_SAFE, WI_SIZE = range(5)
W_BEGAN, W_RETURNED, W_MERGED, WF_SIZE = range(4)

# ---- s.ri: a resource
USERS, CAPACITY, FIRST, LAST, RI_SIZE = range(5)
COORDINATOR, PERSON, PLACES, PACER, FIRST_OF_LOCKS = range(5)

# ---- a task's books and the ledger: what for, and of which class
WORK, SPAWN, RETURN, COORDINATION, MERGE, WASTED, CONTEXT, REWORKING, CAUSES = range(9)
"""In the order of `outcome.Cause`."""
COUNTED, INPUT, CACHE_WRITE, CACHE_READ, OUTPUT, CLASSES = range(6)
"""In the order of `outcome.Usage`."""

# ---- states of a task, in the order of `outcome.State`
WAIT, SERVICE, BACKOFF, BLOCKED, MERGES, RECOVERY, HUNG, REVIEW, STATES = range(9)

# ---- failures, in the order of `outcome.Failure`
(
    CRASHED, REFUSED, TOO_LARGE, BAD, HANGING, KILLED, OVERWRITTEN, CANCELLED, WRONG_BRIEF, FAILURE_KINDS,
) = range(10)
NONE = -1

# ---- kinds of log events, in the order of `log.EventKind`
(
    K_WAIT, K_LAUNCH, K_SPAWN, K_PREFIX, K_GATEWAY, K_LIMITED, K_OVERLOADED, K_BACKOFF, K_CALL, K_TOOLS, K_CRASH,
    K_RETURN, K_HARNESS, K_REFUSED_LAUNCH, K_LOCK, K_PACE, K_HANG, K_TIMEOUT, K_CANCELLED, K_BARRIER,
    K_COORDINATOR_BUSY, K_PERSON_BUSY, K_MERGE, K_MERGE_BY_PERSON, K_BAD_OUTPUT, K_OVERWRITTEN, K_EXPOSED,
    K_CLEAN_UP, K_RESOLVE, K_REWORK, K_GATE, K_REVIEW, K_WRONG_BRIEF, K_ROUND, K_DEPENDENCY, K_RECOVERY, K_TURN,
    K_PREWARM, K_INTERIM, K_COMPACTION,
) = range(40)

# ---- events of the simulation
(
    E_RESUME, E_START_ATTEMPT, E_INTERRUPT, E_START_TIMER, E_TIMER, E_START_RECOVERY, E_RELEASED, E_BARRIER,
    E_VERDICT, E_START_GATE, E_START_SERVER, E_SERVER, E_INTERRUPT_SERVER, E_START_ARRIVALS, E_ARRIVAL,
    E_START_ROUND, E_START_DISPATCHER, E_END, E_NONE,
) = range(19)

# ---- options
NO_WARM_UP, STAGGER, PREWARM = range(3)
AS_GIVEN, LONGEST_FIRST, SHORTEST_FIRST = range(3)
SHARED, WORKTREE, BY_LOCKS = range(3)
SILENT, ROUNDS, BLACKBOARD = range(3)
FAILED_ONLY, RESUME, CASCADE, ABORT, NO_RETRY = range(5)


# ---- places in the programs of processes: an attempt's, the dispatcher's, the gate's, a second round's
(
    A_PLACE, A_LOCK, A_SPAWN, A_PREFIX, A_PACER, A_PACE, A_LINE, A_BACKOFF, A_CALL, A_TOOLS, A_RETURN,
    A_SILENT, B_BARRIER, B_SEEN, M_WAIT, M_TURN, M_MERGE, M_PERSON, M_BY_PERSON, M_RESOLVE_WAIT,
    M_RESOLVE, M_EXPOSED, M_CLEAN_WAIT, M_CLEAN, G_APPROVAL, R_WAIT, R_WORK,
) = range(27)
(
    D_REFILL, D_REFILL_WOKEN, D_ROUND, D_ROUND_WOKEN, D_IDLE, D_IDLE_WOKEN, D_OVER_WOKEN,
    D_SCRIPT_PREFIX, D_SCRIPT, D_WAIT, D_BEGIN, D_TURN, D_PREFIX, D_BRIEF, D_DONE,
) = range(15)
G_WAIT, G_LOOK = range(2)
S_WAIT, S_BEGIN, S_WRITE = range(3)

# ---- what the dispatcher waits for
NOTHING, MAY_REFILL_OR_IDLE, MAY_HAND_OUT_OR_DONE, IDLE, ROUND_IS_OVER = range(5)

# ---- stages of a coordinator's turn
T_BEGIN, T_COMPACT, T_COMPACTING, T_SEND = range(4)


class State(NamedTuple):
    """All arrays: a plan's, and a replication's."""

    pi: NDArray[np.int64]
    pf: NDArray[np.float64]
    gi: NDArray[np.int64]
    gf: NDArray[np.float64]
    keys: NDArray[np.uint64]
    """Of the batch and then of each group."""
    table: NDArray[np.float64]
    """Distributions."""
    batch: NDArray[np.int64]
    """Of each task its group and index."""
    locks: NDArray[np.int64]
    """Of each group its locks, in the order in which they are taken, then the groups that follow it."""
    meets: NDArray[np.bool_]
    """Which groups write the same thing."""
    fresh: NDArray[np.int64]
    """The arrays of `FRESH`, one after the other."""
    n: NDArray[np.int64]
    f: NDArray[np.float64]
    ti: NDArray[np.int64]
    tf: NDArray[np.float64]
    qi: NDArray[np.int64]
    qf: NDArray[np.float64]
    ri: NDArray[np.int64]
    wi: NDArray[np.int64]
    """Writes, one of each attempt that writes."""
    wf: NDArray[np.float64]
    books: NDArray[np.int64]
    saved: NDArray[np.int64]
    made: NDArray[np.int64]
    """Of each task the books of what it still needs: all of it, and rework."""
    made_time: NDArray[np.float64]
    ledger: NDArray[np.int64]
    killed: NDArray[np.int64]
    failures: NDArray[np.int64]
    times: NDArray[np.float64]
    group_state: NDArray[np.int64]
    """Of each group: not done, waits for, held, not through, second round, at work, merges begun, merges over,
    next to arrive."""
    when: NDArray[np.float64]
    """Times of the heap's events."""
    order: NDArray[np.int64]
    """Their sequence numbers."""
    event: NDArray[np.int64]
    """What they are: kind, whom they are about, and a token."""
    urgent: NDArray[np.int64]
    """Events of this moment that come before all others, in order."""
    soon: NDArray[np.int64]
    """Events of this moment that come after those that were scheduled for it earlier, in order."""
    pending_first: NDArray[np.float64]
    """The heap of tasks that wait for an attempt: their key by length."""
    pending: NDArray[np.int64]
    """And what goes first, as it came, and which task."""
    lists: NDArray[np.int64]
    """Lists of tasks, a row each: held, second round, failed in round, refused, active, gate, verdict, barrier,
    barrier tokens, line, line tokens, line needs, returned, merging."""
    merged: NDArray[np.float64]
    """When merges were over, in order: of each group, and in the last row of all."""
    log_times: NDArray[np.float64]
    log_rest: NDArray[np.int64]
    drawn: NDArray[np.int64]
    """What first attempts were drawn to meet, for all plans of a block; of each whether it has been drawn, in the last
    column. Empty where nothing is shared."""
    drawn_times: NDArray[np.float64]
    drawn_first: NDArray[np.int64]
    """Of each group its first row of a replication's; then how many these are, and which replication is the first."""
    rows: NDArray[np.float64]
    """The measures of each replication of a block."""
    stop: NDArray[np.int64]
    """Not zero where another thread wants a block to end."""


G_NOT_DONE, G_WAITS_FOR, G_NOT_THROUGH, G_SECOND, G_AT_WORK, G_BEGUN, G_OVER, G_ARRIVED, G_BRIEFING, GS_SIZE = range(10)
(
    HELD_LIST, SECOND_LIST, FAILED_LIST, REFUSED_LIST, ACTIVE_LIST, GATE_LIST, VERDICT_LIST,
    BARRIER_LIST, BARRIER_TOKENS, LINE_LIST, LINE_TOKENS, LINE_NEEDS, WORKING_LIST, RETURNED_LIST, MERGING_LIST,
    HAND_LIST, LISTS,
) = range(17)

FIELDS: dict[str, tuple[str, tuple[int | None, ...]]] = {
    "pi": ("int64", (None,)),
    "pf": ("float64", (None,)),
    "gi": ("int64", (None, GI_SIZE)),
    "gf": ("float64", (None, GF_SIZE)),
    "keys": ("uint64", (None,)),
    "table": ("float64", (None,)),
    "batch": ("int64", (None, 2)),
    "locks": ("int64", (None,)),
    "meets": ("bool", (None, None)),
    "fresh": ("int64", (None,)),
    "n": ("int64", (N_SIZE,)),
    "f": ("float64", (F_SIZE,)),
    "ti": ("int64", (None, TI_SIZE)),
    "tf": ("float64", (None, TF_SIZE)),
    "qi": ("int64", (None, QI_SIZE)),
    "qf": ("float64", (None, QF_SIZE)),
    "ri": ("int64", (None, RI_SIZE)),
    "wi": ("int64", (None, WI_SIZE)),
    "wf": ("float64", (None, WF_SIZE)),
    "books": ("int64", (None, CAUSES, CLASSES)),
    "saved": ("int64", (None, CAUSES, CLASSES)),
    "made": ("int64", (None, 2, CAUSES, CLASSES)),
    "made_time": ("float64", (None, MOST_MADE)),
    "ledger": ("int64", (CAUSES, CLASSES)),
    "killed": ("int64", (CLASSES,)),
    "failures": ("int64", (FAILURE_KINDS,)),
    "times": ("float64", (STATES,)),
    "group_state": ("int64", (None, GS_SIZE)),
    "when": ("float64", (None,)),
    "order": ("int64", (None,)),
    "event": ("int64", (None, 3)),
    "urgent": ("int64", (None, 3)),
    "soon": ("int64", (None, 3)),
    "pending_first": ("float64", (None,)),
    "pending": ("int64", (None, 3)),
    "lists": ("int64", (LISTS, None)),
    "merged": ("float64", (None, None)),
    "log_times": ("float64", (None, 2)),
    "log_rest": ("int64", (None, 5)),
    "drawn": ("int64", (None, SIZE_L + 1)),
    "drawn_times": ("float64", (None, SIZE_L_TIME)),
    "drawn_first": ("int64", (None,)),
    "rows": ("float64", (None, len(MEASURES))),
    "stop": ("int64", (1,)),
}
"""Of each array of a state the kind of its numbers and its shape, `None` where that depends on the plan."""

PLAN_FIELDS = ("pi", "pf", "gi", "gf", "keys", "table", "batch", "locks", "meets")
BLOCK_FIELDS = ("drawn", "drawn_times", "drawn_first", "rows", "stop")
STATE_FIELDS = tuple(name for name in FIELDS if name not in PLAN_FIELDS + BLOCK_FIELDS)
"""The fields by what they belong to."""

WHOLE = {"table"}
"""The fields that are handed on as arrays rather than read number by number."""

FRESH = (
    "n", "f", "ti", "tf", "qi", "qf", "books", "saved", "made", "made_time", "ledger", "killed", "failures", "times",
    "group_state",
)
"""The fields that a replication begins with at zero; they stand in one piece of memory."""
