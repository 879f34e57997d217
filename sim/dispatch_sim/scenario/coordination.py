"""The coordinator and the harness: handing out work, getting it back, putting it together."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from dispatch_sim.scenario.base import Model, OrWord
from dispatch_sim.scenario.distribution_text import SecondsDistribution, TokensDistribution
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.quantities import Seconds, Tokens


class Spawn(Model):
    """Starting a sub-agent."""

    tokens: TokensDistribution = Constant(3000.0)
    """At the head of its context, `shared` included. Default 3K: the 2-4K of practitioners' reports; measured
    Claude Code sub-agents start at 11K to 33K, median 23.5K."""
    shared: Tokens = 0.0
    """Of these, the prefix that is the same for all sub-agents, which they can read from a timed cache.
    Default 0: agents share nothing unless you say so."""
    time: SecondsDistribution = Constant(2.0)
    """From launch to the first call. Default 2s: an assumption."""


class Return(Model):
    """Handing a result back to the coordinator."""

    tokens: TokensDistribution = Constant(2000.0)
    """Into the coordinator's context. Default 2K: 1-2K by design, median 1.3K measured."""
    time: SecondsDistribution = Constant(2.0)
    """From the last call to the coordinator. Default 2s: an assumption."""


class Brief(Model):
    """What the coordinator writes for one task. Briefs of one turn are written one after another."""

    tokens: Tokens = 240.0
    """Length of one brief. Default 240: what a large model writes in 4 to 6 s."""
    time: Seconds = 5.7
    """To write one brief. Default 5.7s: measured between the launches of one parallel group's members."""


class Turn(Model):
    """One turn of the coordinator, before its first brief."""

    tokens: Tokens = 300.0
    """What it writes besides briefs. Default 300: an assumption."""
    time: Seconds = 4.0
    """How long that takes. Default 4s: about 1.2 s latency and 15.7 ms a token for 180 tokens (measured, one
    large model)."""


class Compaction(Model):
    """Shortening the coordinator's context to a summary: a call that reads all of it."""

    tokens: Tokens = 5000.0
    """Length of the summary. Default 5K: an assumption."""
    time: Seconds = 80.0
    """To write it. Default 1m 20s: 1.2 s and 15.7 ms a token (measured, one large model)."""


class Context(Model):
    """The coordinator's own context, which every one of its turns reads again."""

    start: Tokens = 20_000.0
    """Before the batch begins: instructions, tools, what was said before. Default 20K: an assumption;
    measured sub-agents of one harness begin with 11K to 33K."""
    window: Annotated[Tokens, Field(ge=1)] = 200_000.0
    """When a turn would begin with more than this, the context is compacted first. Default 200K: an
    assumption, the usual window of large models."""
    compaction: Compaction = Compaction()


class Dispatch(Model):
    """What it costs to hand out work and get it back."""

    spawn: Spawn = Spawn()
    return_: Annotated[Return, Field(alias="return")] = Return()
    brief: Brief = Brief()
    turn: Turn = Turn()
    context: Annotated[Context | None, OrWord("none", None)] = Context()
    """The coordinator's own context, which every one of its turns reads again; `none` leaves out what that
    costs."""


class Pace(Model):
    """A counter of calls in the client: when they are used up, everybody waits for a whole window."""

    calls: Annotated[int, Field(ge=1)]
    """Model calls in a window."""
    window: Annotated[Seconds, Field(gt=0)] = 60.0
    """Length of the window. Default 1m: CrewAI's, whose `max_rpm` counts calls a minute."""


class Harness(Model):
    """What runs the sub-agents, and its own limits."""

    cap: Annotated[Annotated[int, Field(ge=1)] | None, OrWord("none", None)] = None
    """Most agents at once, whatever the strategy asks for. Default none: take a profile for the cap of a
    harness."""
    over: Literal["queue", "refuse"] = "queue"
    """What becomes of a launch over the cap: it waits for a place, or is refused and has to be handed out
    again when an agent has come back. Default queue: an assumption, the milder of the two."""
    pace: Annotated[Pace | None, OrWord("none", None)] = None
    """A counter of calls on the client's side: when they are used up, everybody waits for a whole window.
    Default none: few harnesses have one."""
    directory_in_prompt: bool = True
    """Whether an agent's prompt names its working directory, so that agents in separate worktrees share no
    prefix. Default true: so in Claude Code (its changelog)."""


class Post(Model):
    """What agents read of each other on a blackboard, with every call."""

    tokens: Tokens = 100.0
    """For each other agent at work. Default 100: an assumption."""
    time: Seconds = 1.0
    """For the call, whoever is at work. Default 1s: an assumption."""


class Communication(Model):
    """How agents learn what the others of their group do. It matters for tasks with `coupling`."""

    kind: Literal["none", "rounds", "blackboard"] = "none"
    """`none`: a task made without sight of others is partly done again. `rounds`: all do the first half, the
    coordinator writes a brief, all do the second half by it. `blackboard`: agents read what others post.
    Default none: sub-agents of today's harnesses do not talk to each other."""
    brief: Brief = Brief.model_validate({"tokens": 2000, "time": "32s"})
    """Of rounds: what the coordinator writes in between, and every agent of the second round has in its
    prompt. Default {tokens: 2K, time: 32s}: the length is an assumption, the time 15.7 ms a token (measured,
    one large model)."""
    post: Post = Post()


class Review(Model):
    """A gate: a person approves what is merged, and nothing is handed out while it is looked at."""

    every: Annotated[int, Field(ge=1)] | Literal["round"] = 1
    """After this many merged outputs, or `round`: when a round is over. What is left at the end is looked at
    as well. Default 1: each output by itself."""
    people: SecondsDistribution = Constant(120.0)
    """A person's time for one gate. Default 2m: an assumption."""
    each: Seconds = 0.0
    """And for each output looked at. Default 0s: held to be in the time of the gate."""


class MergeCost(Model):
    """What it takes to merge: coordinator's tokens and time, and people's time."""

    tokens: Tokens = 0.0
    """What the coordinator writes. Default 0: no work of this kind."""
    time: Seconds = 0.0
    """The coordinator's time. Default 0s: no work of this kind."""
    people: Seconds = 0.0
    """A person's time. Default 0s: no work of this kind."""


class Merge(Model):
    """Putting the outputs together."""

    structured: MergeCost = MergeCost.model_validate({"tokens": 500, "time": "5s"})
    """Per structured output. Default {tokens: 500, time: 5s}: an assumption."""
    prose: MergeCost = MergeCost.model_validate({"people": "3m"})
    """Per prose output. Default {people: 3m}: an assumption."""
    pair: MergeCost = MergeCost()
    """Per pair of outputs made without sight of each other, whatever their kind: the coherency term of the
    Universal Scalability Law. There is no figure to go by."""
