"""The JSON schema, and the table of keys in the documentation, agree with the loader."""

import json
import re
import runpy
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from dispatch_sim.scenario.loader import load, parse_source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.schema import keys, scenario_schema
from tests.command import dispatch_sim
from tests.scenario.texts import FULL, SHORT

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "scenarios").glob("*.yaml"))


@pytest.fixture(scope="module")
def validator() -> Any:
    schema = scenario_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_committed_schema_and_table_are_current() -> None:
    table = runpy.run_path(str(ROOT / "docs" / "parameters.py"))["parameters_text"]()
    schema = dispatch_sim("schema", cwd=ROOT).stdout
    for name, text in {"scenario.schema.json": schema, "parameters.md": table}.items():
        assert (ROOT / "docs" / name).read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    "given",
    [
        *SHIPPED,
        SHORT,
        FULL,
        SHORT.replace("60s", "0"),
        SHORT + "harness:\nreview:\ndispatch: {context: }\nstrategies:\nsweep:",
        SHORT + "review: none\ncommunication: rounds\nharness: {cap: none}\ntimeouts: {hard: none, soft: 5m}",
        "profile: measured-claude-code\ntasks: [{name: a}]",
    ],
)
def test_valid_scenarios_validate(validator: Any, given: str | Path) -> None:
    source = load(given)
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
        SHORT + "provider: {limits: {requests: null}}",
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
    with pytest.raises(jsonschema.ValidationError):
        validator.validate(parse_source(text).raw)


@pytest.mark.parametrize(
    ("path", "described"),
    [
        ("tasks[].name", ("text", "required")),
        ("tasks[].duration", ("seconds distribution", "")),
        ("dispatch.return.time", ("seconds distribution", "2s")),
        ("dispatch.context", ("section or `none`", "")),
        ("provider.limits.requests", ("limit", "1K/min")),
        ("provider.cache", ("section or `warm`", "warm")),
        ("provider.cache.minimum", ("tokens", "1024")),
        ("provider.prices.cache_write", ("dollars per million", "$3.75/M")),
        ("client.retry_after.up_to", ("seconds or `unlimited`", "unlimited")),
        ("harness.cap", ("whole number from 1 or `none`", "none")),
        ("harness.directory_in_prompt", ("`true` or `false`", "true")),
        ("recovery.people", ("seconds distribution", "{lognormal: {mean: 10m, cv: 0.5}}")),
        ("communication.brief", ("section", "{tokens: 2K, time: 32s}")),
        ("communication.brief.time", ("seconds", "32s")),
        ("strategies", ("list", "[sequential, parallel, queue, paced, solo]")),
        ("strategies[].merge", ("`barrier` or `as-completed`", "as-completed")),
        ("strategies[].adaptive", ("whole number from 1 to 100,000 or `all`", "")),
        ("sweep.tasks", ("integers", "1..20")),
    ],
)
def test_keys_have_their_kind_and_default(path: str, described: tuple[str, str]) -> None:
    assert (keys()[path].kind, keys()[path].default) == described


WITHOUT_DEFAULT = {"tasks[].duration", "provider.model"}


def test_every_key_is_described_and_every_default_has_an_origin() -> None:
    """A key without a default is required, a section, or the name of a profile or a strategy."""
    for path, key in keys().items():
        assert key.meaning, path
        assert bool(key.default not in ("", "required")) == bool(key.origin), path
        named = path.endswith("profile") or re.match(r"strategies\[\]\.", path)
        assert key.default or "section" in key.kind or path == "tasks" or named or path in WITHOUT_DEFAULT, (
            path
        )


OF_SECTIONS = tuple(path for path, key in keys().items() if key.kind == "section" and key.default)
STATED = [path for path, key in keys().items() if key.origin and not path.startswith("strategies[]")]


@pytest.mark.parametrize("path", [path for path in STATED if path.rpartition(".")[0] not in OF_SECTIONS])
def test_the_default_that_is_stated_is_the_default(path: str) -> None:
    source, dotted = parse_source(SHORT), path.replace("[]", "")
    section = dotted.rpartition(".")[0]
    if section not in ("", "tasks"):
        source = source.replaced({section: {"calls": 60} if section.endswith("pace") else {}})
    written = source.replaced({dotted: parse_source(keys()[path].default).raw})
    assert rounded(written.raw) == rounded(source.raw)


def rounded(raw: Any) -> Any:
    """Return what a scenario says with 12 digits a number: 9ms is not 0.009 to the last bit."""
    said = Scenario.model_validate(raw).model_dump_json()
    return json.loads(said, parse_float=lambda text: float(f"{float(text):.12g}"))


def keys_in(raw: Any, path: str = "") -> set[str]:
    if isinstance(raw, list):
        return {path} | {key for item in raw for key in keys_in(item, f"{path}[]")}
    inner = raw.items() if isinstance(raw, dict) else ()
    start = f"{path}." if path else ""
    return {path} | {key for name, value in inner for key in keys_in(value, start + name)}


def test_the_scenario_that_says_everything_does() -> None:
    """It has every key, but those that cannot be there beside others, or are written as a word."""
    missing = keys().keys() - keys_in(parse_source(FULL).raw)
    words = {
        "profile",
        "strategies[].solo",
        "strategies[].sequential",
        "strategies[].parallel",
        "tasks[].tool_time",
    }
    assert {path for path in missing if not path.startswith("provider.latency")} == words


def test_the_schema_is_described_in_full(validator: Any) -> None:
    sections = [part for part in validator.schema["$defs"].values() if part.get("type") == "object"]
    assert len(sections) > 15
    assert all(part.get("description") for part in sections)
