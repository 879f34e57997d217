"""The table of parameters agrees with the models."""

import re
from pathlib import Path
from typing import Any

import pytest

from dispatch_sim.scenario import parse_scenario, parse_source
from dispatch_sim.scenario.parameters import parameters, parameters_text, split_text
from tests.scenario.texts import FULL, SHORT

ROOT = Path(__file__).parents[2]
ROWS = {row.key: row for row in parameters()}


def test_the_committed_table_is_current() -> None:
    """docs/parameters.md is what the models say; `make schema` writes it."""
    assert (ROOT / "docs" / "parameters.md").read_text(encoding="utf-8") == parameters_text()


def test_every_row_has_a_meaning_and_every_default_an_origin() -> None:
    """And no key is there twice."""
    assert len(ROWS) == len(parameters())
    for row in ROWS.values():
        assert row.kind, row
        assert row.meaning, row
        assert bool(row.default not in ("", "required")) == bool(row.origin), row


@pytest.mark.parametrize(
    ("key", "kind", "default"),
    [
        ("tasks[].name", "text", "required"),
        ("tasks[].duration", "seconds distribution", ""),
        ("dispatch.spawn.tokens", "tokens distribution", "3K"),
        ("dispatch.return.time", "seconds distribution", "2s"),
        ("dispatch.context", "section or `none`", ""),
        ("provider.limits.requests", "limit", "1K/min"),
        ("provider.cache", "section or `warm`", "warm"),
        ("provider.cache.minimum", "tokens", "1024"),
        ("provider.prices.cache_write", "dollars per million", "$3.75/M"),
        ("provider.latency.per_cached_ktoken", "seconds", "9ms"),
        ("client.jitter", "share", "25%"),
        ("client.retry_after.up_to", "seconds or `unlimited`", "unlimited"),
        ("harness.cap", "whole number from 1 or `none`", "none"),
        ("harness.directory_in_prompt", "`true` or `false`", "true"),
        ("recovery.people", "seconds distribution", "{lognormal: {mean: 10m, cv: 0.5}}"),
        ("communication.brief", "section", "{tokens: 2K, time: 32s}"),
        ("communication.brief.time", "seconds", "32s"),
        ("merge.prose.people", "seconds", "3m"),
        ("strategies", "list", "[sequential, parallel, queue]"),
        ("strategies[].merge", "`barrier` or `as-completed`", "as-completed, parallel: barrier"),
        ("strategies[].adaptive", "whole number from 1 to 100,000 or `all`", ""),
        ("sweep.tasks", "integers", "1..20"),
    ],
)
def test_parameters_are_written_as_a_user_would(key: str, kind: str, default: str) -> None:
    """The kind in words, the default with its unit."""
    assert (ROWS[key].kind, ROWS[key].default) == (kind, default)


@pytest.mark.parametrize(
    "section",
    [
        "dispatch.spawn",
        "dispatch.turn",
        "client",
        "failures",
        "timeouts",
        "retry",
        "conflicts",
        "values",
        "study",
    ],
)
def test_the_defaults_that_are_stated_are_the_defaults(section: str) -> None:
    """A scenario that writes out the default of every key of a section is the one that writes none."""
    keys = [key for key in ROWS if re.fullmatch(rf"{re.escape(section)}\.[a-z_]+", key) and ROWS[key].default]
    said = ", ".join(f"{key.rpartition('.')[2]}: {ROWS[key].default}" for key in keys)
    outer, _, inner = section.partition(".")
    written = f"{outer}: {{{inner}: {{{said}}}}}" if inner else f"{outer}: {{{said}}}"
    assert len(keys) > 1
    assert parse_scenario(SHORT + written) == parse_scenario(SHORT)


def keys_in(raw: Any, path: str = "") -> set[str]:
    """Return the paths of all keys, as the table writes them."""
    if isinstance(raw, list):
        return {path} | {key for item in raw for key in keys_in(item, f"{path}[]")}
    inner = raw.items() if isinstance(raw, dict) else ()
    start = f"{path}." if path else ""
    return {path} | {key for name, value in inner for key in keys_in(value, start + name)}


def test_the_scenario_that_says_everything_does() -> None:
    """It has every parameter, but those that cannot be there beside others, or are written as a word."""
    missing = ROWS.keys() - keys_in(parse_source(FULL).raw)
    words = {"profile", "strategies[].sequential", "strategies[].parallel", "tasks[].tool_time"}
    assert {key for key in missing if not key.startswith("provider.latency")} == words


@pytest.mark.parametrize(
    "text", ["Meaning.", "Default 5: why.", "Meaning. Default 4: why.", "Meaning. Default 5.", "Default 5."]
)
def test_a_key_without_its_whole_text_is_an_error(text: str) -> None:
    """The text beside a key tells its meaning, its default and where that is from, or there is no table."""
    with pytest.raises(ValueError, match="the text beside it must end with 'Default 5: ORIGIN"):
        split_text("key", text, "5")
