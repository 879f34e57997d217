"""Files that are broken, by accident or by intent: always a ScenarioError, and soon."""

import json
import math
import random
import re
import tracemalloc
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

import pytest

from dispatch_sim.scenario import tree
from dispatch_sim.scenario.loader import Source, load_scenario, parse_scenario, parse_source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.schema import keys
from dispatch_sim.scenario.tree import MOST_CHARACTERS, Tree
from dispatch_sim.scenario.warnings import warnings
from tests.fuzz.mutation import mutated, places
from tests.scenario.texts import FULL, SHORT
from tests.work import lines_executed


def refused(text: str) -> str:
    with pytest.raises(ScenarioError) as caught:
        parse_scenario(text)
    return str(caught.value)


@pytest.mark.parametrize("text", ["", "\n\n", "# only a comment\n", "null"])
def test_empty_file_is_an_error_with_an_example(text: str) -> None:
    assert refused(text).startswith("<string>:1:1: the file is empty; write at least tasks: [{name:")


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "not text: byte 1 is not UTF-8; save the file as UTF-8"),
        (b"tasks: \x00", "not YAML"),
        ("tasks: []".encode("utf-16"), "not text: byte 1 is not UTF-8"),
        (b"\x1b[31mtasks: []", "not YAML"),
        (b"a" * (MOST_CHARACTERS + 1), "more than 256 KiB; put measured values in a csv file"),
    ],
)
def test_file_that_is_not_text_is_an_error(tmp_path: Path, data: bytes, message: str) -> None:
    file = tmp_path / "mine.yaml"
    file.write_bytes(data)
    with pytest.raises(ScenarioError) as caught:
        load_scenario(file)
    assert str(caught.value).startswith(f"{file}:1:")
    assert message in str(caught.value)
    assert str(caught.value).isprintable()


def test_missing_file_is_an_error(tmp_path: Path) -> None:
    for name in ("none.yaml", "", "a\0b"):
        with pytest.raises(ScenarioError, match="cannot be read"):
            load_scenario(tmp_path / name)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SHORT + "study: {seed: 1}\nname: a\nstudy: {seed: 2}\n",
            "5:1: study: the key 'study' is repeated, first in line 3; remove one",
        ),
        (
            "tasks: [{name: a, name: b}]",
            "1:19: tasks[0].name: the key 'name' is repeated, first in line 1",
        ),
        (SHORT + "---\n" + SHORT, "3:1: not YAML: expected a single document in the stream"),
        (SHORT + "? [a]\n: x", "3:3: a list or mapping is not a key; keys are words"),
        (SHORT + "null: x", "3:1: nothing is not a key; keys are words"),
        (SHORT + "<<: {name: x}", "3:1: merge keys (<<) are not read; repeat the keys"),
        (SHORT + "name: !!python/object/apply:os.system [x]", "3:7: the tag"),
        (SHORT + "name: !!binary aGVsbG8=", "3:7: the tag 'tag:yaml.org,2002:binary' has no meaning here"),
        (SHORT + "name: *nothing", "3:7: not YAML: found undefined alias 'nothing'"),
        ("&a [*a]", "1:1: nested more than 50 deep"),
        ("tasks: &a\n  - {name: x, more: *a}", "nested more than 50 deep"),
        ("[" * 60 + "]" * 60, "1:51: nested more than 50 deep; a scenario needs less than ten"),
        ("[" * 10_000, "nested more than 50 deep"),
        ("- " * 2_000, "nested more than 50 deep"),
        ("a: &a [[[[[[[[[[1]]]]]]]]]]\nb: " + "[" * 45 + "*a" + "]" * 45, "nested more than 50 deep"),
        ("x" * (MOST_CHARACTERS + 1), "more than 256 KiB"),
        ("tasks: [", "not YAML"),
        ("tasks: 'open", "not YAML"),
        ("tasks:\n\t- x", "not YAML"),
        ('name: "\\UFFFFFFFF"', "not YAML"),
        ("%YAML 9.9\n---\n" + SHORT + "x", "not YAML"),
    ],
)
def test_yaml_beyond_plain_data_is_an_error(text: str, message: str) -> None:
    assert message in refused(text)


