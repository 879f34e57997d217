"""Reader of Codex rollouts: calls of `spawn_agent`, and the rollout of each agent.

As observed in files of versions 0.118 to 0.144, with known events of older and newer ones. An event or a
result after the call names the agent's thread; the agent's own rollout has its start, end and usage. Requests
to an agent after its first task are no dispatch and are ignored. Rollouts do not hold retries, so the calls
of coordinators are not counted: a rate of retries has no use for them.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import isnan, nan

from dispatch_sim.logs.readers.files import Tally
from dispatch_sim.logs.readers.json_values import (
    Record,
    amount,
    mapping,
    moment,
    objects,
    or_zero,
    parse,
    text,
    tokens_of,
)
from dispatch_sim.logs.readers.parsed_runs import ParsedRun
from dispatch_sim.logs.readers.tables import COMPLETED
from dispatch_sim.logs.readers.usage import Totals, Usage, UsageCounter

_REPLAYED_US = 100_000
_REPLAYED_FORK_US = 2_000_000
_CLOCK_TOLERANCE_US = 1_000_000
_TOOL_CALLS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "web_search_call"})
_WAITS = ("wait_agent", "wait")


@dataclass(slots=True)
class _Thread:
    """One rollout, of an agent or of a session."""

    id: str
    has_head: bool = False
    is_fork: bool = False
    parent: str | None = None
    kind: str | None = None
    began: int | None = None
    ended: int | None = None
    outcome: str = "unfinished"
    measured_s: float = nan
    model: str | None = None
    usage: UsageCounter = field(default_factory=UsageCounter)
    totals: Totals = field(default_factory=dict)
    total: tuple[float, ...] = ()
    tools: int = 0
    returned: float = nan
    erred: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it is an agent that has ended its first task."""
        return self.parent is not None and self.ended is not None


