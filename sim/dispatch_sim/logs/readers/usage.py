"""Token usage of one agent: each model call counts once, however often the log repeats it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from math import isnan, nan

from dispatch_sim.logs.readers.json_values import tokens_of


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call: input outside the cache, written to it, read from it; output.

    `cache_write_1h` is the part of `cache_write` that is to live one hour; NaN if the log does not say.
    """

    input: float = 0.0
    cache_write: float = 0.0
    cache_write_1h: float = nan
    cache_read: float = 0.0
    output: float = 0.0

    @property
    def context(self) -> float:
        """All input."""
        return self.input + self.cache_write + self.cache_read

    @property
    def total(self) -> float:
        """Input and output."""
        return self.context + self.output


@dataclass(frozen=True, slots=True)
class UsageTotals:
    """Sums over the calls of an agent; NaN if none was seen. The fields are those of `tables.AgentRun`."""

    calls: float = nan
    input_tokens: float = nan
    cache_write_tokens: float = nan
    cache_write_1h_tokens: float = nan
    cache_read_tokens: float = nan
    output_tokens: float = nan
    output_estimated: float = nan
    first_context_tokens: float = nan
    first_cached_share: float = nan
    final_context_tokens: float = nan

    def plus(self, later: UsageTotals) -> UsageTotals:
        """Return the totals of these calls and of later ones of the same agent."""
        if isnan(self.calls) or isnan(later.calls):
            return later if isnan(self.calls) else self
        output = self.output_tokens + later.output_tokens
        estimated = self.output_estimated * self.output_tokens + later.output_estimated * later.output_tokens
        return replace(
            self,
            calls=self.calls + later.calls,
            input_tokens=self.input_tokens + later.input_tokens,
            cache_write_tokens=self.cache_write_tokens + later.cache_write_tokens,
            cache_write_1h_tokens=self.cache_write_1h_tokens + later.cache_write_1h_tokens,
            cache_read_tokens=self.cache_read_tokens + later.cache_read_tokens,
            output_tokens=output,
            output_estimated=estimated / output if output else 0.0,
            final_context_tokens=later.final_context_tokens,
        )


@dataclass(slots=True)
class _Call:
    usage: Usage
    output_known: bool
    characters: float

    @property
    def output(self) -> float:
        """The output tokens, estimated from what was written if the log has no count."""
        if self.output_known:
            return self.usage.output
        return max(self.usage.output, tokens_of(self.characters))


class UsageCounter:
    """Collects the calls of an agent in the order of the log."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, key: str, usage: Usage, *, output_known: bool = True, characters: float = 0.0) -> None:
        """Count a call, or merge another line of a call that is counted already.

        Parameters
        ----------
        key : shared by the lines of one call.
        usage : as on this line; of several lines the one with the most tokens counts.
        output_known : False if the line has a placeholder from the start of the call in place of a count.
        characters : length of the output on this line, from which an unknown count is estimated.
        """
        call = self._calls.get(key)
        if call is None:
            self._calls[key] = _Call(usage, output_known, characters)
            return
        call.characters += characters
        if (output_known, usage.total) > (call.output_known, call.usage.total):
            call.usage, call.output_known = usage, output_known

    def totals(self) -> UsageTotals:
        """Return the sums over all calls."""
        calls = list(self._calls.values())
        if not calls:
            return UsageTotals()
        first, last = calls[0].usage, calls[-1]
        output = math.fsum(call.output for call in calls)
        estimated = math.fsum(call.output for call in calls if not call.output_known)
        return UsageTotals(
            calls=float(len(calls)),
            input_tokens=math.fsum(call.usage.input for call in calls),
            cache_write_tokens=math.fsum(call.usage.cache_write for call in calls),
            cache_write_1h_tokens=math.fsum(call.usage.cache_write_1h for call in calls),
            cache_read_tokens=math.fsum(call.usage.cache_read for call in calls),
            output_tokens=output,
            output_estimated=estimated / output if output else 0.0,
            first_context_tokens=first.context,
            first_cached_share=first.cache_read / first.context if first.context else nan,
            final_context_tokens=last.usage.context + last.output,
        )
