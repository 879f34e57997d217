"""Reader of OpenTelemetry traces: OTLP JSON with the semantic conventions for generative AI.

A span `invoke_agent` is a run, except that one on top with others below it is the coordinator. A span `chat`
(or the like) is a model call of the nearest agent above it. Runs of one caller are a group if each began
before any of them had ended.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import chain
from math import nan

from dispatch_sim.logs.readers.files import Tally
from dispatch_sim.logs.readers.json_values import Record, seconds_between, tokens_of
from dispatch_sim.logs.readers.otel_spans import EXPORT_KEYS, Span, spans_of
from dispatch_sim.logs.readers.parsed_runs import ParsedRun
from dispatch_sim.logs.readers.tables import COMPLETED
from dispatch_sim.logs.readers.usage import UsageCounter

_CLIENT = 3
_Above = dict[str, str | None]


class OpenTelemetry:
    """Reads exported spans in any order and joins them when all files are read."""

    name = "otel"

    def __init__(self) -> None:
        self._parents: dict[str, str] = {}
        self._spans: dict[str, dict[str, Span]] = defaultdict(dict)
        self._agents, self._workflows = self._spans["invoke_agent"], self._spans["invoke_workflow"]
        self._conversations: dict[str, str] = {}
        self._nearest: _Above = {}

    @staticmethod
    def recognises(record: Record) -> bool:
        """Whether a document is an export of traces."""
        return any(key in record for key in EXPORT_KEYS)

    def read(self, records: Iterable[Record], path: str) -> None:
        """Read the documents of a file: each line, or all of it. Spans of one trace may stand in several."""
        for span in chain.from_iterable(map(spans_of, records)):
            if span.parent is not None:
                self._parents[span.id] = span.parent
            if span.conversation is not None:
                self._conversations.setdefault(span.trace, span.conversation)
            if span.operation:
                self._spans[span.operation][span.id] = span

    def runs(self, tally: Tally) -> Iterator[ParsedRun]:
        """Yield the runs in the order in which they began, caller by caller."""
        above = {id_: self._caller(id_) for id_ in self._agents}
        runs = {id_: span for id_, span in self._agents.items() if above[id_] != id_}
        callers = {above[id_] for id_ in runs}
        siblings: dict[tuple[str, str | None], list[Span]] = {}
        for id_, span in list(runs.items()):
            if above[id_] is None and id_ in callers:
                del runs[id_]  # the coordinator
            else:
                siblings.setdefault((span.trace, above[id_]), []).append(span)
        calls, tools = (self._by_agent(self._spans[name], above) for name in ("chat", "execute_tool"))
        own = [call for agent, of_agent in calls.items() if agent not in runs for call in of_agent]
        tally.coordinator_calls += sum(call.usage is not None for call in own)
        tally.coordinator_retries += sum(call.failed for call in own)
        for (trace, caller), spans in sorted(siblings.items(), key=lambda item: _began(item[1][0])):
            for group, span in _groups(spans):
                yield self._run(
                    span,
                    session=self._conversations.get(trace, trace),
                    group=f"{trace} {caller} {group}",
                    caller=caller if caller in runs and above[caller] is not None else None,
                    calls=sorted(calls[span.id], key=_began),
                    tools=len(tools[span.id]),
                )

    def _agent_above(self, id_: str) -> str | None:
        """Return the nearest agent or workflow above a span; None if its parents go in a circle."""

        def upward(span: str) -> str | None:
            return span if span in self._agents or span in self._workflows else self._parents.get(span)

        nearest = _end_of_links(self._parents.get(id_), upward, self._nearest)
        return None if nearest == id_ else nearest

    def _caller(self, id_: str) -> str | None:
        """Return the caller of an agent; the agent itself below its client's span of the same run."""
        above = self._agent_above(id_)
        outer = self._agents.get(above or "")
        if outer is None or outer.agent is None:
            return above
        return id_ if outer.kind == _CLIENT and outer.agent == self._agents[id_].agent else above

    def _by_agent(self, spans: dict[str, Span], above: _Above) -> dict[str, list[Span]]:
        """Return the spans by the agent directly above them, the outermost of the spans of one run."""
        outermost: _Above = {}

        def outward(agent: str) -> str | None:
            return self._agent_above(agent) if above.get(agent) == agent else agent

        by_agent: dict[str, list[Span]] = defaultdict(list)
        for span in spans.values():
            agent = _end_of_links(self._agent_above(span.id), outward, outermost)
            if agent is not None:
                by_agent[agent].append(span)
        return by_agent

    def _run(
        self, span: Span, session: str, group: str, caller: str | None, calls: list[Span], tools: int
    ) -> ParsedRun:
        usage = UsageCounter()
        for call in calls:
            if call.usage is not None:
                usage.add(call.id, call.usage)
        # The agent's own span stands for calls that are not in the trace.
        own = {} if span.usage is None else {**asdict(span.usage), "output_estimated": 0.0}
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
            retries=float(sum(call.failed for call in calls[:-1])) if calls else nan,
            tool_uses=float(tools),
            totals=usage.totals() if len(usage) else own,
            spawn_tokens=tokens_of(span.given),
            return_tokens=tokens_of(span.returned),
        )


def _end_of_links(start: str | None, following: Callable[[str], str | None], known: _Above) -> str | None:
    """Return the end of a chain of links, at which `following` returns its argument; None for a circle.

    Ends are stored in `known`, so each link is followed once.
    """
    passed: list[str] = []
    here, end = start, None
    while here is not None:
        if here in known:
            end = known[here]
            break
        known[here] = None
        passed.append(here)
        after = following(here)
        if after == here:
            end = here
            break
        here = after
    known.update(dict.fromkeys(passed, end))
    return end


def _groups(spans: list[Span]) -> Iterator[tuple[int, Span]]:
    """Yield runs of one caller with the number of their group, in the order in which they began."""
    group, first_end = 0, math.inf
    for span in sorted(spans, key=_began):
        if _began(span) >= first_end:
            group, first_end = group + 1, math.inf
        first_end = min(first_end, math.inf if span.ended is None else span.ended)
        yield group, span


def _began(span: Span) -> float:
    return -1.0 if span.began is None else float(span.began)


def _outcome(span: Span) -> str:
    if span.ended is None:
        return "unfinished"
    if span.cancelled:
        return "interrupted"
    return "failed" if span.failed else COMPLETED
