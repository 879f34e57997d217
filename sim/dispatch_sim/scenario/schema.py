"""The JSON schema of scenario files, for editors, and their keys.

``dispatch-sim schema`` prints the schema; docs/scenario.schema.json is a copy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue

from dispatch_sim.scenario import profiles
from dispatch_sim.scenario.base import section_in
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.tree import read_tree
from dispatch_sim.scenario.wording import listed


class _Generator(GenerateJsonSchema):
    """Leaves out titles, which repeat the key, and defaults, which are in the descriptions."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def default_schema(self, schema: Any) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def scenario_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of a scenario."""
    schema = _tidy(Scenario.model_json_schema(by_alias=True, schema_generator=_Generator))
    parts = schema.pop("$defs")
    for path, named in profiles.KEYS.items():
        section = section_in(Scenario.model_fields[str(path[0])].annotation) if path else None
        part = parts[section.__name__] if section else schema
        kind = path[0] if path else profiles.SCENARIO
        names = list(profiles.names(str(kind)))
        forms: dict[str, dict[str, Any]] = {"profile": {"enum": names}, "model": {"type": "string"}}
        keys = {key: {"description": meaning, **forms[key]} for key, meaning in named.items()}
        part["properties"] = {**keys, **part["properties"]}
    # A profile of the scenario may have keys that a group needs otherwise.
    needed = parts["TaskGroup"]["required"]
    parts["TaskGroup"]["required"] = ["name"]
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "dispatch-sim scenario",
        "description": "A batch of tasks, strategies to dispatch it to AI sub-agents, and its environment.",
        "$defs": parts,
        "if": {"not": {"required": ["profile"]}},
        "then": {"properties": {"tasks": {"items": {"required": needed}}}},
    }


def _tidy(part: Any) -> Any:
    """Return a schema without nested choices, and without pydantic's own keys for bounds."""
    if isinstance(part, list):
        return [_tidy(inner) for inner in part]
    if not isinstance(part, dict):
        return part
    dropped = ("gt", "ge", "lt", "le") if "$ref" in part else ()
    part = {key: _tidy(inner) for key, inner in part.items() if key not in dropped}
    if "anyOf" in part:
        branches = [inner for each in part["anyOf"] for inner in each.get("anyOf", [each])]
        part["anyOf"] = [each for at, each in enumerate(branches) if each not in branches[:at]]
    return part


def schema_text() -> str:
    """Return the schema as the committed file has it."""
    return json.dumps(scenario_schema(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


@dataclass(frozen=True, slots=True)
class Key:
    """A key of a scenario.

    Attributes
    ----------
    kind : a kind of quantity, words, or a section of further keys.
    meaning : its description.
    default : as a scenario writes it; empty where there is none.
    origin : the source of the default.
    """

    kind: str
    meaning: str
    default: str
    origin: str


@cache
def keys() -> Mapping[str, Key]:
    """Return every key by its path, in which `[]` stands for any item of a list."""
    schema = scenario_schema()
    schema["$defs"]["TaskGroup"] |= schema["then"]["properties"]["tasks"]["items"]
    return dict(_keys(schema, schema["$defs"], "", {}, ""))


def _keys(
    section: dict[str, Any], parts: dict[str, Any], above: str, given: Mapping[str, str], origin: str
) -> Iterator[tuple[str, Key]]:
    """Yield the keys of a section and those below; `given` are defaults from the section's own default."""
    for name, written in section["properties"].items():
        branches = (written, *written.get("anyOf", ()))
        items: dict[str, Any] = next((each["items"] for each in branches if "items" in each), {})
        inner = _section(written, parts) or _section(items, parts)
        text = written.get("description") or inner["description"]
        # The description of a key is `MEANING. Default VALUE: ORIGIN.`
        found = re.fullmatch(r"(.*?) Default (\{.*\}|\[.*?\]|[^:]+): (.+)", " ".join(text.split()))
        meaning, default, why = found.groups() if found else (" ".join(text.split()), "", "")
        if name in given:
            default, why = given[name], origin
        elif name in section.get("required", ()) and not inner:
            default = "required"
        yield above + name, Key(_kind(written, parts), meaning, default, why)
        if inner:
            stated = read_tree(default, name).raw
            own = {key: str(value) for key, value in stated.items()} if isinstance(stated, dict) else {}
            yield from _keys(inner, parts, f"{above}{name}{'[]' if items else ''}.", own, why)


def _section(written: dict[str, Any], parts: dict[str, Any]) -> dict[str, Any]:
    """Return the section that a schema is, or may be; of several forms, all their keys; else an empty one."""
    branches = [written, *written.get("anyOf", ())]
    forms = [parts.get(branch.get("$ref", "").rpartition("/")[2], branch) for branch in branches]
    forms = [form for form in forms if form.get("type") == "object"]
    if len(forms) <= 1:
        return forms[0] if forms else {}
    first = {key: form["properties"][key] for form in forms for key in form["required"]}
    return {"properties": first | {key: value for form in forms for key, value in form["properties"].items()}}


def _kind(written: dict[str, Any], parts: dict[str, Any]) -> str:
    """Return the kind of a key, from its JSON schema."""
    if "$ref" in written:
        name = written["$ref"].rpartition("/")[2]
        return "section" if "properties" in parts[name] else words_of(name)
    if "anyOf" in written:
        branches = [branch for branch in written["anyOf"] if branch.get("type") != "null"]
        words = [f"`{branch['const']}`" for branch in branches if "const" in branch]
        kinds = [_kind(branch, parts) for branch in branches if "const" not in branch]
        return listed(dict.fromkeys([*kinds, *([listed(words, "or")] if words else [])]), "or")
    if "enum" in written:
        return listed((f"`{word}`" for word in written["enum"] if word is not None), "or")
    match written.get("type"):
        case "integer" | ["integer", _]:
            high = f" to {written['maximum']:,}" if "maximum" in written else ""
            return f"whole number from {written['minimum']}{high}"
        case "boolean":
            return "`true` or `false`"
        case "array":
            return "list"
        case _:
            return "text"


def words_of(name: str) -> str:
    """Return the name of a type of quantities in words: ``dollars per hour`` for ``DollarsPerHour``."""
    return re.sub(r"(?<=.)(?=[A-Z])", " ", name).lower()
