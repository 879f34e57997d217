"""Transcripts of Claude Code: calls of sub-agents, what became of them, and what the agents' own lines add.

As observed in files of versions 1.0.98 to 2.1.219. A call is a block `tool_use` named Task or Agent; calls of
one message are a group. Its end is a `tool_result` or, for a launch in the background, a notification. The
same line can stand in several files, since resumed and forked sessions copy lines.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import PurePath

from dispatch_sim.logs.readers.claude_agents import Life, Lives, Told, usage_of
from dispatch_sim.logs.readers.claude_results import End, fetched, notices, result_of
from dispatch_sim.logs.readers.files import LogFile, Tally
from dispatch_sim.logs.readers.json_values import (
    Record,
    fingerprint,
    first_known,
    mapping,
    moment,
    objects,
    text,
    tokens_of,
)
from dispatch_sim.logs.readers.parsed_runs import ParsedRun
from dispatch_sim.logs.readers.tables import COMPLETED, NAN, NOT_STARTED

_TOOLS = frozenset({"Task", "Agent"})
_CLOCKS_DIFFER_US = 2_000_000
_MOST_ALIKE = 1000
"""Calls with the same text that are looked at for an agent which has nothing else in common with its call."""


@dataclass(slots=True)
class _Call:
    id: str
    session: str
    group: str
    caller: str | None
    called: int | None
    kind: str | None
    model: str | None
    background: bool
    prompt: bytes | None
    prompt_tokens: float
    end: End | None = None
    lives: dict[Told, Life] = field(default_factory=dict)

    @property
    def life(self) -> Life | None:
        """What its agent's own lines say: of several tellings, the one with the most calls."""
        return max(self.lives.values(), key=_calls_in, default=None)


