"""Failures, timeouts, retries, manual completion and conflicts."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dispatch_sim.scenario.base import Model, OrWord
from dispatch_sim.scenario.distribution_text import SecondsDistribution
from dispatch_sim.scenario.distributions import Constant, LogNormal
from dispatch_sim.scenario.quantities import Seconds, Share


class Failures(Model):
    """How attempts fail, besides exhausted client retries."""

    crash: Share = 0.03
    """Probability that an attempt crashes, at the end of one of its calls; its work is lost. Default 3%: with
    `bad_output` about the 4.6% of 333 real sub-agent calls that failed in some way."""
    bad_output: Share = 0.02
    """Probability that a returned output turns out to be unusable when it is merged. Default 2%: see `crash`;
    the split of the 4.6% is an assumption."""
    hang: Share = 0.0
    """Probability that an attempt hangs after one of its calls, and holds its slot until a hard timeout, a
    cascade or an abort ends it. Default 0%: left out, as it needs a timeout."""
    bad_brief: Share = 0.0
    """Probability that the instructions of the whole batch are wrong. The first review finds it; without a
    review it shows when all is merged. All tasks completed by then are done again. Default 0%: no published
    figure is known."""


class Timeouts(Model):
    """Limits on the time of an attempt, from the start of its agent. Both end slow attempts as well as hung
    ones."""

    soft: Annotated[Annotated[Seconds, Field(gt=0)] | None, OrWord("none", None)] = None
    """Stated in the prompt: an agent that obeys stops before its next call. A hung agent does not. Default
    none: few prompts have one."""
    obeyed: Share = 0.9
    """Probability that an agent obeys. Default 90%: an assumption."""
    hard: Annotated[Annotated[Seconds, Field(gt=0)] | None, OrWord("none", None)] = None
    """The harness ends the attempt at this time. Default none: harnesses watch for silence rather than limit
    work."""


class Retry(Model):
    """How a failed attempt is retried."""

    policy: Literal["failed-only", "resume", "cascade", "abort", "none"] = "failed-only"
    """`failed-only` dispatches the task again, from its beginning. `resume` continues it from the failed
    call, with its context. `cascade` dispatches all tasks of the round again that are not merged yet. `abort`
    is `failed-only`, but a task's last allowed failure ends the run: running attempts are cancelled, and all
    unmerged tasks need manual completion. `none` means manual completion at once. Default failed-only: an
    assumption, what a coordinator does that sees a failure."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 2
    """Attempts per task, the first included; cancelled ones do not count. Default 2: an assumption."""


class Recovery(Model):
    """Manual completion: a person finishes the tasks that the agents could not, one at a time."""

    people: SecondsDistribution = LogNormal.of(mean=600.0, cv=0.5)
    """A person's time for one task. Default {lognormal: {mean: 10m, cv: 0.5}}: an assumption; replace it by
    your own."""


class Conflicts(Model):
    """Conflicts between agents that write the same thing at the same time."""

    probability: Share = 0.5
    """Probability that such a pair conflicts. Default 50%: an assumption; 27.7% of agents' pull requests
    conflict with their base (arXiv 2604.03551)."""
    isolation: Literal["shared", "worktree", "locks"] = "shared"
    """`shared`: the later write wins, and the other task's work is lost. `worktree`: each agent has a copy,
    and the pair conflicts when it is merged. `locks`: a writer waits until the others have returned. Default
    shared: what happens without a measure against it."""
    people: SecondsDistribution = Constant(1200.0)
    """With `shared`: a person's time to notice the loss of one task's work and clean up. Default 20m: a
    practitioner's report."""
    resolve: SecondsDistribution = Constant(300.0)
    """With `worktree`: a person's time to resolve one conflict. Default 5m: an assumption."""
    setup: Seconds = 5.0
    """With `worktree`: time to make a copy, added to `dispatch.spawn.time`. Default 5s: an assumption."""
