"""Validates the keys of a scenario separately, with an error message for each that is invalid."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dispatch_sim.scenario import profiles
from dispatch_sim.scenario.base import OrWord, fields_by_key, section_in
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.samples import Samples
from dispatch_sim.scenario.wording import Path, listed, nearest, shown, unknown

_EXAMPLES = {
    "tasks": "tasks: [{name: research, tokens: 15K, duration: 60s}]",
    "name": "name: research",
    "tokens": "tokens: 15K",
    "duration": "duration: 60s",
    "calls": "calls: 60",
}
_MESSAGES = {
    "greater_than": "{found} is out of range; write more than {gt:,g}",
    "greater_than_equal": "{found} is out of range; write at least {ge:,g}",
    "less_than": "{found} is out of range; write less than {lt:,g}",
    "less_than_equal": "{found} is out of range; write at most {le:,g}",
    "too_short": "found {found}; write at least {min_length}",
    "too_long": "found {found}; at most {max_length:,} are possible",
    "string_too_short": "found empty text; write a word",
    "string_too_long": "longer than {max_length:,} characters; shorten it",
    "bool_type": "found {found}; write true or false",
    "string_type": "found {found}, not text; write a word, or put it in quotes",
    "string_unicode": "{found} has invalid characters; remove them",
    "tuple_type": "found {found}, not a list; put a dash before each item",
}
"""Messages about a value, by pydantic's kind of error."""

_MOST = 1000
_MOST_ELSEWHERE = 3
_ROUNDS = 3
"""Times that what is invalid is removed: a section that then lacks a required key is removed next."""


def validated(raw: Any, samples: Samples) -> tuple[Scenario | None, Any, list[Finding]]:
    """Return a scenario without what is invalid in it, its plain data, and what is invalid.

    The rest can then be checked as well. The scenario is None where too little is left.
    """
    found: list[Finding] = []
    for _ in range(_ROUNDS):
        try:
            return Scenario.model_validate(raw, context=samples), raw, found
        except ValidationError as error:
            findings = findings_of(error, raw)
        found = found or findings
        for path in dict.fromkeys(key_of(finding.path) for finding in findings):
            raw = _without(raw, path)
        raw = _with_groups(raw)
    return None, raw, found


def findings_of(error: ValidationError, raw: Any, root: type[BaseModel] = Scenario) -> list[Finding]:
    """Return the errors that pydantic found in `raw`, which `root` describes."""
    found: dict[Path, Finding] = {}
    for details in error.errors(include_url=False, include_input=False)[:_MOST]:
        for finding in _findings(details, raw, root):
            earlier = found.get(finding.path)
            if earlier is None:
                found[finding.path] = finding
            elif details["type"] == "literal_error":  # the other side of a union
                message = f"{earlier.message}, or {_choices(details)}"
                found[finding.path] = Finding(finding.path, message, earlier.at_key)
    return list(found.values())


def key_of(path: Path) -> Path:
    """Return the path of the key, or of the group of tasks, that a path leads into."""
    return next((path[:length] for length in range(len(path)) if not _fields(path[:length], Scenario)), path)


def _without(raw: Any, path: Path) -> Any:
    """Return a copy without the value at a path; without the section around it where that lacks the key."""
    if not path:
        return {}
    key, rest = path[0], path[1:]
    if isinstance(raw, list) and isinstance(key, int):
        return [*raw[:key], _without(raw[key], rest), *raw[key + 1 :]]
    if not isinstance(raw, dict) or (rest and key not in raw):
        return raw
    if rest and (len(rest) > 1 or isinstance(rest[0], int) or rest[0] in raw[key]):
        return {**raw, key: _without(raw[key], rest)}
    return {name: value for name, value in raw.items() if name != key}


def _with_groups(raw: dict[str, Any]) -> dict[str, Any]:
    """Return a scenario whose groups of tasks have the keys without which there is none."""
    groups = [group if isinstance(group, dict) else {} for group in raw.get("tasks") or [{}]]
    return {**raw, "tasks": [{"name": f"group {n}", "tokens": 1, **group} for n, group in enumerate(groups)]}


