"""Token usage of one agent: each model call counts once, however often the log repeats it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from math import nan

from dispatch_sim.logs.readers.json_values import tokens_of

_INPUTS = ("input_tokens", "cache_write_tokens", "cache_write_1h_tokens", "cache_read_tokens")


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call: input outside the cache, written to it, read from it; output.

    `cache_write_1h_tokens` is the part of `cache_write_tokens` that is to live one hour; NaN if the log does
    not say.
    """

    input_tokens: float = 0.0
    cache_write_tokens: float = 0.0
    cache_write_1h_tokens: float = nan
    cache_read_tokens: float = 0.0
    output_tokens: float = 0.0

    @property
    def context(self) -> float:
        """All input."""
        return self.input_tokens + self.cache_write_tokens + self.cache_read_tokens

    @property
    def total(self) -> float:
        """Input and output."""
        return self.context + self.output_tokens


Totals = dict[str, float]
"""Sums over the calls of an agent, by column of `tables.AgentRun`; empty if none was seen."""


def joined(earlier: Totals, later: Totals) -> Totals:
    """Return the totals of calls and of later ones of the same agent."""
    if not (earlier and later):
        return earlier or later
    sums = {name: earlier[name] + later[name] for name in ("calls", "output_tokens", *_INPUTS)}
    estimated = sum(each["output_estimated"] * each["output_tokens"] for each in (earlier, later))
    output = sums["output_tokens"]
    return {
        **earlier,
        **sums,
        "output_estimated": estimated / output if output else 0.0,
        "final_context_tokens": later["final_context_tokens"],
    }


@dataclass(slots=True)
class _Call:
    usage: Usage
    output_known: bool
    characters: float

    @property
    def output(self) -> float:
        """The output tokens, estimated from what was written if the log has no count."""
        if self.output_known:
            return self.usage.output_tokens
        return max(self.usage.output_tokens, tokens_of(self.characters))


class UsageCounter:
    """Collects the calls of an agent in the order of the log."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, key: str, usage: Usage, *, output_known: bool = True, characters: float = 0.0) -> None:
        """Count a call, or merge another line of a call that is counted already; they share the key.

        Of the usages on several lines the one with the most tokens counts. `output_known` is False if a line
        has a placeholder from the start of the call in place of a count, which is estimated from
        `characters`, about how many the model wrote on this line: those of all lines are added up.
        """
        call = self._calls.get(key)
        if call is None:
            self._calls[key] = _Call(usage, output_known, characters)
            return
        call.characters += characters
        if (output_known, usage.total) > (call.output_known, call.usage.total):
            call.usage, call.output_known = usage, output_known

    def totals(self) -> Totals:
        """Return the sums over all calls."""
        calls = list(self._calls.values())
        if not calls:
            return {}
        first, last = calls[0].usage, calls[-1]
        output = math.fsum(call.output for call in calls)
        estimated = math.fsum(call.output for call in calls if not call.output_known)
        return {
            "calls": float(len(calls)),
            **{name: math.fsum(getattr(call.usage, name) for call in calls) for name in _INPUTS},
            "output_tokens": output,
            "output_estimated": estimated / output if output else 0.0,
            "first_context_tokens": first.context,
            "first_cached_share": first.cache_read_tokens / first.context if first.context else nan,
            "final_context_tokens": last.usage.context + last.output,
        }
