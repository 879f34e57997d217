"""What goes wrong, and what becomes of it."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dispatch_sim.scenario.base import Model, OrWord
from dispatch_sim.scenario.distribution_text import SecondsDistribution
from dispatch_sim.scenario.distributions import Constant, LogNormal
from dispatch_sim.scenario.quantities import Seconds, Share


class Failures(Model):
    """How attempts fail, besides spent retries."""

    crash: Share = 0.03
    """Probability that an attempt dies, at the end of one of its calls; all it did is lost. Default 3%: with
    `bad_output` about the 4.6% of 333 real sub-agent calls that failed in some way."""
    bad_output: Share = 0.02
    """Probability that a returned output is found unusable when it is merged. Default 2%: see `crash`; how
    the 4.6% are split is an assumption."""
    hang: Share = 0.0
    """Probability that an attempt goes silent after one of its calls, holding its slot until a hard timeout
    ends it. Default 0%: left out, as it needs a timeout."""
    bad_brief: Share = 0.0
    """Probability that the instructions of the whole batch are wrong. It shows when a person looks: at the
    first review, or else at the end; all that was made by them is done again. Default 0%: there is no figure
    to go by."""


class Timeouts(Model):
    """Limits on the time of an attempt, from its launch. Both end slow honest work too."""

    soft: Annotated[Annotated[Seconds, Field(gt=0)] | None, OrWord("none", None)] = None
    """Written in the prompt: an agent that obeys gives up before its next call. One that hangs cannot.
    Default none: few prompts have one."""
    obeyed: Share = 0.9
    """Probability that an agent obeys. Default 90%: an assumption."""
    hard: Annotated[Annotated[Seconds, Field(gt=0)] | None, OrWord("none", None)] = None
    """The harness's: it ends the attempt, whatever it is doing. Default none: harnesses watch for silence
    rather than limit work."""


class Retry(Model):
    """What becomes of a failed attempt."""

    policy: Literal["failed-only", "resume", "cascade", "abort", "none"] = "failed-only"
    """`failed-only` dispatches the task again, from its beginning; `resume` from the call that failed, its
    context kept; `cascade` again with all of the round that is not merged yet; `abort` as `failed-only`, but
    the last failure that `max_attempts` allows ends the run: what is at work is cancelled, and a person does
    all that is not merged; `none` leaves the task to a person. Default failed-only: an assumption, what a
    coordinator does that sees a failure."""
    max_attempts: Annotated[int, Field(ge=1, le=100)] = 2
    """Attempts of one task that may fail by themselves, the first included. Default 2: an assumption."""


class Recovery(Model):
    """A person finishes what the agents could not, one task at a time, so that everything ends done."""

    people: SecondsDistribution = LogNormal.of(mean=600.0, cv=0.5)
    """A person's time for one task. Default {lognormal: {mean: 10m, cv: 0.5}}: an assumption to be replaced
    by your own."""


class Conflicts(Model):
    """What happens when two agents that are at work at the same time write the same thing."""

    probability: Share = 0.5
    """That such a pair does conflict. Default 50%: an assumption; 27.7% of agents' pull requests conflict
    with their base (arXiv 2604.03551)."""
    isolation: Literal["shared", "worktree", "locks"] = "shared"
    """`shared`: the later write wins, and the other task's work is lost. `worktree`: each has a copy, and the
    pair conflicts when it is merged. `locks`: a writer waits until the others have returned. Default shared:
    what happens where nothing is done about it."""
    people: SecondsDistribution = Constant(1200.0)
    """Of `shared`: a person's time to see the loss of one task's work and clean up. Default 20m: a
    practitioner's report."""
    resolve: SecondsDistribution = Constant(300.0)
    """Of `worktree`: a person's time to resolve one conflict. Default 5m: an assumption."""
    setup: Seconds = 5.0
    """Of `worktree`: to make a copy, added to the launch. Default 5s: an assumption."""
