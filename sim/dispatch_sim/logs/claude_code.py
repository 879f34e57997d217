"""Transcripts of Claude Code: calls of sub-agents, what became of them, and what the agents' own lines add.

As observed in files of versions 1.0.98 to 2.1.219. A call is a block `tool_use` named Task or Agent; calls of
one message are a group. Its end is a `tool_result` or, for a launch in the background, a notification. The
same line can stand in several files, since resumed and forked sessions copy lines.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import PurePath

from dispatch_sim.logs.claude_ends import End, notices, result_of
from dispatch_sim.logs.claude_lives import Life, Lives
from dispatch_sim.logs.files import LogFile, Tally
from dispatch_sim.logs.found import Found
from dispatch_sim.logs.tables import COMPLETED, NAN, NOT_STARTED
from dispatch_sim.logs.values import Record, fingerprint, mapping, moment, objects, text, tokens_of

_TOOLS = frozenset({"Task", "Agent"})
_CLOCKS_DIFFER_US = 2_000_000


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
    life: Life | None = None


class ClaudeCode:
    """Reads transcripts, file by file and line by line, and puts runs together at the end."""

    name = "claude-code"

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}
        self._notices: dict[str, list[End]] = {}
        self._lives: list[Life] = []
        self._call_of_agent: dict[str, str] = {}
        self._sessions: dict[str, str] = {}
        self._here = Lives()
        self._file = ""

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
        if kind == "assistant":
            self._take_calls(record, agent)
        elif kind == "user":
            self._take_results(record)
        if kind in ("user", "queue-operation", "attachment"):
            for key, notice in notices(record):
                self._notices.setdefault(key, []).append(notice)

    def close(self) -> None:
        """End the file."""
        self._lives += self._here.ended()
        self._here = Lives()

    def found(self, tally: Tally) -> Iterator[Found]:
        """Yield the runs in the order of their calls; what has no call is counted."""
        calls = list(self._calls.values())
        by_agent: dict[str, list[_Call]] = {}
        for call in calls:
            if call.end is not None and call.end.agent is not None:
                by_agent.setdefault(call.end.agent, []).append(call)
        without = self._give_lives(calls, by_agent)
        if without:
            tally.skip("agent whose call is in none of the files", "all files", without)
        last = self._last_notices(calls, by_agent)
        for call in calls:
            yield _found(call, last.get(call.id))

    def _take_calls(self, record: Record, agent: str | None) -> None:
        message = mapping(record, "message")
        for block in objects(message, "content"):
            name, made = text(block, "name"), text(block, "id")
            if block.get("type") != "tool_use" or name not in _TOOLS or made is None or made in self._calls:
                continue
            asked = mapping(block, "input")
            prompt = text(asked, "prompt")
            group = text(message, "id") or text(record, "requestId") or made
            self._calls[made] = _Call(
                id=made,
                session=self._sessions.setdefault(group, self._file),
                group=group,
                caller=agent,
                called=moment(record.get("timestamp")),
                kind=text(asked, "subagent_type") or "general-purpose",
                model=text(asked, "model"),
                background=asked.get("run_in_background") is True,
                prompt=None if prompt is None else fingerprint(prompt),
                prompt_tokens=NAN if prompt is None else tokens_of(len(prompt)),
            )

    def _take_results(self, record: Record) -> None:
        for block in objects(mapping(record, "message"), "content"):
            if block.get("type") != "tool_result":
                continue
            call = self._calls.get(text(block, "tool_use_id") or "")
            if call is not None and call.end is None:
                call.end = result_of(block, record)

    def _give_lives(self, calls: list[_Call], by_agent: dict[str, list[_Call]]) -> int:
        """Give lives to calls, and return how many are left. Of two tellings the longer counts."""
        by_prompt: dict[bytes, list[_Call]] = {}
        for call in calls:
            if call.prompt is not None:
                by_prompt.setdefault(call.prompt, []).append(call)
        told: dict[tuple[str, str], Life] = {}
        without = 0
        taken: set[str] = set()
        for life in sorted(self._lives, key=lambda each: -1 if each.started is None else each.started):
            of = self._call_of(life, by_agent, by_prompt, taken)
            if of is None:
                without += not math.isnan(life.totals.calls)
                continue
            taken.add(of.id)
            known = told.get((of.id, life.told))
            # Copies of one agent's file tell the same; what follows a first telling starts later.
            if known is not None and known.started != life.started:
                told[of.id, life.told] = known.then(life)
            elif known is None or _calls_in(life) > _calls_in(known):
                told[of.id, life.told] = life
        for (of_call, _), life in told.items():
            call = self._calls[of_call]
            if call.life is None or _calls_in(life) > _calls_in(call.life):
                call.life = life
        return without

    def _call_of(
        self,
        life: Life,
        by_agent: dict[str, list[_Call]],
        by_prompt: dict[bytes, list[_Call]],
        taken: set[str],
    ) -> _Call | None:
        if life.told == "progress":
            return self._calls.get(life.key or "")
        if life.key is not None and life.key in by_agent:
            return _last_before(by_agent[life.key], life.started)
        if life.key is not None and life.key in self._call_of_agent:
            return self._calls.get(self._call_of_agent[life.key])
        # Without an id in common there is the text of the task: first come, first served.
        same = by_prompt.get(life.prompt, []) if life.prompt is not None else []
        fitting = [
            call
            for call in same
            if call.id not in taken
            and (call.end is None or call.end.agent is None or life.key is None)
            and not _before(life.started, call.called)
        ]
        return fitting[0] if fitting else None

    def _last_notices(self, calls: list[_Call], by_agent: dict[str, list[_Call]]) -> dict[str, End]:
        """Return by call the first notification of its end: by its own id, or by its agent's."""
        found: dict[str, End] = {}
        for call in calls:
            if call.id in self._notices:
                found[call.id] = self._notices[call.id][0]
        for agent, same in by_agent.items():
            for notice in self._notices.get(agent, ()):
                found.setdefault(_last_before(same, notice.at).id, notice)
        return found


