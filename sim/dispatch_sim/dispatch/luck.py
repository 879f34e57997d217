"""What a replication's draws come to: the sizes, times and mishaps of each attempt.

Computed once for a replication and shared by all design points that play it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from dispatch_sim.dispatch.draws import Activity, group_key, uniform
from dispatch_sim.dispatch.rules import share
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.tasks import TaskGroup, whole_calls

_NORMAL = NormalDist()
_CLOSEST_TO_ONE = 1.0 - 2.0**-53


@dataclass(frozen=True, slots=True)
class AttemptLuck:
    """What one attempt of one task meets.

    Attributes
    ----------
    call_s : unimpeded time of each of its calls, seconds; 0 where calls take what they do.
    tool_s : time between calls, seconds, one fewer than calls; empty where there is none.
    new_input, output : whole tokens of each call.
    spawn_tokens, return_tokens : whole tokens.
    spawn_s, return_s : seconds.
    crash_call : the call at whose end it dies, or -1.
    hang_call : the call after which it goes silent, or -1; never the same as `crash_call`.
    obeys : whether it obeys a soft timeout.
    bad_output : whether its output is found unusable at the merge.
    """

    call_s: float
    tool_s: tuple[float, ...]
    new_input: tuple[int, ...]
    output: tuple[int, ...]
    spawn_tokens: int
    spawn_s: float
    return_tokens: int
    return_s: float
    crash_call: int
    hang_call: int
    obeys: bool
    bad_output: bool

    @property
    def calls(self) -> int:
        """How many model calls it makes if nothing goes wrong."""
        return len(self.output)

    def part(self, fraction: float) -> AttemptLuck:
        """Return an attempt that does a part of the work: fewer calls, and tokens and time in proportion.

        It meets the same mishaps, if it comes to the call of one.
        """
        calls = min(self.calls, max(1, math.ceil(fraction * self.calls - 1e-9)))
        read, written = (whole(fraction * sum(tokens)) for tokens in (self.new_input, self.output))
        return replace(
            self,
            call_s=self.call_s * self.calls * fraction / calls,
            tool_s=self.tool_s[: calls - 1],
            new_input=tuple(share(read, part, calls) for part in range(calls)),
            output=tuple(share(written, part, calls) for part in range(calls)),
        )


class Luck:
    """The draws of one replication of a scenario, as values; each is computed when first asked for."""

    def __init__(self, scenario: Scenario, replication: int) -> None:
        self.scenario = scenario
        self._replication = replication
        self._seed = scenario.study.seed
        self._keys = [group_key(self._seed, group.name) for group in scenario.tasks]
        self._attempts: dict[tuple[int, int, int], AttemptLuck] = {}
        self._recoveries: dict[tuple[int, int], float] = {}
        self._arrivals: dict[int, list[float]] = {}

    def attempt(self, group: int, index: int, number: int) -> AttemptLuck:
        """Return what attempt `number` (from 0) of a task meets."""
        key = (group, index, number)
        luck = self._attempts.get(key)
        if luck is None:
            luck = self._attempts[key] = self._draw_attempt(group, index, number)
        return luck

    def resumed(self, group: int, index: int, origin: int, number: int) -> AttemptLuck:
        """Return what attempt `number` meets that goes on with the work of attempt `origin`."""
        begun = self.attempt(group, index, origin)
        return replace(begun, **self._mishaps(group, index, number, begun.calls))

    def of_request(
        self, activity: Activity, group: int, index: int, attempt: int, call: int, try_: int
    ) -> float:
        """Return a uniform variate of one request attempt: of its overload, or of the pause after it."""
        return uniform(self._keys[group], self._replication, activity, index, attempt, call, try_)

    def recovery(self, group: int, index: int) -> float:
        """Return the seconds that a person needs to finish a task."""
        key = (group, index)
        seconds = self._recoveries.get(key)
        if seconds is None:
            seconds = self._draw(self.scenario.recovery.people, Activity.RECOVERY, group, index)
            self._recoveries[key] = seconds
        return seconds

    def conflict(self, one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
        """Return the uniform draw that says whether two attempts conflict; each is group, index, number."""
        return self._uniform_of_pair(Activity.CONFLICT, one, other)

    def resolve(self, one: tuple[int, int, int], other: tuple[int, int, int]) -> float:
        """Return the seconds that a person needs to resolve the conflict of two attempts' outputs."""
        distribution = self.scenario.conflicts.resolve
        if isinstance(distribution, Constant):
            return distribution.value
        return distribution.quantile(self._uniform_of_pair(Activity.RESOLVE, one, other))

    def clean_up(self, group: int, index: int, number: int) -> float:
        """Return the seconds that a person needs after the loss of an attempt's work."""
        return self._draw(self.scenario.conflicts.people, Activity.CLEAN_UP, group, index, number)

    def review(self, gate: int) -> float:
        """Return the seconds that a person needs for a gate, by its number from 0."""
        review = self.scenario.review
        if review is None:
            return 0.0
        if isinstance(review.people, Constant):
            return review.people.value
        return review.people.quantile(uniform(self._seed, self._replication, Activity.REVIEW, gate))

    def bad_brief(self) -> bool:
        """Whether the instructions of the batch are wrong."""
        probability = self.scenario.failures.bad_brief
        return probability > 0.0 and (
            uniform(self._seed, self._replication, Activity.BAD_BRIEF) < probability
        )

    def length_s(self, group: int, index: int) -> float:
        """Return the time of a task's first attempt when nothing is in its way, waiting for no cache."""
        luck = self.attempt(group, index, 0)
        seconds = luck.spawn_s + luck.return_s + luck.call_s * luck.calls
        for tool_s in luck.tool_s:
            seconds += tool_s
        latency = self.scenario.provider.latency
        if latency is not None:
            for read, written in zip(luck.new_input, luck.output, strict=True):
                seconds += latency.base + written * latency.per_output_token
                seconds += read / 1000.0 * latency.per_uncached_ktoken
        return seconds

    def arrival(self, group: int, index: int) -> float:
        """Return when a task arrives, in seconds from the start."""
        arrivals = self._arrivals.setdefault(group, [])
        while len(arrivals) <= index:
            gap = self._draw(
                self.scenario.tasks[group].interarrival, Activity.INTERARRIVAL, group, len(arrivals)
            )
            arrivals.append((arrivals[-1] if arrivals else 0.0) + gap)
        return arrivals[index]

    def _draw_attempt(self, group: int, index: int, number: int) -> AttemptLuck:
        kind = self.scenario.tasks[group]
        dispatch = self.scenario.dispatch
        three_levels = (kind, group, index, number)
        calls = self._draw_shared(kind.calls, Activity.CALLS_OF_BATCH, *three_levels)
        tokens = self._draw_shared(kind.tokens, Activity.TOKENS_OF_BATCH, *three_levels)
        duration = 0.0
        if kind.duration is not None:
            duration = self._draw_shared(kind.duration, Activity.DURATION_OF_BATCH, *three_levels)
        parts = whole_calls(calls)
        work = whole(tokens)
        written = whole(work * kind.output_share)
        key = (group, index, number)
        return AttemptLuck(
            call_s=duration / parts,
            tool_s=self._draw_tools(kind, group, index, number, parts),
            new_input=tuple(share(work - written, part, parts) for part in range(parts)),
            output=tuple(share(written, part, parts) for part in range(parts)),
            spawn_tokens=whole(self._draw(dispatch.spawn.tokens, Activity.SPAWN_TOKENS, *key)),
            **self._mishaps(group, index, number, parts),
        )

    def _mishaps(self, group: int, index: int, number: int, parts: int) -> dict[str, Any]:
        """Draw what belongs to an attempt even if it goes on with the work of another."""
        dispatch, failures = self.scenario.dispatch, self.scenario.failures
        key = (group, index, number)
        crash_call = self._struck_call(Activity.CRASH, failures.crash, key, parts)
        hang_call = self._struck_call(Activity.HANG, failures.hang, key, parts)
        return {
            "spawn_s": self._draw(dispatch.spawn.time, Activity.SPAWN_TIME, *key),
            "return_tokens": whole(self._draw(dispatch.return_.tokens, Activity.RETURN_TOKENS, *key)),
            "return_s": self._draw(dispatch.return_.time, Activity.RETURN_TIME, *key),
            "crash_call": crash_call,
            "hang_call": hang_call if hang_call != crash_call else -1,
            "obeys": self.scenario.timeouts.soft is not None
            and self._uniform(Activity.OBEYS, *key) < self.scenario.timeouts.obeyed,
            "bad_output": failures.bad_output > 0.0
            and self._uniform(Activity.BAD_OUTPUT, *key) < failures.bad_output,
        }

    def _struck_call(
        self, activity: Activity, probability: float, key: tuple[int, int, int], parts: int
    ) -> int:
        """Draw which call a mishap strikes, each equally likely, or -1 for none.

        Given that it is below the probability, the draw is uniform below it: the same draw says which call.
        """
        if not probability:
            return -1
        u = self._uniform(activity, *key)
        return min(int(u / probability * parts), parts - 1) if u < probability else -1

    def _draw_tools(
        self, kind: TaskGroup, group: int, index: int, number: int, parts: int
    ) -> tuple[float, ...]:
        """Draw the time between calls, each gap by itself."""
        if kind.tool_time == Constant(0.0):
            return ()
        keys = (self._keys[group], self._replication, Activity.TOOL_TIME, index, number)
        return tuple(kind.tool_time.quantile(uniform(*keys, call)) for call in range(parts - 1))

    def _uniform_of_pair(
        self, activity: Activity, one: tuple[int, int, int], other: tuple[int, int, int]
    ) -> float:
        """Return the draw of two attempts, the same whichever is named first."""
        (key, task, number), (key2, task2, number2) = sorted(
            (self._keys[group], index, number) for group, index, number in (one, other)
        )
        both = key ^ ((key2 << 1 | key2 >> 63) & (2**64 - 1))
        return uniform(both, self._replication, activity, task, 0, task2, number << 8 | number2)

    def _uniform(self, activity: int, group: int, index: int, number: int = 0) -> float:
        return uniform(self._keys[group], self._replication, activity, index, number)

    def _draw(
        self, distribution: Distribution, activity: Activity, group: int, index: int, number: int = 0
    ) -> float:
        if isinstance(distribution, Constant):
            return distribution.value
        return distribution.quantile(self._uniform(activity, group, index, number))

    def _draw_shared(
        self,
        distribution: Distribution,
        of_batch: Activity,
        kind: TaskGroup,
        group: int,
        index: int,
        number: int,
    ) -> float:
        """Draw what batch, task and attempt share: one normal score, the weighted sum of three.

        With the shares of variance as squares of the weights the sum is again standard normal, so the
        value keeps its distribution whatever the shares; for a lognormal they are the shares of the
        log-variance. `of_batch` is the first of three activities that follow each other.
        """
        if isinstance(distribution, Constant):
            return distribution.value
        score = 0.0
        if kind.variance.batch:
            u = uniform(self._seed, self._replication, of_batch)
            score += math.sqrt(kind.variance.batch) * _NORMAL.inv_cdf(u)
        if kind.variance.task:
            u = self._uniform(of_batch + 1, group, index)
            score += math.sqrt(kind.variance.task) * _NORMAL.inv_cdf(u)
        if kind.variance.attempt:
            u = self._uniform(of_batch + 2, group, index, number)
            score += math.sqrt(kind.variance.attempt) * _NORMAL.inv_cdf(u)
        return distribution.quantile(min(max(_NORMAL.cdf(score), 2.0**-53), _CLOSEST_TO_ONE))
