"""Grid points."""

from dispatch_sim.decide.grid import make_grid_point, without_factors
from dispatch_sim.scenario.loader import parse_source
from tests.study.pairs import NOISY


def test_source_without_factors_keeps_the_axes_of_tasks_and_concurrency():
    swept = parse_source(f"{NOISY}sweep: {{tasks: [2, 4], concurrency: [3], tasks.tokens: [700, 900]}}\n")
    scenario = without_factors(swept).scenario()
    assert scenario.tasks[0].tokens == parse_source(NOISY).scenario().tasks[0].tokens
    assert (scenario.sweep.tasks, scenario.sweep.concurrency, scenario.sweep.factors) == ((2, 4), (3,), {})


def test_shared_prefix_of_a_profile_stays_while_the_tokens_of_the_start_prompt_vary():
    """The prefix of 12.2K is that of the profile claude-code."""
    task = "tasks: [{name: a, tokens: 1K, duration: 10s}]"
    source = parse_source(f"{task}\nharness: {{profile: claude-code}}\n")
    spawn = make_grid_point(source, {"dispatch.spawn.tokens": "20K"}).scenario.dispatch.spawn
    assert (spawn.tokens.mean, spawn.shared) == (20_000, 12_200)
