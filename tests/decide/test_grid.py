"""Grid points."""

from dispatch_sim.decide.grid import without_factors
from dispatch_sim.scenario.loader import parse_source
from tests.study.pairs import NOISY


def test_source_without_factors_keeps_the_axes_of_tasks_and_concurrency():
    swept = parse_source(f"{NOISY}sweep: {{tasks: [2, 4], concurrency: [3], tasks.tokens: [700, 900]}}\n")
    scenario = without_factors(swept).scenario()
    assert scenario.tasks[0].tokens == parse_source(NOISY).scenario().tasks[0].tokens
    assert (scenario.sweep.tasks, scenario.sweep.concurrency, scenario.sweep.factors) == ((2, 4), (3,), {})
