"""Which strategies a study or a single run simulates."""

import pytest

from dispatch_sim.scenario.loader import parse_scenario, parse_source
from dispatch_sim.study.design import DesignError, design_sweep, find_plan, spread

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


@pytest.mark.parametrize(
    ("environment", "asked", "message"),
    [
        *(
            ("", kind, f"--strategy: {kind} needs a concurrency here; write '{kind}: 3'")
            for kind in ("queue", "waves", "paced")
        ),
        ("dispatch: {context: none}", "solo", "--strategy: works in the coordinator's context"),
        ("", "{queue: 2, warm_up: stagger}", "--strategy: warm_up: warms a timed cache"),
        ("provider: {on_limit: wait}", "paced: 2", "--strategy: pace: the provider holds calls back itself"),
    ],
)
def test_named_strategy_that_does_not_fit_is_an_error(environment, asked, message):
    with pytest.raises(DesignError, match=message):
        find_plan(parse_scenario(BATCH + environment), asked, None)


AXES = ("client.retries", "provider.limits.scale", "retry.max_attempts", "tasks.calls")


@pytest.mark.parametrize(
    ("sweep", "study", "message"),
    [
        (
            "tasks: 1..20",
            "replications: 1000000",
            "60 design points of 1,000,000 rep.* at most 30,000,000 rows",
        ),
        # The sum from 1 to 5,000.
        (
            "tasks: 1..5000",
            "replications: 2",
            "have 12,502,500 tasks together; at most 10,000,000 .*sweep.tasks",
        ),
        # Few enough rows, and four hours to read all scenarios.
        (
            f"tasks: [1], {', '.join(f'{key}: {list(range(1, 48))}' for key in AXES)}",
            "replications: 2",
            "4,879,681 combinations of the levels of its axes; at most 10,000",
        ),
    ],
)
def test_study_that_is_too_large_is_an_error_that_names_the_limit(sweep, study, message):
    text = f"{BATCH}strategies: [sequential, parallel, solo]\nsweep: {{{sweep}}}\nstudy: {{{study}}}"
    with pytest.raises(DesignError, match=message):
        design_sweep(parse_source(text))
