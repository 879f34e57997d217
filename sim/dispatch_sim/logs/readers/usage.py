"""The model calls of one agent, each counted once, however often the log repeats it."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dispatch_sim.logs.readers.json_values import tokens_of
from dispatch_sim.logs.readers.tables import NAN


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one model call: input neither written to nor read from the cache, written, read; output."""

    input: float = 0.0
    cache_write: float = 0.0
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
class Totals:
    """What the calls of an agent add up to; NaN where none was seen. Fields as in `tables.AgentRun`."""

    calls: float = NAN
    input_tokens: float = NAN
    cache_write_tokens: float = NAN
    cache_read_tokens: float = NAN
    output_tokens: float = NAN
    output_estimated: float = NAN
    first_context_tokens: float = NAN
    first_cached_share: float = NAN
    final_context_tokens: float = NAN

    def then(self, later: Totals) -> Totals:
        """Return the totals of these calls and of later ones of the same agent."""
        if math.isnan(self.calls) or math.isnan(later.calls):
            return later if math.isnan(self.calls) else self
        output = self.output_tokens + later.output_tokens
        guessed = self.output_estimated * self.output_tokens + later.output_estimated * later.output_tokens
        return Totals(
            calls=self.calls + later.calls,
            input_tokens=self.input_tokens + later.input_tokens,
            cache_write_tokens=self.cache_write_tokens + later.cache_write_tokens,
            cache_read_tokens=self.cache_read_tokens + later.cache_read_tokens,
            output_tokens=output,
            output_estimated=guessed / output if output else 0.0,
            first_context_tokens=self.first_context_tokens,
            first_cached_share=self.first_cached_share,
            final_context_tokens=later.final_context_tokens,
        )


@dataclass(slots=True)
class _Call:
    usage: Usage
    output_known: bool
    characters: float


class Book:
    """Collects the calls of an agent in the order of the log."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, key: str, usage: Usage, *, output_known: bool = True, characters: float = 0.0) -> None:
        """Count a call, or what another line says of the same call.

        Parameters
        ----------
        key : what the lines of one call have in common.
        usage : as this line has it; of several lines the one with the most tokens counts.
        output_known : whether the output is a count, and not what stood there as the call began.
        characters : length of what the call wrote on this line, from which an unknown output is estimated.
        """
        call = self._calls.get(key)
        if call is None:
            self._calls[key] = _Call(usage, output_known, characters)
            return
        call.characters += characters
        if (output_known, usage.total) > (call.output_known, call.usage.total):
            call.usage, call.output_known = usage, output_known

    def totals(self) -> Totals:
        """Return what the calls add up to."""
        calls = list(self._calls.values())
        if not calls:
            return Totals()
        outputs = [_output(call) for call in calls]
        output = math.fsum(outputs)
        guessed = math.fsum(
            wrote for call, wrote in zip(calls, outputs, strict=True) if not call.output_known
        )
        first = calls[0].usage
        return Totals(
            calls=float(len(calls)),
            input_tokens=_sum(call.usage.input for call in calls),
            cache_write_tokens=_sum(call.usage.cache_write for call in calls),
            cache_read_tokens=_sum(call.usage.cache_read for call in calls),
            output_tokens=output,
            output_estimated=guessed / output if output else 0.0,
            first_context_tokens=first.context,
            first_cached_share=first.cache_read / first.context if first.context else NAN,
            final_context_tokens=calls[-1].usage.context + outputs[-1],
        )


def _output(call: _Call) -> float:
    return call.usage.output if call.output_known else max(call.usage.output, tokens_of(call.characters))


def _sum(amounts: Iterable[float]) -> float:
    return math.fsum(amounts)
