"""Numeric keys, their ranges and levels."""

import math

import pytest

from dispatch_sim.decide.map_axes import spaced
from dispatch_sim.decide.parameters import ParameterError, find_parameters, parameter_at, with_range
from dispatch_sim.decide.units import UNITS, axis_position, axis_unit, in_base_units
from dispatch_sim.scenario.loader import load, parse_source
from dispatch_sim.scenario.problems import UserError

TEXT = """\
tasks:
  - {name: read, count: 3, tokens: {gamma: {mean: 15K, cv: 0.4}}, duration: {lognormal: {mean: 60s, cv: 0.5}}}
  - name: write
    count: 2
    tokens: {mixture: [{weight: 90%, of: 1K}, {weight: 10%, of: {uniform: {low: 2K, high: 4K}}}]}
    duration: {empirical: [10s, 30s]}
provider: {limits: {requests: 50/min}}
"""


def cv(distribution):
    values = [distribution.quantile((i + 0.5) / 2000) for i in range(2000)]
    mean = sum(values) / 2000
    return math.sqrt(sum((value - mean) ** 2 for value in values) / 2000) / mean


@pytest.mark.parametrize(
    ("group", "key", "mean"),
    [(0, "tokens", 15_000), (0, "duration", 60), (1, "tokens", 1200), (1, "duration", 20)],
)
def test_distribution_is_scaled_and_keeps_its_shape(group, key, mean):
    source = parse_source(TEXT)
    parameter = parameter_at(source, f"tasks.{('read', 'write')[group]}.{key}")
    assert parameter.value == pytest.approx(mean)
    before = getattr(source.scenario().tasks[group], key)
    put = source.replaced({parameter.path: parameter.write(3 * mean)}).scenario()
    after = getattr(put.tasks[group], key)
    assert after.mean == pytest.approx(3 * mean)
    assert cv(after) == pytest.approx(cv(before))


def test_value_of_a_plain_number_leaves_its_spread():
    """So that both can be varied together; an explicit distribution keeps its own."""
    text = "tasks: [{name: a, tokens: 15K, duration: {gamma: {mean: 60s, cv: 0.3}}}]"
    source = parse_source(text)
    assert parameter_at(source, "tasks.spread").value == 0.5
    values = {"tasks.a.tokens": 30_000, "tasks.duration": 90, "tasks.spread": 0.2}
    put = {path: parameter_at(source, path).write(value) for path, value in values.items()}
    [group] = source.replaced(put).scenario().tasks
    assert (group.tokens.mean, cv(group.tokens)) == (pytest.approx(30_000), pytest.approx(0.2, rel=0.02))
    assert (group.duration.mean, cv(group.duration)) == (pytest.approx(90), pytest.approx(0.3, rel=0.02))


def test_parameters_are_keys_with_a_number():
    """Every group's own keys; no limit that is not set, and no share of what adds up to 100%."""
    found = {parameter.path: parameter for parameter in find_parameters(parse_source(TEXT))}
    assert found["tasks"].value == 5
    assert found["tasks.read.tokens"].value == 15_000
    assert found["provider.limits.requests"].value == 50
    assert found["failures.crash"].value == 0.03
    assert not {"harness.cap", "timeouts.hard", "failures.hang", "tasks.read.variance.task"} & set(found)
    assert not [path for path in found if path.startswith(("sweep", "study", "objective"))]


def test_every_parameter_can_be_scaled():
    """Ranges are clipped to what is possible: shares to 100%, whole numbers to whole ones."""
    source = parse_source(TEXT)
    for parameter in find_parameters(source):
        if parameter.path == "tasks":
            continue
        inside = parameter.clipped(math.sqrt(parameter.low * parameter.high or parameter.high))
        source.replaced({parameter.path: parameter.write(inside)}).scenario()


def test_levels_are_round_and_spread_over_the_range():
    source = parse_source(TEXT)
    tokens = parameter_at(source, "tasks.read.tokens")
    assert spaced(with_range(tokens, "1K..1M"), 4) == [1000, 10_000, 100_000, 1_000_000]
    crash = parameter_at(source, "failures.crash")
    assert spaced(with_range(crash, "0..20%"), 5) == pytest.approx([0, 0.05, 0.1, 0.15, 0.2])
    attempts = parameter_at(source, "retry.max_attempts")
    assert spaced(with_range(attempts, "1..5"), 12) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("tasks.nobody.tokens", "unknown key"),
        ("clint.retries", "did you mean 'client.retries'"),
        ("retries", "did you mean 'client.retries'"),
        ("foo", "write one such as tasks.tokens, provider.limits.scale or client.retries"),
        ("tasks.tokens", r"differ in it; write tasks\.read\.tokens or tasks\.write\.tokens"),
    ],
)
def test_wrong_key_is_an_error_that_names_the_likeliest(path, hint):
    with pytest.raises(ParameterError, match=hint):
        parameter_at(parse_source(TEXT), path)


def test_key_in_which_groups_are_alike_stands_for_all():
    assert parameter_at(parse_source(TEXT), "tasks.calls").path == "tasks.calls"


def test_largest_groups_are_varied():
    task = {"tokens": "1K", "duration": "60s"}
    groups = [task | {"name": f"g{number}", "count": 1 + number} for number in range(12)]
    found = find_parameters(load({"tasks": groups}))
    varied = {parameter.path.split(".")[1] for parameter in found if parameter.path.startswith("tasks.")}
    assert varied == {f"g{number}" for number in range(2, 12)}


def test_positions_on_an_axis():
    levels = ("1m", "15K", "5%", 3, "0.5", "0%", "$0.5", "$80/h", "$3/M")
    assert [axis_position(level) for level in levels] == [60, 15000, 0.05, 3, 0.5, 0, 0.5, 80, 3]
    units = [["0s", "2s"], ["15K", "2K"], ["0%", "5%"], [1, 2.5], ["$0/h", "$80/h"]]
    found = [axis_unit(levels) for levels in units]
    assert found == ["seconds", "tokens", "percent", "number", "dollars per hour"]
    with pytest.raises(UserError, match="not a level of an axis"):
        axis_position("rounds")


def test_levels_are_as_a_resolved_scenario_has_them():
    levels = ["1m", "3%", "50/min", "unlimited", "none", "true", "resume", 2, "$80/h"]
    assert list(map(in_base_units, levels)) == [60, 0.03, 50, None, None, True, "resume", 2, 80]


@pytest.mark.parametrize(
    ("unit", "value", "text"),
    [
        ("number", 3012.4, "3,012"),
        ("number", 12.34, "12.3"),
        ("dollars per hour", 1500.0, "$1,500/h"),
        ("dollars per million", 0.25, "$0.25/M"),
        ("share", 12.0, "1,200%"),
        ("share", 0.0312, "3.12%"),
    ],
)
def test_values_of_any_size_are_written_without_an_exponent(unit, value, text):
    assert UNITS[unit].show(value) == text
