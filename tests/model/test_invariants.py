"""Invariants of every replication of every scenario, and exact results of theory for some."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import theory
from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.events import Failure, TaskState
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.loader import load
from dispatch_sim.scenario.strategy import parse_strategy
from tests.conformance.cases import numbered_case
from tests.conformance.comparison import plan_of, simulate_compiled
from tests.model.helpers import lognormal_tasks, script_queue, simulate_one

CASE_NUMBERS = st.integers(0, 10**12)

SIMPLE = {
    "dispatch.context": "none",
    "harness.cap": "none",
    "harness.pace": "none",
    "failures.hang": "0%",
    "failures.bad_brief": "0%",
    "timeouts.soft": "none",
    "timeouts.hard": "none",
    "retry.policy": "failed-only",
    "conflicts.probability": "0%",
    "communication.kind": "none",
    "review": "none",
}
"""Options of a case in which agents do not affect each other but by the provider and the merge."""


RESUMED_ON_A_BLACKBOARD = {
    "failures.crash": "20%",
    "provider.cache": "{ttl: 5m, minimum: 0}",
    "retry.max_attempts": "3",
    "retry.policy": "resume",
    "strategies.communication": "blackboard",
}
"""Options of a case in which a prompt can be shorter than the one before it."""


@settings(deadline=None, max_examples=100)
@given(number=CASE_NUMBERS)
def test_totals_balance_and_limits_hold_in_every_replication(number):
    case = numbered_case(number)
    plan = plan_of(case)
    scenario = plan.scenario
    outcome, log = simulate_compiled(plan, case.replication)
    row = outcome._asdict()
    assert outcome.tokens == sum(row[f"tokens_{purpose}"] for purpose in Purpose)
    assert outcome.money_usd == pytest.approx(sum(row[f"money_{purpose}_usd"] for purpose in Purpose))
    assert outcome.flow_s == pytest.approx(sum(row[f"{state}_s"] for state in TaskState))
    people = ("merge", "recovery", "conflicts", "review")
    assert outcome.people_s == pytest.approx(sum(row[f"people_{kind}_s"] for kind in people))
    assert outcome.wasted_s <= outcome.service_s + outcome.backoff_s + outcome.hung_s + 1e-6
    costs = outcome.money_usd + outcome.cost_waiting_usd + outcome.cost_people_usd
    assert outcome.cost_usd == pytest.approx(costs)
    by_failure = [row.get(f"{failure}_attempts", 0) for failure in Failure]
    assert outcome.failed_attempts == sum(by_failure) + outcome.bad_outputs + outcome.crashed_attempts
    launched = [(event.task, event.attempt) for event in log if event.kind == "launch"]
    assert len(launched) == len(set(launched))
    assert {task for task, _ in launched} <= set(range(len(plan.tasks)))
    assert outcome.manual_completions <= len(plan.tasks)
    rounds = 2 if (plan.strategy.communication or scenario.communication.kind) == "rounds" else 1
    done_by_agents = len(plan.tasks) - outcome.manual_completions
    # A task that a person completes, or that had wrong instructions, may have waited for its rework.
    reworked = 0 if outcome.manual_completions or outcome.wrong_brief_attempts else outcome.reworked_tasks
    fewest = outcome.failed_attempts + rounds * done_by_agents + reworked
    first_rounds = (rounds - 1) * (len(plan.tasks) + outcome.wrong_brief_attempts)
    most = outcome.failed_attempts + first_rounds + done_by_agents + outcome.reworked_tasks
    assert fewest <= len(launched) <= most
    places = scenario.harness.cap or len(plan.tasks)
    assert _most_at_once(log) <= min(plan.concurrency, places)
    _check_dependencies(scenario, plan, log)
    if scenario.harness.pace is None:
        _check_admissions(scenario, log)


@settings(deadline=None, max_examples=100)
@given(number=CASE_NUMBERS, fixed=st.sampled_from([{}, RESUMED_ON_A_BLACKBOARD]))
@example(number=20, fixed=RESUMED_ON_A_BLACKBOARD)
def test_no_tokens_and_no_costs_are_negative(number, fixed):
    case = numbered_case(number, fixed)
    outcome, log = simulate_compiled(plan_of(case), case.replication)
    row = outcome._asdict()
    assert min(row[name] for name in row if name.startswith(("tokens_", "money_"))) >= 0
    assert min(event.tokens for event in log) >= 0


def _check_dependencies(scenario, plan, log):
    """No task is launched before the last work on the groups that it is after."""
    names = [group.name for group in scenario.tasks]
    first, last = {}, defaultdict(float)
    for event in log:
        if event.task >= 0:
            group = plan.tasks[event.task].group
            if event.kind == "launch":
                first[group] = min(first.get(group, math.inf), event.start_s)
            else:
                last[group] = max(last[group], event.end_s)
    for number, group in enumerate(scenario.tasks):
        for name in group.after:
            assert first.get(number, math.inf) >= last[names.index(name)] - 1e-9


def _most_at_once(log):
    """Attempts that hold a slot at once, from the log: from launch (end of its wait) to its last service."""
    spans = defaultdict(lambda: [math.inf, -math.inf])
    for event in log:
        if event.kind in ("spawn", "call", "return", "backoff", "hang", "tools"):
            span = spans[event.task, event.attempt]
            span[0] = min(span[0], event.start_s)
            span[1] = max(span[1], event.end_s)
    edges = sorted([(start, 1) for start, _ in spans.values()] + [(end, -1) for _, end in spans.values()])
    most = now = 0
    for _, step in edges:
        now += step
        most = max(most, now)
    return most


def _check_admissions(scenario, log):
    """In every window a bucket admits at most its burst and what flows in: input tokens, and requests."""
    limits = scenario.provider.limits
    calls = sorted((event.start_s, event.tokens) for event in log if event.kind == "call")
    for per_minute, amounts in (
        (limits.input_tokens, [tokens for _, tokens in calls]),
        (limits.requests, [1] * len(calls)),
    ):
        if per_minute is None:
            continue
        rate = per_minute / 60
        for first, (start, _) in enumerate(calls):
            admitted = 0
            for (end, _), amount in zip(calls[first:], amounts[first:], strict=True):
                admitted += amount
                assert admitted <= rate * (limits.burst + end - start) + 1e-6 * (rate + 1)


@settings(deadline=None, max_examples=50)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 25),
    width=st.integers(1, 8),
    gap=st.sampled_from(["0s", "15s", "{exponential: {mean: 20s}}"]),
)
def test_queue_without_limits_is_the_kiefer_wolfowitz_recursion(seed, count, width, gap):
    """Per replication, the makespan is that of the G/G/c recursion on the same draws, but for rounding.

    By Little's law, all tasks' time in the system, from the event log, is the flow time.
    """
    scenario = lognormal_tasks(count, seed, interarrival=gap)
    outcome, log = simulate_one(scenario, script_queue(width))
    variates = Variates(scenario, 0)
    arrivals = np.array([variates.arrival_s(0, index) for index in range(count)])
    services = np.array([variates.attempt(0, index, 0).call_s for index in range(count)])
    ends = arrivals + theory.kiefer_wolfowitz(arrivals, services, width) + services
    assert outcome.makespan_s == pytest.approx(ends.max(), rel=1e-12)
    inside = sum(event.end_s - event.start_s for event in log if event.task >= 0)
    assert inside == pytest.approx(outcome.flow_s)


@settings(deadline=None, max_examples=50)
@given(number=CASE_NUMBERS, extra=st.integers(0, 5))
def test_queue_with_the_batchs_concurrency_is_parallel_without_its_barrier(number, extra):
    """Without the barrier both give the same log; with it, where nothing is retried, the same attempts.

    The attempts are the same up to the first merge or recovery, which is what the barrier holds back.
    """
    case = numbered_case(number, SIMPLE)
    scenario = load(case.scenario).scenario()

    def simulated(scenario, strategy):
        return simulate_compiled(make_plan(scenario, parse_strategy(strategy)), case.replication)

    queue = simulated(scenario, {"queue": scenario.batch_size + extra})
    assert queue == simulated(scenario, {"parallel": "all", "merge": "as-completed"})
    at_start = {"interarrival": Constant(0.0), "after": (), "coupling": 0.0}
    groups = tuple(group.model_copy(update=at_start) for group in scenario.tasks)
    once = {"tasks": groups, "retry": scenario.retry.model_copy(update={"max_attempts": 1})}
    scenario = scenario.model_copy(update=once)
    queue = {"queue": scenario.batch_size, "merge": "barrier"}
    assert _attempts(simulated(scenario, queue)) == _attempts(simulated(scenario, "parallel"))


def _attempts(replication):
    _, log = replication
    return [event for event in log if event.kind in ("wait", "spawn", "call", "backoff", "429", "return")]


@settings(deadline=None, max_examples=50)
@given(number=CASE_NUMBERS)
def test_replication_is_a_pure_function(number):
    """Simulated again with variates that another strategy has used, it gives the same log and outcome."""
    case = numbered_case(number)
    scenario = load(case.scenario).scenario()
    plan, variates = make_plan(scenario, parse_strategy(case.strategy)), Variates(scenario, case.replication)
    simulate(make_plan(scenario, parse_strategy("parallel")), variates)
    log = []
    replication = (simulate(plan, variates, log), log)
    assert replication == simulate_one(scenario, case.strategy, case.replication)
