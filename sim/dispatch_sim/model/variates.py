"""Random variates of one replication: sizes, times and faults of each attempt, each with its own key.

Computed once for a replication and shared by all design points that simulate it: common random numbers.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import Any

from dispatch_sim.model.arithmetic import calls_of_part, share, struck_call
from dispatch_sim.model.streams import Stream, group_key, uniform
from dispatch_sim.scenario.distributions import Constant, Distribution
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.quantities import whole
from dispatch_sim.scenario.tasks import TaskGroup, whole_calls

_NORMAL = NormalDist()
_CLOSEST_TO_ONE = 1.0 - 2.0**-53

Key = tuple[int, int, int]
"""Of an attempt: group, index in it, number of the attempt."""


@dataclass(slots=True)
class AttemptVariates:
    """The variates of one attempt at one task.

    Attributes
    ----------
    calls : how many model calls it makes if nothing goes wrong.
    new_input, output : whole tokens of all calls, which have nearly equal parts of them.
    call_s : unimpeded time of each call, seconds; 0 where the provider's latency gives it.
    tool_s : time between calls, seconds, one fewer than calls; empty where there is none.
    crash_call : the call at whose end it dies, or -1.
    hang_call : the call after which it hangs, or -1; never the same as `crash_call`.
    obeys : whether it obeys a soft timeout.
    bad_output : whether its output is found unusable at the merge.
    """

    calls: int
    new_input: int
    output: int
    call_s: float
    tool_s: tuple[float, ...]
    spawn_tokens: int
    spawn_s: float
    return_tokens: int
    return_s: float
    crash_call: int
    hang_call: int
    obeys: bool
    bad_output: bool

    def part(self, fraction: float) -> AttemptVariates:
        """Return those of an attempt that does a part: fewer calls, tokens and time in proportion.

        It has the same faults, if it comes to the call of one.
        """
        return self._reduced(fraction, calls_of_part(self.calls, fraction))

    def without(self, common: float) -> AttemptVariates:
        """Return those of an attempt whose common part is done already: calls are rounded, maybe to none."""
        return self._reduced(1.0 - common, whole((1.0 - common) * self.calls))

    def _reduced(self, fraction: float, calls: int) -> AttemptVariates:
        reduced = replace(self, tool_s=self.tool_s[: max(calls - 1, 0)])
        reduce(reduced, fraction, calls)
        return reduced


def input_of(variates: AttemptVariates, call: int) -> int:
    """Return the new input of a call."""
    return share(variates.new_input, call, variates.calls)


def output_of(variates: AttemptVariates, call: int) -> int:
    """Return the output of a call."""
    return share(variates.output, call, variates.calls)


def reduce(variates: AttemptVariates, fraction: float, calls: int) -> None:
    """Leave so many calls of an attempt, with a fraction of its tokens and time; both engines do it so."""
    variates.new_input = whole(fraction * variates.new_input)
    variates.output = whole(fraction * variates.output)
    variates.call_s = variates.call_s * variates.calls * fraction / max(calls, 1)
    variates.calls = calls


class Variates:
    """All variates of one replication of a scenario; attempts are drawn when first asked for."""

    def __init__(self, scenario: Scenario, replication: int) -> None:
        self.scenario = scenario
        self._replication = replication
        self._seed = scenario.study.seed
        self._keys = [group_key(self._seed, group.name) for group in scenario.tasks]
        self._attempts: dict[Key, AttemptVariates] = {}
        self._arrivals: dict[int, list[float]] = {}

    def attempt(self, group: int, index: int, number: int) -> AttemptVariates:
        """Return those of attempt `number` (from 0) at a task."""
        key = (group, index, number)
        if key not in self._attempts:
            self._attempts[key] = self._draw_attempt(key)
        return self._attempts[key]

    def resumed(self, group: int, index: int, origin: int, number: int) -> AttemptVariates:
        """Return those of attempt `number` that goes on with the work of attempt `origin`."""
        begun = self.attempt(group, index, origin)
        return replace(begun, **self._own(group, index, number, begun.calls))

    def of_request(
        self, stream: Stream, group: int, index: int, attempt: int, call: int, retry: int
    ) -> float:
        """Return a uniform draw of one request: of its overload, or of the pause after it."""
        return uniform(self._keys[group], self._replication, stream, index, attempt, call, retry)

    def recovery_s(self, group: int, index: int) -> float:
        """Return the seconds that a person needs to finish a task."""
        return self._draw(self.scenario.recovery.people, Stream.RECOVERY, group, index)

    def conflict(self, one: Key, other: Key) -> float:
        """Return the uniform draw that says whether two attempts conflict."""
        return self._uniform_of_pair(Stream.CONFLICT, one, other)

    def resolve_s(self, one: Key, other: Key) -> float:
        """Return the seconds that a person needs to resolve the conflict of two attempts' outputs."""
        return self.scenario.conflicts.resolve.quantile(self._uniform_of_pair(Stream.RESOLVE, one, other))

    def clean_up_s(self, group: int, index: int, number: int) -> float:
        """Return the seconds that a person needs after the loss of an attempt's work."""
        return self._draw(self.scenario.conflicts.people, Stream.CLEAN_UP, group, index, number)

    def review_s(self, number: int) -> float:
        """Return the seconds that a person needs for a review, by its number from 0."""
        review = self.scenario.review
        if review is None:
            return 0.0
        return review.people.quantile(uniform(self._seed, self._replication, Stream.REVIEW, number))

    def bad_brief(self) -> bool:
        """Whether the instructions of the batch are wrong."""
        return uniform(self._seed, self._replication, Stream.BAD_BRIEF) < self.scenario.failures.bad_brief

    def length_s(self, group: int, index: int) -> float:
        """Return the time of a task's first attempt if nothing is in its way; new input is uncached."""
        first = self.attempt(group, index, 0)
        seconds = first.spawn_s + first.return_s + first.call_s * first.calls
        for tool_s in first.tool_s:
            seconds += tool_s
        latency = self.scenario.provider.latency
        if latency is not None:
            for call in range(first.calls):
                seconds += latency.base + output_of(first, call) * latency.per_output_token
                seconds += input_of(first, call) / 1000.0 * latency.per_uncached_ktoken
        return seconds

    def arrival_s(self, group: int, index: int) -> float:
        """Return when a task arrives, in seconds from the start."""
        arrivals = self._arrivals.setdefault(group, [])
        interarrival = self.scenario.tasks[group].interarrival
        while len(arrivals) <= index:
            gap_s = self._draw(interarrival, Stream.INTERARRIVAL, group, len(arrivals))
            arrivals.append((arrivals[-1] if arrivals else 0.0) + gap_s)
        return arrivals[index]

    def _draw_attempt(self, key: Key) -> AttemptVariates:
        group = self.scenario.tasks[key[0]]
        calls = whole_calls(self._draw_shared(group.calls, Stream.CALLS_OF_BATCH, group, key))
        work = whole(self._draw_shared(group.tokens, Stream.TOKENS_OF_BATCH, group, key))
        duration = 0.0
        if group.duration is not None:
            duration = self._draw_shared(group.duration, Stream.DURATION_OF_BATCH, group, key)
        written = whole(work * group.output_share)
        return AttemptVariates(
            calls=calls,
            new_input=work - written,
            output=written,
            call_s=duration / calls,
            tool_s=self._draw_tools(group, key, calls),
            spawn_tokens=whole(self._draw(self.scenario.dispatch.spawn.tokens, Stream.SPAWN_TOKENS, *key)),
            **self._own(*key, calls),
        )

    def _own(self, group: int, index: int, number: int, calls: int) -> dict[str, Any]:
        """Draw what is an attempt's own even if it goes on with the work of another."""
        dispatch, failures, timeouts = self.scenario.dispatch, self.scenario.failures, self.scenario.timeouts
        key = (group, index, number)
        crash_call = self._struck_call(Stream.CRASH, failures.crash, key, calls)
        hang_call = self._struck_call(Stream.HANG, failures.hang, key, calls)
        return {
            "spawn_s": self._draw(dispatch.spawn.time, Stream.SPAWN_TIME, *key),
            "return_tokens": whole(self._draw(dispatch.return_.tokens, Stream.RETURN_TOKENS, *key)),
            "return_s": self._draw(dispatch.return_.time, Stream.RETURN_TIME, *key),
            "crash_call": crash_call,
            "hang_call": hang_call if hang_call != crash_call else -1,
            "obeys": timeouts.soft is not None and self._uniform(Stream.OBEYS, *key) < timeouts.obeyed,
            "bad_output": failures.bad_output > 0.0
            and self._uniform(Stream.BAD_OUTPUT, *key) < failures.bad_output,
        }

    def _struck_call(self, stream: Stream, probability: float, key: Key, calls: int) -> int:
        """Draw which call a fault strikes, or -1 for none."""
        return struck_call(self._uniform(stream, *key), probability, calls) if probability else -1

    def _draw_tools(self, group: TaskGroup, key: Key, calls: int) -> tuple[float, ...]:
        """Draw the time between calls, each gap by itself."""
        if group.tool_time == Constant(0.0):
            return ()
        of_task = (self._keys[key[0]], self._replication, Stream.TOOL_TIME, key[1], key[2])
        draws = (uniform(*of_task, call) for call in range(calls - 1))
        return tuple(map(group.tool_time.quantile, draws))

    def _uniform_of_pair(self, stream: Stream, one: Key, other: Key) -> float:
        """Return the draw of two attempts, the same whichever is named first."""
        (key, task, number), (key2, task2, number2) = sorted(
            (self._keys[group], index, number) for group, index, number in (one, other)
        )
        both = key ^ ((key2 << 1 | key2 >> 63) & (2**64 - 1))
        return uniform(both, self._replication, stream, task, 0, task2, number << 8 | number2)

    def _uniform(self, stream: int, group: int, index: int, number: int = 0) -> float:
        return uniform(self._keys[group], self._replication, stream, index, number)

    def _draw(self, distribution: Distribution, stream: Stream, *key: int) -> float:
        if isinstance(distribution, Constant):
            return distribution.value
        return distribution.quantile(self._uniform(stream, *key))

    def _draw_shared(self, distribution: Distribution, of_batch: Stream, group: TaskGroup, key: Key) -> float:
        """Draw what batch, task and attempt share: one normal score, the weighted sum of three.

        With the shares of variance as squares of the weights the sum is again standard normal, so the
        value keeps its distribution whatever the shares; for a lognormal they are the shares of the
        log-variance. `of_batch` is the first of three streams that follow each other.
        """
        if isinstance(distribution, Constant):
            return distribution.value
        score = 0.0
        if group.variance.batch:
            u = uniform(self._seed, self._replication, of_batch)
            score += math.sqrt(group.variance.batch) * _NORMAL.inv_cdf(u)
        if group.variance.task:
            score += math.sqrt(group.variance.task) * _NORMAL.inv_cdf(self._uniform(of_batch + 1, *key[:2]))
        if group.variance.attempt:
            score += math.sqrt(group.variance.attempt) * _NORMAL.inv_cdf(self._uniform(of_batch + 2, *key))
        return distribution.quantile(min(max(_NORMAL.cdf(score), 2.0**-53), _CLOSEST_TO_ONE))
