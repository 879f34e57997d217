"""What the lines of sub-agents themselves say, in transcripts of Claude Code.

They stand in files of their own, in the main file as side chains (until 2.0.5x), or in the main file as lines
of progress. Each becomes a `Life`, which keeps numbers only; `ClaudeCode` gives it to its call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

from dispatch_sim.logs.books import Book, Totals, Usage
from dispatch_sim.logs.tables import NAN
from dispatch_sim.logs.values import (
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

Told = Literal["file", "inline", "progress"]
"""Where the lines of an agent stand."""

_COUNTED_FROM = (2, 1, 59)
"""First version whose lines all have the final count of output tokens; before, those that stopped."""

_DEEPEST = 32


@dataclass(frozen=True, slots=True)
class Life:
    """What an agent did from one task on until the next, as far as one file tells.

    Attributes
    ----------
    key : of the agent: its id, or for lines of progress the id of its call; None for a side chain.
    first_line : id of its first line, which copies of a file share.
    prompt : fingerprint of the task that it was given.
    died : whether the last line of the model was an API error.
    """

    told: Told
    key: str | None
    first_line: str | None
    prompt: bytes | None
    prompt_tokens: float
    started: int | None
    model: str | None
    totals: Totals
    retries: float
    tool_uses: float
    return_tokens: float
    died: bool

    def then(self, later: Life) -> Life:
        """Return this life and a later one of the same agent as one."""
        return replace(
            later,
            first_line=self.first_line,
            prompt=self.prompt,
            prompt_tokens=self.prompt_tokens,
            started=self.started,
            model=self.model or later.model,
            totals=self.totals.then(later.totals),
            retries=self.retries + later.retries,
            tool_uses=self.tool_uses + later.tool_uses,
        )


@dataclass(slots=True)
class _Living:
    key: str | None
    first_line: str | None = None
    prompt: bytes | None = None
    prompt_tokens: float = NAN
    started: int | None = None
    model: str | None = None
    book: Book = field(default_factory=Book)
    lines: set[str] = field(default_factory=set)
    tools: set[str] = field(default_factory=set)
    retries: int = 0
    said: float = NAN
    died: bool = False

    def ended(self, told: Told) -> Life:
        return Life(
            told=told,
            key=self.key,
            first_line=self.first_line,
            prompt=self.prompt,
            prompt_tokens=self.prompt_tokens,
            started=self.started,
            model=self.model,
            totals=self.book.totals(),
            # Lines of progress leave out what the harness did by itself.
            retries=NAN if told == "progress" else float(self.retries),
            tool_uses=float(len(self.tools)),
            return_tokens=tokens_of(self.said),
            died=self.died,
        )


class Lives:
    """Collects the lives that one file tells."""

    def __init__(self) -> None:
        self._own: dict[str, list[_Living]] = {}
        self._progress: dict[str, _Living] = {}
        self._chains: list[_Living] = []
        self._chain_of: dict[str, _Living] = {}

    def own_line(self, record: Record, agent: str) -> None:
        """Take a line of an agent with an id."""
        if agent.startswith("acompact"):
            return
        lives = self._own.setdefault(agent, [])
        if not lives or (_is_task(record) and len(lives[-1].book)):
            lives.append(_Living(agent))
        _take(lives[-1], record, moment(record.get("timestamp")))

    def chain_line(self, record: Record) -> None:
        """Take a line of a side chain, which has no id of an agent."""
        uuid, parent = text(record, "uuid"), text(record, "parentUuid")
        living = self._chain_of.get(parent) if parent is not None else None
        if living is None:
            living = _Living(None)
            self._chains.append(living)
        if uuid is not None:
            self._chain_of[uuid] = living
        _take(living, record, moment(record.get("timestamp")))

    def progress_line(self, record: Record) -> None:
        """Take a line of progress, which has a line of an agent in it."""
        call, inner = text(record, "parentToolUseID"), mapping(mapping(record, "data"), "message")
        if call is None:
            return
        living = self._progress.get(call)
        if living is None:
            living = self._progress[call] = _Living(call)
        at = moment(inner.get("timestamp"))
        _take(living, inner, moment(record.get("timestamp")) if at is None else at, output_known=False)

    def ended(self) -> Iterator[Life]:
        """Yield the lives at the end of the file."""
        for lives in self._own.values():
            yield from (living.ended("file") for living in lives)
        yield from (living.ended("inline") for living in self._chains)
        yield from (living.ended("progress") for living in self._progress.values())


def _take(living: _Living, record: Record, at: int | None, *, output_known: bool = True) -> None:
    uuid = text(record, "uuid")
    if living.started is None:
        living.started, living.first_line = at, uuid
    if uuid is not None:
        if uuid in living.lines:
            return
        living.lines.add(uuid)
    kind = record.get("type")
    if kind == "assistant":
        _take_answer(living, record, output_known)
    elif kind == "user" and living.prompt is None:
        given = plain_text(mapping(record, "message").get("content"))
        if given is not None:
            living.prompt, living.prompt_tokens = fingerprint(given), tokens_of(len(given))
    elif kind == "system" and record.get("subtype") == "api_error":
        living.retries += 1


def _take_answer(living: _Living, record: Record, output_known: bool) -> None:
    message = mapping(record, "message")
    living.died = record.get("isApiErrorMessage") is True
    if living.died or message.get("model") == "<synthetic>":
        return
    living.model = living.model or text(message, "model")
    blocks = objects(message, "content")
    for block in blocks:
        used = text(block, "id")
        if block.get("type") == "tool_use" and used is not None:
            living.tools.add(used)
    said = math.fsum(len(text(block, "text") or "") for block in blocks if block.get("type") == "text")
    living.said = said if said else living.said
    key = text(message, "id") or text(record, "requestId") or text(record, "uuid")
    usage = usage_of(mapping(message, "usage"))
    if key is None or not usage.total:
        return
    stopped = message.get("stop_reason") is not None
    living.book.add(
        key,
        usage,
        output_known=output_known and (stopped or counts_output(text(record, "version"))),
        characters=math.fsum(map(_length, blocks)),
    )


def usage_of(usage: Record) -> Usage:
    """Return the tokens of one call, as the Anthropic API counts them: the classes of input are disjoint."""
    return Usage(
        input=or_zero(amount(usage, "input_tokens")),
        cache_write=or_zero(amount(usage, "cache_creation_input_tokens")),
        cache_read=or_zero(amount(usage, "cache_read_input_tokens")),
        output=or_zero(amount(usage, "output_tokens")),
    )


def counts_output(version: str | None) -> bool:
    """Whether this version of Claude Code writes the final count of output tokens on every line."""
    parts = (version or "").split("-")[0].split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) < 6 for part in parts):
        return False
    return tuple(map(int, parts)) >= _COUNTED_FROM


def plain_text(content: object) -> str | None:
    """Return the text of a message's content, or None where it is the result of a tool, or nothing."""
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return None
    blocks = [block for block in content if isinstance(block, dict)]
    if any(block.get("type") == "tool_result" for block in blocks):
        return None
    texts = [text(block, "text") for block in blocks if block.get("type") == "text"]
    return "\n".join(each for each in texts if each is not None) if texts else None


def _is_task(record: Record) -> bool:
    if record.get("type") != "user" or record.get("isMeta") is True:
        return False
    return plain_text(mapping(record, "message").get("content")) is not None


def _length(found: object, depth: int = 0) -> float:
    """Return about how many characters the model wrote for a block: its texts, and a little for its keys."""
    if isinstance(found, str):
        return len(found)
    if depth > _DEEPEST:
        return 0.0
    if isinstance(found, list):
        return math.fsum(_length(each, depth + 1) + 2 for each in found)
    if isinstance(found, dict):
        if "text" in found or "thinking" in found:
            return _length(found.get("text"), depth + 1) + _length(found.get("thinking"), depth + 1)
        values = found.get("input") if found.get("type") == "tool_use" else found
        if not isinstance(values, dict):
            return _length(values, depth + 1)
        return math.fsum(len(key) + _length(value, depth + 1) + 6 for key, value in values.items())
    return 0.0 if found is None else 4.0
