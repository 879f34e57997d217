"""The JSON schema of scenario files, for editors: completion, and errors while typing.

``dispatch-sim schema`` prints it; docs/scenario.schema.json is kept equal to it.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from dispatch_sim.scenario import profiles, quantities
from dispatch_sim.scenario.base import section_in
from dispatch_sim.scenario.distributions import CountDistribution, SecondsDistribution, TokensDistribution
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.wording import Path

QUANTITIES: dict[str, tuple[Any, str]] = {
    "seconds": (quantities.Seconds, "A time: 45s, 500ms, 5m, 1h30m or 1d."),
    "tokens": (quantities.Tokens, "A number of tokens: 240, 15K or 2M."),
    "limit": (quantities.Limit, "A rate: 50/min, 2M/min, 1/s, 1000/h, or unlimited."),
    "share": (quantities.Share, "A part of a whole: 20% or 0.2."),
    "number": (quantities.Number, "A number, 0 or more."),
    "dollars": (quantities.Dollars, "An amount of money: $0.05 or 0.05."),
    "dollars_per_hour": (quantities.DollarsPerHour, "What an hour is worth: $40/h."),
    "dollars_per_million": (quantities.DollarsPerMillion, "A price of tokens: $3/M."),
    "integers": (quantities.Integers, "Whole numbers from 1: 5, 1..20, 2..20 step 2, or a list of these."),
    "seconds_distribution": (SecondsDistribution, "A time, or a distribution of times."),
    "tokens_distribution": (TokensDistribution, "A number of tokens, or a distribution of such numbers."),
    "count_distribution": (CountDistribution, "A number from 1, or a distribution of such numbers."),
}
"""Kinds of values, by the name of their definition in the schema: the type, and how one is written."""


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a scenario."""
    schema = Scenario.model_json_schema(by_alias=True)
    names: dict[str, str] = {}
    definitions: dict[str, Any] = {}
    for name, (kind, description) in QUANTITIES.items():
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        written = adapter.json_schema()
        names[json.dumps(written["anyOf"])] = name
        definitions[name] = {"description": description, **_referring(written["anyOf"], names, name)}
    parts = schema.pop("$defs")
    for path, keys in profiles.KEYS.items():
        section = section_in(Scenario.model_fields[str(path[0])].annotation) if path else None
        properties = (parts[section.__name__] if section else schema)["properties"]
        properties |= {key: _named(path, key, meaning) for key, meaning in keys.items()}
    # Of a group a profile may say what must be said otherwise.
    needed = parts["TaskGroup"]["required"]
    parts["TaskGroup"]["required"] = ["name"]
    parts = {name: _flat(_replaced(part, names)) for name, part in parts.items()}
    body = _flat(_replaced(schema, names))
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **body,
        "title": "dispatch-sim scenario",
        "description": "A batch of tasks, the ways to dispatch it to AI sub-agents, and the world it meets.",
        "$defs": {**definitions, **parts},
        "if": {"not": {"required": ["profile"]}},
        "then": {"properties": {"tasks": {"items": {"required": needed}}}},
    }


def _named(path: Path, key: str, meaning: str) -> dict[str, Any]:
    """Return the schema of a key that names a profile, or a model."""
    kind = path[0] if path else profiles.SCENARIO
    names = [profile.name for profile in profiles.profiles() if profile.kind == kind]
    return {"description": meaning, **({"enum": names} if key == "profile" else {"type": "string"})}


def _flat(part: Any) -> Any:
    """Return the schema without choices within choices that could stand beside each other."""
    if isinstance(part, list):
        return [_flat(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    part = {key: _flat(inner) for key, inner in part.items()}
    if "anyOf" in part:
        branches: list[Any] = []
        for branch in part["anyOf"]:
            inner = branch["anyOf"] if list(branch) == ["anyOf"] else [branch]
            branches += [each for each in inner if each not in branches]
        part["anyOf"] = branches
    return part


def _referring(branches: list[Any], names: dict[str, str], own: str) -> dict[str, Any]:
    """Return the definition of a quantity, which may refer to the ones before it."""
    others = {text: name for text, name in names.items() if name != own}
    return {"anyOf": [_replaced(branch, others) for branch in branches]}


def _replaced(part: Any, names: dict[str, str]) -> Any:
    """Return the schema with every quantity replaced by a reference to its definition.

    The choices of a quantity that may be left out, or be a word, stand before these.
    """
    if isinstance(part, list):
        return [_replaced(inner, names) for inner in part]
    if not isinstance(part, dict):
        return part
    branches = part.get("anyOf", [])
    for length in range(len(branches), 1, -1):
        name = names.get(json.dumps(branches[:length]))
        if name is not None:
            reference, others = {"$ref": f"#/$defs/{name}"}, _replaced(branches[length:], names)
            about = {key: _replaced(value, names) for key, value in part.items() if key != "anyOf"}
            return {**({"anyOf": [reference, *others]} if others else reference), **about}
    return {key: _replaced(value, names) for key, value in part.items()}


def schema_text() -> str:
    """Return the schema as the committed file has it."""
    return json.dumps(scenario_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"
