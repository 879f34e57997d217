"""Many scenarios played side by side: as each is alone, in parts that fit, or not at all."""

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
    """Return five grid, which differ in how long a task takes."""
    source = parse_source(NOISY)
    return [make_grid_point(source, {"tasks.duration": duration}) for duration in DURATIONS]


def test_places_played_in_parts_are_each_as_they_are_alone(five, monkeypatch):
    """What is held in memory at once changes nothing, and the progress told is that of all of them."""
    alone = [simulate_points([place], 8)[0] for place in five]
    monkeypatch.setattr(grid, "_ROWS_AT_ONCE", 2 * 2 * 8)  # two points of two strategies
    told = []
    found = simulate_points(five, 8, on_progress=lambda done, of: told.append((done, of)))
    for one, other in zip(alone, found, strict=True):
        assert np.array_equal(one, other)
    assert [of for _, of in told] == [5] * len(told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (5, 5)


def test_places_that_would_take_too_long_are_refused_before_any_is_played(five, monkeypatch):
    """With what to ask for less of."""
    monkeypatch.setattr(grid, "MAX_RUNS", 79)
    monkeypatch.setattr(grid, "simulate_design", None)
    with pytest.raises(DesignError, match="5 grid points of 8 replications are 80 runs; at most 79"):
        simulate_points(five, 8)


def test_an_interrupted_picture_answers_nothing(five):
    """A part of it would look like the whole."""

    def interrupt(done, of):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        simulate_points(five, 8, on_progress=interrupt)


def test_what_only_an_axis_gives_stays_at_its_first_value_when_axes_are_left_out():
    """The tokens of a task are nowhere but in the sweep: without it there would be no scenario."""
    text = NOISY.replace("tokens: 1000, ", "", 1)
    with pytest.raises(ScenarioError, match="tokens"):
        parse_source(text).scenario()
    swept = parse_source(f"{text}sweep: {{tasks: [2, 4], concurrency: [3], tasks.tokens: [700, 900]}}\n")
    scenario = without_factors(swept).scenario()
    assert scenario.tasks[0].tokens.mean == 700
    assert (scenario.sweep.tasks, scenario.sweep.concurrency, scenario.sweep.factors) == ((2, 4), (3,), {})
