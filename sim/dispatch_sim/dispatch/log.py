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
    BARRIER = "barrier"
    COORDINATOR_BUSY = "coordinator busy"
    PERSON_BUSY = "person busy"
    MERGE = "merge"
    MERGE_BY_PERSON = "merge by person"
    BAD_OUTPUT = "bad output"
    RECOVERY = "recovery"
    TURN = "turn"
    """The coordinator hands out work."""
    PREWARM = "prewarm"
    """The coordinator writes the shared prefix to the cache."""


MOMENTS = frozenset(
    {
        EventKind.LAUNCH,
        EventKind.LIMITED,
        EventKind.OVERLOADED,
        EventKind.CRASH,
        EventKind.BAD_OUTPUT,
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
