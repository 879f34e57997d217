"""The JSON schemas of distributions and strategies, which have several forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import GetJsonSchemaHandler
from pydantic_core import CoreSchema

from dispatch_sim.scenario.base import docstrings
from dispatch_sim.scenario.quantities import LARGEST_INTEGER
from dispatch_sim.scenario.strategy import DEFAULTS, KINDS, OPTIONS, Strategy, options_of

_TEXT = {"type": "string"}


def distribution_schema(
    value: dict[str, Any], families: Mapping[str, Iterable[tuple[str, ...]]], shapes: Iterable[str]
) -> dict[str, Any]:
    """Return the JSON schema of a distribution, given the schema of its values.

    `families` are the forms of each family's parameters, and `shapes` the parameters that are plain numbers.
    """
    shape = {"anyOf": [{"type": "number", "minimum": 0}, _TEXT]}
    sample = {"anyOf": [{"type": "array", "minItems": 1, "items": value}, _mapping(csv=_TEXT, column=_TEXT)]}
    simple = [value, _mapping(constant=value), _mapping(empirical=sample)]
    for name, parameters in families.items():
        forms = [_mapping(**{key: shape if key in shapes else value for key in keys}) for keys in parameters]
        simple.append(_mapping(**{name: {"anyOf": forms}}))
    weight = {"anyOf": [{"type": "number", "minimum": 0, "maximum": 1}, _TEXT]}
    part = _mapping(weight=weight, of={"anyOf": simple})
    return {"anyOf": [*simple, _mapping(mixture={"type": "array", "minItems": 1, "items": part})]}


def _mapping(**properties: Any) -> dict[str, Any]:
    """Return the JSON schema of a mapping with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _kind_schema(kind: str) -> dict[str, Any]:
    """Return the JSON schema of a strategy that is written as a mapping."""
    number: dict[str, Any] = {"type": ["integer", "null"], "minimum": 1, "maximum": LARGEST_INTEGER}
    if kind == "adaptive":
        number = {"anyOf": [number, {"const": "all"}]}
    elif kind in DEFAULTS and not DEFAULTS[kind].has_number:
        number = {"enum": [None, "all"] if kind == "parallel" else [None, 1]}
    texts = docstrings(Strategy)
    options = {
        key: {"enum": list(OPTIONS[key]), "description": " ".join(texts[key].split())}
        for key in options_of(kind)
    }
    return {
        "type": "object",
        "properties": {kind: {**number, "description": KINDS[kind]}, **options},
        "required": [kind],
        "additionalProperties": False,
    }


class StrategiesSchema:
    """Annotates a list of strategies with its JSON schema."""

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        pattern = f"^({'|'.join(KINDS)})((\\s*:\\s*|\\s+of\\s+)[0-9]+)?(\\s*\\(.*\\))?$"
        forms = [{"type": "string", "pattern": pattern}, *map(_kind_schema, KINDS)]
        return {"type": "array", "items": {"anyOf": forms}}
