"""Pydantic's errors in this program's words: what was found, and what to write instead."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from dispatch_sim.scenario import profiles
from dispatch_sim.scenario.base import OrWord, fields_by_key, section_in
from dispatch_sim.scenario.problems import Finding
from dispatch_sim.scenario.wording import Path, listed, shown, unknown

_EXAMPLES = {
    "tasks": "tasks: [{name: research, tokens: 15K, duration: 60s}]",
    "name": "name: research",
    "tokens": "tokens: 15K",
    "duration": "duration: 60s",
    "calls": "calls: 60",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_MOST = 1000


def findings(error: ValidationError, raw: Any, model: type[BaseModel]) -> list[Finding]:
    """Return the errors that pydantic found in `raw` when it was read as a `model`."""
    found: dict[Path, Finding] = {}
    for details in error.errors(include_url=False, include_input=False)[:_MOST]:
        finding = _finding(details, raw, model)
        if finding is None:
            continue
        earlier = found.get(finding.path)
        if earlier is None:
            found[finding.path] = finding
        elif details["type"] == "literal_error":  # the other side of a union
            message = f"{earlier.message}, or {_choices(details)}"
            found[finding.path] = Finding(finding.path, message, earlier.at_key)
    return list(found.values())


def _finding(details: ErrorDetails, raw: Any, model: type[BaseModel]) -> Finding | None:
    kind = details["type"]
    context = details.get("ctx", {})
    path, value = _follow(details["loc"], raw, missing=kind == "missing")
    words = _words(model, path)
    if kind in ("quantity", "strategy"):
        path, words = (*path, *context["path"]), "" if context["path"] else words
        return Finding(path, context["message"] + words, context.get("at_key", False))
    if kind == "extra_forbidden":
        return Finding(path, unknown("key", str(path[-1]), _keys(model, path[:-1])), at_key=True)
    if kind == "too_short" and value:
        return None  # items that are wrong themselves do not count for pydantic
    if kind == "value_error":
        return Finding(path, str(context["error"]))
    return Finding(path, _message(details, path, value, model) + ("" if kind == "missing" else words))


def _follow(loc: tuple[int | str, ...], raw: Any, *, missing: bool) -> tuple[Path, Any]:
    """Return the part of pydantic's path that is in the scenario, and the value there."""
    path: list[int | str] = []
    for number, part in enumerate(loc):
        inside = (isinstance(raw, dict) and part in raw) or (
            isinstance(raw, list) and isinstance(part, int) and part < len(raw)
        )
        if not inside:
            if missing and number == len(loc) - 1:
                path.append(part)
            break
        path.append(part)
        raw = raw[part]
    return tuple(path), raw


def _message(details: ErrorDetails, path: Path, value: Any, model: type[BaseModel]) -> str:
    kind = details["type"]
    context = details.get("ctx", {})
    if kind == "missing":
        key = str(path[-1])
        return f"the key {key!r} is missing; add it, for example {_EXAMPLES.get(key, key + ': ...')}"
    if kind in ("model_type", "model_attributes_type", "dict_type"):
        keys = _keys(model, path)
        return f"found {shown(value)}; write a mapping with keys such as {listed(keys[:4])}"
    if kind == "literal_error":
        return f"{shown(value)} is not one of the choices; write {_choices(details)}"
    if kind in _BOUNDS:
        name, words = _BOUNDS[kind]
        return f"{shown(value)} is out of range; write {words} {context[name]:,g}"
    sizes: Mapping[str, Callable[[], str]] = {
        "too_short": lambda: f"found {shown(value)}; write at least {context['min_length']}",
        "too_long": lambda: f"found {shown(value)}; at most {context['max_length']:,} are possible",
        "string_too_short": lambda: "found empty text; write a word",
        "string_too_long": lambda: f"longer than {context['max_length']:,} characters; shorten it",
        "string_type": lambda: f"found {shown(value)}, not text; write a word, or put it in quotes",
        "string_unicode": lambda: f"{shown(value)} has characters that stand for nothing; remove them",
        "tuple_type": lambda: f"found {shown(value)}, not a list; put a dash before each item",
    }
    if kind in sizes:
        return sizes[kind]()
    if kind.startswith("int_"):
        return f"{shown(value)} is not a whole number; write one, such as 3"
    return f"{shown(value)} is not possible here: {details['msg']}"


def _choices(details: ErrorDetails) -> str:
    return str(details["ctx"]["expected"]).replace("'", "")


def _words(model: type[BaseModel], path: Path) -> str:
    """Return the end of a message about a value that a word can stand for: ", or none"."""
    field = _fields(model, path[:-1]).get(str(path[-1])) if path else None
    words = [mark.word for mark in field.metadata if isinstance(mark, OrWord)] if field else []
    return f", or {listed(words, 'or')}" if words else ""


def _keys(model: type[BaseModel], path: Path) -> list[str]:
    """Return the keys that the part of a scenario at `path` may have."""
    keys = list(_fields(model, path))
    return [*keys, *profiles.KEYS.get(path, ())] if keys else ["no keys"]


def _fields(model: type[BaseModel], path: Path) -> dict[str, FieldInfo]:
    """Return the fields of the section at `path`, by key; none where there is no section."""
    here: type[BaseModel] | None = model
    for part in path:
        if here is not None and isinstance(part, str):
            field = fields_by_key(here).get(part)
            here = section_in(field.annotation) if field else None
    return fields_by_key(here) if here else {}
