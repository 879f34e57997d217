"""Reader of Claude Code transcripts: calls of sub-agents, their ends, and the activity of the agents.

As observed in files of versions 1.0.98 to 2.1.219. A call is a block `tool_use` named Task or Agent; calls
of one message are a group. A `tool_result` ends a call; a notification ends one launched in the background.
Resumed and forked sessions copy lines, so a line can stand in several files.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import nan
from pathlib import PurePath

from dispatch_sim.logs.readers.claude_agents import ActivitiesOfFile, Activity, Place, usage_of
from dispatch_sim.logs.readers.claude_results import (
    RunEnd,
    end_from_result,
    ends_from_notifications,
    ends_from_task_output,
)
from dispatch_sim.logs.readers.files import Tally
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
from dispatch_sim.logs.readers.tables import COMPLETED, NOT_STARTED

_TOOLS = frozenset({"Task", "Agent"})
_CLOCK_TOLERANCE_US = 2_000_000
_MOST_ALIKE = 1000
"""Calls with the same task that are tried for an agent that shares no id with its call."""


@dataclass(slots=True)
class _Call:
    """A call as its own line says, the fingerprint of its task, and what is read of it elsewhere."""

    run: ParsedRun
    prompt: bytes | None
    end: RunEnd | None = None
    notification: RunEnd | None = None
    activities: dict[Place, Activity] = field(default_factory=dict)

    @property
    def agent(self) -> str | None:
        """The id of the agent, if a result names it."""
        return None if self.end is None else self.end.agent

    def complete(self) -> ParsedRun:
        """Return the run with its result, its notification and the activity of its agent."""
        run, result = self.run, self.end or _NO_END
        end = self.notification or _NO_END if result.launched or self.end is None else result
        activity = max(self.activities.values(), key=lambda each: each.calls, default=None)
        run.agent = result.agent
        if run.agent is None and activity is not None and activity.place == "file":
            run.agent = activity.agent
        run.kind = result.kind or run.kind
        run.model = result.model or run.model
        run.background = result.launched or (self.end is None and run.background)
        run.outcome, run.ended, run.measured_s = end.outcome, end.at, end.duration_s
        run.tool_uses, run.final_context_tokens = end.tool_uses, end.context_tokens
        run.return_tokens = end.return_tokens
        if activity is None:
            return run
        if run.outcome == COMPLETED and activity.died:
            run.outcome = "failed_silent"
        if run.outcome in NOT_STARTED and activity.calls:
            # The message is that of a rejected call, but the agent had been at work.
            run.outcome = "interrupted"
        run.model = activity.model or run.model
        run.started, run.retries, run.totals = activity.started, activity.retries, activity.totals
        run.tool_uses = first_known(run.tool_uses, activity.tool_uses)
        run.spawn_tokens = first_known(run.spawn_tokens, activity.prompt_tokens)
        if run.outcome == COMPLETED:
            run.return_tokens = first_known(run.return_tokens, activity.return_tokens)
        return run


_NO_END = RunEnd(None, "unfinished")
_Calls = dict[str | bytes | None, list[_Call]]


class ClaudeCode:
    """Reads transcripts line by line and joins calls, ends and activities when all files are read."""

    name = "claude-code"

    def __init__(self) -> None:
        # By id and time, which all copies of a call's line share.
        self._calls: dict[tuple[str, int | None], _Call] = {}
        self._notifications: dict[str, list[RunEnd]] = {}
        self._activities: list[Activity] = []
        self._call_of_agent: dict[str, str] = {}
        self._by_id: _Calls = {}
        self._by_agent: _Calls = {}
        self._by_prompt: _Calls = {}
        self._activities_of_file = ActivitiesOfFile()
        self._calls_of_file: dict[str, _Call] = {}
        self._session_of_message: dict[str, str] = {}
        self._file = self._last_coordinator_call = ""
        self._coordinator_calls: set[int] = set()
        self._coordinator_retries: set[int] = set()

    @staticmethod
    def recognises(record: Record) -> bool:
        """Whether a line is one of such a transcript."""
        if _is_agent_metadata(record) or "workflowProgress" in record:
            return True
        keys = ("sessionId", "parentUuid", "leafUuid", "snapshot")
        is_journal = record.get("type") in ("started", "result") and "agentId" in record
        return is_journal or (isinstance(record.get("type"), str) and any(key in record for key in keys))

    def read(self, records: Iterable[Record], path: str) -> None:
        """Read the lines of a file."""
        self._activities_of_file = ActivitiesOfFile()
        self._calls_of_file, self._session_of_message = {}, {}
        self._file = path
        for record in records:
            self._take(record)
        self._activities += self._activities_of_file.close()

    def _take(self, record: Record) -> None:
        kind = record.get("type")
        call = text(record, "toolUseId")
        if call is not None and _is_agent_metadata(record):
            agent = PurePath(self._file).name.removeprefix("agent-").removesuffix(".meta.json")
            self._call_of_agent[agent] = call
        if kind == "progress":
            if mapping(record, "data").get("type") == "agent_progress":
                self._activities_of_file.take(record)
            return
        is_of_agent = record.get("isSidechain") is True
        if is_of_agent:
            self._activities_of_file.take(record)
        elif kind == "assistant":
            self._count_coordinator_call(record)
        elif kind == "system" and record.get("subtype") == "api_error":
            self._coordinator_retries.add(hash((text(record, "uuid"), text(record, "timestamp"))))
        if kind == "assistant":
            self._take_calls(record, text(record, "agentId") if is_of_agent else None)
        elif kind == "user":
            self._take_results(record)
        if kind in ("user", "queue-operation", "attachment"):
            for key, end in chain(ends_from_notifications(record), ends_from_task_output(record)):
                self._notifications.setdefault(key, []).append(end)

    def runs(self, tally: Tally) -> Iterator[ParsedRun]:
        """Yield the runs in the order of their calls; count agents without a call."""
        calls = self._calls.values()
        self._by_id = _calls_by(calls, lambda call: call.run.call)
        self._by_agent = _calls_by(calls, lambda call: call.agent)
        self._by_prompt = _calls_by(calls, lambda call: call.prompt)
        tally.skip("agent whose call is in none of the files", count=self._assign_activities())
        tally.coordinator_calls += len(self._coordinator_calls)
        tally.coordinator_retries += len(self._coordinator_retries)
        # The first notification with a call's own id counts, else the first with its agent's.
        for by_key in (self._by_id, self._by_agent):
            for key, notifications in self._notifications.items():
                for notification in notifications:
                    call = _last_before(by_key.get(key, []), notification.at)
                    if call is not None and call.notification is None:
                        call.notification = notification
        for call in calls:
            yield call.complete()

    def _count_coordinator_call(self, record: Record) -> None:
        """Count a model call of the main agent, whose lines follow each other; copies of them are known."""
        message = mapping(record, "message")
        id_ = text(message, "id")
        if id_ not in (None, self._last_coordinator_call) and usage_of(mapping(message, "usage")).total:
            self._last_coordinator_call = str(id_)
            self._coordinator_calls.add(hash((id_, text(record, "timestamp"))))

    def _take_calls(self, record: Record, caller: str | None) -> None:
        message, at = mapping(record, "message"), moment(record.get("timestamp"))
        for block in objects(message, "content"):
            tool, id_ = text(block, "name"), text(block, "id")
            if block.get("type") != "tool_use" or tool not in _TOOLS or id_ is None:
                continue
            group = text(message, "id") or text(record, "requestId") or id_
            known = self._calls.get((id_, at))
            if known is None:
                session = self._session_of_message.get(group, self._file)
                known = self._calls[id_, at] = _call(id_, session, group, caller, at, mapping(block, "input"))
            # Other calls of a copied message belong to the session that it was copied from.
            self._session_of_message[group] = known.run.session
            self._calls_of_file.setdefault(id_, known)

    def _take_results(self, record: Record) -> None:
        for block in objects(mapping(record, "message"), "content"):
            if block.get("type") != "tool_result":
                continue
            call = self._calls_of_file.get(text(block, "tool_use_id") or "")
            if call is not None and call.end is None:
                call.end = end_from_result(block, record)

    def _assign_activities(self) -> int:
        """Give each activity to its call, the longest of copies; return how many have none."""
        longest: dict[tuple[Place, str | None, int | None], Activity] = {}
        for activity in self._activities:
            key = (activity.place, activity.first_line, activity.started)
            if key not in longest or activity.calls > longest[key].calls:
                longest[key] = activity
        without_call = 0
        in_order = sorted(longest.values(), key=lambda each: -1 if each.started is None else each.started)
        for activity in in_order:
            call = self._call_of(activity)
            if call is None:
                without_call += activity.calls > 0
            elif activity.place in call.activities:
                call.activities[activity.place].extend(activity)
            else:
                call.activities[activity.place] = activity
        return without_call

    def _call_of(self, activity: Activity) -> _Call | None:
        agent, started = activity.agent, activity.started
        if activity.place == "progress":
            return _last_before(self._by_id.get(agent, []), started)
        if agent in self._by_agent:
            return _last_before(self._by_agent[agent], started)
        if agent in self._call_of_agent:
            return _last_before(self._by_id.get(self._call_of_agent[agent], []), started)
        # Without a shared id, the first unassigned call with the same task is taken.
        alike = self._by_prompt.get(activity.prompt, [])
        for place, call in enumerate(alike[:_MOST_ALIKE]):
            is_other_agent = call.agent is not None and agent is not None
            began_before = started is not None and started < _time(call) - _CLOCK_TOLERANCE_US
            if not (call.activities or is_other_agent or began_before):
                return alike.pop(place)
        return None


def _call(id_: str, session: str, group: str, caller: str | None, called: int | None, asked: Record) -> _Call:
    prompt = text(asked, "prompt")
    run = ParsedRun(
        source=ClaudeCode.name,
        session=session,
        group=group,
        call=id_,
        caller=caller,
        called=called,
        kind=text(asked, "subagent_type") or "general-purpose",
        model=text(asked, "model"),
        background=asked.get("run_in_background") is True,
        spawn_tokens=nan if prompt is None else tokens_of(len(prompt)),
    )
    return _Call(run, None if prompt is None else fingerprint(prompt))


def _is_agent_metadata(record: Record) -> bool:
    """Whether this is the one record of a file `agent-ID.meta.json`, which may name the agent's call."""
    return "agentType" in record and "type" not in record


def _calls_by(calls: Iterable[_Call], key: Callable[[_Call], str | bytes | None]) -> _Calls:
    """Return calls by a key that several may share, in the order of time; omit those without it."""
    by_key: _Calls = {}
    for call in sorted(calls, key=_time):
        shared = key(call)
        if shared is not None:
            by_key.setdefault(shared, []).append(call)
    return by_key


def _last_before(calls: Sequence[_Call], at: int | None) -> _Call | None:
    """Return the last call, in the order of time, that was made before a moment; else the first."""
    if at is None or not calls:
        return calls[0] if calls else None
    return calls[max(bisect_right(calls, at + _CLOCK_TOLERANCE_US, key=_time) - 1, 0)]


def _time(call: _Call) -> int:
    return -1 if call.run.called is None else call.run.called
