"""Causes of a failed attempt."""

from __future__ import annotations

from enum import StrEnum


class Failure(StrEnum):
    """Why an attempt failed."""

    CRASH = "crash"
    RATE_LIMITED = "rate_limited"
    """The client's retries were spent."""
    TOO_LARGE = "too_large"
    """A call needed more than a bucket can ever hold."""
    BAD_OUTPUT = "bad_output"
    HUNG = "hung"
    """It went silent, and a timeout ended it."""
    KILLED = "killed"
    """A timeout ended honest work."""
    OVERWRITTEN = "overwritten"
    """Another agent's write has taken its place."""
    CANCELLED = "cancelled"
    """Another attempt failed, and ended it."""
    WRONG_BRIEF = "wrong_brief"
    """The instructions were wrong."""

    @property
    def is_own(self) -> bool:
        """Whether it counts towards the task's attempts: else neither task nor agent was at fault."""
        return self not in (Failure.CANCELLED, Failure.WRONG_BRIEF)

    @property
    def leaves_checkpoint(self) -> bool:
        """Whether another attempt can go on from where it stood."""
        return self in (Failure.CRASH, Failure.RATE_LIMITED, Failure.HUNG, Failure.KILLED)


class AttemptFailed(Exception):  # noqa: N818 (an outcome of the model, not an error of the program)
    """Raised in an attempt's process by whatever makes it fail."""

    def __init__(self, reason: Failure) -> None:
        super().__init__(reason)
        self.reason = reason