def _found(call: _Call, notice: End | None) -> Found:
    """Return a run from its call, its result, its notification and its agent's own lines."""
    result, told = call.end, call.life
    launched = result is not None and result.launched
    end = notice if launched or (result is None and notice is not None) else result
    outcome = "unfinished" if end is None else end.outcome
    if told is not None and outcome == COMPLETED and told.died:
        outcome = "failed_silent"
    if told is not None and outcome in NOT_STARTED and _calls_in(told):
        # The words are those of a call that was not allowed, but the agent had been at work.
        outcome = "interrupted"
    prompt = call.prompt_tokens
    return Found(
        source=ClaudeCode.name,
        session=call.session,
        group=call.group,
        call=call.id,
        agent=result.agent if result is not None else None,
        caller=call.caller,
        kind=(result.kind if result is not None else None) or call.kind,
        model=(told.model if told is not None else None) or (result.model if result else None) or call.model,
        background=launched or (result is None and call.background),
        outcome=outcome,
        called=call.called,
        started=told.started if told is not None else None,
        ended=end.at if end is not None else None,
        measured_s=end.duration_s if end is not None else NAN,
        retries=told.retries if told is not None else NAN,
        tool_uses=_first(end.tool_uses if end else NAN, told.tool_uses if told else NAN),
        final_context_tokens=end.context_tokens if end is not None else NAN,
        spawn_tokens=prompt if not math.isnan(prompt) or told is None else told.prompt_tokens,
        return_tokens=_first(end.return_tokens if end else NAN, told.return_tokens if told and end else NAN),
        **({"totals": told.totals} if told is not None else {}),
    )


def _is_about_agent(record: Record) -> bool:
    """Whether this is the one record of a file `agent-ID.meta.json`, which names the agent's call."""
    return "agentType" in record and isinstance(record.get("toolUseId"), str) and "type" not in record


def _agent_of(path: str) -> str:
    return PurePath(path).name.removeprefix("agent-").removesuffix(".meta.json")


def _first(*numbers: float) -> float:
    return next((number for number in numbers if not math.isnan(number)), NAN)


def _calls_in(life: Life) -> float:
    return 0.0 if math.isnan(life.totals.calls) else life.totals.calls


def _before(moment_: int | None, called: int | None) -> bool:
    return moment_ is not None and called is not None and moment_ < called - _CLOCKS_DIFFER_US


def _last_before(calls: Iterable[_Call], at: int | None) -> _Call:
    """Return the last of an agent's calls that was made before a moment, else the first."""
    ordered = sorted(calls, key=lambda call: call.called or 0)
    if at is None:
        return ordered[0]
    place = bisect_right([call.called or 0 for call in ordered], at + _CLOCKS_DIFFER_US)
    return ordered[max(place - 1, 0)]
