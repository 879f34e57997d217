"""Groups that wait for others, and the order of waiting tasks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import theory
from dispatch_sim.model.variates import Variates
from tests.model.helpers import PARALLEL, bare, check, lognormal_tasks, script_queue, simulate_one


def chain(*lengths: int, more: str = ""):
    """Return groups of one task each, of so many seconds, each after the one before."""
    groups = ", ".join(
        f"{{name: g{n}, duration: {s}s{f', after: [g{n - 1}]' if n else ''}}}" for n, s in enumerate(lengths)
    )
    return bare(f"tasks: [{groups}]", more)


@pytest.mark.parametrize(
    "strategy", [PARALLEL, script_queue(3), {"waves": 3, "manager": "script"}, "sequential"]
)
def test_chain_takes_its_critical_path(strategy):
    """However many slots there are: 40 + 10 + 50 s."""
    check(chain(40, 10, 50), strategy, makespan_s=100, starts={"launch": [0, 40, 50]})


def test_graph_takes_its_longest_path():
    """Two of 30 and 70 s before one of 20, next to one of 60: 90 s."""
    scenario = bare(
        "tasks: [{duration: 30s}, {duration: 70s}, {duration: 60s}, {duration: 20s, after: [a, b]}]"
    )
    log = check(scenario, script_queue(4), makespan_s=90)
    blocked = [event for event in log if event.kind == "dependency"]
    assert [(event.task, event.start_s, event.end_s) for event in blocked] == [(3, 0, 70)]


def test_group_after_a_failed_task_waits_for_the_person():
    """The first fails and takes a person ten minutes; the second begins then."""
    scenario = chain(40, 10, more="recovery: {people: 10m}\nretry: {policy: none}\nfailures: {crash: 100%}")
    check(scenario, script_queue(2), starts={"launch": [0, 640]})


def test_group_without_tasks_in_the_batch_is_not_waited_for():
    """A batch of one task has the larger group alone; what it would come after is not there."""
    scenario = bare("tasks: [{count: 1, duration: 30s}, {count: 9, duration: 20s, after: [a]}]")
    assert simulate_one(scenario, PARALLEL, tasks=1)[0].makespan_s == 20


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32), count=st.integers(2, 20), width=st.integers(1, 6))
def test_longest_first_is_the_lpt_schedule(seed, count, width):
    """It is LPT (Graham, 1969): each in turn, the longest first, to the machine that is free first."""
    scenario = lognormal_tasks(count, seed)
    outcome, _ = simulate_one(scenario, script_queue(width, order="longest-first"))
    durations = [Variates(scenario, 0).attempt(0, index, 0).call_s for index in range(count)]
    longest_first = sorted(durations, reverse=True)
    ends = theory.kiefer_wolfowitz([0.0] * count, longest_first, width) + longest_first
    assert outcome.makespan_s == pytest.approx(max(ends))


def test_shortest_first_has_the_least_flow_time():
    """One machine: 10, 20, 30 s in that order wait 0 + 10 + 30; longest first 0 + 30 + 50."""
    scenario = bare("tasks: [{duration: 20s}, {duration: 30s}, {duration: 10s}]")
    waits = {
        order: simulate_one(scenario, script_queue(1, order=order))[0].wait_s
        for order in ("shortest-first", "as-given", "longest-first")
    }
    assert waits == {"shortest-first": 40, "as-given": 20 + 50, "longest-first": 30 + 50}
