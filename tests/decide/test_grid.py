"""Simulation of many grid points."""

import numpy as np
import pytest

from dispatch_sim.decide import grid
from dispatch_sim.decide.grid import make_grid_point, simulate_points, without_factors
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.study.design import DesignError
from tests.study.pairs import NOISY

DURATIONS = ("30s", "60s", "120s", "240s", "480s")


@pytest.fixture
def five():
    """Return five grid points, which differ in the duration of a task."""
    source = parse_source(NOISY)
    return [make_grid_point(source, {"tasks.duration": duration}) for duration in DURATIONS]


def test_grid_points_in_groups_equal_each_alone(five, monkeypatch):
    alone = [simulate_points([point], 8)[0] for point in five]
    monkeypatch.setattr(grid, "_ROWS_AT_ONCE", 2 * 2 * 8)  # two points of two strategies
    calls = []
    found = simulate_points(five, 8, on_progress=lambda done, of: calls.append((done, of)))
    for one, other in zip(alone, found, strict=True):
        assert np.array_equal(one, other)
    assert [of for _, of in calls] == [5] * len(calls)
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert calls[-1] == (5, 5)


def test_too_many_runs_are_an_error(five, monkeypatch):
    monkeypatch.setattr(grid, "MAX_RUNS", 79)
    monkeypatch.setattr(grid, "simulate_design", None)
    with pytest.raises(DesignError, match="5 grid points of 8 replications are 80 runs; at most 79"):
        simulate_points(five, 8)


def test_interruption_is_raised(five):
    def interrupt(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_points(five, 8, on_progress=interrupt)


def test_key_that_only_an_axis_gives_has_its_first_level():
    text = NOISY.replace("tokens: 1000, ", "", 1)
    with pytest.raises(ScenarioError, match="tokens"):
        parse_source(text).scenario()
    swept = parse_source(f"{text}sweep: {{tasks: [2, 4], concurrency: [3], tasks.tokens: [700, 900]}}\n")
    scenario = without_factors(swept).scenario()
    assert scenario.tasks[0].tokens.mean == 700
    assert (scenario.sweep.tasks, scenario.sweep.concurrency, scenario.sweep.factors) == ((2, 4), (3,), {})
