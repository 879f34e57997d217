"""The search along one key."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.decide.grid import make_grid_point
from dispatch_sim.decide.parameters import Parameter
from dispatch_sim.decide.sampling import Sampled
from dispatch_sim.decide.value_search import ValueSearch
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.strategy import Strategy
from tests.study.pairs import NOISY


@pytest.mark.parametrize("switch", [0.2, 0.05])
def test_range_from_zero_is_halved_around_the_switch(switch, monkeypatch):
    """Zero is nearer to 0.3 than 0.6 is by their difference, and farther by ratio."""
    search = ValueSearch(
        parse_source(NOISY), Parameter("failures.crash", "share", 0.3, 0.0, 0.6), Strategy("solo"), 64, {}
    )
    monkeypatch.setattr(
        ValueSearch,
        "excess",
        lambda _, value, kind: SimpleNamespace(
            holds=np.array([0]), mean=1.0 if value < switch else -1.0, is_clear=True
        ),
    )
    search.tried = dict.fromkeys((0.3, 0.0, 0.6, 0.225, 0.15, 0.075, 0.424))
    for _ in range(5):
        search.tried[search.middle(None)] = None
    stands, switched = search.bracket(None)
    assert switched < switch < stands
    assert stands - switched <= 0.075 / 2**4


def test_difference_by_the_change_counts_the_replications_that_both_estimates_share():
    """The present difference is b, and 0.9 b at the other value.

    With b over 256 replications and -0.1 b over the first 64 of them, the variance of the sum is
    (1/256 + 0.01/64 - 2 * 0.1/256) of that of b.
    """
    source = parse_source(NOISY)
    b = np.random.default_rng(2).normal(size=256)
    b[64:] = (b[64:] - b[64:].mean()) / b[64:].std(ddof=1)
    b[:64] = (b[:64] - b[:64].mean()) / b[:64].std(ddof=1)
    sampled = {}
    for value, costs in ((120.0, b), (60.0, 0.9 * b[:64])):
        sampled[value] = Sampled(make_grid_point(source, {"tasks.duration": f"{value}s"}))
        sampled[value].add(np.arange(2), np.stack([costs, np.zeros(costs.size)])[:, :, np.newaxis])
    parameter = Parameter("tasks.duration", "seconds", 120.0, 12.0, 1200.0)
    search = ValueSearch(source, parameter, Strategy("solo"), 256, sampled)
    mean, half_width = search._differences(sampled[60.0], np.array([0]), 1)
    assert mean[0] == pytest.approx(0, abs=1e-12)
    error = math.sqrt(1 / 256 + 0.01 / 64 - 0.2 / 256)
    assert half_width[0] == pytest.approx(stats.norm.isf(0.025 / 50) * error, rel=0.03)
