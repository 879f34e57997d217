"""YAML 1.2 as plain data, with the place of every key and value.

The events of ruamel.yaml's parser are followed here, rather than its composer: nesting and the number of
nodes are bounded while reading, no tag makes an object, and aliases are counted as often as they are used.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
)

from dispatch_sim.scenario.problems import Place, Problem, ScenarioError
from dispatch_sim.scenario.wording import Path, shown

MOST_CHARACTERS = 256 * 1024
"""Longest scenario. The worst text of that length takes the parser two to three seconds."""

TOO_LONG = f"more than {MOST_CHARACTERS // 1024} KiB; put measured values in a csv file"

MOST_NODES = 100_000
"""Most values in a scenario, those that an alias repeats included."""

DEEPEST = 50
"""Deepest nesting."""

_CORE = "tag:yaml.org,2002:"
_CONSTANTS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **{sign + word: math.inf for sign in ("", "+") for word in (".inf", ".Inf", ".INF")},
    **{"-" + word: -math.inf for word in (".inf", ".Inf", ".INF")},
}
_INTEGER = re.compile(r"[-+]?[0-9]+(?:_[0-9]+)*|0o[0-7]{1,20}|0x[0-9a-fA-F]{1,20}", re.ASCII)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_TYPES: dict[str, tuple[type, ...]] = {
    "null": (type(None),),
    "bool": (bool,),
    "int": (int,),
    "float": (int, float),
}


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file holds, as dicts, lists and scalars, and where its keys and values stand."""

    raw: Any
    keys: dict[Path, Place]
    values: dict[Path, Place]

    def place(self, path: Path, at_key: bool = False) -> Place:
        """Return the place of a value (or key), or of the nearest value around it that has one."""
        if at_key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return Place(1, 1)


@dataclass(slots=True)
class _Open:
    """A list or mapping that is being read."""

    value: Any
    path: Path
    anchor: str | None
    size: int = 1
    height: int = 1
    key: str | None = None
    lines: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Built:
    """A node that is complete: its value, how many nodes it has and how deeply they nest."""

    value: Any
    size: int = 1
    height: int = 1


def read_tree(text: str, filename: str) -> Tree:
    """Read one YAML document.

    Raises
    ------
    ScenarioError
        if the text is not YAML, or is more than plain data, or is too large.
    """
    if len(text) > MOST_CHARACTERS:
        raise ScenarioError([Problem(filename, 1, 1, (), TOO_LONG)])
    builder = _Builder(filename)
    try:
        for event in YAML(typ="safe", pure=True).parse(io.StringIO(text)):
            builder.take(event)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark is not None else Place(1, 1)
        what = ", ".join(str(part) for part in (error.context, error.problem) if part)
        raise ScenarioError([Problem(filename, *place, (), f"not YAML: {_plain(what)}")]) from None
    except YAMLError as error:
        raise ScenarioError([Problem(filename, 1, 1, (), f"not YAML: {_plain(str(error))}")]) from None
    except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
        # The parser has no error of its own for some malformed escapes and directives.
        message = f"not YAML: {_plain(str(error) or type(error).__name__)}"
        raise ScenarioError([Problem(filename, 1, 1, (), message)]) from None
    return Tree(builder.root.value if builder.root else None, builder.keys, builder.values)


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _plain(text: str) -> str:
    """Return the parser's words on one line, with nothing in them that a terminal would obey."""
    line = " ".join(text.split())
    return line[:200] if line.isprintable() else ascii(line[:200])[1:-1]