class ClaudeCode:
    """Reads transcripts, file by file and line by line, and puts runs together at the end."""

    name = "claude-code"

    def __init__(self) -> None:
        # A line that stands in several files has its id and its time in each.
        self._calls: dict[tuple[str, int | None], _Call] = {}
        self._notices: dict[str, list[End]] = {}
        self._lives: list[Life] = []
        self._call_of_agent: dict[str, str] = {}
        self._here = Lives()
        self._calls_here: dict[str, _Call] = {}
        self._sessions_here: dict[str, str] = {}
        self._file = ""
        self._own_last = ""
        self._own_calls = self._own_retries = 0

    @staticmethod
    def recognises(record: Record) -> bool:
        """Whether a line is one of such a transcript."""
        if _is_about_agent(record):
            return True
        return isinstance(record.get("type"), str) and any(
            key in record for key in ("sessionId", "parentUuid", "leafUuid", "snapshot")
        )

    def open(self, file: LogFile) -> None:
        """Begin a file."""
        self._here = Lives()
        self._calls_here, self._sessions_here = {}, {}
        self._file = file.path

    def take(self, record: Record) -> None:
        """Take a line of the file."""
        kind = record.get("type")
        if _is_about_agent(record):
            self._call_of_agent[_agent_of(self._file)] = str(record["toolUseId"])
        if kind == "progress":
            if mapping(record, "data").get("type") == "agent_progress":
                self._here.progress_line(record)
            return
        agent = text(record, "agentId") if record.get("isSidechain") is True else None
        if agent is not None:
            self._here.own_line(record, agent)
        elif record.get("isSidechain") is True:
            self._here.chain_line(record)
        elif kind == "assistant":
            self._take_own_call(record)
        elif kind == "system":
            self._own_retries += record.get("subtype") == "api_error"
        if kind == "assistant":
            self._take_calls(record, agent)
        elif kind == "user":
            self._take_results(record)
        if kind in ("user", "queue-operation", "attachment"):
            for key, notice in chain(notices(record), fetched(record)):
                self._notices.setdefault(key, []).append(notice)

    def close(self) -> None:
        """End the file."""
        self._lives += self._here.ended()
        self._here = Lives()

    def found(self, tally: Tally) -> Iterator[ParsedRun]:
        """Yield the runs in the order of their calls; what has no call is counted."""
        calls = list(self._calls.values())
        by_agent = _by(calls, lambda call: call.end.agent if call.end is not None else None)
        by_id = _by(calls, lambda call: call.id)
        without = self._give_lives(by_agent, by_id)
        if without:
            tally.skip("agent whose call is in none of the files", count=without)
        tally.coordinator_calls += self._own_calls
        tally.coordinator_retries += self._own_retries
        first = self._first_notices(by_agent, by_id)
        for call in calls:
            yield _found(call, first.get((call.id, call.called)))

    def _take_own_call(self, record: Record) -> None:
        """Count a call of the main agent; its lines follow each other."""
        message = mapping(record, "message")
        id_ = text(message, "id")
        if id_ is not None and id_ != self._own_last and usage_of(mapping(message, "usage")).total:
            self._own_last = id_
            self._own_calls += 1

    def _take_calls(self, record: Record, agent: str | None) -> None:
        message, at = mapping(record, "message"), moment(record.get("timestamp"))
        for block in objects(message, "content"):
            name, made = text(block, "name"), text(block, "id")
            if block.get("type") != "tool_use" or name not in _TOOLS or made is None:
                continue
            group = text(message, "id") or text(record, "requestId") or made
            known = self._calls.get((made, at))
            if known is None:
                session = self._sessions_here.get(group, self._file)
                known = self._calls[made, at] = _call(
                    made, session, group, agent, at, mapping(block, "input")
                )
            # What a copied message calls besides is of the session that it was copied from.
            self._sessions_here[group] = known.session
            self._calls_here.setdefault(made, known)

    def _take_results(self, record: Record) -> None:
        for block in objects(mapping(record, "message"), "content"):
            if block.get("type") != "tool_result":
                continue
            call = self._calls_here.get(text(block, "tool_use_id") or "")
            if call is not None and call.end is None:
                call.end = result_of(block, record)

    def _give_lives(self, by_agent: _Calls, by_id: _Calls) -> int:
        """Give lives to calls, and return how many are left. Of copies of a life the longest counts."""
        by_prompt = _by(self._calls.values(), lambda call: call.prompt)
        longest: dict[tuple[Told, str | None, int | None], Life] = {}
        for life in self._lives:
            key = (life.told, life.first_line, life.started)
            if key not in longest or _calls_in(life) > _calls_in(longest[key]):
                longest[key] = life
        without = 0
        for life in sorted(longest.values(), key=lambda each: -1 if each.started is None else each.started):
            call = self._call_of(life, by_agent, by_id, by_prompt)
            if call is None:
                without += _calls_in(life) > 0
                continue
            known = call.lives.get(life.told)
            call.lives[life.told] = life if known is None else known.then(life)
        return without

    def _call_of(self, life: Life, by_agent: _Calls, by_id: _Calls, by_prompt: _Calls) -> _Call | None:
        if life.told == "progress":
            return _last_before(by_id.get(life.key, []), life.started)
        if life.key in by_agent:
            return _last_before(by_agent[life.key], life.started)
        if life.key in self._call_of_agent:
            return _last_before(by_id.get(self._call_of_agent[life.key], []), life.started)
        # Without an id in common there is the text of the task: first come, first served.
        alike = by_prompt.get(life.prompt, [])
        for place, call in enumerate(alike[:_MOST_ALIKE]):
            another = call.end is not None and call.end.agent is not None and life.key is not None
            if not call.lives and not another and not _before(life.started, call.called):
                return alike.pop(place)
        return None

    def _first_notices(self, by_agent: _Calls, by_id: _Calls) -> dict[tuple[str, int | None], End]:
        """Return by call the first notification of its end: by its own id, or by its agent's."""
        found: dict[tuple[str, int | None], End] = {}
        for calls_of in (by_id, by_agent):
            for key, notices_of in self._notices.items():
                for notice in notices_of:
                    call = _last_before(calls_of.get(key, []), notice.at)
                    if call is not None:
                        found.setdefault((call.id, call.called), notice)
        return found


