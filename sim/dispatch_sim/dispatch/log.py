"""The event log of a replication: what happened, to which task, from when to when."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class EventKind(StrEnum):
    """What an event is. Moments have no length; all others are stretches of time."""

    WAIT = "wait"
    """A task waits for its turn."""
    LAUNCH = "launch"
    """An attempt begins in a slot."""
    SPAWN = "spawn"
    PREFIX = "prefix"
    """Held while another agent writes the shared prefix."""
    GATEWAY = "gateway"
    """In line at a provider that lets tries wait."""
    LIMITED = "429"
    """A try was refused by the limiter."""
    OVERLOADED = "529"
    """A try was refused by an overloaded API."""
    BACKOFF = "backoff"
    CALL = "call"
    TOOLS = "tools"
    """Tools run between two calls."""
    CRASH = "crash"
    RETURN = "return"
    HARNESS = "harness"
    """Waits for a place among the agents that the harness runs."""
    REFUSED_LAUNCH = "refused launch"
    """The harness has no place, and says so."""
    LOCK = "lock"
    """Waits for others that write the same thing."""
    PACE = "pace"
    """Waits for the client's counter of calls."""
    HANG = "hang"
    """Silent, in its slot."""
    TIMEOUT = "timeout"
    """An attempt was ended by a timeout."""
    CANCELLED = "cancelled"
    """An attempt was ended because another had failed."""
    BARRIER = "barrier"
    COORDINATOR_BUSY = "coordinator busy"
    PERSON_BUSY = "person busy"
    MERGE = "merge"
    MERGE_BY_PERSON = "merge by person"
    BAD_OUTPUT = "bad output"
    OVERWRITTEN = "overwritten"
    """Another agent's write has taken the place of an attempt's."""
    EXPOSED = "exposed"
    """Merged, while an agent is at work that can still write over it."""
    CLEAN_UP = "clean up"
    """A person sees to the loss of an overwritten attempt's work."""
    RESOLVE = "resolve conflict"
    """A person resolves conflicts between copies."""
    REWORK = "rework"
    """An output has to be partly done again, as it was made without sight of others."""
    GATE = "gate"
    """Merged, and waits for a review."""
    REVIEW = "review"
    WRONG_BRIEF = "wrong brief"
    """Made by instructions that were wrong."""
    ROUND = "round"
    """Waits for the other agents of the first round, and the brief for the second."""
    DEPENDENCY = "dependency"
    """Waits for other groups of tasks to be done."""
    RECOVERY = "recovery"
    TURN = "turn"
    """The coordinator hands out work."""
    PREWARM = "prewarm"
    """The coordinator writes the shared prefix to the cache."""
    INTERIM = "interim brief"
    """The coordinator writes the brief for a second round."""
    COMPACTION = "compaction"
    """The coordinator's context is shortened to a summary."""


MOMENTS = frozenset(
    {
        EventKind.LAUNCH,
        EventKind.LIMITED,
        EventKind.OVERLOADED,
        EventKind.CRASH,
        EventKind.BAD_OUTPUT,
        EventKind.REFUSED_LAUNCH,
        EventKind.TIMEOUT,
        EventKind.CANCELLED,
        EventKind.OVERWRITTEN,
        EventKind.REWORK,
        EventKind.WRONG_BRIEF,
    }
)
"""Kinds that are moments."""


class Event(NamedTuple):
    """One entry of a replication's event log: a stretch of time, or a moment (start = end)."""

    start_s: float
    end_s: float
    kind: EventKind
    task: int
    """Number in the plan, or -1 for the coordinator."""
    attempt: int = 0
    call: int = -1
    tokens: int = 0
    """Input tokens that the limiter admitted or refused, where it is about a call."""
