"""Every parameter of a scenario in one table: docs/parameters.md is written from the models by this module.

``python -m dispatch_sim.scenario.parameters`` prints it. What a parameter means and where its default comes
from is the text beside its key: `MEANING. Default VALUE: ORIGIN.`
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from dispatch_sim.scenario import profiles
from dispatch_sim.scenario.base import OrWord, section_in
from dispatch_sim.scenario.distributions import FAMILIES, Constant, LogNormal
from dispatch_sim.scenario.formats import format_duration, format_tokens
from dispatch_sim.scenario.indifference import Zone
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.quantities import parse_seconds, parse_tokens
from dispatch_sim.scenario.schema import QUANTITIES, scenario_schema
from dispatch_sim.scenario.strategy import DEFAULTS, KINDS, OPTIONS, Strategy
from dispatch_sim.scenario.wording import Path, listed

_REQUIRED = "required"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of the table.

    Attributes
    ----------
    key : its path; ``[]`` stands for any item of a list.
    kind : what may be written: a kind of quantity, words, or a section of further keys.
    default : as a scenario would write it; empty for a section, whose keys have their own.
    meaning, origin : what it is, and where the default comes from.
    """

    key: str
    kind: str
    default: str
    meaning: str
    origin: str


def parameters() -> tuple[Parameter, ...]:
    """Return all parameters, in the order of the models.

    Raises
    ------
    ValueError
        Where the text beside a key does not say what the key means, or what its default is and why.
    """
    return tuple(_section(Scenario, None, (), "", scenario_schema()))


def parameters_text() -> str:
    """Return the table as the committed file has it."""
    ways = {name: ["{" + ", ".join(way) + "}" for way in ways] for name, ways in FAMILIES.items()}
    return "\n".join(
        [
            "# Parameters",
            "",
            "Every key of a scenario, written from the models by `make schema`; a change belongs beside the",
            "key, in `sim/dispatch_sim/scenario/`. `[]` stands for any item of a list. What a scenario says",
            "itself goes before a profile, and a profile before the defaults.",
            "",
            *_table(
                ("Key", "Kind", "Default", "Meaning", "Where the default comes from"),
                (
                    (f"`{row.key}`", row.kind, _code(row.default), row.meaning, row.origin)
                    for row in parameters()
                ),
            ),
            "",
            "## Kinds of values",
            "",
            *_table(
                ("Kind", "Written"),
                ((_plain(name), description) for name, (_, description) in QUANTITIES.items()),
            ),
            "",
            "A distribution is a value, or a mapping of one of these to its parameters:",
            "",
            *(f"- `{name}`: {listed(forms, 'or')}" for name, forms in ways.items()),
            "- `constant`: a value",
            "- `empirical`: a list of values, or {csv: FILE, column: NAME}, where FILE lies in the scenario's"
            " folder, or in the one of `--data DIR`",
            "- `mixture`: a list of {weight: 90%, of: DISTRIBUTION}",
            "",
        ]
    )


def _section(
    model: type[BaseModel], given: BaseModel | None, path: Path, origin: str, schema: Mapping[str, Any]
) -> Iterator[Parameter]:
    """Return the parameters of a section.

    `given` is the default of the section, if it has one, and `origin` where that comes from, as far as it is
    not what the model says.
    """
    properties = _properties(model, schema)
    for key, meaning in profiles.KEYS.get(path, {}).items():
        yield Parameter(_spelled((*path, key)), _kind(properties[key]), "", meaning, "")
    for name, field in model.model_fields.items():
        key = field.alias or name
        value = field.get_default() if given is None else getattr(given, name)
        yield from _parameter(field, value, (*path, key), origin, properties[key], schema)


def _parameter(
    field: FieldInfo,
    value: Any,
    path: Path,
    origin: str,
    written: Mapping[str, Any],
    schema: Mapping[str, Any],
) -> Iterator[Parameter]:
    """Return a key's own row, and for a section those of its keys."""
    model = section_in(field.annotation)
    if get_origin(field.annotation) is tuple and model is not None:
        path = (*path[:-1], f"{path[-1]}[]")
    key, kind = _spelled(path), _kind(written)
    text = " ".join((field.description or _summary(model)).split())
    if value is PydanticUndefined:
        yield Parameter(key, kind, "" if model else _REQUIRED, text, "")
    elif isinstance(value, BaseModel):
        different = value != type(value)()
        default = _mapping(value) if different else ""
        meaning, origin = split_text(key, text, default) if different else (text, origin)
        yield Parameter(key, kind, default, meaning, origin)
    else:
        default = _written(value, written, field)
        own = field.get_default()
        if default == "":
            yield Parameter(key, kind, default, text, "")
        elif value == own:
            yield Parameter(key, kind, default, *split_text(key, text, default))
        else:
            meaning, _ = split_text(key, text, _written(own, written, field))
            yield Parameter(key, kind, default, meaning, origin)
    if model is not None:
        yield from _section(model, value if isinstance(value, BaseModel) else None, path, origin, schema)
    elif path == ("strategies",):
        yield from _strategies(written)


