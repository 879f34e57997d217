"""Activity of sub-agents according to their own lines in transcripts of Claude Code.

The lines stand in files of their own, in the main file as side chains (until 2.0.5x), or in the main file as
lines of progress. Only numbers are kept of them.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from math import nan
from typing import Literal

from dispatch_sim.logs.readers.json_values import (
    Record,
    amount,
    fingerprint,
    mapping,
    moment,
    objects,
    or_zero,
    text,
    tokens_of,
)
from dispatch_sim.logs.readers.usage import Totals, Usage, UsageCounter, joined

Place = Literal["file", "inline", "progress"]
"""Where the lines of an agent stand."""

_FINAL_COUNTS_FROM = (2, 1, 59)
"""First version whose lines all have the final count of output tokens."""

_MAX_DEPTH = 32


@dataclass(slots=True)
class Activity:
    """What an agent did on one task, according to one file.

    Attributes
    ----------
    agent : id of the agent, or for lines of progress of its call; None for a side chain.
    first_line : id of its first line, which copies of a file share.
    prompt : fingerprint of its task.
    died : whether the last answer of the model was an API error.
    usage : of its model calls, until the end of the file; from then on `totals`.
    """

    place: Place
    agent: str | None
    first_line: str | None = None
    prompt: bytes | None = None
    prompt_tokens: float = nan
    started: int | None = None
    model: str | None = None
    totals: Totals = field(default_factory=dict)
    retries: float = 0.0
    tool_uses: float = 0.0
    return_tokens: float = nan
    died: bool = False
    usage: UsageCounter = field(default_factory=UsageCounter)
    _seen_lines: set[str] = field(default_factory=set)
    _seen_tools: set[str] = field(default_factory=set)

    @property
    def calls(self) -> float:
        """Model calls; 0 if none was seen."""
        return self.totals.get("calls", 0.0)

    def take(self, record: Record, at: int | None) -> None:
        """Read a line of the agent."""
        uuid, kind = text(record, "uuid"), record.get("type")
        if self.started is None:
            self.started, self.first_line = at, uuid
        if uuid is not None:
            if uuid in self._seen_lines:
                return
            self._seen_lines.add(uuid)
        if kind == "assistant":
            self._take_answer(record)
        elif kind == "user" and self.prompt is None:
            prompt = _plain_text(mapping(record, "message").get("content"))
            if prompt is not None:
                self.prompt, self.prompt_tokens = fingerprint(prompt), tokens_of(len(prompt))
        elif kind == "system" and record.get("subtype") == "api_error":
            self.retries += 1

    def _take_answer(self, record: Record) -> None:
        message = mapping(record, "message")
        self.died = record.get("isApiErrorMessage") is True
        if self.died or message.get("model") == "<synthetic>":
            return
        self.model = self.model or text(message, "model")
        blocks = objects(message, "content")
        for block in blocks:
            tool = text(block, "id")
            if block.get("type") == "tool_use" and tool is not None:
                self._seen_tools.add(tool)
        said = math.fsum(len(text(block, "text") or "") for block in blocks if block.get("type") == "text")
        self.return_tokens = tokens_of(said) if said else self.return_tokens
        key = text(message, "id") or text(record, "requestId") or text(record, "uuid")
        usage = usage_of(mapping(message, "usage"))
        if key is None or not usage.total:
            return
        final = message.get("stop_reason") is not None or _has_final_counts(text(record, "version"))
        known = final and self.place != "progress"
        self.usage.add(key, usage, output_known=known, characters=math.fsum(map(_length, blocks)))

    def close(self) -> None:
        """Sum up at the end of the file and free what was needed for that."""
        self.totals = self.usage.totals()
        self.tool_uses = float(len(self._seen_tools))
        if self.place == "progress":
            self.retries = nan  # lines of progress do not show retries
        self.usage, self._seen_lines, self._seen_tools = UsageCounter(), set(), set()

    def extend(self, later: Activity) -> None:
        """Append a later activity of the same agent."""
        self.totals = joined(self.totals, later.totals)
        self.model = self.model or later.model
        self.retries += later.retries
        self.tool_uses += later.tool_uses
        self.return_tokens, self.died = later.return_tokens, later.died


class ActivitiesOfFile:
    """Collects the activities of agents in one file."""

    def __init__(self) -> None:
        self._activities: list[Activity] = []
        self._by_key: dict[tuple[Place, str | None], Activity] = {}

    def take(self, record: Record) -> None:
        """Read a line of an agent, or a line of progress, which holds one."""
        line, at = record, moment(record.get("timestamp"))
        agent = text(record, "agentId")
        place: Place = "file"
        found_by = agent
        if record.get("type") == "progress":
            line, place = mapping(mapping(record, "data"), "message"), "progress"
            own = moment(line.get("timestamp"))
            at = at if own is None else own
            found_by = agent = text(record, "parentToolUseID")
            if agent is None:
                return
        elif agent is None:  # a line of a side chain names the line before it
            place, found_by = "inline", text(record, "parentUuid")
        elif agent.startswith("acompact"):
            return
        activity = self._by_key.get((place, found_by))
        # A new task after model calls begins a new activity.
        if activity is None or (place == "file" and activity.usage and _is_task(record)):
            activity = Activity(place, agent)
            self._activities.append(activity)
        known_by = text(record, "uuid") if place == "inline" else found_by
        if known_by is not None:
            self._by_key[place, known_by] = activity
        activity.take(line, at)

    def close(self) -> list[Activity]:
        """Return the activities at the end of the file."""
        for activity in self._activities:
            activity.close()
        return self._activities


def usage_of(usage: Record) -> Usage:
    """Return the tokens of one call as the Anthropic API counts them: the classes of input are disjoint."""
    written = or_zero(amount(usage, "cache_creation_input_tokens"))
    hour = amount(mapping(usage, "cache_creation"), "ephemeral_1h_input_tokens")
    return Usage(
        or_zero(amount(usage, "input_tokens")),
        written,
        hour if hour <= written else nan,
        or_zero(amount(usage, "cache_read_input_tokens")),
        or_zero(amount(usage, "output_tokens")),
    )


def _has_final_counts(version: str | None) -> bool:
    """Whether this version of Claude Code writes the final count of output tokens on every line."""
    parts = (version or "").split("-")[0].split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        return False
    return tuple(map(int, parts)) >= _FINAL_COUNTS_FROM


def _plain_text(content: object) -> str | None:
    """Return the text of a message's content; None if it is empty or the result of a tool."""
    if isinstance(content, str):
        return content
    blocks = objects({"": content}, "")
    if any(block.get("type") == "tool_result" for block in blocks):
        return None
    texts = [text(block, "text") for block in blocks if block.get("type") == "text"]
    return "\n".join(each for each in texts if each is not None) if texts else None


def _is_task(record: Record) -> bool:
    if record.get("type") != "user" or record.get("isMeta") is True:
        return False
    return _plain_text(mapping(record, "message").get("content")) is not None


def _length(value: object, depth: int = 0) -> float:
    """Estimate the characters that the model wrote for a block: its texts, and some for its keys."""
    if isinstance(value, str):
        return len(value)
    if depth > _MAX_DEPTH:
        return 0.0
    if isinstance(value, list):
        return math.fsum(_length(each, depth + 1) + 2 for each in value)
    if isinstance(value, dict):
        if "text" in value or "thinking" in value:
            return _length(value.get("text"), depth + 1) + _length(value.get("thinking"), depth + 1)
        written = value.get("input") if value.get("type") == "tool_use" else value
        if not isinstance(written, dict):
            return _length(written, depth + 1)
        return math.fsum(len(key) + _length(each, depth + 1) + 6 for key, each in written.items())
    return 0.0 if value is None else 4.0
