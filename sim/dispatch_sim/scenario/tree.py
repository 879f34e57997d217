"""YAML 1.2 as plain data, with the place of every key and value.

It reads the events of ruamel.yaml's parser rather than its composer. So nesting and the number of values are
bounded while reading, no tag makes an object, and an alias counts as what it repeats.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Tree:
    """A file as dicts, lists and scalars, the places of its keys and values, and its problems."""

    raw: Any
    keys: dict[Path, Place]
    values: dict[Path, Place]
    problems: tuple[Problem, ...] = ()

    def place(self, path: Path, at_key: bool = False) -> Place:
        """Return the place of a value (or key), or of the nearest value around it that has one."""
        if at_key and path in self.keys:
            return self.keys[path]
        for length in range(len(path), -1, -1):
            if path[:length] in self.values:
                return self.values[path[:length]]
        return Place(1, 1)


@dataclass(slots=True)
class _Node:
    """A value, the number of values in it, itself included, and how deeply they nest."""

    value: Any
    size: int = 1
    height: int = 1

    def grow(self, inner: _Node) -> None:
        """Count a value inside this one."""
        self.size += inner.size
        self.height = max(self.height, inner.height + 1)


def read_tree(text: str, filename: str) -> Tree:
    """Read one YAML document.

    Raises
    ------
    ScenarioError
        Where the text is not YAML, or is too large.
    """
    if len(text) > MOST_CHARACTERS:
        raise ScenarioError([Problem(filename, 1, 1, (), TOO_LONG)])
    try:
        return _Reader(text, filename).read()
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = _place(mark) if mark is not None else Place(1, 1)
        what = ", ".join(str(part) for part in (error.context, error.problem) if part)
    except (YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The parser has no error of its own for some malformed escapes and directives.
        place, what = Place(1, 1), str(error) or type(error).__name__
    raise ScenarioError([Problem(filename, *place, (), f"not YAML: {_plain(what)}")])


def _place(mark: Any) -> Place:
    return Place(mark.line + 1, mark.column + 1)


def _plain(text: str) -> str:
    """Return the parser's words on one line, with nothing in them that a terminal would obey."""
    line = " ".join(text.split())
    return line[:200] if line.isprintable() else ascii(line[:200])[1:-1]


class _Reader:
    """Builds the tree from the parser's events. Its recursion ends at `DEEPEST`."""

    def __init__(self, text: str, filename: str) -> None:
        self._events = YAML(typ="safe", pure=True).parse(io.StringIO(text))
        self._filename = filename
        self._keys: dict[Path, Place] = {}
        self._values: dict[Path, Place] = {}
        self._anchors: dict[str, _Node | None] = {}  # None while the value is being read
        self._nodes = 0
        self._problems: list[Problem] = []

    def read(self) -> Tree:
        """Read all events."""
        root: _Node | None = None
        for event in self._events:
            if isinstance(event, DocumentStartEvent) and root is not None:
                raise self._error(event, "a second document; write one scenario a file")
            if isinstance(event, AliasEvent | ScalarEvent | CollectionStartEvent):
                root = self._node(event, ())
        return Tree(root.value if root else None, self._keys, self._values, tuple(self._problems))

    def _node(self, event: AliasEvent | ScalarEvent | CollectionStartEvent, path: Path) -> _Node:
        """Read the value that begins with an event."""
        self._values[path] = _place(event.start_mark)
        if isinstance(event, AliasEvent):
            repeated = self._anchors.get(event.anchor)
            if repeated is None:
                unfinished = event.anchor in self._anchors
                reason = "stands within what it repeats" if unfinished else "repeats nothing above it"
                raise self._error(event, f"the alias *{event.anchor} {reason}")
            self._count(event, repeated, path)
            return repeated
        self._check_tag(event)
        if event.anchor:
            self._anchors[event.anchor] = None
        node = _Node(None)
        self._count(event, node, path)
        if isinstance(event, ScalarEvent):
            node.value = _scalar(event)
        elif isinstance(event, MappingStartEvent):
            self._mapping(node, path)
        else:
            self._list(node, path)
        if event.anchor:
            self._anchors[event.anchor] = node
        return node

    def _mapping(self, node: _Node, path: Path) -> None:
        node.value = {}
        while not isinstance(event := next(self._events), CollectionEndEvent):
            key = self._key(event, path)
            inner = self._node(next(self._events), (*path, self._nodes if key is None else key))
            if key is not None:
                node.value[key] = inner.value
            node.grow(inner)

    def _list(self, node: _Node, path: Path) -> None:
        node.value = []
        while not isinstance(event := next(self._events), CollectionEndEvent):
            inner = self._node(event, (*path, len(node.value)))
            node.value.append(inner.value)
            node.grow(inner)

    def _key(self, event: NodeEvent, path: Path) -> str | None:
        """Read a key; None for one that cannot be used."""
        if not isinstance(event, ScalarEvent):
            raise self._error(event, "a list, mapping or alias is not a key; keys are words")
        self._check_tag(event)
        key = _scalar(event)
        here = (*path, str(key))
        if key == "<<" and not event.style:
            self._note(event, "merge keys (<<) are not read; repeat the keys")
        elif not isinstance(key, str):
            of_number = event.value.isdigit() and len(event.value) == 3
            hint = "; a number is written without commas here, as 15000 or 15K" if of_number else ""
            self._note(event, f"{shown(key)} is not a key; keys are words{hint}")
        elif here in self._keys:
            first = self._keys[here].line
            self._note(event, f"the key {shown(key)} is repeated, first in line {first}; remove one", here)
        else:
            self._keys[here] = _place(event.start_mark)
            return key
        return None

    def _count(self, event: NodeEvent, node: _Node, path: Path) -> None:
        self._nodes += node.size
        if self._nodes > MOST_NODES:
            raise self._error(event, f"more than {MOST_NODES:,} values; put measured values in a csv file")
        if len(path) + node.height > DEEPEST:
            raise self._error(event, f"nested more than {DEEPEST} deep; a scenario needs less than ten")

    def _check_tag(self, event: ScalarEvent | CollectionStartEvent) -> None:
        if event.tag is not None:
            self._note(event, f"the tag {shown(str(event.tag))} has no meaning here; remove it")

    def _note(self, event: Event, message: str, path: Path = ()) -> None:
        """Note a problem after which reading can go on."""
        self._problems.append(Problem(self._filename, *_place(event.start_mark), path, message))

    def _error(self, event: Event, message: str) -> ScenarioError:
        """Return the error of a problem after which reading cannot go on, with those before it."""
        self._note(event, message)
        return ScenarioError(self._problems)


def _scalar(event: ScalarEvent) -> Any:
    """Return what a scalar means by YAML 1.2's core schema: null, a bool, a number or text."""
    text = event.value
    if event.style or len(text) > 400:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base) if len(text) <= 100 else float(text)
    return float(text) if _FLOAT.fullmatch(text) else text
