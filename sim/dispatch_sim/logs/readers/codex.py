"""Rollouts of Codex: calls of `spawn_agent`, and the rollout of its own that every agent has.

As observed in files of versions 0.118 to 0.144, with the events of older and newer ones where they are known.
A call is followed by an event that names the agent's thread, or by a result that does; the agent's own file
says when it began and ended, and what it used. What an agent is asked after its first task is not a dispatch,
and is left out.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from dispatch_sim.logs.readers.files import LogFile, Tally
from dispatch_sim.logs.readers.json_values import (
    Record,
    amount,
    mapping,
    moment,
    objects,
    or_zero,
    parse,
    seconds_between,
    text,
    tokens_of,
)
from dispatch_sim.logs.readers.parsed_runs import ParsedRun
from dispatch_sim.logs.readers.tables import COMPLETED, NAN
from dispatch_sim.logs.readers.usage import Book, Totals, Usage

_REPLAYED_US = 100_000
_REPLAYED_FORK_US = 2_000_000
_CLOCKS_DIFFER_US = 1_000_000
_ITEMS = frozenset({"function_call", "custom_tool_call", "local_shell_call", "web_search_call"})
_WAITS = ("wait_agent", "wait")
_SPAWN = "spawn_agent"


@dataclass(slots=True)
class _Call:
    thread: str
    turn: int
    called: int | None
    kind: str | None = None
    prompt_tokens: float = NAN
    agent: str | None = None
    refused: str | None = None


@dataclass(slots=True)
class _Thread:
    """One rollout: an agent, or a session."""

    id: str
    parent: str | None = None
    kind: str | None = None
    began: int | None = None
    ended: int | None = None
    outcome: str = "unfinished"
    measured_s: float = NAN
    model: str | None = None
    book: Book = field(default_factory=Book)
    totals: Totals = field(default_factory=Totals)
    total: tuple[float, ...] = ()
    tools: int = 0
    retries: int = 0
    returned: float = NAN
    erred: bool = False

    @property
    def is_over(self) -> bool:
        """Whether it is an agent that has ended its first task."""
        return self.parent is not None and self.ended is not None


class Codex:
    """Reads rollouts, file by file and line by line, and puts runs together at the end."""

    name = "codex"

    def __init__(self) -> None:
        self._threads: dict[str, _Thread] = {}
        self._calls: dict[tuple[str, str], _Call] = {}
        self._here = _Thread("")
        self._known = self._forked = False
        self._turn = 0
        self._open_turn = False

    @staticmethod
    def recognises(record: Record) -> bool:
        """Whether a line is one of a rollout."""
        return isinstance(record.get("payload"), dict) and isinstance(record.get("type"), str)

    def open(self, file: LogFile) -> None:
        """Begin a file."""
        self._here = _Thread(file.path)
        self._known = self._forked = False
        self._turn += 1
        self._open_turn = False

    def take(self, record: Record) -> None:
        """Take a line of the file."""
        kind, payload = record.get("type"), mapping(record, "payload")
        at = moment(record.get("timestamp"))
        if self._here.began is None:
            self._here.began = at
        if kind == "session_meta":
            self._take_meta(payload)
        elif kind == "turn_context" and not self._here.is_over:
            # Where the caller's lines are copied first, the agent's own is the last.
            self._here.model = text(payload, "model") or self._here.model
        elif self._is_replayed(at):
            return
        elif kind == "event_msg":
            self._take_event(payload, at)
        elif kind == "response_item":
            self._take_item(payload, at)

    def close(self) -> None:
        """End the file."""
        here = self._here
        here.totals, here.book = here.book.totals(), Book()
        known = self._threads.get(here.id)
        if known is None or or_zero(here.totals.calls) > or_zero(known.totals.calls):
            self._threads[here.id] = here

    def found(self, tally: Tally) -> Iterator[ParsedRun]:
        """Yield the runs in the order of their calls; agents without a call are counted."""
        for own in self._threads.values():
            if own.parent is None:
                tally.coordinator_calls += int(or_zero(own.totals.calls))
                tally.coordinator_retries += own.retries
        agents = {each.id: each for each in self._threads.values() if each.parent is not None}
        taken = {call.agent for call in self._calls.values() if call.agent is not None}
        left: dict[str | None, list[_Thread]] = {}
        for agent in sorted(agents.values(), key=_began):
            if agent.id not in taken:
                left.setdefault(agent.parent, []).append(agent)
        for call in self._calls.values():
            if call.agent is None and call.refused is None:
                # Nothing names the thread: the first one of this caller's that began since the call.
                mine = left.get(call.thread, [])
                first = _first_since(call, mine)
                if first < len(mine):
                    call.agent = mine.pop(first).id
        without = sum(map(len, left.values()))
        if without:
            tally.skip("agent whose call is in none of the files", count=without)
        for (_, id_), call in self._calls.items():
            yield self._found(id_, call, agents.get(call.agent or ""))

    def _found(self, id_: str, call: _Call, agent: _Thread | None) -> ParsedRun:
        caller = self._threads.get(call.thread)
        nested = caller is not None and caller.parent is not None
        run = ParsedRun(
            source=self.name,
            session=call.thread,
            group=str(call.turn),
            call=id_,
            agent=call.agent,
            caller=call.thread if nested else None,
            kind=call.kind or (agent.kind if agent is not None else None) or "default",
            background=True,
            outcome=call.refused or "unfinished",
            called=call.called,
            spawn_tokens=call.prompt_tokens,
        )
        if agent is None:
            return run
        run.model, run.outcome = agent.model, agent.outcome
        run.started, run.ended = agent.began, agent.ended
        run.measured_s, run.retries = agent.measured_s, float(agent.retries)
        run.tool_uses, run.totals = float(agent.tools), agent.totals
        run.return_tokens = tokens_of(agent.returned)
        return run

    def _is_replayed(self, at: int | None) -> bool:
        """Whether a line was copied from the caller's rollout as the agent's own began."""
        here = self._here
        if here.parent is None or at is None or here.began is None:
            return False
        return at - here.began < (_REPLAYED_FORK_US if self._forked else _REPLAYED_US)

    def _take_meta(self, payload: Record) -> None:
        if self._known:  # a second one is the caller's, copied with what follows it
            self._forked = True
            return
        self._known = True
        here = self._here
        here.id = text(payload, "id") or here.id
        spawned = mapping(mapping(mapping(payload, "source"), "subagent"), "thread_spawn")
        here.parent = text(spawned, "parent_thread_id")
        here.kind = text(spawned, "agent_role") or text(payload, "agent_role")
        if here.parent is None and payload.get("thread_source") == "subagent":
            here.parent = text(payload, "parent_thread_id")

    def _take_event(self, payload: Record, at: int | None) -> None:
        here, kind = self._here, payload.get("type")
        if kind == "task_started":
            self._end_group()
        elif kind == "sub_agent_activity" and payload.get("kind") == "started":
            self._name(text(payload, "event_id") or text(payload, "id"), text(payload, "agent_thread_id"), at)
        elif kind == "item_completed" and mapping(payload, "item").get("type") == "SubAgentActivity":
            self._take_event({**mapping(payload, "item"), "type": "sub_agent_activity"}, at)
        elif kind == "collab_agent_spawn_end":
            self._name(text(payload, "call_id"), text(payload, "new_thread_id"), at)
        if here.is_over:
            return
        if kind == "token_count":
            self._take_tokens(mapping(payload, "info"))
        elif kind == "stream_error":
            here.retries += 1
        elif kind == "error":
            here.erred = True
        elif kind in ("task_complete", "turn_complete"):
            said = text(payload, "last_agent_message")
            here.returned = here.returned if said is None else float(len(said))
            failed = here.erred and said is None
            self._end(payload, at, "failed" if failed else COMPLETED)
        elif kind == "turn_aborted":
            self._end(payload, at, "interrupted")

    def _take_item(self, payload: Record, at: int | None) -> None:
        here, kind, call = self._here, text(payload, "type"), text(payload, "call_id")
        name = (text(payload, "name") or "").rpartition("__")[2]
        if kind in _ITEMS and not here.is_over:
            here.tools += 1
        if kind == "function_call" and name == _SPAWN and call is not None:
            self._take_call(call, payload, at)
        elif kind == "function_call" and name in _WAITS:
            self._end_group()
        elif kind == "function_call_output" and call is not None:
            self._take_output(call, payload.get("output"))
        elif kind == "message" and payload.get("role") == "assistant" and not here.is_over:
            said = math.fsum(len(text(part, "text") or "") for part in objects(payload, "content"))
            here.returned = said if said else here.returned

    def _take_call(self, call: str, payload: Record, at: int | None) -> None:
        asked = _parsed(payload.get("arguments"))
        known = self._calls.setdefault((self._here.id, call), _Call(self._here.id, self._turn, at))
        known.kind = text(asked, "agent_type")
        message = text(asked, "message")
        parts = [message] if message is not None else [text(each, "text") for each in objects(asked, "items")]
        lengths = [len(part) for part in parts if part is not None]
        known.prompt_tokens = tokens_of(sum(lengths)) if lengths else NAN
        self._open_turn = True

    def _take_output(self, call: str, output: object) -> None:
        known = self._calls.get((self._here.id, call))
        if known is None or known.agent is not None:
            return
        if isinstance(output, dict):
            output = output.get("content")
        answer = _parsed(output)
        known.agent = text(answer, "agent_id") or text(answer, "thread_id")
        # What launches an agent answers with an object; a refusal is a sentence.
        if not answer and isinstance(output, str):
            said = output[:500].lower()
            busy = "limit" in said or "unavailable" in said
            known.refused = "unavailable" if busy else "invalid" if "agent_type" in said else "error"

    def _name(self, call: str | None, agent: str | None, at: int | None) -> None:
        """Take what an event says of the thread that a call began; a script calls without leaving one."""
        if agent is None:
            return
        key = (self._here.id, call or agent)
        if key not in self._calls:
            self._calls[key] = _Call(self._here.id, self._turn, at)
            self._open_turn = True
        self._calls[key].agent = agent
        self._calls[key].refused = None

    def _take_tokens(self, info: Record) -> None:
        total, last = mapping(info, "total_token_usage"), mapping(info, "last_token_usage")
        counted = tuple(or_zero(amount(total, key)) for key in ("input_tokens", "output_tokens"))
        if counted == self._here.total or not last:
            return
        self._here.total = counted
        sent = or_zero(amount(last, "input_tokens"))
        cached = min(or_zero(amount(last, "cached_input_tokens")), sent)
        usage = Usage(input=sent - cached, cache_read=cached, output=or_zero(amount(last, "output_tokens")))
        self._here.book.add(str(len(self._here.book)), usage)

    def _end(self, payload: Record, at: int | None, outcome: str) -> None:
        here = self._here
        here.outcome = outcome
        here.measured_s = amount(payload, "duration_ms") / 1e3
        here.ended = at
        if math.isnan(here.measured_s):
            here.measured_s = seconds_between(here.began, at)

    def _end_group(self) -> None:
        """Waiting, or a new turn, ends a group: what is called after it was not called together."""
        if self._open_turn:
            self._turn += 1
            self._open_turn = False


def _began(agent: _Thread) -> int:
    return -1 if agent.began is None else agent.began


def _first_since(call: _Call, agents: list[_Thread]) -> int:
    """Return the place of the first agent that may have begun since a call; that is any of unknown time."""
    if call.called is None or (agents and agents[0].began is None):
        return 0
    return bisect_left(agents, call.called - _CLOCKS_DIFFER_US, key=_began)


def _parsed(arguments: Any) -> Record:
    """Return the object that a text holds as JSON, or an empty one."""
    if not isinstance(arguments, str):
        return arguments if isinstance(arguments, dict) else {}
    try:
        return parse(arguments.encode("utf-8", "replace"))[0]
    except ValueError:
        return {}
