"""Grid points."""

import pytest

from dispatch_sim.decide.grid import without_factors
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import ScenarioError
from tests.study.pairs import NOISY


def test_key_that_only_an_axis_gives_has_its_first_level():
    text = NOISY.replace("tokens: 1000, ", "", 1)
    with pytest.raises(ScenarioError, match="tokens"):
        parse_source(text).scenario()
    swept = parse_source(f"{text}sweep: {{tasks: [2, 4], concurrency: [3], tasks.tokens: [700, 900]}}\n")
    scenario = without_factors(swept).scenario()
    assert scenario.tasks[0].tokens.mean == 700
    assert (scenario.sweep.tasks, scenario.sweep.concurrency, scenario.sweep.factors) == ((2, 4), (3,), {})
