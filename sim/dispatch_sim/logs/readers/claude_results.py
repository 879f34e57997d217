"""How a call of a sub-agent ended, as Claude Code writes it: results of tools, and notifications."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from dispatch_sim.logs.readers.json_values import (
    Record,
    amount,
    believed,
    first_known,
    mapping,
    moment,
    objects,
    text,
    tokens_of,
)
from dispatch_sim.logs.readers.tables import COMPLETED, NAN


@dataclass(frozen=True, slots=True)
class End:
    """What a result or a notification says.

    Attributes
    ----------
    at : when it was written.
    agent : id of the agent.
    launched : the call only launched the agent; a notification tells of the end.
    """

    at: int | None
    outcome: str
    agent: str | None = None
    launched: bool = False
    duration_s: float = NAN
    context_tokens: float = NAN
    tool_uses: float = NAN
    return_tokens: float = NAN
    kind: str | None = None
    model: str | None = None


def result_of(block: Record, record: Record) -> End:
    """Return what a block `tool_result` and the line around it say of the call."""
    at = moment(record.get("timestamp"))
    texts = _texts(block.get("content"))
    told = record.get("toolUseResult")
    if block.get("is_error") is True or isinstance(told, str):
        words = " ".join([*texts, told if isinstance(told, str) else ""])
        if block.get("is_error") is True or words.lstrip().startswith("Error"):
            return End(at, _why_error(words))
    result = told if isinstance(told, dict) else {}
    agent = text(result, "agentId")
    if result.get("isAsync") is True or text(result, "status") in _LAUNCHED:
        return End(at, "unfinished", agent, launched=True, model=text(result, "resolvedModel"))
    # The harness may add a block of its own to what the agent returned.
    returned = texts[: max(len(objects(result, "content")), 1)]
    said = returned[0] if returned else ""
    tail = _numbers(texts[-1][-_TAIL:]) if texts else {}
    context = first_known(amount(result, "totalTokens"), _context(tail))
    outcome = "failed_silent" if not context > 0 and _is_failure(said) else COMPLETED
    return End(
        at,
        outcome,
        agent or _agent_in(texts[-1][-_TAIL:] if texts else ""),
        duration_s=first_known(amount(result, "totalDurationMs"), tail.get("duration_ms", NAN)) / 1e3,
        context_tokens=context if context > 0 else NAN,
        tool_uses=first_known(amount(result, "totalToolUseCount"), tail.get("tool_uses", NAN)),
        return_tokens=tokens_of(math.fsum(map(len, returned))) if outcome == COMPLETED else NAN,
        kind=text(result, "agentType"),
        model=text(result, "resolvedModel"),
    )


def notices(record: Record) -> Iterator[tuple[str, End]]:
    """Yield the ends that a line notifies of, by id of the agent and by id of the call, in that order."""
    for found in _carried(record):
        if _OPENING not in found:
            continue
        at = moment(record.get("timestamp"))
        for part in found.split(_OPENING)[1:]:
            head, _, rest = part.partition("<result>")
            returned, _, tail = rest.rpartition("</result>")
            status = _STATUS.search(head)
            if status is None:
                continue
            numbers = _numbers(tail or head)
            context = _context(numbers)
            outcome = _STATUSES.get(status.group(1), "failed")
            if outcome == COMPLETED and not context > 0 and _is_failure(returned):
                outcome = "failed_silent"
            end = End(
                at,
                outcome,
                duration_s=numbers.get("duration_ms", NAN) / 1e3,
                context_tokens=context if context > 0 else NAN,
                tool_uses=numbers.get("tool_uses", NAN),
                return_tokens=tokens_of(len(returned)) if returned and outcome == COMPLETED else NAN,
            )
            for pattern in (_TASK, _TOOL_USE):
                of = pattern.search(head)
                if of is not None:
                    yield of.group(1), end


def fetched(record: Record) -> Iterator[tuple[str, End]]:
    """Yield the end that a result of the tool TaskOutput tells of, by id of the agent.

    Versions about 2.0.6x fetched so what agents in the background returned; one that still ran has no end.
    """
    task = mapping(mapping(record, "toolUseResult"), "task")
    agent, outcome = text(task, "task_id"), _STATUSES.get(text(task, "status") or "")
    if agent is None or outcome is None:
        return
    said = text(task, "result") or text(task, "output") or ""
    if outcome == COMPLETED and _is_failure(said):
        outcome = "failed_silent"
    returned = tokens_of(len(said)) if said and outcome == COMPLETED else NAN
    yield agent, End(moment(record.get("timestamp")), outcome, return_tokens=returned)


_LAUNCHED = frozenset({"async_launched", "teammate_spawned", "remote_launched"})
_OPENING = "<task-notification>"
_TASK = re.compile(r"<task-id>([^<]{1,200})</task-id>")
_TOOL_USE = re.compile(r"<tool-use-id>([^<]{1,200})</tool-use-id>")
_STATUS = re.compile(r"<status>([a-z_]{1,40})</status>")
_STATUSES = {
    "completed": COMPLETED,
    "failed": "failed",
    "killed": "interrupted",
    "stopped": "interrupted",
    "cancelled": "interrupted",
}
_TAIL = 2000
_NUMBER = re.compile(
    r"(total_tokens|subagent_tokens|tool_uses|duration_ms)(?:>|: ?)(\d{1,16})(?![\d.])", re.ASCII
)
_AGENT = re.compile(r"agentId: ([A-Za-z0-9_-]{1,100})")
_FAILURES = ("api error", "you've hit your", "prompt is too long", "claude ai usage limit reached")
_ERRORS = (
    ("rejected", ("doesn't want", "user rejected", "permission to use", "user denied")),
    ("interrupted", ("interrupted",)),
    ("cancelled", ("sibling tool call", "parallel tool call")),
    ("unavailable", ("unavailable",)),
    ("invalid", ("agent type", "inputvalidationerror", "no such tool")),
    ("failed", _FAILURES),
)


def _why_error(words: str) -> str:
    found = words[:_TAIL].lower()
    return next((outcome for outcome, signs in _ERRORS if any(sign in found for sign in signs)), "error")


def _is_failure(said: str) -> bool:
    return said[:200].lstrip().lower().startswith(_FAILURES)


def _texts(content: object) -> list[str]:
    if isinstance(content, str):
        return [content]
    return [
        found for found in (text(block, "text") for block in objects({"": content}, "")) if found is not None
    ]


def _carried(record: Record) -> list[str]:
    """Return the texts of a line that can carry a notification."""
    if record.get("type") == "user":
        return _texts(mapping(record, "message").get("content"))
    if record.get("type") == "queue-operation":
        return _texts(record.get("content"))
    attachment = mapping(record, "attachment")
    return [*_texts(attachment.get("prompt")), *_texts(attachment.get("content"))]


def _numbers(words: str) -> dict[str, float]:
    return {name: believed(int(digits)) for name, digits in _NUMBER.findall(words)}


def _agent_in(words: str) -> str | None:
    found = _AGENT.search(words)
    return found.group(1) if found else None


def _context(numbers: dict[str, float]) -> float:
    return first_known(numbers.get("subagent_tokens", NAN), numbers.get("total_tokens", NAN))
