"""What the lines of sub-agents themselves say, in transcripts of Claude Code.

They stand in files of their own, in the main file as side chains (until 2.0.5x), or in the main file as lines
of progress. Each becomes a `Life`, which keeps numbers only; `ClaudeCode` gives it to its call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import chain
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
from dispatch_sim.logs.readers.tables import NAN
from dispatch_sim.logs.readers.usage import Book, Totals, Usage

Told = Literal["file", "inline", "progress"]
"""Where the lines of an agent stand."""

_COUNTED_FROM = (2, 1, 59)
"""First version whose lines all have the final count of output tokens; before, those that stopped."""

_DEEPEST = 32


@dataclass(slots=True)
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
    first_line: str | None = None
    prompt: bytes | None = None
    prompt_tokens: float = NAN
    started: int | None = None
    model: str | None = None
    totals: Totals = field(default_factory=Totals)
    retries: float = 0.0
    tool_uses: float = 0.0
    return_tokens: float = NAN
    died: bool = False

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


class _Living:
    """A life while its file is read, with what its figures are counted from."""

    def __init__(self, told: Told, key: str | None) -> None:
        self.life = Life(told, key)
        self.book = Book()
        self._lines: set[str] = set()
        self._tools: set[str] = set()

    def ended(self) -> Life:
        """Return the life at the end of its file."""
        self.life.totals = self.book.totals()
        self.life.tool_uses = float(len(self._tools))
        if self.life.told == "progress":
            self.life.retries = NAN  # such lines leave out what the harness did by itself
        return self.life

    def take(self, record: Record, at: int | None) -> None:
        """Take a line of the agent."""
        life, uuid, kind = self.life, text(record, "uuid"), record.get("type")
        if life.started is None:
            life.started, life.first_line = at, uuid
        if uuid is not None:
            if uuid in self._lines:
                return
            self._lines.add(uuid)
        if kind == "assistant":
            self._take_answer(record)
        elif kind == "user" and life.prompt is None:
            given = plain_text(mapping(record, "message").get("content"))
            if given is not None:
                life.prompt, life.prompt_tokens = fingerprint(given), tokens_of(len(given))
        elif kind == "system" and record.get("subtype") == "api_error":
            life.retries += 1

    def _take_answer(self, record: Record) -> None:
        life, message = self.life, mapping(record, "message")
        life.died = record.get("isApiErrorMessage") is True
        if life.died or message.get("model") == "<synthetic>":
            return
        life.model = life.model or text(message, "model")
        blocks = objects(message, "content")
        for block in blocks:
            used = text(block, "id")
            if block.get("type") == "tool_use" and used is not None:
                self._tools.add(used)
        said = math.fsum(len(text(block, "text") or "") for block in blocks if block.get("type") == "text")
        life.return_tokens = tokens_of(said) if said else life.return_tokens
        key = text(message, "id") or text(record, "requestId") or text(record, "uuid")
        usage = usage_of(mapping(message, "usage"))
        if key is None or not usage.total:
            return
        stopped = message.get("stop_reason") is not None
        known = life.told != "progress" and (stopped or counts_output(text(record, "version")))
        self.book.add(key, usage, output_known=known, characters=math.fsum(map(_length, blocks)))


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
            lives.append(_Living("file", agent))
        lives[-1].take(record, moment(record.get("timestamp")))

    def chain_line(self, record: Record) -> None:
        """Take a line of a side chain, which has no id of an agent."""
        uuid, parent = text(record, "uuid"), text(record, "parentUuid")
        living = self._chain_of.get(parent) if parent is not None else None
        if living is None:
            living = _Living("inline", None)
            self._chains.append(living)
        if uuid is not None:
            self._chain_of[uuid] = living
        living.take(record, moment(record.get("timestamp")))

    def progress_line(self, record: Record) -> None:
        """Take a line of progress, which has a line of an agent in it."""
        call, inner = text(record, "parentToolUseID"), mapping(mapping(record, "data"), "message")
        if call is None:
            return
        living = self._progress.get(call)
        if living is None:
            living = self._progress[call] = _Living("progress", call)
        at = moment(inner.get("timestamp"))
        living.take(inner, moment(record.get("timestamp")) if at is None else at)

    def ended(self) -> Iterator[Life]:
        """Yield the lives at the end of the file."""
        for living in chain(*self._own.values(), self._chains, self._progress.values()):
            yield living.ended()


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