def test_alias_bomb_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nine levels of nine aliases are 387 million values, 3 GB of references; they are counted, not made."""
    assert tree.MOST_NODES == 65_536
    monkeypatch.setattr(tree, "MOST_NODES", 8192)
    text = "a0: &a0 [1,1,1,1,1,1,1,1,1]\n"
    text += "".join(f"a{k}: &a{k} [{','.join([f'*a{k - 1}'] * 9)}]\n" for k in range(1, 9))
    tracemalloc.start()
    assert "more than 8,192 values; put measured values in a csv file" in refused(text)
    assert tracemalloc.get_traced_memory()[1] < 2**21
    tracemalloc.stop()


HUGE = ["-1", "-5s", "-3K", "-20%", "-.inf", ".inf", ".nan", "1e300", "1" + "0" * 500, "9" * 150 + "s"]
QUANTITIES = ("seconds", "tokens", "share", "dollars", "limit", "number", "whole number", "integers", "count")
PLACES = [
    *(
        (path, "QUANTITY")
        for path, key in keys().items()
        if key.kind.startswith(QUANTITIES) and not re.search("latency|tool_time|strategies", path)
    ),
    ("tasks[].duration", {"lognormal": {"mean": "60s", "cv": "QUANTITY"}}),
    ("tasks[].duration", {"weibull": {"shape": 1, "scale": "QUANTITY"}}),
    ("strategies", [{"queue": "QUANTITY"}]),
    ("strategies", [{"adaptive": "QUANTITY"}]),
]


@pytest.mark.parametrize(("path", "value"), PLACES, ids=str)
def test_negative_and_infinite_quantities_are_errors(path: str, value: Any) -> None:
    source = parse_source(SHORT + "harness: {pace: {calls: 1}}")
    text = json.dumps(source.replaced({path.replace("[]", ""): value}).raw)
    for quantity in HUGE:
        assert len(refused(text.replace('"QUANTITY"', quantity))) < 400, quantity


@pytest.mark.parametrize("text", ["\\e[2Jboo", "\\0", "\\ud800", "\\u202e", "x" * 5_000, "\\n" * 300])
def test_errors_are_short_and_escaped(text: str) -> None:
    """What a file holds cannot write to the terminal: neither a value, nor a key, nor a strategy."""
    for place in (
        'tasks: [{name: a, tokens: "TEXT", duration: 60s}]',
        SHORT + '"TEXT": 1',
        SHORT + 'strategies: ["TEXT"]',
        SHORT + 'strategies: [{"TEXT": 1}]',
        SHORT + 'strategies: [{queue: 1, "TEXT": 1}]',
        SHORT + 'strategies: [{queue: 1, merge: "TEXT"}]',
        SHORT + 'provider: {on_limit: "TEXT"}',
        SHORT + 'sweep: {"TEXT": [1]}',
        SHORT + 'tasks: {"TEXT": {"TEXT": 1, "TEXT": 2}}',
        'tasks: [{name: "TEXT", tokens: 15M, spread: 0%, calls: 1, duration: 60s}]',
        'tasks: [{name: a, tokens: {"TEXT": 1}, duration: {empirical: {csv: "TEXT", column: "TEXT"}}}]',
        'tasks: [{name: "TEXT", after: ["TEXT"], tokens: 1, duration: 1s}, {name: "TEXT"}]',
        'tasks: [{name: "TEXT", after: ["TEXT"], tokens: 1, duration: 1s}]',
        'tasks: [{name: a, after: ["TEXT"], tokens: 1, duration: 1s}]',
        'tasks: [{name: a, writes: "TEXT", tokens: 1, duration: 1s}]',
        SHORT + 'profile: "TEXT"',
        SHORT + 'harness: {profile: "TEXT"}',
        SHORT + 'review: "TEXT"',
        SHORT + 'communication: {kind: "TEXT"}',
    ):
        error = refused(place.replace("TEXT", text))
        assert all(line.isprintable() for line in error.split("\n"))
        assert len(error) < 1500


def test_many_dependencies_take_linear_time() -> None:
    """Each of 200 groups waits for up to 65 before it: 11,000 dependencies, each a few lines of work."""
    text = "tasks:\n"
    for group in range(200):
        after = ",".join(f"g{other}" for other in range(max(0, group - 65), group))
        text += f"- {{name: g{group}, tokens: 1, duration: 1s, after: [{after}]}}\n"
    source = parse_source(text)
    assert lines_executed(source.scenario) < 30 * 11_000


def test_many_errors_of_a_value_are_counted_in_linear_time() -> None:
    """Of 3,000 values without a unit, 100 are listed; each takes a few lines of work, about one key."""
    values = ", ".join(["60"] * 3000)
    source = parse_source(f"tasks: [{{name: a, tokens: 1K, duration: {{empirical: [{values}]}}}}]")

    def error() -> list[str]:
        with pytest.raises(ScenarioError) as caught:
            source.scenario()
        return str(caught.value).splitlines()

    assert error()[100:] == ["<string>: and 2900 more problems"]
    assert lines_executed(error) < 100 * 3000


def always_a_scenario_or_an_error(source: Source) -> None:
    """Fail if reading gives anything but a scenario or a printable ScenarioError."""
    failure = None
    try:
        made = source.scenario()
    except ScenarioError as error:
        failure = error
    if failure is not None:
        assert failure.problems
        assert all(line.isprintable() for line in str(failure).split("\n"))
        return
    assert isinstance(made, Scenario)
    made.model_dump_json()
    for group in made.tasks:
        times = group.duration or group.tool_time
        assert all(0 <= times.quantile(u) < math.inf for u in (1e-9, 0.5, 1 - 1e-9))
    assert all(warning.message.isprintable() for warning in warnings(made))


RAW = parse_source(FULL).raw | {"sweep": {"tasks": "1..20", "provider.limits.scale": [0.5]}}
KEYS = sorted({key for path in places(RAW) for key in path if isinstance(key, str)} | {"latency", "uniform"})
STRANGE = [None, True, -1, 0, 10**30, 0.5, -1e300, math.nan, math.inf, "", "x", [], {}, [[]], {"": {}}]
STRANGE += ["0s", "1e12", "5K", "100%", "1/s", "$1/h", "unlimited", "none", "1..10000", "parallel"]
VALUES = [*STRANGE, *(reduce(getitem, path, RAW) for path in places(RAW))]


@pytest.mark.parametrize("seed", range(4))
def test_mutated_scenario_is_read_or_an_error(seed: int) -> None:
    """Scenarios with up to three accidents: what is put in is strange, or from elsewhere in the scenario."""
    chance = random.Random(seed)
    for _ in range(100):
        raw = RAW
        for _ in range(chance.randint(1, 3)):
            raw = mutated(raw, chance, KEYS, VALUES)
        always_a_scenario_or_an_error(Source(Tree(raw, {}, {})))
