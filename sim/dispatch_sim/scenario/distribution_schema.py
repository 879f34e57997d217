"""The JSON schema of a distribution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from dispatch_sim.scenario.quantities import NUMBER_SCHEMA, SHARE_SCHEMA

Schema = dict[str, Any]


def distribution_schema(
    families: Mapping[str, Iterable[tuple[str, ...]]], shapes: tuple[str, ...], value: Schema
) -> Schema:
    """Return the schema of a distribution.

    Parameters
    ----------
    families : names of the families, and the sets of parameters that each may be given by.
    shapes : the parameters that are plain numbers rather than values.
    value : schema of one value.
    """
    shape_schema = {"anyOf": [*NUMBER_SCHEMA["anyOf"], {"type": "string", "pattern": "%$"}]}
    branches: list[Schema] = list(value["anyOf"])
    for name, ways in families.items():
        forms = [_mapping({key: shape_schema if key in shapes else value for key in way}) for way in ways]
        branches.append(_mapping({name: forms[0] if len(forms) == 1 else {"anyOf": forms}}))
    branches.append(_mapping({"constant": value}))
    column = _mapping({"csv": {"type": "string"}, "column": {"type": "string"}})
    sample = {"anyOf": [{"type": "array", "minItems": 1, "items": value}, column]}
    branches.append(_mapping({"empirical": sample}))
    simple = list(branches)
    component = _mapping({"weight": SHARE_SCHEMA, "of": {"anyOf": simple}})
    branches.append(_mapping({"mixture": {"type": "array", "minItems": 1, "items": component}}))
    return {"anyOf": branches}


def _mapping(properties: Schema) -> Schema:
    """Return the schema of a mapping with exactly these keys."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }
