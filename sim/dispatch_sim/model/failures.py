"""Causes of a failed attempt."""

from __future__ import annotations

from dispatch_sim.model.outcome import Column


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
