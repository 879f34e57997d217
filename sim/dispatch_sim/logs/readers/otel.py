"""OpenTelemetry traces in OTLP JSON, with the attributes of the semantic conventions for generative AI.

A run is a span `invoke_agent`; one on top that has others below it is the coordinator's, and no run. Its
model calls are the spans `chat` (and the like) to which it is the nearest agent above. Runs of one caller are
a group where each began before any of them had ended. Attributes go by the names of version 1.41 and by older
ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from dispatch_sim.logs.readers.files import LogFile, Tally
from dispatch_sim.logs.readers.json_values import Record, seconds_between, tokens_of
from dispatch_sim.logs.readers.otel_spans import EXPORTS, Span, spans_of
from dispatch_sim.logs.readers.parsed_runs import ParsedRun
from dispatch_sim.logs.readers.tables import COMPLETED, NAN
from dispatch_sim.logs.readers.usage import Book, Totals

_CLIENT = 3


@dataclass(slots=True)
class _Below:
    """What lies directly below an agent: its model calls, and how many tools it used."""

    calls: list[Span]
    tools: int = 0


class OpenTelemetry:
    """Reads exported traces, in any order of their spans, and puts runs together at the end."""

    name = "otel"

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._agents: dict[str, Span] = {}
        self._workflows: set[str] = set()
        self._calls: dict[str, Span] = {}
        self._tools: dict[str, Span] = {}
        self._conversations: dict[str, str] = {}
        self._nearest: dict[str, str | None] = {}

    @staticmethod
    def recognises(record: Record) -> bool:
        """Whether a document is an export of traces."""
        return any(key in record for key in EXPORTS)

    def open(self, file: LogFile) -> None:
        """Begin a file."""

    def take(self, record: Record) -> None:
        """Take a document: a line of a file, or the whole of it."""
        for span in spans_of(record):
            if span.parent is not None:
                self._parents[span.id] = span.parent
            if span.conversation is not None:
                self._conversations.setdefault(span.trace, span.conversation)
            if span.operation == "invoke_agent":
                self._agents[span.id] = span
            elif span.operation == "invoke_workflow":
                self._workflows.add(span.id)
            elif span.operation == "execute_tool":
                self._tools[span.id] = span
            elif span.operation == "chat":
                self._calls[span.id] = span

    def close(self) -> None:
        """End the file; spans of one trace may stand in several."""

    def found(self, tally: Tally) -> Iterator[ParsedRun]:
        """Yield the runs in the order in which they began, caller by caller."""
        above: dict[str, str | None] = {}
        for id_ in self._agents:
            above[id_] = self._same(id_, self._above(id_))
        real = {id_: span for id_, span in self._agents.items() if above[id_] != id_}
        below = self._below(above)
        callers = {above[id_] for id_ in real}
        siblings: dict[tuple[str, str | None], list[Span]] = {}
        for id_, span in real.items():
            if above[id_] is None and id_ in callers:
                continue
            siblings.setdefault((span.trace, above[id_]), []).append(span)
        runs = {span.id for spans in siblings.values() for span in spans}
        own = [call for agent, of in below.items() if agent not in runs for call in of.calls]
        tally.coordinator_calls += sum(call.usage is not None for call in own)
        tally.coordinator_retries += sum(call.failed for call in own)
        for (trace, caller), spans in sorted(siblings.items(), key=lambda item: _began(item[1][0])):
            is_run = caller is not None and caller in real and above[caller] is not None
            for group, span in _grouped(spans):
                yield self._found(
                    span,
                    session=self._conversations.get(trace, trace),
                    group=f"{caller} {group}",
                    caller=caller if is_run else None,
                    below=below.get(span.id, _Below([])),
                )

    def _above(self, id_: str) -> str | None:
        """Return the nearest agent or workflow above a span; parents that go round in a broken log end it."""
        found = _end(self._parents.get(id_), self._upward, self._nearest)
        return None if found == id_ else found

    def _upward(self, id_: str) -> str | None:
        return id_ if id_ in self._agents or id_ in self._workflows else self._parents.get(id_)

    def _same(self, id_: str, above: str | None) -> str | None:
        """Return what is above an agent, or the agent itself where that is its run as the client saw it."""
        outer = self._agents.get(above or "")
        same = outer is not None and outer.kind == _CLIENT and outer.agent == self._agents[id_].agent
        return id_ if same and outer is not None and outer.agent is not None else above

    def _below(self, above: dict[str, str | None]) -> dict[str, _Below]:
        found: dict[str, _Below] = {}
        outermost: dict[str, str | None] = {}

        def outward(agent: str) -> str | None:
            return self._above(agent) if above.get(agent) == agent else agent

        for span in [*self._calls.values(), *self._tools.values()]:
            agent = _end(self._above(span.id), outward, outermost)
            if agent is None:
                continue
            of = found.setdefault(agent, _Below([]))
            if span.operation == "chat":
                of.calls.append(span)
            else:
                of.tools += 1
        return found

    def _found(self, span: Span, session: str, group: str, caller: str | None, below: _Below) -> ParsedRun:
        calls = sorted(below.calls, key=_began)
        book = Book()
        for call in calls:
            if call.usage is not None:
                book.add(call.id, call.usage)
        failed = [call.failed for call in calls]
        return ParsedRun(
            source=self.name,
            session=session,
            group=group,
            call=span.id,
            agent=span.id,
            caller=caller,
            kind=span.agent,
            model=next((call.model for call in calls if call.model is not None), span.model),
            outcome=_outcome(span),
            called=span.began,
            started=span.began,
            ended=span.ended,
            measured_s=seconds_between(span.began, span.ended),
            retries=float(sum(failed[:-1])) if calls else NAN,
            tool_uses=float(below.tools),
            totals=book.totals() if len(book) else _own(span),
            spawn_tokens=tokens_of(span.given),
            return_tokens=tokens_of(span.returned),
        )


def _end(start: str | None, onward: Callable[[str], str | None], known: dict[str, str | None]) -> str | None:
    """Return where links lead: `onward` gives the next, and at the end the same; None where they go round.

    What is found is kept in `known`, so that long ways are gone once.
    """
    passed: list[str] = []
    here, end = start, None
    while here is not None:
        if here in known:
            end = known[here]
            break
        known[here] = None
        passed.append(here)
        following = onward(here)
        if following == here:
            end = here
            break
        here = following
    known.update(dict.fromkeys(passed, end))
    return end


def _grouped(spans: list[Span]) -> Iterator[tuple[int, Span]]:
    """Yield runs of one caller with the number of their group, in the order in which they began."""
    group, first_end = 0, math.inf
    for span in sorted(spans, key=_began):
        if _began(span) >= first_end:
            group, first_end = group + 1, math.inf
        ended = math.inf if span.ended is None else span.ended
        first_end = min(first_end, ended)
        yield group, span


def _began(span: Span) -> float:
    return -1.0 if span.began is None else float(span.began)


def _outcome(span: Span) -> str:
    if span.ended is None:
        return "unfinished"
    if span.cancelled:
        return "interrupted"
    return "failed" if span.failed else COMPLETED


def _own(span: Span) -> Totals:
    """Return what an agent's own span says of its tokens, where none of its calls are seen."""
    if span.usage is None:
        return Totals()
    return Totals(
        input_tokens=span.usage.input,
        cache_write_tokens=span.usage.cache_write,
        cache_read_tokens=span.usage.cache_read,
        output_tokens=span.usage.output,
        output_estimated=0.0,
    )