class Codex:
    """Reads rollouts line by line and joins calls and agents when all files are read."""

    name = "codex"

    def __init__(self) -> None:
        self._threads: dict[str, _Thread] = {}
        self._calls: dict[tuple[str, str], ParsedRun] = {}
        self._here = _Thread("")
        self._group = 0

    @staticmethod
    def recognises(record: Record) -> bool:
        """Whether a line is one of a rollout."""
        return isinstance(record.get("payload"), dict) and isinstance(record.get("type"), str)

    def read(self, records: Iterable[Record], path: str) -> None:
        """Read the lines of a file."""
        here = self._here = _Thread(path)
        self._group += 1
        for record in records:
            self._take(record)
        here.totals, here.usage = here.usage.totals(), UsageCounter()
        known = self._threads.get(here.id)
        if known is None or here.totals.get("calls", 0) > known.totals.get("calls", 0):
            self._threads[here.id] = here

    def _take(self, record: Record) -> None:
        kind, payload = record.get("type"), mapping(record, "payload")
        at = moment(record.get("timestamp"))
        if self._here.began is None:
            self._here.began = at
        if kind == "session_meta":
            self._take_head(payload)
        elif kind == "turn_context" and not self._here.is_over:
            # Copies of the caller's lines come first, so the last one is the agent's own.
            self._here.model = text(payload, "model") or self._here.model
        elif self._is_replayed(at):
            if payload.get("type") == "token_count":
                self._here.total = _total(mapping(payload, "info"))
        elif kind == "event_msg":
            self._take_event(payload, at)
        elif kind == "response_item":
            self._take_item(payload, at)

    def runs(self, tally: Tally) -> Iterator[ParsedRun]:
        """Yield the runs in the order of their calls; count agents without a call."""
        agents = {thread.id: thread for thread in self._threads.values() if thread.parent is not None}
        tally.skip("agent whose call is in none of the files", count=self._assign_unnamed_agents(agents))
        for run in self._calls.values():
            caller, agent = self._threads.get(run.session), agents.get(run.agent or "")
            run.caller = run.session if caller is not None and caller.parent is not None else None
            if agent is not None:
                run.kind = run.kind or agent.kind
                run.model, run.outcome = agent.model, agent.outcome
                run.started, run.ended, run.measured_s = agent.began, agent.ended, agent.measured_s
                run.totals, run.return_tokens = agent.totals, tokens_of(agent.returned)
                run.tool_uses = float(agent.tools)
            run.kind = run.kind or "default"
            yield run

    def _assign_unnamed_agents(self, agents: dict[str, _Thread]) -> int:
        """Give calls whose thread nothing names the first agent of the caller that began since the call.

        Return how many agents are left.
        """
        named = {run.agent for run in self._calls.values()}
        unnamed: dict[str | None, list[_Thread]] = {}
        for agent in sorted(agents.values(), key=_began):
            if agent.id not in named:
                unnamed.setdefault(agent.parent, []).append(agent)
        for run in self._calls.values():
            if run.agent is None and run.outcome == "unfinished":
                candidates = unnamed.get(run.session, [])
                place = _first_since(run.called, candidates)
                if place < len(candidates):
                    run.agent = candidates.pop(place).id
        return sum(map(len, unnamed.values()))

    def _is_replayed(self, at: int | None) -> bool:
        """Whether a line was copied from another rollout when this one, of an agent or a fork, began."""
        here = self._here
        if (here.parent is None and not here.is_fork) or at is None or here.began is None:
            return False
        return at - here.began < (_REPLAYED_FORK_US if here.is_fork else _REPLAYED_US)

    def _take_head(self, payload: Record) -> None:
        here = self._here
        if here.has_head:  # a second head is that of another rollout, copied with the lines after it
            here.is_fork = True
            return
        here.has_head = True
        here.id = text(payload, "id") or here.id
        spawned = mapping(mapping(mapping(payload, "source"), "subagent"), "thread_spawn")
        here.parent = text(spawned, "parent_thread_id")
        here.kind = text(spawned, "agent_role") or text(payload, "agent_role")
        if here.parent is None and payload.get("thread_source") == "subagent":
            here.parent = text(payload, "parent_thread_id")

    def _take_event(self, payload: Record, at: int | None) -> None:
        here, kind = self._here, payload.get("type")
        if kind == "task_started":  # a new turn ends the group of calls
            self._group += 1
        elif kind == "sub_agent_activity" and payload.get("kind") == "started":
            call = text(payload, "event_id") or text(payload, "id")
            self._name_agent(call, text(payload, "agent_thread_id"), at)
        elif kind == "item_completed" and mapping(payload, "item").get("type") == "SubAgentActivity":
            self._take_event({**mapping(payload, "item"), "type": "sub_agent_activity"}, at)
        elif kind == "collab_agent_spawn_end":
            self._name_agent(text(payload, "call_id"), text(payload, "new_thread_id"), at)
        if here.is_over:
            return
        if kind == "token_count":
            self._take_tokens(mapping(payload, "info"))
        elif kind == "error":
            here.erred = True
        elif kind in ("task_complete", "turn_complete"):
            said = text(payload, "last_agent_message")
            here.returned = here.returned if said is None else float(len(said))
            is_empty = said is None and (here.erred or isnan(here.returned))
            self._end(payload, at, "failed" if is_empty else COMPLETED)
        elif kind == "turn_aborted":
            self._end(payload, at, "interrupted")

    def _take_item(self, payload: Record, at: int | None) -> None:
        here, kind, call = self._here, text(payload, "type"), text(payload, "call_id")
        name = (text(payload, "name") or "").rpartition("__")[2]
        if kind in _TOOL_CALLS and not here.is_over:
            here.tools += 1
        if kind == "function_call" and name == "spawn_agent" and call is not None:
            self._take_call(call, payload, at)
        elif kind == "function_call" and name in _WAITS:
            self._group += 1
        elif kind == "function_call_output" and call is not None:
            self._take_output(call, payload.get("output"))
        elif kind == "message" and payload.get("role") == "assistant" and not here.is_over:
            said = math.fsum(len(text(part, "text") or "") for part in objects(payload, "content"))
            here.returned = said if said else here.returned

    def _call(self, id_: str, at: int | None) -> ParsedRun:
        """Return the call of the current thread with this id; add it if it is new."""
        thread = self._here.id
        if (thread, id_) not in self._calls:
            self._calls[thread, id_] = ParsedRun(
                source=self.name, session=thread, group=str(self._group), call=id_, background=True, called=at
            )
        return self._calls[thread, id_]

    def _take_call(self, id_: str, payload: Record, at: int | None) -> None:
        run, arguments = self._call(id_, at), _parsed(payload.get("arguments"))
        run.kind = text(arguments, "agent_type")
        message = text(arguments, "message")
        items = [text(item, "text") for item in objects(arguments, "items")]
        lengths = [len(part) for part in (items if message is None else [message]) if part is not None]
        run.spawn_tokens = tokens_of(sum(lengths)) if lengths else nan

    def _take_output(self, id_: str, output: object) -> None:
        run = self._calls.get((self._here.id, id_))
        if run is None or run.agent is not None:
            return
        if isinstance(output, dict):
            output = output.get("content")
        answer = _parsed(output)
        run.agent = text(answer, "agent_id") or text(answer, "thread_id")
        # A launch returns an object; a refusal is a sentence.
        if not answer and isinstance(output, str):
            said = output[:500].lower()
            busy = "limit" in said or "unavailable" in said
            run.outcome = "unavailable" if busy else "invalid" if "agent_type" in said else "error"

    def _name_agent(self, call: str | None, agent: str | None, at: int | None) -> None:
        """Record the thread that a call began; calls by a script have no line of their own."""
        if agent is not None:
            run = self._call(call or agent, at)
            run.agent, run.outcome = agent, "unfinished"

    def _take_tokens(self, info: Record) -> None:
        last, total = mapping(info, "last_token_usage"), _total(info)
        if total == self._here.total or not last:
            return
        self._here.total = total
        sent = or_zero(amount(last, "input_tokens"))
        cached = min(or_zero(amount(last, "cached_input_tokens")), sent)
        usage = Usage(sent - cached, 0.0, nan, cached, or_zero(amount(last, "output_tokens")))
        self._here.usage.add(str(len(self._here.usage)), usage)

    def _end(self, payload: Record, at: int | None, outcome: str) -> None:
        here = self._here
        here.outcome, here.ended = outcome, at
        here.measured_s = amount(payload, "duration_ms") / 1e3


def _total(info: Record) -> tuple[float, ...]:
    total = mapping(info, "total_token_usage")
    return tuple(or_zero(amount(total, key)) for key in ("input_tokens", "output_tokens"))


def _began(agent: _Thread) -> int:
    return -1 if agent.began is None else agent.began


def _first_since(called: int | None, agents: list[_Thread]) -> int:
    """Return the place of the first agent that may have begun since a call; 0 if a time is unknown."""
    if called is None or (agents and agents[0].began is None):
        return 0
    return bisect_left(agents, called - _CLOCK_TOLERANCE_US, key=_began)


def _parsed(arguments: object) -> Record:
    """Return the object that a text holds as JSON, or an empty one."""
    if not isinstance(arguments, str):
        return arguments if isinstance(arguments, dict) else {}
    try:
        return parse(arguments.encode("utf-8", "replace"))[0]
    except ValueError:
        return {}