class _Builder:
    """Builds the tree from the parser's events."""

    def __init__(self, filename: str) -> None:
        self.filename = filename
        self.root: _Built | None = None
        self.keys: dict[Path, Place] = {}
        self.values: dict[Path, Place] = {}
        self._stack: list[_Open] = []
        self._anchors: dict[str, _Built | None] = {}
        self._documents = 0
        self._nodes = 0

    def take(self, event: Event) -> None:
        """Take the next event."""
        if isinstance(event, DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                raise self._wrong(event, "a second document; write one scenario a file")
        elif isinstance(event, CollectionEndEvent):
            top = self._stack.pop()
            self._finish(_Built(top.value, top.size, top.height), top.anchor)
        elif isinstance(event, NodeEvent):
            self._node(event)

    def _node(self, event: NodeEvent) -> None:
        top = self._stack[-1] if self._stack else None
        if top is not None and isinstance(top.value, dict) and top.key is None:
            self._key(event, top)
            return
        path = self._path(top)
        self.values[path] = _place(event.start_mark)
        if isinstance(event, AliasEvent):
            found = self._anchors.get(event.anchor)
            if found is None:
                unfinished = event.anchor in self._anchors
                reason = "stands within what it repeats" if unfinished else "repeats nothing above it"
                raise self._wrong(event, f"the alias *{event.anchor} {reason}")
            self._count(event, found)
            self._finish(found, None)
        elif isinstance(event, ScalarEvent):
            built = _Built(self._scalar(event))
            self._count(event, built)
            self._finish(built, event.anchor)
        elif isinstance(event, CollectionStartEvent):
            kind = "map" if isinstance(event, MappingStartEvent) else "seq"
            if event.tag is not None and str(event.tag) != _CORE + kind:
                raise self._wrong(event, f"the tag {shown(str(event.tag))} has no meaning here; remove it")
            self._count(event, _Built(None))
            self._stack.append(_Open({} if kind == "map" else [], path, event.anchor))
            if event.anchor:
                self._anchors[event.anchor] = None

    def _key(self, event: NodeEvent, top: _Open) -> None:
        key = self._scalar(event) if isinstance(event, ScalarEvent) else None
        if isinstance(event, ScalarEvent) and event.value == "<<" and not event.style:
            raise self._wrong(event, "merge keys (<<) are not read; repeat the keys")
        if not isinstance(key, str):
            found = shown(key) if isinstance(event, ScalarEvent) else "a list, mapping or alias"
            raise self._wrong(event, f"{found} is not a key; keys are words")
        place = _place(event.start_mark)
        if key in top.lines:
            message = f"the key {shown(key)} is there twice, first in line {top.lines[key]}; remove one"
            raise ScenarioError([Problem(self.filename, *place, (*top.path, key), message)])
        top.lines[key] = place.line
        top.key = key
        self.keys[(*top.path, key)] = place

    def _finish(self, built: _Built, anchor: str | None) -> None:
        """Put a complete node where it belongs."""
        if anchor:
            self._anchors[anchor] = built
        if not self._stack:
            self.root = built
            return
        top = self._stack[-1]
        if isinstance(top.value, dict):
            top.value[top.key] = built.value
            top.key = None
        else:
            top.value.append(built.value)
        top.size += built.size
        top.height = max(top.height, built.height + 1)

    def _path(self, top: _Open | None) -> Path:
        if top is None:
            return ()
        return (*top.path, top.key if top.key is not None else len(top.value))

    def _count(self, event: NodeEvent, built: _Built) -> None:
        self._nodes += built.size
        if self._nodes > MOST_NODES:
            raise self._wrong(event, f"more than {MOST_NODES:,} values; put measured values in a csv file")
        if len(self._stack) + built.height > DEEPEST:
            raise self._wrong(event, f"nested more than {DEEPEST} deep; a scenario needs less than ten")

    def _scalar(self, event: ScalarEvent) -> Any:
        tag = str(event.tag) if event.tag is not None else None
        if tag is None:
            return event.value if event.style else _resolve(event.value)
        if tag in ("!", _CORE + "str"):
            return event.value
        name = tag.removeprefix(_CORE)
        value = _resolve(event.value)
        if name in _TYPES and type(value) in _TYPES[name]:
            return value
        raise self._wrong(event, f"the tag {shown(tag)} has no meaning here; remove it")

    def _wrong(self, event: Event, message: str) -> ScenarioError:
        return ScenarioError([Problem(self.filename, *_place(event.start_mark), (), message)])


def _resolve(text: str) -> Any:
    """Return what plain text means by YAML 1.2's core schema: null, a bool, a number or text."""
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if len(text) > 400:
        return text
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base) if len(text) <= 100 else float(text)
    return float(text) if _FLOAT.fullmatch(text) else text
