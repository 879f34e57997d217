"""What holds in every replication of every scenario, and what theory says of some, exactly."""

import math
from collections import defaultdict

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import theory
from dispatch_sim.model.accounting import Purpose
from dispatch_sim.model.events import State
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.strategy import parse_strategy
from tests.model.worlds import BARE, NO_FAILURES, NO_LIMITS, NO_MERGE, scenario_of, simulate_one

STRATEGIES = st.builds(
    lambda kind, options: kind | options,
    st.one_of(
        st.just({"sequential": 1}),
        st.just({"parallel": "all"}),
        st.just({"adaptive": "all"}),
        st.builds(lambda kind, width: {kind: width}, st.sampled_from(["queue", "waves"]), st.integers(1, 8)),
    ),
    st.fixed_dictionaries(
        {},
        optional={
            "merge": st.sampled_from(["barrier", "as-completed"]),
            "manager": st.sampled_from(["agent", "script"]),
            "warm_up": st.sampled_from(["none", "stagger", "prewarm"]),
            "order": st.sampled_from(["as-given", "longest-first", "shortest-first"]),
        },
    ),
)

DURATIONS = st.sampled_from(["60s", "{lognormal: {mean: 60s, cv: 1}}", "{exponential: {mean: 30s}}", "0s"])


@st.composite
def scenarios(draw, whole=False):
    """Return a scenario with any mix of mechanisms; where `whole`, of the whole model."""

    def one_of(*choices):
        return draw(st.sampled_from(choices))

    def of_group(number):
        if not whole:
            return ""
        after = one_of("[]", f"[g{number - 1}]") if number else "[]"
        return (
            f", writes: {one_of('[]', '[x]', '[x, y]')}, after: {after},"
            f" coupling: {one_of('0%', '40%', '100%')}"
        )

    groups = ", ".join(
        f"{{name: g{number}, count: {draw(st.integers(1, 5))}, calls: {draw(st.integers(1, 4))},"
        f" tokens: {one_of('15K', '{uniform: {low: 1K, high: 25K}}', '0')},"
        f" duration: {draw(DURATIONS)}, output: {one_of('structured', 'prose')},"
        f" interarrival: {one_of('0s', '20s', '{exponential: {mean: 40s}}')}{of_group(number)}}}"
        for number in range(draw(st.integers(1, 3)))
    )
    limits = one_of(
        "unlimited",
        "{requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}",
        "{requests: 10/min, input_tokens: 60K/min, output_tokens: unlimited, burst: 30s}",
    )
    policies = ("failed-only", "none", "resume", "cascade", "abort") if whole else ("failed-only", "none")
    parts = [
        f"tasks: [{groups}]",
        f"provider: {{limits: {limits}, on_limit: {one_of('reject', 'wait')},"
        f" cache: {one_of('warm', '{ttl: 5m, minimum: 0}', '{ttl: 20s, first_token: 3s}')},"
        f" overloaded: {one_of('0%', '10%')}, retry_after: {one_of('exact', '5s')},"
        f" accounting: {{cache_reads: {one_of('true', 'false')}, max_tokens: 4K,"
        f" output: {one_of('actual', 'reserved')}, failed_requests: {one_of('true', 'false')}}}}}",
        f"dispatch: {{spawn: {{tokens: 3K, shared: {one_of('0', '2K')}}},"
        f" context: {one_of('none', '{start: 20K}', '{start: 8K, window: 14K}') if whole else 'none'}}}",
        f"client: {{retries: {draw(st.integers(0, 3))},"
        f" retry_after: {{up_to: {one_of('unlimited', '5s')}, above: {one_of('backoff', 'give_up')}}}}}",
        f"failures: {{crash: {one_of('0%', '20%', '100%')}, bad_output: {one_of('0%', '20%', '100%')},"
        f" hang: {one_of('0%', '30%') if whole else '0%'},"
        f" bad_brief: {one_of('0%', '50%', '100%') if whole else '0%'}}}",
        f"retry: {{policy: {one_of(*policies)}, max_attempts: 3}}",
        f"merge: {{pair: {{people: {one_of('0s', '10s')}, time: 1s, tokens: 10}}}}",
        f"study: {{seed: {draw(st.integers(0, 2**64 - 1))}}}",
    ]
    if whole:
        parts += [
            f"timeouts: {{soft: {one_of('none', '30s')}, hard: {one_of('40s', '5m')}}}",
            f"harness: {{cap: {one_of('none', '1', '3')}, over: {one_of('queue', 'refuse')},"
            f" pace: {one_of('none', '{calls: 7, window: 30s}')}}}",
            f"conflicts: {{probability: {one_of('0%', '50%', '100%')},"
            f" isolation: {one_of('shared', 'worktree', 'locks')}}}",
            f"communication: {one_of('none', 'rounds', 'blackboard')}",
            f"review: {one_of('none', '{every: 1}', '{every: 3}', '{every: round}')}",
        ]
    return scenario_of(*parts)


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(scenario=scenarios(whole=True), strategy=STRATEGIES, replication=st.integers(0, 2**32 - 1))
def test_the_books_balance_in_every_replication(scenario, strategy, replication):
    """It ends; every task is done once; ledgers add up; slots, places and buckets are never overdrawn."""
    outcome, log = simulate_one(scenario, strategy, replication)
    plan = make_plan(scenario, parse_strategy(strategy))
    assert outcome.tokens == sum(getattr(outcome, f"tokens_{cause.value}") for cause in Purpose)
    assert outcome.money_usd == pytest.approx(
        sum(getattr(outcome, f"money_{cause.value}_usd") for cause in Purpose)
    )
    assert outcome.flow_s == pytest.approx(sum(getattr(outcome, f"{state.value}_s") for state in State))
    people = ("merge", "recovery", "conflicts", "review")
    assert outcome.people_s == pytest.approx(sum(getattr(outcome, f"people_{kind}_s") for kind in people))
    assert outcome.wasted_s <= outcome.service_s + outcome.backoff_s + outcome.hung_s + 1e-6
    assert outcome.cost_usd == pytest.approx(
        outcome.money_usd + outcome.cost_waiting_usd + outcome.cost_people_usd
    )
    failures = (
        "crashed",
        "rate_limited",
        "too_large",
        "hung",
        "killed",
        "overwritten",
        "cancelled",
        "wrong_brief",
    )
    assert outcome.failed_attempts == outcome.bad_outputs + sum(
        getattr(outcome, f"{failure}_attempts") for failure in failures
    )
    launched = [(event.task, event.attempt) for event in log if event.kind == "launch"]
    assert len(launched) == len(set(launched))
    assert {task for task, _ in launched} <= set(range(len(plan.tasks)))
    assert outcome.manual_completions <= len(plan.tasks)
    rounds = 2 if scenario.communication.kind == "rounds" else 1
    done_by_agents = len(plan.tasks) - outcome.manual_completions
    # A task that a person finishes, or that was made by wrong instructions, may have waited for its rework.
    fewest = (
        outcome.failed_attempts
        + rounds * done_by_agents
        + (0 if outcome.manual_completions or outcome.wrong_brief_attempts else outcome.reworked_tasks)
    )
    first_rounds = (rounds - 1) * (len(plan.tasks) + outcome.wrong_brief_attempts)
    most = outcome.failed_attempts + first_rounds + done_by_agents + outcome.reworked_tasks
    assert fewest <= len(launched) <= most
    places = scenario.harness.cap or len(plan.tasks)
    assert _most_at_once(log) <= min(plan.width, places)
    _check_dependencies(scenario, plan, log)
    if scenario.harness.pace is None:
        _check_admissions(scenario, log)