def _strategies(written: Mapping[str, Any]) -> Iterator[Parameter]:
    """Return the kinds of strategies and their options."""
    forms = next(branch for branch in written["anyOf"] if branch.get("type") == "array")["items"]["anyOf"]
    for kind, meaning in KINDS.items():
        properties = next(form["properties"] for form in forms if kind in form.get("properties", ()))
        yield Parameter(f"strategies[].{kind}", _kind(properties[kind]), "", meaning, "")
    standard = Strategy("queue")
    for key, option in OPTIONS.items():
        path, default = f"strategies[].{key}", getattr(standard, key) or "none"
        usual = {kind: getattr(each, key) or "none" for kind, each in DEFAULTS.items()}
        others = [f"{kind}: {value}" for kind, value in usual.items() if value != default]
        yield Parameter(
            path,
            _words(option.choices),
            ", ".join([default, *others]),
            *split_text(path, option.text, default),
        )


def split_text(key: str, text: str, default: str) -> tuple[str, str]:
    """Return the meaning of a key and the origin of its default, as the text beside it tells them.

    Raises
    ------
    ValueError
        Where it does not end with ``Default VALUE: ORIGIN.``
    """
    meaning, found, origin = text.partition(f" Default {default}: ")
    if not (meaning and found and origin):
        raise ValueError(
            f"{key}: the text beside it must end with 'Default {default}: ORIGIN.', and is {text!r}"
        )
    return meaning, origin


def _summary(model: type[BaseModel] | None) -> str:
    if model is None:
        raise ValueError("a key has no text beside it that says what it means")
    return (inspect.getdoc(model) or "").split("\n\n")[0]


def _properties(model: type[BaseModel], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    part = schema if model is Scenario else schema["$defs"][model.__name__]
    found: Mapping[str, Any] = part["properties"]
    return found


def _kind(written: Mapping[str, Any]) -> str:
    """Return what may be written, from the JSON schema of a key."""
    if "$ref" in written:
        name = written["$ref"].rpartition("/")[2]
        return _plain(name) if name in QUANTITIES else "section"
    if "anyOf" in written:
        branches = [branch for branch in written["anyOf"] if branch.get("type") != "null"]
        words = [str(branch["const"]) for branch in branches if "const" in branch]
        kinds = [_kind(branch) for branch in branches if "const" not in branch]
        return listed(dict.fromkeys([*kinds, *([_words(words)] if words else [])]), "or")
    if "enum" in written:
        return _words([str(word) for word in written["enum"] if word is not None])
    match written.get("type"):
        case "integer" | ["integer", _]:
            high = f" to {written['maximum']:,}" if "maximum" in written else ""
            return f"whole number from {written['minimum']}{high}"
        case "boolean":
            return _words(["true", "false"])
        case "array":
            return "list"
        case _:
            return "text"


def _written(value: Any, written: Mapping[str, Any], field: FieldInfo) -> str:
    """Return a default as a scenario would write it; empty where there is no way to write it."""
    if value is None:
        return next(
            (mark.word for mark in field.metadata if isinstance(mark, OrWord) and mark.meaning is None), ""
        )
    if isinstance(value, Zone):
        value = value.to_json()
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return value or '""'
    if isinstance(value, LogNormal):
        cv = math.sqrt(math.expm1(value.sigma**2))
        return f"{{lognormal: {{mean: {_amount(value.mean, written)}, cv: {cv:.3g}}}}}"
    if isinstance(value, Constant):
        return _amount(value.value, written)
    if isinstance(value, tuple) and value and isinstance(value[0], int):
        runs = all(second == first + 1 for first, second in pairwise(value))
        return f"{value[0]}..{value[-1]}" if runs else f"[{', '.join(map(str, value))}]"
    if isinstance(value, tuple):
        return f"[{', '.join(each.label for each in value)}]"
    return _amount(value, written)


def _mapping(value: BaseModel) -> str:
    """Return a section as a scenario would write what is special about it."""
    properties = _properties(type(value), scenario_schema())
    usual = type(value)()
    parts = (
        f"{name}: {_written(getattr(value, name), properties[name], field)}"
        for name, field in type(value).model_fields.items()
        if getattr(value, name) != getattr(usual, name)
    )
    return f"{{{', '.join(parts)}}}"


def _amount(value: float, written: Mapping[str, Any]) -> str:
    """Return a quantity with its unit."""
    references = [branch.get("$ref", "") for branch in (written, *written.get("anyOf", ()))]
    match next((name.rpartition("/")[2].removesuffix("_distribution") for name in references if name), ""):
        case "seconds":
            text = format_duration(value)
            return text if math.isclose(parse_seconds(text), value) else f"{value:.15g}s"
        case "tokens":
            text = format_tokens(value)
            return text if math.isclose(parse_tokens(text), value) else f"{value:.15g}"
        case "limit":
            return f"{format_tokens(value)}/min"
        case "share":
            return f"{value * 100:.15g}%"
        case "dollars":
            return f"${value:g}"
        case "dollars_per_hour":
            return f"${value:g}/h"
        case "dollars_per_million":
            return f"${value:g}/M"
        case _:
            return f"{value:g}"


def _plain(name: str) -> str:
    return name.replace("_", " ")


def _words(words: Iterable[str]) -> str:
    return listed((f"`{word}`" for word in words), "or")


def _code(text: str) -> str:
    return f"`{text}`" if text and text != _REQUIRED else text


def _spelled(path: Path) -> str:
    return ".".join(map(str, path))


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield "|" + " --- |" * len(head)
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |"


if __name__ == "__main__":
    print(parameters_text(), end="")