_Calls = dict[str | bytes | None, list[_Call]]


def _by(calls: Iterable[_Call], key: Callable[[_Call], str | bytes | None]) -> _Calls:
    """Return calls by something that they may share, in the order of their times; not those without it."""
    found: _Calls = {}
    for call in calls:
        of = key(call)
        if of is not None:
            found.setdefault(of, []).append(call)
    for same in found.values():
        same.sort(key=_time)
    return found


def _call(
    made: str, session: str, group: str, caller: str | None, called: int | None, asked: Record
) -> _Call:
    prompt = text(asked, "prompt")
    return _Call(
        id=made,
        session=session,
        group=group,
        caller=caller,
        called=called,
        kind=text(asked, "subagent_type") or "general-purpose",
        model=text(asked, "model"),
        background=asked.get("run_in_background") is True,
        prompt=None if prompt is None else fingerprint(prompt),
        prompt_tokens=NAN if prompt is None else tokens_of(len(prompt)),
    )


def _found(call: _Call, notice: End | None) -> ParsedRun:
    """Return a run from its call, its result, its notification and its agent's own lines."""
    result, told = call.end or _NONE_SEEN, call.life
    end = notice or _NONE_SEEN if result.launched or call.end is None else result
    outcome = end.outcome
    if told is not None and outcome == COMPLETED and told.died:
        outcome = "failed_silent"
    if told is not None and outcome in NOT_STARTED and _calls_in(told):
        # The words are those of a call that was not allowed, but the agent had been at work.
        outcome = "interrupted"
    run = ParsedRun(
        source=ClaudeCode.name,
        session=call.session,
        group=call.group,
        call=call.id,
        agent=result.agent,
        caller=call.caller,
        kind=result.kind or call.kind,
        model=result.model or call.model,
        background=result.launched or (call.end is None and call.background),
        outcome=outcome,
        called=call.called,
        ended=end.at,
        measured_s=end.duration_s,
        tool_uses=end.tool_uses,
        final_context_tokens=end.context_tokens,
        spawn_tokens=call.prompt_tokens,
        return_tokens=end.return_tokens,
    )
    if told is not None:
        run.model = told.model or run.model
        run.started, run.retries, run.totals = told.started, told.retries, told.totals
        run.tool_uses = first_known(run.tool_uses, told.tool_uses)
        run.spawn_tokens = first_known(run.spawn_tokens, told.prompt_tokens)
        if outcome == COMPLETED:
            run.return_tokens = first_known(run.return_tokens, told.return_tokens)
    return run


_NONE_SEEN = End(None, "unfinished")


def _is_about_agent(record: Record) -> bool:
    """Whether this is the one record of a file `agent-ID.meta.json`, which names the agent's call."""
    return "agentType" in record and isinstance(record.get("toolUseId"), str) and "type" not in record


def _agent_of(path: str) -> str:
    return PurePath(path).name.removeprefix("agent-").removesuffix(".meta.json")


def _calls_in(life: Life) -> float:
    return 0.0 if math.isnan(life.totals.calls) else life.totals.calls


def _before(moment_: int | None, called: int | None) -> bool:
    return moment_ is not None and called is not None and moment_ < called - _CLOCKS_DIFFER_US


def _last_before(calls: Sequence[_Call], at: int | None) -> _Call | None:
    """Return the last of calls, in the order of time, that was made before a moment; else the first."""
    if at is None or not calls:
        return calls[0] if calls else None
    return calls[max(bisect_right(calls, at + _CLOCKS_DIFFER_US, key=_time) - 1, 0)]


def _time(call: _Call) -> int:
    return -1 if call.called is None else call.called