def _findings(details: ErrorDetails, raw: Any, root: type[BaseModel]) -> list[Finding]:
    kind = details["type"]
    context = details.get("ctx", {})
    path, value = _follow(details["loc"], raw, missing=kind == "missing")
    words = _words(path, root)
    if kind == "scenario":
        return [
            Finding((*path, *below), message + ("" if below else words), at_key)
            for below, message, at_key in context["errors"]
        ]
    if kind == "extra_forbidden":
        return [Finding(path, _unknown_key(path, root), at_key=True)]
    if kind == "too_short" and value:
        return []  # items that are wrong themselves do not count for pydantic
    if kind == "default_factory_not_called":
        return []  # the sections that a default depends on are wrong themselves
    if kind == "value_error":
        return [Finding(path, str(context["error"]))]
    return [Finding(path, _message(details, path, value, root) + ("" if kind == "missing" else words))]


def _unknown_key(path: Path, root: type[BaseModel]) -> str:
    """Return the message about an unknown key, with keys of that name in other sections."""
    # Imported here: only errors need it, and the schema takes a while to make.
    from dispatch_sim.scenario.schema import keys

    name, here = str(path[-1]), _keys(path[:-1], root)
    paths = (key.replace("[]", "") for key in keys()) if root is Scenario else ()
    elsewhere = [path for path in paths if path.rpartition(".")[2] == name]
    if 1 <= len(elsewhere) <= _MOST_ELSEWHERE and (len(path) == 1 or nearest(name, here) is None):
        return f"unknown key {shown(name)}; did you mean {listed(map(shown, elsewhere), 'or')}?"
    return unknown("key", name, here)


def _follow(loc: tuple[int | str, ...], raw: Any, *, missing: bool) -> tuple[Path, Any]:
    """Return the part of pydantic's path that is in the scenario, and the value there."""
    length = 0
    for part in loc:
        is_item = isinstance(raw, list) and isinstance(part, int) and part < len(raw)
        if not is_item and not (isinstance(raw, dict) and part in raw):
            break
        raw = raw[part]
        length += 1
    return loc if missing and length == len(loc) - 1 else loc[:length], raw


def _message(details: ErrorDetails, path: Path, value: Any, root: type[BaseModel]) -> str:
    kind = details["type"]
    if kind == "missing":
        key = str(path[-1])
        return f"the key {key!r} is missing; add it, for example {_EXAMPLES.get(key, key + ': ...')}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        return f"found {shown(value)}; write a mapping with keys such as {listed(_keys(path, root)[:4])}"
    if kind == "literal_error":
        return f"{shown(value)} is not one of the choices; write {_choices(details)}"
    if kind in _MESSAGES:
        return _MESSAGES[kind].format(found=shown(value), **details.get("ctx", {}))
    if kind.startswith("int_"):
        grouped = isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}(,[0-9]{3}){1,3}", value)
        example = value.replace(",", "") if grouped else "one, such as 3"
        return f"{shown(value)} is not a whole number; write {example}"
    return f"{shown(value)} is not possible here: {details['msg']}"


def _choices(details: ErrorDetails) -> str:
    return str(details["ctx"]["expected"]).replace("'", "")


def _words(path: Path, root: type[BaseModel]) -> str:
    """Return the end of a message about a value that a word can stand for: ", or none"."""
    field = _fields(path[:-1], root).get(str(path[-1])) if path else None
    words = [mark.word for mark in field.metadata if isinstance(mark, OrWord)] if field else []
    return f", or {listed(words, 'or')}" if words else ""


def _keys(path: Path, root: type[BaseModel]) -> list[str]:
    """Return the keys that the part at `path` may have."""
    keys = list(_fields(path, root))
    return [*profiles.KEYS.get(path, ()), *keys] if keys else ["no keys"]


@lru_cache(maxsize=256)  # thousands of findings may be about one key
def _fields(path: Path, root: type[BaseModel]) -> Mapping[str, FieldInfo]:
    """Return the fields of the section at `path`, by key; none where there is no section."""
    here: type[BaseModel] | None = root
    for part in path:
        if here is not None and isinstance(part, str):
            field = fields_by_key(here).get(part)
            here = section_in(field.annotation) if field else None
    return fields_by_key(here) if here else {}
