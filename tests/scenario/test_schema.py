"""The JSON schema agrees with the loader."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dispatch_sim.scenario import load_source, parse_scenario, parse_source
from dispatch_sim.scenario.schema import scenario_schema, schema_text
from tests.scenario.texts import FULL, SHORT

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "scenarios").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    """Return a validator of the schema, which is itself valid."""
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_is_current() -> None:
    """docs/scenario.schema.json is what the models say; `make schema` writes it."""
    assert (ROOT / "docs" / "scenario.schema.json").read_text(encoding="utf-8") == schema_text()


@pytest.mark.parametrize(
    "text",
    [
        SHORT,
        FULL,
        SHORT.replace("60s", "0"),
        SHORT + "harness:\nreview:\ndispatch: {context: }\nstrategies:\nsweep:",
        SHORT + "review: none\ncommunication: rounds\nharness: {cap: none}\ntimeouts: {hard: none, soft: 5m}",
        "profile: measured-claude-code\ntasks: [{name: a}]",
    ],
)
def test_valid_scenarios_validate(validator: Any, text: str) -> None:
    """What the loader reads, an editor does not mark."""
    parse_scenario(text)
    validator.validate(parse_source(text).raw)


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.name)
def test_shipped_scenarios_validate(validator: Any, path: Path) -> None:
    """Every shipped scenario is valid by the loader and by the schema."""
    source = load_source(path)
    source.scenario()
    validator.validate(source.raw)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "tasks: []",
        SHORT.replace("tokens", "toknes"),
        SHORT.replace("60s", "60"),
        SHORT.replace("60s", "60 parsecs"),
        SHORT.replace("60s", "-60s"),
        SHORT.replace("60s", "{lognormal: {mean: 60s}}"),
        SHORT.replace("60s", "{lognormal: {mean: 60, cv: 1}}"),
        SHORT.replace("60s", "{lognorm: {mean: 60s, cv: 1}}"),
        SHORT.replace("15K", "15 apples"),
        SHORT + "provider: {limits: {requests: 50}}",
        SHORT + "provider: {on_limit: explode}",
        SHORT + "failures: {crash: 3}",
        SHORT + "strategies: [sequentially]",
        SHORT + "values: {people: 80}",
        SHORT + "sweep: {tasks: 0}",
        SHORT + "timeouts: {soft: 10}",
        SHORT + "harness: {cap: 0}",
        SHORT + "harness: {profile: nonesuch}",
        SHORT + "review: often",
        SHORT + "communication: shout",
        SHORT + "profile: nonesuch",
        SHORT.replace("tokens: 15K, ", ""),
    ],
)
def test_wrong_scenarios_do_not_validate(validator: Any, text: str) -> None:
    """What the loader refuses at sight, an editor marks."""
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(parse_source(text).raw)


def test_every_key_is_described() -> None:
    """The schema of the sections says what each is for, and it is a deterministic text."""
    schema = json.loads(schema_text())
    groups = [part for part in schema["$defs"].values() if part.get("type") == "object"]
    assert len(groups) > 15
    assert all(part.get("description") for part in groups)
    assert schema_text() == schema_text()
