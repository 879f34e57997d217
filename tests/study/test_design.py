"""Which strategies a study or a single run simulates."""

import pytest

from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.study.design import DesignError, find_plan, spread

BATCH = "tasks: [{name: a, count: 30, tokens: 1K, duration: 10s}]\n"


@pytest.mark.parametrize(
    ("strategies", "compared"),
    [
        ("[sequential, parallel, queue: 2]", ["sequential", "parallel", "queue of 2"]),
        ("[queue]", ["queue of 1", "queue of 4", "queue of 6"]),
        ("[queue: 2, parallel, queue]", [*(f"queue of {k}" for k in (1, 2, 4, 6)), "parallel"]),
        ("[{queue, manager: script}]", [f"queue of {k} (script)" for k in (1, 4, 6)]),
        ("[waves: 3, queue: 9]", ["waves of 3"]),
        ("[adaptive, adaptive: 8, adaptive: 3]", ["adaptive of 3", "adaptive"]),
    ],
)
def test_number_means_one_concurrency_and_no_number_all_of_the_sweep(strategies, compared):
    """What is wider than the batch of six is left out, as is what would be there twice."""
    scenario = parse_scenario(f"{BATCH}strategies: {strategies}\nsweep: {{concurrency: [1, 4, 6, 8]}}")
    assert list(map(str, spread(scenario, 6))) == compared


@pytest.mark.parametrize(
    ("strategies", "asked", "plan"),
    [
        ("[parallel, {queue: 1, manager: script}]", "queue: 20", ("queue (script)", 20)),
        ("[{queue: 2, merge: barrier}, {queue: 5, merge: barrier}]", "queue: 3", ("queue (barrier)", 3)),
        ("[parallel, {queue: 1, manager: script}]", "{queue: 20}", ("queue", 20)),
        ("[parallel, queue]", "{queue: 20, manager: script}", ("queue (script)", 20)),
        ("[parallel, {queue: 1, manager: script}]", "waves: 4", ("waves", 4)),
        ("[{parallel: all, manager: script}, queue]", "parallel", ("parallel (script)", 30)),
        ("[{parallel: all, manager: script}, queue]", None, ("parallel (script)", 30)),
        ("[queue: 2, {queue: 2, manager: script}]", "{queue: 6}", ("queue", 6)),
    ],
)
def test_named_strategy_has_the_options_of_its_kind(strategies, asked, plan):
    """Unless its own are written in braces, or the scenario has none of that kind."""
    found = find_plan(parse_scenario(f"{BATCH}strategies: {strategies}"), asked, None)
    assert (found.strategy.label, found.concurrency) == plan


def test_ambiguous_options_are_an_error():
    """The message names what the scenario has, and how one of them is written."""
    scenario = parse_scenario(f"{BATCH}strategies: [queue: 2, {{queue: 2, manager: script}}]")
    message = r"has queue and queue \(script\); write .* '\{queue: 6, manager: script\}'"
    with pytest.raises(DesignError, match=message):
        find_plan(scenario, "queue: 6", None)


def test_solo_without_a_context_is_an_error():
    scenario = parse_scenario(f"{BATCH}dispatch: {{context: none}}")
    with pytest.raises(DesignError, match="solo works in the coordinator's context"):
        find_plan(scenario, "solo", None)