def _check_dependencies(scenario, plan, log):
    """No task is launched before the last work on the groups that it is after."""
    names = [group.name for group in scenario.tasks]
    first, last = {}, defaultdict(float)
    for event in log:
        if event.task >= 0:
            group = plan.tasks[event.task].group
            if event.kind == "launch":
                first.setdefault(group, event.start_s)
                first[group] = min(first[group], event.start_s)
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
                most = theory.token_bucket_most_admitted(rate * limits.burst, rate, end - start)
                assert admitted <= most + 1e-6 * (rate + 1)


@settings(deadline=None, max_examples=100)
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 25),
    width=st.integers(1, 8),
    gap=st.sampled_from(["0s", "15s", "{exponential: {mean: 20s}}"]),
)
def test_with_limits_off_a_queue_is_the_kiefer_wolfowitz_recursion(seed, count, width, gap):
    """Per replication, the makespan is that of the G/G/c recursion on the same draws, but for rounding."""
    scenario = scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: 1, tokens: 1K, interarrival: {gap},"
        " duration: {lognormal: {mean: 60s, cv: 1}}}]",
        BARE,
        f"study: {{seed: {seed}}}",
    )
    outcome, _ = simulate_one(scenario, {"queue": width, "manager": "script"})
    luck = Variates(scenario, 0)
    arrivals = np.array([luck.arrival_s(0, index) for index in range(count)])
    services = np.array([luck.attempt(0, index, 0).call_s for index in range(count)])
    ends = arrivals + theory.kiefer_wolfowitz(arrivals, services, width) + services
    assert outcome.makespan_s == pytest.approx(ends.max(), rel=1e-12)


