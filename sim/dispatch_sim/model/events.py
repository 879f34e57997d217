"""What happens to tasks: their states, failures of their attempts, and the event log."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from dispatch_sim.model.outcome import Column


class TaskState(Column):
    """States of a task; the times in these states add up to its flow time."""

    WAIT = 0
    """For a slot, or for the coordinator to brief its agent."""
    SERVICE = 1
    """Spawning, in a model call, returning."""
    BACKOFF = 2
    """Between a rejected request and the next."""
    BLOCKED = 3
    """Ready, but the gateway, the barrier, the coordinator or the person is not."""
    PACED = 4
    """Held back by the client's limiter."""
    MERGE = 5
    RECOVERY = 6
    """A person works on it."""
    HUNG = 7
    """Its agent is silent."""
    REVIEW = 8
    """A person reviews it."""


OF_ATTEMPT = frozenset({TaskState.SERVICE, TaskState.BACKOFF, TaskState.HUNG})
"""States in which time goes into an attempt."""


class Failure(Column):
    """Why an attempt failed."""

    CRASH = 0
    RATE_LIMITED = 1
    """The client's retries were spent."""
    TOO_LARGE = 2
    """A call needed more than a bucket can ever hold."""
    BAD_OUTPUT = 3
    HUNG = 4
    """It went silent, and a timeout ended it."""
    KILLED = 5
    """A timeout ended honest work."""
    OVERWRITTEN = 6
    """Another agent's write has taken its place."""
    CANCELLED = 7
    """Another attempt failed, and ended it."""
    WRONG_BRIEF = 8
    """The instructions of the whole batch were wrong, not its own brief (`dispatch.brief`)."""

    @property
    def is_own(self) -> bool:
        """Whether it counts towards the task's attempts: else neither task nor agent was at fault."""
        return self not in (Failure.CANCELLED, Failure.WRONG_BRIEF)

    @property
    def leaves_checkpoint(self) -> bool:
        """Whether another attempt can go on from where it stood."""
        return self in (Failure.CRASH, Failure.RATE_LIMITED, Failure.HUNG, Failure.KILLED)


class AttemptFailed(Exception):  # noqa: N818 (an outcome of the model, not an error of the program)
    """Raised in an attempt's process by whatever makes it fail; an interrupt has the same `cause`."""

    def __init__(self, cause: Failure) -> None:
        super().__init__(cause)
        self.cause = cause


class Activity(StrEnum):
    """An entry of the log, and the state that a task is in meanwhile (none for moments)."""

    state: TaskState | None

    def __new__(cls, name: str, state: TaskState | None = None) -> Activity:
        """Make a member that knows its state."""
        member = str.__new__(cls, name)
        member._value_ = name
        member.state = state
        return member

    WAIT = "wait", TaskState.WAIT
    SPAWN = "spawn", TaskState.SERVICE
    CALL = "call", TaskState.SERVICE
    TOOLS = "tools", TaskState.SERVICE
    RETURN = "return", TaskState.SERVICE
    BACKOFF = "backoff", TaskState.BACKOFF
    HANG = "hang", TaskState.HUNG
    PREFIX = "prefix", TaskState.BLOCKED
    """Held while another agent writes the shared prefix."""
    GATEWAY = "gateway", TaskState.BLOCKED
    PACING = "pacing", TaskState.PACED
    """In the line of the client's limiter."""
    HARNESS = "harness", TaskState.BLOCKED
    LOCK = "lock", TaskState.BLOCKED
    PACE = "pace", TaskState.BLOCKED
    """Until the harness has counted the call, maybe in its next window."""
    BARRIER = "barrier", TaskState.BLOCKED
    COORDINATOR_BUSY = "coordinator busy", TaskState.BLOCKED
    PERSON_BUSY = "person busy", TaskState.BLOCKED
    EXPOSED = "exposed", TaskState.BLOCKED
    """Merged, while an agent is at work that can still write over it."""
    AWAITS_REVIEW = "awaits review", TaskState.BLOCKED
    """Merged, and waits for a review."""
    ROUND = "round", TaskState.BLOCKED
    """Waits for the other agents of the first round, and the brief for the second."""
    DEPENDENCY = "dependency", TaskState.BLOCKED
    MERGE = "merge", TaskState.MERGE
    MERGE_BY_PERSON = "merge by person", TaskState.MERGE
    CLEAN_UP = "clean up", TaskState.MERGE
    RESOLVE = "resolve conflict", TaskState.MERGE
    REVIEW = "review", TaskState.REVIEW
    RECOVERY = "recovery", TaskState.RECOVERY
    # Of the coordinator
    TURN = "turn"
    PREWARM = "prewarm"
    INTERIM = "interim brief"
    COMPACTION = "compaction"
    COMMON = "common work"
    # Moments
    LAUNCH = "launch"
    LIMITED = "429"
    OVERLOADED = "529"
    CRASH = "crash"
    REFUSED_LAUNCH = "refused launch"
    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    BAD_OUTPUT = "bad output"
    OVERWRITTEN = "overwritten"
    REWORK = "rework"
    WRONG_BRIEF = "wrong brief"


MOMENTS = frozenset(list(Activity)[list(Activity).index(Activity.LAUNCH) :])
"""Activities without length."""


class Event(NamedTuple):
    """One entry of a replication's event log: a stretch of time, or a moment (start = end)."""

    start_s: float
    end_s: float
    kind: Activity
    task: int
    """Number in the plan, or -1 for the coordinator."""
    attempt: int = 0
    call: int = -1
    tokens: int = 0
    """Input tokens that the limiter admitted or rejected, for a call."""


COORDINATOR = -1
"""Stands for the coordinator where an event names a task."""
