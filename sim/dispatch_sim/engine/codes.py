"""Integer codes of activities, events, options and program positions.

Members of other enumerations are plain numbers in compiled code, see `jit`.
"""

# fmt: off

import numpy as np

from dispatch_sim.model import events
from dispatch_sim.model.events import Activity, Failure, TaskState

NONE = -1
"""In place of a failure: none. In place of a task: the coordinator."""
WAITS = -2
"""The result of a request that waits."""
NEEDS_CONTEXT, NEEDS_PROMPT = -1, -2
"""In place of input tokens: those of the coordinator's context, or a task's prompt, when the turn comes."""

# ---- in the order of `model.events.Activity`
(
    WAIT, SPAWN, CALL, TOOLS, RETURN, BACKOFF, HANG, PREFIX, GATEWAY, PACING, HARNESS, LOCK, PACE, BARRIER,
    COORDINATOR_BUSY, PERSON_BUSY, EXPOSED, AWAITS_REVIEW, ROUND, DEPENDENCY, MERGE, MERGE_BY_PERSON,
    CLEAN_UP, RESOLVE, REVIEW, RECOVERY, TURN, PREWARM, INTERIM, COMPACTION, COMMON, LAUNCH, LIMITED,
    OVERLOADED, CRASH, REFUSED_LAUNCH, TIMEOUT, CANCELLED, BAD_OUTPUT, OVERWRITTEN, REWORK, WRONG_BRIEF,
) = range(42)

STATE_OF = np.array([-1 if each.state is None else each.state for each in Activity], np.int64)
"""The state that a task is in during each activity."""
OF_ATTEMPT = np.array([each in events.OF_ATTEMPT for each in TaskState])
"""Whether the time in each state is that of an attempt."""

IS_OWN = np.array([each.is_own for each in Failure])
"""Whether each failure counts towards its task's attempts."""
LEAVES_CHECKPOINT = np.array([each.leaves_checkpoint for each in Failure])
"""Whether another attempt can go on from where one with each failure stood."""

# ---- resources
COORDINATOR, PERSON, PLACES, CALL_WINDOW, FIRST_LOCK = range(5)

# ---- when a task waits for an attempt: before all others, or after those that wait already
FIRST, LAST = range(2)

# ---- events
(
    EVENT_RESUME, EVENT_START_ATTEMPT, EVENT_START_TIMER, EVENT_TIMER, EVENT_TIME_OUT, EVENT_CANCEL,
    EVENT_START_RECOVERY, EVENT_RELEASED, EVENT_BARRIER, EVENT_VERDICT, EVENT_START_REVIEW,
    EVENT_START_SERVER, EVENT_SERVER, EVENT_INTERRUPT_SERVER, EVENT_START_ARRIVALS, EVENT_ARRIVAL,
    EVENT_START_ROUND, EVENT_START_DISPATCHER, EVENT_END, EVENT_NONE,
) = range(20)

# ---- options of a scenario and of a strategy, in the order of their words there
SOLO, SEQUENTIAL, PARALLEL, QUEUE, WAVES, ADAPTIVE = range(6)
MERGE_AT_BARRIER, MERGE_AS_COMPLETED = range(2)
UNPACED, BY_LIMITS = range(2)
IMMEDIATELY, AFTER_DRAIN = range(2)
NO_WARM_UP, STAGGER, PREWARM_CACHE = range(3)
AS_GIVEN, LONGEST_FIRST, SHORTEST_FIRST = range(3)
SHARED, WORKTREE, BY_LOCKS = range(3)
NO_COMMUNICATION, ROUNDS, BLACKBOARD = range(3)
FAILED_ONLY, RESUME, CASCADE, ABORT, NO_RETRY = range(5)
STRUCTURED, PROSE = range(2)
JITTER_DOWN, JITTER_UP = range(2)
BACK_OFF, GIVE_UP = range(2)
NO_FLOOR, BACKOFF_IS_FLOOR = range(2)
WAIT_FOR_PLACE, REFUSE = range(2)
NO_REVIEW, AFTER_WAVE = 0, -1
"""Values of `review.every` besides a number of outputs."""

# ---- positions in the program of an attempt and of a person's recovery; `simulation._resume` relies on their
# order, and nothing resumes AT_HANG or AT_APPROVAL, which an interrupt and a verdict end
(
    AT_PLACE, AT_LOCK, AT_SPAWN, AT_PREFIX, AT_COMPACTION, AT_CALL_WINDOW, AT_NEXT_WINDOW, AT_GATEWAY,
    AT_BACKOFF, AT_CALL, AT_HANG, AT_TOOLS, AT_RETURN, AT_BARRIER, AT_FAILURES_SEEN, AT_MERGE_REQUEST,
    AT_MERGE_TURN, AT_MERGE, AT_EXPOSED, AT_PERSON_REQUEST, AT_PERSON, AT_APPROVAL,
) = range(22)

# ---- of the dispatcher, whose order `strategies.dispatch` relies on, a review, and an interim brief
(
    AT_REFILL, AT_REFILL_WOKEN, AT_WAVE, AT_WAVE_WOKEN, AT_IDLE, AT_IDLE_WOKEN, AT_OVER_WOKEN,
    AT_SCRIPT_REQUEST, AT_SCRIPT_COMMON, AT_SCRIPT_LAUNCH, AT_TURN_REQUEST, AT_TURN_COMMON, AT_TURN_BEGIN,
    AT_TURN, AT_BRIEF, AT_DONE,
) = range(16)
AT_REVIEW_REQUEST, AT_REVIEW = range(2)
AT_INTERIM_REQUEST, AT_INTERIM_BEGIN, AT_INTERIM = range(3)

# ---- what the dispatcher waits for
NOTHING, CAN_REFILL_OR_IDLE, CAN_DISPATCH_OR_DONE, CAN_DISPATCH_OR_DRAINED, IDLE, WAVE_IS_OVER = range(6)

# ---- steps of a turn of the coordinator
TURN_BEGIN, TURN_COMPACT, TURN_COMPACTING, TURN_SEND = range(4)

# ---- steps of the common part of a group's tasks
COMMON_BEGIN, COMMON_SEND, COMMON_CALL = range(3)

# ---- families of distributions: a row of parameters begins with one of these, see `quantiles`
(
    CONSTANT, UNIFORM, TRIANGULAR, EXPONENTIAL, LOGNORMAL, GAMMA, WEIBULL, LOGLOGISTIC, EMPIRICAL, MIXTURE,
) = range(10)
