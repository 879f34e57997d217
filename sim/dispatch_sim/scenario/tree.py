"""YAML 1.2 as plain data, with the place of every key and value.

It reads ruamel.yaml's nodes, of which no tag makes an object. Nesting and the number of values are bounded;
an alias counts as what it repeats.
"""

from __future__ import annotations

import io
import math
import re
from dataclasses import dataclass
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.composer import MaxDepthExceededError
from ruamel.yaml.error import MarkedYAMLError, StreamMark, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode

from dispatch_sim.scenario.problems import Place, Problem, ScenarioError
from dispatch_sim.scenario.wording import Path, shown

MOST_CHARACTERS = 256 * 1024
"""Longest scenario. The worst text of that length takes the parser five seconds and 60 MiB."""

TOO_LONG = f"more than {MOST_CHARACTERS // 1024} KiB; put measured values in a csv file"

MOST_NODES = 65_536
"""Most values in a scenario, those that an alias repeats included."""

DEEPEST = 50
"""Deepest nesting."""

_TOO_DEEP = f"nested more than {DEEPEST} deep; a scenario needs less than ten"
_PLAIN_TAGS = ("str", "int", "float", "bool", "null", "timestamp", "merge", "seq", "map")

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
    keys: dict[Path, StreamMark]
    values: dict[Path, StreamMark]
    problems: tuple[Problem, ...] = ()

    def place(self, path: Path, at_key: bool = False) -> Place:
        """Return the place of a value (or key), or of the nearest value around it that has one."""
        if at_key and path in self.keys:
            return _place(self.keys[path])
        around = (path[:length] for length in range(len(path), -1, -1))
        return _place(next((self.values[each] for each in around if each in self.values), None))


def read_tree(text: str, filename: str) -> Tree:
    """Read one YAML document.

    Raises ScenarioError where the text is not YAML, or is too large.
    """
    if len(text) > MOST_CHARACTERS:
        raise ScenarioError([Problem(filename, 1, 1, (), TOO_LONG)])
    try:
        yaml = YAML(typ="safe", pure=True)
        yaml.composer.warn_double_anchors = False  # YAML 1.2 allows them
        yaml.max_depth = DEEPEST  # the parser takes quadratic time for deeper nesting
        root = yaml.compose(io.StringIO(text))
    except (MaxDepthExceededError, RecursionError) as error:
        place, what = _place(getattr(error, "problem_mark", None)), _TOO_DEEP
    except MarkedYAMLError as error:
        place = _place(error.problem_mark or error.context_mark)
        what = ", ".join(str(part) for part in (error.context, error.problem) if part)
        what = f"not YAML: {_plain(what)}"
    except (YAMLError, ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        # The parser has no error of its own for some malformed escapes and directives.
        place, what = _place(None), f"not YAML: {_plain(str(error) or type(error).__name__)}"
    else:
        return _Reader(filename).read(root)
    raise ScenarioError([Problem(filename, *place, (), what)])


def yaml_text(raw: Any) -> str:
    """Return plain data as YAML."""
    stream = io.StringIO()
    YAML().dump(raw, stream)
    return stream.getvalue()


def _place(mark: StreamMark | None) -> Place:
    return (1, 1) if mark is None else (mark.line + 1, mark.column + 1)


def _plain(text: str) -> str:
    """Return the parser's words on one line, with nothing in them that a terminal would obey."""
    line = " ".join(text.split())
    return line[:200] if line.isprintable() else ascii(line[:200])[1:-1]


class _Reader:
    """Builds the tree from nodes. Its recursion ends at `DEEPEST`, also where an alias repeats itself."""

    def __init__(self, filename: str) -> None:
        self._filename = filename
        self._keys: dict[Path, StreamMark] = {}
        self._values: dict[Path, StreamMark] = {}
        self._problems: list[Problem] = []

    def read(self, root: Node | None) -> Tree:
        """Return the tree; None stands for an empty text."""
        raw = None if root is None else self._value(root, ())
        return Tree(raw, self._keys, self._values, tuple(self._problems))

    def _value(self, node: Node, path: Path) -> Any:
        self._values[path] = node.start_mark
        if len(self._values) > MOST_NODES:
            raise self._error(node, f"more than {MOST_NODES:,} values; put measured values in a csv file")
        if len(path) >= DEEPEST:
            raise self._error(node, _TOO_DEEP)
        self._check_tag(node)
        if isinstance(node, ScalarNode):
            return _scalar(node)
        if isinstance(node, MappingNode):
            return self._mapping(node, path)
        return [self._value(item, (*path, index)) for index, item in enumerate(node.value)]

    def _mapping(self, node: MappingNode, path: Path) -> dict[str, Any]:
        found = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            value = self._value(value_node, (*path, len(self._values) if key is None else key))
            if key is not None:
                found[key] = value
        return found

    def _key(self, node: Node, path: Path) -> str | None:
        """Read a key; None for one that cannot be used."""
        if not isinstance(node, ScalarNode):
            raise self._error(node, "a list or mapping is not a key; keys are words")
        self._check_tag(node)
        key = _scalar(node)
        here = (*path, str(key))
        if key == "<<" and not node.style:
            self._note(node, "merge keys (<<) are not read; repeat the keys")
        elif not isinstance(key, str):
            of_number = node.value.isdigit() and len(node.value) == 3
            hint = "; a number is written without commas here, as 15000 or 15K" if of_number else ""
            self._note(node, f"{shown(key)} is not a key; keys are words{hint}")
        elif here in self._keys:
            first = _place(self._keys[here])[0]
            self._note(node, f"the key {shown(key)} is repeated, first in line {first}; remove one", here)
        else:
            self._keys[here] = node.start_mark
            return key
        return None

    def _check_tag(self, node: Node) -> None:
        if str(node.tag).removeprefix("tag:yaml.org,2002:") not in _PLAIN_TAGS:
            self._note(node, f"the tag {shown(str(node.tag))} has no meaning here; remove it")

    def _note(self, node: Node, message: str, path: Path = ()) -> None:
        """Note a problem after which reading can go on."""
        self._problems.append(Problem(self._filename, *_place(node.start_mark), path, message))

    def _error(self, node: Node, message: str) -> ScenarioError:
        """Return the error of a problem after which reading cannot go on, with those before it."""
        self._note(node, message)
        return ScenarioError(self._problems)


def _scalar(node: ScalarNode) -> Any:
    """Return what a scalar means by YAML 1.2's core schema: null, a bool, a number or text."""
    text = node.value
    if node.style or len(text) > 400:
        return text
    if text in _CONSTANTS:
        return _CONSTANTS[text]
    if _INTEGER.fullmatch(text):
        base = {"0o": 8, "0x": 16}.get(text[:2], 10)
        return int(text, base) if len(text) <= 100 else float(text)
    return float(text) if _FLOAT.fullmatch(text) else text
