"""The tasks of a batch: their work, what they write, and what they depend on."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, ModelWrapValidatorHandler, model_validator

from dispatch_sim.scenario.base import Model
from dispatch_sim.scenario.distribution_text import CountDistribution, SecondsDistribution, TokensDistribution
from dispatch_sim.scenario.distributions import Constant, Distribution, LogNormal
from dispatch_sim.scenario.quantities import LARGEST_INTEGER, Share, whole

Name = Annotated[str, Field(min_length=1, max_length=200)]

MAX_TASKS = LARGEST_INTEGER
"""Most tasks of a batch."""

MAX_CALLS = 10_000
"""Most calls of one attempt; a larger draw is cut, so that a heavy tail cannot stall a study."""


def whole_calls(calls: float) -> int:
    """Return a drawn number of calls as an attempt makes them: whole, at least one, at most `MAX_CALLS`."""
    return min(max(1, whole(calls)), MAX_CALLS)


class Variance(Model):
    """Shares of the log-variance of durations, tokens and calls; they add up to 100%."""

    batch: Share = 0.0
    """Common to all tasks of a batch: a hard batch is hard in all its tasks. Default 0%: an assumption that
    makes forecasts too narrow; it was the largest of the three in 333 real sub-agent runs."""
    task: Share = 0.6
    """Common to all attempts of a task: a slow task is slow again when it is retried. Default 60%: see
    `attempt`."""
    attempt: Share = 0.4
    """Of each attempt alone. Default 40%: repeats of one task have a log-sd of 0.32 to 0.92 where tasks of
    one parallel group have 0.67 (measured on 333 real sub-agent runs)."""

    @model_validator(mode="after")
    def _adds_up(self) -> Self:
        total = self.batch + self.task + self.attempt
        if abs(total - 1) > 1e-9:
            raise ValueError(f"the shares add up to {total:.0%}; batch + task + attempt must be 100%")
        return self


class TaskGroup(Model):
    """Tasks of one kind."""

    name: Name
    """Names the group, and is part of the key of its tasks' random variates."""
    count: Annotated[int, Field(ge=1, le=MAX_TASKS)] = 1
    """Number of tasks of this kind in the batch. Default 1: a group is named for one task."""
    calls: CountDistribution = Constant(5)
    """Model calls of one attempt. Default 5: the order of a short research task; the median of 333
    real sub-agent runs is 10."""
    tokens: TokensDistribution
    """Work tokens of one attempt: new input and output, each counted once."""
    spread: Share = 0.5
    """Coefficient of variation of `tokens` and `duration` where these are plain numbers, which are means of
    lognormal distributions then; 0%, or `{constant: 15K}`, is exact. Default 50%: tasks of one parallel group
    vary by more (measured on 333 real sub-agent runs, a log-sd of 0.67)."""
    output_share: Share = 0.2
    """Part of the work tokens that the model writes. Default 20%: 3K of a 15K-token task."""
    duration: SecondsDistribution | None = None
    """Time of one attempt's model calls, without waiting for slots or limits. Required, unless
    `provider.latency` gives the time of calls."""
    tool_time: SecondsDistribution = Constant(0.0)
    """With `provider.latency`: time between two calls of an attempt, when its tools run. Default 0s: an
    assumption that suits agents without tools."""
    variance: Variance = Variance()
    """How the log-variance of `calls`, `tokens` and `duration` is shared out."""
    output: Literal["structured", "prose"] = "structured"
    """Kind of output: `structured` is merged by the coordinator, `prose` by a person. Default structured: an
    assumption."""
    writes: Annotated[tuple[Name, ...], Field(max_length=100, strict=False)] = ()
    """Names of the files, tables or pages that each of its tasks changes. Two agents that change the same one
    at the same time can conflict; see `conflicts`. Default []: research tasks write nothing in common."""
    after: Annotated[tuple[Name, ...], Field(max_length=1000, strict=False)] = ()
    """Names of groups whose tasks must all be done before this group's tasks begin. Default []: a batch of
    independent tasks."""
    coupling: Share = 0.0
    """Part of a task's work that depends on the other tasks of its group. It is redone if it was done without
    knowledge of them; see `communication`. Default 0%: independent tasks."""
    common: Share = 0.0
    """Part of a task's work that is the same for its whole group, such as reading the same files. Each
    sub-agent does it again; `solo` does it once, and so does the coordinator with `dispatch.spawn.fork`.
    Default 0%: tasks without common work."""
    interarrival: SecondsDistribution = Constant(0.0)
    """Time between the arrivals of this group's tasks. Default 0s: all tasks arrive at the start."""

    @model_validator(mode="wrap")
    @classmethod
    def _spread_plain_numbers(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        """Put distributions in place of plain numbers; a `spread` that has no effect is 0."""
        group = handler(raw)
        if not isinstance(raw, dict) or not group.spread:
            return group
        spread_out = {
            key: LogNormal.of(mean=value.value, cv=group.spread)
            for key in ("tokens", "duration")
            if isinstance(value := getattr(group, key), Constant)
            and value.value > 0
            and not isinstance(raw[key], dict | Distribution)
        }
        return group.model_copy(update=spread_out or {"spread": 0.0})