@settings(deadline=None, max_examples=100)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 25), width=st.integers(1, 8))
def test_grahams_bounds_hold_for_every_list_schedule(seed, count, width):
    """A queue ends no earlier than the longest task or the mean load, and no later than Graham's bound."""
    scenario = scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: 3, tokens: 1K,"
        " duration: {lognormal: {mean: 60s, cv: 1}}}]",
        BARE,
        f"study: {{seed: {seed}}}",
    )
    outcome, _ = simulate_one(scenario, {"queue": width, "manager": "script"})
    durations = [3 * Variates(scenario, 0).attempt(0, index, 0).call_s for index in range(count)]
    lower, upper = theory.graham_bounds(durations, width)
    assert lower - 1e-6 <= outcome.makespan_s <= upper + 1e-6


@settings(deadline=None, max_examples=100)
@given(scenario=scenarios(), extra=st.integers(0, 5), replication=st.integers(0, 2**32 - 1))
def test_a_queue_as_wide_as_the_batch_is_parallel_without_its_barrier(scenario, extra, replication):
    """Without the barrier both give the same log; with it, where nothing is retried, the same attempts.

    The attempts are the same up to the first merge or recovery, which is what the barrier holds back.
    """
    queue = simulate_one(scenario, {"queue": scenario.batch_size + extra}, replication)
    parallel = simulate_one(scenario, {"parallel": "all", "merge": "as-completed"}, replication)
    assert queue == parallel
    at_once = tuple(group.model_copy(update={"interarrival": Constant(0.0)}) for group in scenario.tasks)
    once = {"tasks": at_once, "retry": scenario.retry.model_copy(update={"max_attempts": 1})}
    scenario = scenario.model_copy(update=once)
    _, queue_log = simulate_one(scenario, {"queue": scenario.batch_size, "merge": "barrier"}, replication)
    _, parallel_log = simulate_one(scenario, "parallel", replication)
    assert _attempts(queue_log) == _attempts(parallel_log)


def _attempts(log):
    """Return the events of attempts, without what comes after."""
    return [event for event in log if event.kind in ("wait", "spawn", "call", "backoff", "429", "return")]


@settings(deadline=None, max_examples=100)
@given(scenario=scenarios(whole=True), strategy=STRATEGIES, replication=st.integers(0, 2**32 - 1))
def test_a_replication_is_a_pure_function(scenario, strategy, replication):
    """Played again from draws that another strategy has used, it gives the same log and outcome."""
    plan, luck = make_plan(scenario, parse_strategy(strategy)), Variates(scenario, replication)
    simulate(make_plan(scenario, parse_strategy("parallel")), luck)
    log = []
    assert (simulate(plan, luck, log), log) == simulate_one(scenario, strategy, replication)


def test_littles_law_holds_on_the_path():
    """The mean number of tasks in the system times the makespan is the flow time, from the event log."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 30, tokens: 5K, duration: {exponential: {mean: 60s}},"
        " interarrival: {exponential: {mean: 30s}}}]",
        NO_LIMITS,
        NO_FAILURES,
        NO_MERGE,
    )
    outcome, log = simulate_one(scenario, "queue: 3")
    inside = sum(event.end_s - event.start_s for event in log if event.task >= 0)
    assert inside == pytest.approx(outcome.flow_s)
