"""The JSON schema of scenario files, for editors: completion, and errors while typing.

``python -m dispatch_sim.scenario.schema`` prints it; docs/scenario.schema.json is kept equal to it.
"""

from __future__ import annotations

import json
from typing import Any

from pydantic import TypeAdapter

from dispatch_sim.scenario import quantities
from dispatch_sim.scenario.distributions import CountDistribution, SecondsDistribution, TokensDistribution
from dispatch_sim.scenario.model import Scenario

_QUANTITIES: dict[str, tuple[Any, str]] = {
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


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a scenario."""
    schema = Scenario.model_json_schema(by_alias=True)
    names: dict[str, str] = {}
    definitions: dict[str, Any] = {}
    for name, (kind, description) in _QUANTITIES.items():
        adapter: TypeAdapter[Any] = TypeAdapter(kind)
        written = adapter.json_schema()
        names[json.dumps(written["anyOf"])] = name
        definitions[name] = {"description": description, **_referring(written["anyOf"], names, name)}
    parts = schema.pop("$defs")
    parts = {name: _replaced(part, names) for name, part in parts.items()}
    body = _replaced(schema, names)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **body,
        "title": "dispatch-sim scenario",
        "description": "A batch of tasks, the ways to dispatch it to AI sub-agents, and the world it meets.",
        "$defs": {**definitions, **parts},
    }


def _referring(branches: list[Any], names: dict[str, str], own: str) -> dict[str, Any]:
    """Return the definition of a quantity, which may refer to the ones before it."""
    others = {text: name for text, name in names.items() if name != own}
    return {"anyOf": [_replaced(branch, others) for branch in branches]}


def _replaced(part: Any, names: dict[str, str]) -> Any:
    """Return the schema with every quantity replaced by a reference to its definition."""
    if isinstance(part, list):
        return [_replaced(inner, names) for inner in part]
    if not isinstance(part, dict):
        return part
    name = names.get(json.dumps(part["anyOf"])) if "anyOf" in part else None
    kept = {key: _replaced(value, names) for key, value in part.items() if name is None or key != "anyOf"}
    return {"$ref": f"#/$defs/{name}", **kept} if name else kept


def schema_text() -> str:
    """Return the schema as the committed file has it."""
    return json.dumps(scenario_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    print(schema_text(), end="")
