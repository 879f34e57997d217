"""Grid points, and the strategies that are left out of all of them."""

import pytest

from dispatch_sim import ask, diff, explain, map_winners
from dispatch_sim.decide.grid import make_grid_point, without_factors
from dispatch_sim.scenario.loader import load, parse_source
from tests.study.pairs import LEFT_OUT, NOISY, PAIRS, WIDE


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


@pytest.mark.parametrize(
    ("simulate", "messages"),
    [
        (lambda: explain(WIDE, ranges={"tasks.duration": "60s..70s"}, replications=2), [LEFT_OUT]),
        (lambda: explain(WIDE, ranges={"tasks": "2..20"}, replications=2), []),
        (lambda: map_winners(WIDE, "values.waiting", "client.retries", cells=2, replications=2), [LEFT_OUT]),
        (lambda: map_winners(WIDE, "tasks=4,20", "client.retries", cells=2, replications=2), []),
        (
            lambda: ask(4, settings={"study.at_most": 64, "strategies": ["sequential", {"queue": 20}]}),
            [LEFT_OUT],
        ),
        (lambda: diff(WIDE, load(WIDE).replaced({"tasks.duration": "60s"})), [LEFT_OUT]),
        (lambda: diff(PAIRS, WIDE), [LEFT_OUT]),
    ],
)
def test_strategy_that_every_batch_is_too_small_for_is_one_warning(simulate, messages, caplog):
    simulate()
    assert caplog.messages == messages
