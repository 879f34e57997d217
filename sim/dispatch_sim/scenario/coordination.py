"""The coordinator and the harness: dispatching tasks, returning results, merging them."""

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
    """At the start of its context, `shared` included. Default 3K: the 2-4K of practitioners' reports;
    measured Claude Code sub-agents start at 11K to 33K, median 23.5K, and its harness profiles have that."""
    shared: Tokens = 0.0
    """Of these, the prefix that all sub-agents have in common, and can read from a timed cache. Default 0:
    agents share nothing."""
    time: SecondsDistribution = Constant(2.0)
    """From an agent's start to its first call. Default 2s: an assumption."""
    fork: bool = False
    """Whether an agent starts with a copy of the coordinator's context, with `tokens` after it. The
    coordinator then does the `common` part of each group of tasks itself, before it launches the first of
    them. Default false: most harnesses start agents with an empty context."""


class Return(Model):
    """Returning a result to the coordinator."""

    tokens: TokensDistribution = Constant(2000.0)
    """Into the coordinator's context. Default 2K: 1-2K by design, median 1.3K measured; 0 where all
    strategies have `manager: script`."""
    time: SecondsDistribution = Constant(2.0)
    """From the last call to the coordinator. Default 2s: an assumption; 0s where all strategies have
    `manager: script`."""


class Brief(Model):
    """The instructions that the coordinator writes for one task; those of one turn one after another."""

    tokens: Tokens = 240.0
    """Length of one brief. Default 240: what a large model writes in 4 to 6 s."""
    time: Seconds = 5.7
    """Time to write one brief. Default 5.7s: measured between the launches of one parallel group's
    members."""


class Turn(Model):
    """One turn of the coordinator, before its first brief."""

    tokens: Tokens = 300.0
    """Output tokens besides briefs. Default 300: an assumption."""
    time: Seconds = 4.0
    """Time to write them. Default 4s: about 1.2 s latency and 15.7 ms a token for 180 tokens (measured, one
    large model)."""


class Compaction(Model):
    """Replacing the coordinator's context by a summary: a call that reads all of it."""

    tokens: Tokens = 5000.0
    """Length of the summary. Default 5K: an assumption."""
    time: Seconds = 80.0
    """Time to write it. Default 1m 20s: 1.2 s and 15.7 ms a token (measured, one large model)."""


class Context(Model):
    """The coordinator's own context, which each of its turns reads again."""

    start: Tokens = 20_000.0
    """Before the batch begins: instructions, tools, the conversation so far. Default 20K: an assumption;
    measured sub-agents of one harness begin with 11K to 33K."""
    window: Annotated[Tokens, Field(ge=1)] = 200_000.0
    """The context is compacted before a turn that would begin with more than this. Default 200K: an
    assumption, the usual window of large models."""
    compaction: Compaction = Compaction()


class Dispatch(Model):
    """The cost of dispatching tasks and returning their results."""

    spawn: Spawn = Spawn()
    return_: Annotated[Return, Field(alias="return")] = Return()
    brief: Brief = Brief()
    turn: Turn = Turn()
    context: Annotated[Context | None, OrWord("none", None)] = Context()
    """The coordinator's own context, which each of its turns reads again; `none` leaves out that cost."""


class Pace(Model):
    """A limit on calls in the client: after the last call of a window, all agents wait for a whole window."""

    calls: Annotated[int, Field(ge=1)]
    """Model calls in a window."""
    window: Annotated[Seconds, Field(gt=0)] = 60.0
    """Length of the window. Default 1m: CrewAI's, whose `max_rpm` counts calls a minute."""


class Harness(Model):
    """The program that runs the sub-agents, and its limits."""

    cap: Annotated[Annotated[int, Field(ge=1)] | None, OrWord("none", None)] = None
    """Maximum number of concurrent agents, whatever the strategy. Default none: the profile of a harness has
    its cap."""
    over: Literal["queue", "refuse"] = "queue"
    """A launch above the cap waits, or is refused and dispatched again when an agent has returned. Default
    queue: an assumption, the milder of the two."""
    pace: Annotated[Pace | None, OrWord("none", None)] = None
    """A limit on calls in the client: after the last call of a window, all agents wait for a whole window.
    Default none: few harnesses have one."""
    directory_in_prompt: bool = True
    """Whether an agent's prompt names its working directory. Agents in separate worktrees then share no
    prefix. Default true: Claude Code's behaviour (its changelog)."""


class Post(Model):
    """Messages that an agent reads from the others on a blackboard, with each of its calls."""

    tokens: Tokens = 100.0
    """Per other running agent. Default 100: an assumption."""
    time: Seconds = 1.0
    """Per call, however many agents run. Default 1s: an assumption."""


class Communication(Model):
    """How agents learn what others of their group do; it matters for tasks with `coupling`."""

    kind: Literal["none", "rounds", "blackboard"] = "none"
    """`none`: agents do not communicate, and part of their work is redone. `rounds`: all agents do the first
    half, the coordinator writes a brief, and all do the second half. `blackboard`: agents read what others
    post. Default none: sub-agents of today's harnesses do not communicate."""
    brief: Brief = Brief.model_validate({"tokens": 2000, "time": "32s"})
    """With `rounds`: written by the coordinator in between, and part of each prompt of the second round.
    Default {tokens: 2K, time: 32s}: the length is an assumption, the time 15.7 ms a token (measured,
    one large model)."""
    post: Post = Post()


class Review(Model):
    """A person reviews merged outputs; no task is dispatched during a review unless `blocking: false`."""

    every: Annotated[int, Field(ge=1)] | Literal["round"] = 1
    """Merged outputs per review, or `round` for a review after each round. The rest is reviewed at the end.
    Default 1: each output by itself."""
    blocking: bool = True
    """Whether no task is dispatched during a review. Default true: a review can change what comes next."""
    people: SecondsDistribution = Constant(120.0)
    """A person's time for one review. Default 2m: an assumption."""
    each: Seconds = 0.0
    """Additional time per output. Default 0s: included in the time of the review."""


class MergeCost(Model):
    """The cost of merging: the coordinator's tokens and time, and people's time."""

    tokens: Tokens = 0.0
    """The coordinator's output tokens. Default 0: no work of this kind."""
    time: Seconds = 0.0
    """The coordinator's time. Default 0s: no work of this kind."""
    people: Seconds = 0.0
    """A person's time. Default 0s: no work of this kind."""


class Merge(Model):
    """Merging the outputs."""

    structured: MergeCost = MergeCost.model_validate({"tokens": 500, "time": "5s"})
    """Per structured output. Default {tokens: 500, time: 5s}: an assumption; nothing where all strategies
    have `manager: script`."""
    prose: MergeCost = MergeCost.model_validate({"people": "3m"})
    """Per prose output. Default {people: 3m}: an assumption."""
    pair: MergeCost = MergeCost()
    """Per pair of outputs of tasks that ran concurrently, whatever their kind: the coherency term of the
    Universal Scalability Law. No published figure is known."""
