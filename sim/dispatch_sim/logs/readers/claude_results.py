"""Ends of sub-agent calls in transcripts of Claude Code: tool results and notifications."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import nan

from dispatch_sim.logs.readers.json_values import (
    Record,
    amount,
    first_known,
    mapping,
    moment,
    objects,
    plausible,
    text,
    tokens_of,
)
from dispatch_sim.logs.readers.tables import COMPLETED


@dataclass(frozen=True, slots=True)
class RunEnd:
    """The end of a run according to a result or a notification.

    Attributes
    ----------
    at : when it was written.
    agent : id of the agent.
    launched : the call only launched the agent; a notification reports the end.
    """

    at: int | None
    outcome: str
    agent: str | None = None
    launched: bool = False
    duration_s: float = nan
    context_tokens: float = nan
    tool_uses: float = nan
    return_tokens: float = nan
    kind: str | None = None
    model: str | None = None


_LAUNCHED = frozenset({"async_launched", "teammate_spawned", "remote_launched"})
_OUTCOME_OF_STATUS = {
    "completed": COMPLETED,
    "failed": "failed",
    "killed": "interrupted",
    "stopped": "interrupted",
    "cancelled": "interrupted",
}
_FAILURES = ("api error", "you've hit your", "prompt is too long", "claude ai usage limit reached")
_SIGNS_OF_ERRORS = (
    ("rejected", ("doesn't want", "user rejected", "permission to use", "user denied")),
    ("interrupted", ("interrupted",)),
    ("cancelled", ("sibling tool call", "parallel tool call")),
    ("unavailable", ("unavailable",)),
    ("invalid", ("agent type", "inputvalidationerror", "no such tool")),
    ("failed", _FAILURES),
)
_TAIL = 2000
_NUMBER = re.compile(
    r"(total_tokens|subagent_tokens|tool_uses|duration_ms)(?:>|: ?)(\d{1,16})(?![\d.])", re.ASCII
)
_AGENT = re.compile(r"agentId: ([A-Za-z0-9_-]{1,100})")
_NOTIFICATION = "<task-notification>"
_STATUS = re.compile(r"<status>([a-z_]{1,40})</status>")
_IDS = (
    re.compile(r"<task-id>([^<]{1,200})</task-id>"),
    re.compile(r"<tool-use-id>([^<]{1,200})</tool-use-id>"),
)


def end_from_result(block: Record, record: Record) -> RunEnd:
    """Return the end according to a block `tool_result` and the line around it."""
    at, texts = moment(record.get("timestamp")), _texts(block.get("content"))
    details = record.get("toolUseResult")
    if block.get("is_error") is True or isinstance(details, str):
        said = " ".join([*texts, details if isinstance(details, str) else ""])
        if block.get("is_error") is True or said.lstrip().startswith("Error"):
            return RunEnd(at, _error_outcome(said))
    result = details if isinstance(details, dict) else {}
    agent, model = text(result, "agentId"), text(result, "resolvedModel")
    if result.get("isAsync") is True or text(result, "status") in _LAUNCHED:
        return RunEnd(at, "unfinished", agent, launched=True, model=model)
    tail = texts[-1][-_TAIL:] if texts else ""
    named = _AGENT.search(tail)
    numbers = _numbers(tail)
    for name, key in (
        ("subagent_tokens", "totalTokens"),
        ("tool_uses", "totalToolUseCount"),
        ("duration_ms", "totalDurationMs"),
    ):
        numbers[name] = first_known(amount(result, key), numbers.get(name, nan))
    # The harness may append a block of its own to what the agent returned.
    returned = texts[: max(len(objects(result, "content")), 1)]
    end = _end(at, COMPLETED, returned[0] if returned else "", math.fsum(map(len, returned)), numbers)
    agent = agent or (named.group(1) if named else None)
    return replace(end, agent=agent, kind=text(result, "agentType"), model=model)


def ends_from_notifications(record: Record) -> Iterator[tuple[str, RunEnd]]:
    """Yield the ends that a line notifies of, by the ids of the agent and of the call that it gives."""
    for content in _notification_texts(record):
        for notification in content.split(_NOTIFICATION)[1:]:
            head, _, rest = notification.partition("<result>")
            returned, _, tail = rest.rpartition("</result>")
            status = _STATUS.search(head)
            if status is None:
                continue
            at, outcome = moment(record.get("timestamp")), _OUTCOME_OF_STATUS.get(status.group(1), "failed")
            end = _end(at, outcome, returned, len(returned) or nan, _numbers(tail or head))
            for pattern in _IDS:
                if named := pattern.search(head):
                    yield named.group(1), end


def ends_from_task_output(record: Record) -> Iterator[tuple[str, RunEnd]]:
    """Yield the end that a result of the tool TaskOutput reports, by id of the agent.

    Versions about 2.0.6x fetched the results of background agents with this tool; a running one has no end.
    """
    task = mapping(mapping(record, "toolUseResult"), "task")
    agent, outcome = text(task, "task_id"), _OUTCOME_OF_STATUS.get(text(task, "status") or "")
    if agent is not None and outcome is not None:
        said = text(task, "result") or text(task, "output") or ""
        yield agent, _end(moment(record.get("timestamp")), outcome, said, len(said) or nan, {})


def _end(at: int | None, outcome: str, said: str, characters: float, numbers: Mapping[str, float]) -> RunEnd:
    """Return an end; one recorded as completed has failed if it used no tokens and reports an API error."""
    context = first_known(numbers.get("subagent_tokens", nan), numbers.get("total_tokens", nan))
    if outcome == COMPLETED and not context > 0 and said[:200].lstrip().lower().startswith(_FAILURES):
        outcome = "failed_silent"
    return RunEnd(
        at,
        outcome,
        duration_s=numbers.get("duration_ms", nan) / 1e3,
        context_tokens=context if context > 0 else nan,
        tool_uses=numbers.get("tool_uses", nan),
        return_tokens=tokens_of(characters) if outcome == COMPLETED else nan,
    )


def _error_outcome(said: str) -> str:
    start = said[:_TAIL].lower().strip()
    if start.removeprefix("error:").lstrip().startswith(_FAILURES):
        return "failed"
    for outcome, signs in _SIGNS_OF_ERRORS:
        if any(sign in start for sign in signs):
            return outcome
    return "error"


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    texts = (text(block, "text") for block in objects({"": content}, ""))
    return [each for each in texts if each is not None]


def _notification_texts(record: Record) -> list[str]:
    """Return the texts of a line that can hold a notification."""
    if record.get("type") == "user":
        return _texts(mapping(record, "message").get("content"))
    if record.get("type") == "queue-operation":
        return _texts(record.get("content"))
    attachment = mapping(record, "attachment")
    return [*_texts(attachment.get("prompt")), *_texts(attachment.get("content"))]


def _numbers(content: str) -> dict[str, float]:
    return {name: plausible(int(digits)) for name, digits in _NUMBER.findall(content)}
