"""Verdicts follow from results by one rule, and a file of claims is read as strictly as a scenario."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.scenario.checks import warnings
from dispatch_sim.scenario.loader import load_source, parse_source
from dispatch_sim.scenario.problems import ScenarioError, UserError
from dispatch_sim.study.axes import axis_place, axis_unit
from dispatch_sim.study.claim_findings import (
    CaseFinding,
    ClaimFinding,
    RatioFinding,
    find_ratio,
    judge_claims,
)
from dispatch_sim.study.claim_map import break_even_state, find_map
from dispatch_sim.study.claim_regret import find_regret, is_independent, is_structured
from dispatch_sim.study.claim_widths import find_best
from dispatch_sim.study.claims import Best, BreakEvenMap, Claim, Ratio, Regret, load_claims
from dispatch_sim.study.results import Results
from dispatch_sim.study.verdicts import (
    Paired,
    State,
    Verdict,
    find_thresholds,
    ratio_estimate,
    state_at,
    verdict_of_cases,
    verdict_of_states,
)

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "scenarios" / "claims"

HOLDS, FAILS, UNDECIDED = State.HOLDS, State.FAILS, State.UNDECIDED
CONFIRMED, REFUTED, DEPENDS, NOT_SHOWN = Verdict


def sample(mean, sd=0.0, n=50, seed=0):
    """Return n values with exactly this mean and standard deviation."""
    noise = np.random.default_rng(seed).normal(size=n)
    noise -= noise.mean()
    return mean + sd * noise / noise.std(ddof=1)


def table(points, n=50):
    """Return results: (strategy, concurrency, tasks, extra columns, cost) each, noise of its own in each."""
    parts = []
    for strategy, concurrency, tasks, extra, cost in points:
        values = np.broadcast_to(cost, n)
        columns = {"strategy": strategy, "concurrency": concurrency, "tasks": tasks, **extra}
        parts.append(pd.DataFrame({**columns, "replication": range(n), "cost_usd": values}))
    return pd.concat(parts, ignore_index=True)


# The rule.


@pytest.mark.parametrize(
    ("states", "verdict"),
    [
        ([HOLDS], CONFIRMED),
        ([HOLDS, HOLDS], CONFIRMED),
        ([FAILS, FAILS], REFUTED),
        ([HOLDS, UNDECIDED, FAILS], DEPENDS),
        ([HOLDS, UNDECIDED], NOT_SHOWN),
        ([FAILS, UNDECIDED], NOT_SHOWN),
        ([UNDECIDED], NOT_SHOWN),
    ],
)
def test_the_rule_over_points(states, verdict):
    """All or nothing, or shown both ways."""
    assert verdict_of_states(states) is verdict


@pytest.mark.parametrize(
    ("verdicts", "verdict"),
    [
        ([CONFIRMED, CONFIRMED], CONFIRMED),
        ([REFUTED], REFUTED),
        ([CONFIRMED, REFUTED, NOT_SHOWN], DEPENDS),
        ([CONFIRMED, DEPENDS], DEPENDS),
        ([CONFIRMED, NOT_SHOWN], NOT_SHOWN),
        ([REFUTED, NOT_SHOWN], NOT_SHOWN),
    ],
)
def test_the_rule_over_cases(verdicts, verdict):
    """Cases that come out differently make a claim depend on what tells them apart."""
    assert verdict_of_cases(verdicts) is verdict


@pytest.mark.parametrize(
    ("mean", "sd", "state"),
    [
        (2.0, 0.0, HOLDS),  # on the bound
        (2.0 + 1e-12, 0.0, HOLDS),  # on the bound, but for rounding
        (2.0 + 1e-6, 0.0, FAILS),
        (1.5, 0.5, HOLDS),
        (2.5, 0.5, FAILS),
        (2.0, 0.5, UNDECIDED),
    ],
)
def test_a_statement_at_a_point(mean, sd, state):
    """At most twice a constant 1, with 50 replications: the half-width is 0.14 where sd is 0.5."""
    assert state_at(Paired(sample(mean, sd), np.ones(50)), None, 2.0, 0.95) is state


def test_both_bounds_count():
    """Between 1 and 2."""
    for mean, state in ((0.5, FAILS), (1.5, HOLDS), (2.5, FAILS), (1.0, UNDECIDED)):
        assert state_at(Paired(sample(mean, 0.1), np.ones(50)), 1.0, 2.0, 0.95) is state


def test_the_interval_of_a_ratio_is_where_its_bound_is_just_rejected():
    """Fieller: the paired t-test of numerator - end x denominator has exactly the stated confidence."""
    pair = Paired(sample(3.0, 1.0, seed=1), sample(2.0, 0.4, seed=2))
    found = ratio_estimate(pair, 0.95)
    assert found.mean == pytest.approx(1.5)
    for end in (found.low, found.high):
        difference = pair.of - end * pair.to
        t = difference.mean() / (difference.std(ddof=1) / math.sqrt(50))
        assert abs(t) == pytest.approx(2.009575, rel=1e-5)  # Student's t, 49 degrees, 97.5%


def test_a_ratio_by_what_may_be_zero_has_no_interval():
    """A denominator of 0.01 with a standard error of 0.14."""
    found = ratio_estimate(Paired(sample(1.0, 0.1), sample(0.01, 1.0, seed=3)), 0.95)
    assert (found.low, found.high) == (-math.inf, math.inf)


def test_a_threshold_is_where_the_statement_turns():
    """Numerator x, denominator 1, at most 2.5: it holds below 2.5, with noise the set is around it."""
    places = [1.0, 2.0, 3.0, 4.0]
    exact = [Paired(np.full(5, x), np.ones(5)) for x in places]
    (found,) = find_thresholds(places, [exact], None, 2.5, 0.95)
    assert (found.at, found.low, found.high, found.holds_above) == (2.5, 2.5, 2.5, False)
    noisy = [Paired(sample(x, 0.5, seed=int(x)), np.ones(50)) for x in places]
    (found,) = find_thresholds(places, [noisy], None, 2.5, 0.95)
    assert found.low < 2.5 < found.high
    assert found.at == pytest.approx(2.5)


def test_two_bounds_have_a_threshold_each():
    """x between 1.5 and 3.5 holds in the middle."""
    places = [1.0, 2.0, 3.0, 4.0]
    exact = [Paired(np.full(5, x), np.ones(5)) for x in places]
    low, high = find_thresholds(places, [exact], 1.5, 3.5, 0.95)
    assert (low.at, low.holds_above, high.at, high.holds_above) == (1.5, True, 3.5, False)


def judged(*cases):
    """Return what a claim comes to by its cases: whether each is beyond its terms, and its verdict."""
    ratio = {"of": {"measure": "cost_usd", "strategy": "parallel"}, "at_most": 1}
    stated = [
        {"where": f"{number}", "what": "cost", "beyond": beyond, "scenario": "s", "ratio": ratio}
        for number, (beyond, _) in enumerate(cases)
    ]
    claim = Claim.model_validate({"number": 1, "title": "a", "says": "b", "cases": stated})
    found = [
        CaseFinding(case, 2, RatioFinding((), (), "", None, verdict))
        for case, (_, verdict) in zip(claim.cases, cases, strict=True)
    ]
    return ClaimFinding(claim, tuple(found))


@pytest.mark.parametrize(
    ("cases", "verdict", "beyond"),
    [
        ([(False, CONFIRMED)], CONFIRMED, None),
        ([(False, CONFIRMED), (True, REFUTED)], CONFIRMED, REFUTED),
        ([(False, REFUTED), (True, CONFIRMED), (True, REFUTED)], REFUTED, DEPENDS),
        ([(False, CONFIRMED), (False, REFUTED), (True, CONFIRMED)], DEPENDS, CONFIRMED),
        ([(False, CONFIRMED), (True, CONFIRMED), (True, NOT_SHOWN)], CONFIRMED, NOT_SHOWN),
    ],
)
def test_a_claim_is_judged_on_its_own_terms(cases, verdict, beyond):
    """Cases beyond them never count for its verdict, and are put together by the same rule."""
    found = judged(*cases)
    assert (found.verdict, found.beyond) == (verdict, beyond)
    assert (found.to_json()["verdict"], found.to_json()["beyond"]) == (verdict, beyond)


# Ratios of results.


def along(means, sd=0.05):
    """Return results in which parallel costs these means and sequential 1, along a swept path."""
    points = []
    for number, (level, mean) in enumerate(means.items()):
        points.append(("parallel", 3, 3, {"a.b": level}, sample(mean, sd, seed=number)))
        points.append(("sequential", 1, 3, {"a.b": level}, sample(1.0, 0.0)))
    return table(points)


RATIO = {
    "of": {"measure": "cost_usd", "strategy": "parallel"},
    "to": {"measure": "cost_usd", "strategy": "sequential"},
    "at_most": 1.0,
    "over": "a.b",
}


@pytest.mark.parametrize(
    ("means", "verdict"),
    [
        ({0: 0.5, 1: 0.6, 2: 0.7}, CONFIRMED),
        ({0: 1.5, 1: 1.6, 2: 1.7}, REFUTED),
        ({0: 0.5, 1: 0.75, 2: 1.25}, DEPENDS),
        ({0: 0.5, 1: 0.75, 2: 1.0}, NOT_SHOWN),
    ],
)
def test_ratios_with_known_truth(means, verdict):
    """The interval at each point is about 0.02 to either side."""
    found = find_ratio(Ratio.model_validate(RATIO), along(means), 0.95)
    assert found.verdict is verdict
    if verdict is DEPENDS:
        (threshold,) = found.thresholds
        assert threshold.low < 1.5 < threshold.high  # 0.75 + 0.5 (x - 1) = 1
        assert threshold.at == pytest.approx(1.5)
    else:
        assert found.thresholds == ()


def test_more_points_ask_for_more():
    """A difference with p = 3% is shown at a single point, and not among three (Bonferroni)."""
    t = 2.235  # two-sided p = 3% for 49 degrees of freedom
    sd = 0.1 * math.sqrt(50) / t
    one = find_ratio(Ratio.model_validate(RATIO), along({0: 0.9}, sd), 0.95)
    three = find_ratio(Ratio.model_validate(RATIO), along({0: 0.9, 1: 0.9, 2: 0.9}, sd), 0.95)
    assert (one.verdict, three.verdict) == (CONFIRMED, NOT_SHOWN)


def test_sums_weights_and_constants():
    """(2 x 3 - 1) / 1 = 5; and the numerator alone where there is no denominator."""
    frame = table([("parallel", 3, 3, {}, 3.0), ("sequential", 1, 3, {}, 1.0)])
    of = [
        {"measure": "cost_usd", "strategy": "parallel", "times": 2},
        {"measure": "cost_usd", "strategy": "sequential", "times": -1},
    ]
    (point,) = find_ratio(Ratio.model_validate({"of": of, "at_least": 5, "at_most": 5}), frame, 0.95).points
    assert (point.ratio.mean, point.state) == (5.0, HOLDS)


def test_the_best_queue_is_the_least_of_those_narrower_than_the_batch():
    """The queue of 4 is parallel by another name, that of 2 is the best of the others."""
    points = [
        ("queue", width, 4, {}, sample(cost, 0.01, seed=width)) for width, cost in {1: 3, 2: 2, 4: 1}.items()
    ]
    frame = table([("parallel", 4, 4, {}, 3.0), *points])
    ratio = {
        "of": {"measure": "cost_usd", "strategy": "parallel"},
        "to": {"measure": "cost_usd", "strategy": "queue", "width": "best"},
        "at_least": 1.4,
    }
    found = find_ratio(Ratio.model_validate(ratio), frame, 0.95)
    assert (found.verdict, found.best_width) == (CONFIRMED, 2)
    assert found.points[0].ratio.mean == pytest.approx(1.5)


def test_the_next_width_and_the_width_itself():
    """Costs 4, 2, 3 at 1, 2, 3: another slot halves the cost, then makes it half as much more."""
    frame = table([("queue", width, 3, {}, cost) for width, cost in {1: 4.0, 2: 2.0, 3: 3.0}.items()])
    of = {"measure": "cost_usd", "strategy": "queue"}
    marginal = {"of": of | {"width": "next"}, "to": of, "at_least": 1, "over": "concurrency"}
    found = find_ratio(Ratio.model_validate(marginal), frame, 0.95)
    assert [(point.at, point.ratio.mean) for point in found.points] == [(1, 0.5), (2, 1.5)]
    beside_itself = {"of": of, "to": of | {"width": 2}, "at_least": 1, "over": "concurrency"}
    found = find_ratio(Ratio.model_validate(beside_itself), frame, 0.95)
    assert [point.at for point in found.points] == [1, 3]


def test_a_series_is_left_out_beside_itself_however_its_level_is_written():
    """A level of 1 among levels of 1.5 is 1.0 in the results."""
    of = {"measure": "cost_usd", "strategy": "parallel"}
    ratio = {"of": of, "to": of | {"at": {"a.b": 1}}, "at_most": 1, "over": "a.b"}
    found = find_ratio(Ratio.model_validate(ratio), along({1: 2.0, 1.5: 4.0}, sd=0.0), 0.95)
    assert [(point.at, point.ratio.mean) for point in found.points] == [(1.5, 2.0)]


def test_places_on_an_axis():
    """Levels as scenarios write them, in base units."""
    assert [axis_place(level) for level in ("1m", "15K", "5%", 3, "0.5", "0%")] == [
        60,
        15000,
        0.05,
        3,
        0.5,
        0,
    ]
    units = [["0s", "2s"], ["15K", "2K"], ["0%", "5%"], [1, 2.5]]
    assert [axis_unit(levels) for levels in units] == ["seconds", "tokens", "percent", "number"]
    with pytest.raises(UserError, match="no place on an axis"):
        axis_place("rounds")


# Advice.


def results(frame, indifference=0.0):
    """Return results of a study with that indifference."""
    study = {"indifference": indifference, "confidence": 0.95}
    return Results(frame, {"scenario": {"resolved": {"study": study}}})


def widths(costs, sd=0.1):
    """Return results of a queue with these costs by width."""
    return table([("queue", w, 20, {}, sample(cost, sd, seed=w)) for w, cost in costs.items()])


@pytest.mark.parametrize(
    ("costs", "best", "verdict"),
    [
        ({1: 5, 2: 1, 3: 1, 4: 5}, (2, 3), CONFIRMED),
        ({1: 1, 2: 5, 3: 5, 4: 5}, (1,), REFUTED),
        ({1: 5, 2: 5, 3: 1, 4: 1}, (3, 4), NOT_SHOWN),
    ],
)
def test_the_best_widths_of_a_queue(costs, best, verdict):
    """Two or three is claimed; equal means cannot be told apart."""
    found = find_best(Best.model_validate({"at_least": 2, "at_most": 3}), results(widths(costs)), 0.95)
    assert (found.best, found.verdict) == (best, verdict)


def test_a_width_that_costs_a_cent_more_is_as_good():
    """A cent more, exactly, within the indifference of five."""
    claim = Best.model_validate({"at_least": 2, "at_most": 3})
    frame = widths({2: 1.0, 3: 1.01, 4: 1.1}, sd=0.0)
    assert find_best(claim, results(frame, 0.05), 0.95).best == (2, 3)
    assert find_best(claim, results(frame), 0.95).best == (2,)


def test_the_best_widths_at_one_level_of_a_number():
    """A level of 1 is found where the column holds 1.0 and 1.5: there the width 1 is the best."""
    frame = pd.concat(
        [widths({1: 1, 2: 5}).assign(**{"a.b": 1.0}), widths({1: 5, 2: 1}).assign(**{"a.b": 1.5})]
    )
    claim = Best.model_validate({"at_most": 1, "at": {"a.b": 1}})
    assert find_best(claim, results(frame), 0.95).best == (1,)


def square(crossings, n=30):
    """Return results in which parallel less the queue of 1 is the number of tasks less the crossing."""
    points = []
    for (size, scale), at in crossings.items():
        factors = {"tasks.tokens": size, "provider.limits.scale": scale}
        for tasks in range(2, 13):
            points.append(("queue", 1, tasks, factors, sample(20.0, 0.1, n, seed=tasks)))
            points.append(("parallel", tasks, tasks, factors, sample(20.0 + tasks - at, 0.1, n, seed=tasks)))
    return table(points, n)


def test_the_map_finds_each_break_even_where_it_is():
    """At 5.2 it is four to seven, at 10.2 or beyond the batch it is not."""
    crossings = {("2K", 1): 5.2, ("2K", 2): 10.2, ("5K", 1): 6.3, ("5K", 2): 50.0}
    found = find_map(BreakEvenMap.model_validate({"at_least": 3.5, "at_most": 7.5}), square(crossings), 0.95)
    assert found.verdict is DEPENDS
    for cell in found.cells:
        at = crossings[tuple(cell.factors.values())]
        assert cell.state is (HOLDS if at < 7 else FAILS)
        if at < 12:
            (crossing,) = cell.break_even.crossings
            assert crossing.low - 1e-9 <= at <= crossing.high + 1e-9
    # At seven tasks the queue is cheaper at scale 1, parallel at scale 2.
    turns = [(p.held["tasks.tokens"], p.tasks, p.below, p.above, p.favours_above) for p in found.passings]
    assert turns == [("2K", 7, 1.0, 2.0, "parallel"), ("5K", 7, 1.0, 2.0, "parallel")]


def test_a_map_says_what_is_at_stake():
    """Parallel less the queue is tasks - 5.2 of 20: at four tasks 6% less, at seven 9% more."""
    claim = BreakEvenMap.model_validate({"at_least": 3.5, "at_most": 7.5})
    (cell,) = find_map(claim, square({("2K", 1): 5.2}), 0.95).cells
    assert cell.more == pytest.approx({4: -1.2 / 20, 7: 1.8 / 20})


def test_the_sets_of_a_map_hold_together():
    """Of four places each set is as wide as that of a single one at 98.75%."""
    crossings = {("2K", 1): 5.2, ("2K", 2): 10.2, ("5K", 1): 6.3, ("5K", 2): 50.0}
    claim = BreakEvenMap.model_validate({"at_least": 3.5, "at_most": 7.5})
    together = find_map(claim, square(crossings), 0.95).cells[0].break_even
    (alone,) = find_map(claim, square({("2K", 1): 5.2}), 1 - 0.05 / 4).cells
    assert together.crossings == alone.break_even.crossings


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ([0.0, 1.0, 1.0, 1.0, 1.0], HOLDS),  # open at four, the queue from five on: it is four or five
        ([1.0, 1.0, 1.0, 1.0, 1.0], HOLDS),  # the queue of three wins in the smallest batch that it can serve
        ([-1.0, -1.0, 1.0, 1.0, 1.0], HOLDS),
        ([-1.0, -1.0, -1.0, -1.0, 0.2], FAILS),  # at 7 and 1 / 1.2 tasks
        ([0.0, 1.0, 1.0, 1.0, -1.0], UNDECIDED),  # wins in between only
        ([-1.0, -1.0, -1.0, -1.0, -1.0], FAILS),
    ],
)
def test_a_queue_of_three_cannot_be_told_from_parallel_below_four_tasks(more, state):
    """Four to eight tasks; parallel costs so much more than a queue of three at each."""
    points = []
    for tasks, difference in zip(range(4, 9), more, strict=True):
        points.append(("queue", 3, tasks, {}, sample(20.0, 0.1, seed=tasks)))
        points.append(("parallel", tasks, tasks, {}, sample(20.0 + difference, 0.1, seed=tasks + 50)))
    claim = BreakEvenMap.model_validate({"width": 3, "at_least": 3.5, "at_most": 7.5})
    (cell,) = find_map(claim, table(points), 0.95).cells
    assert cell.state is state


def test_a_queue_that_wins_only_in_between_is_no_break_even():
    """Parallel is cheaper again from 9 tasks on."""
    points = []
    for tasks in range(2, 13):
        more = 2.0 if 6 <= tasks <= 8 else -2.0
        points.append(("queue", 1, tasks, {}, sample(20.0, 0.1, seed=tasks)))
        points.append(("parallel", tasks, tasks, {}, sample(20.0 + more, 0.1, seed=tasks + 50)))
    claim = BreakEvenMap.model_validate({"at_least": 3.5, "at_most": 7.5})
    (cell,) = find_map(claim, table(points), 0.95).cells
    assert break_even_state(cell.break_even, claim) is UNDECIDED


RULE = """\
tasks: [{{name: t, count: 3, tokens: 1K, duration: 60s{more}}}]
values: {{waiting: $36/h}}
strategies: [sequential, parallel, queue]
sweep: {{tasks: [3], concurrency: [2, 3]}}
"""


def regret_of(more, costs, claim, makespans=(600.0, 100.0)):
    """Return a rule's regret in a scenario whose ways cost this: one by one, all at once, a queue."""
    one, once, queue = costs
    frame = table(
        [("sequential", 1, 3, {}, one), ("parallel", 3, 3, {}, once), ("queue", 2, 3, {}, queue)], n=4
    )
    frame["makespan_s"] = frame["strategy"].map(
        {"sequential": makespans[0], "parallel": makespans[1], "queue": 300.0}
    )
    source = parse_source(RULE.format(more=more))
    return find_regret(Regret.model_validate(claim), {"s": source}, {"s": results(frame)}, 0.95)


@pytest.mark.parametrize(
    ("more", "makespans", "picked", "regret"),
    [
        ("", (600.0, 100.0), "parallel", 0.5),
        (", coupling: 10%", (600.0, 100.0), "sequential", 1.0),
        (", output: prose", (600.0, 100.0), "sequential", 1.0),
        (", writes: [file]", (600.0, 100.0), "sequential", 1.0),
        ("", (104.0, 100.0), "sequential", 1.0),  # 4 s at $36 an hour are 4 cents, less than 5
    ],
)
def test_the_rule_takes_parallel_where_all_three_conditions_hold(more, makespans, picked, regret):
    """One by one costs 4, all at once 3, the queue 2: regrets of 100%, 50% and none."""
    found = regret_of(more, (4.0, 3.0, 2.0), {"at_most": 0.2}, makespans)
    (entry,) = found.entries
    assert (entry.picked[0], entry.best) == (picked, ("queue", 2))
    assert found.mean.mean == pytest.approx(regret)
    assert found.verdict is REFUTED
    always = {name: estimate.mean for name, estimate in found.always.items()}
    assert always == pytest.approx({"sequential": 1.0, "parallel": 0.5, "queue": 0.0})


def test_the_rule_is_held_against_plain_ways_only():
    """Worktrees for half the price are no choice of how many run at once."""
    frame = table(
        [("sequential", 1, 3, {}, 4.0), ("parallel", 3, 3, {}, 3.0), ("parallel (worktree)", 3, 3, {}, 1.5)]
    )
    frame["makespan_s"] = frame["concurrency"].map({1: 600.0, 3: 100.0})
    source = parse_source(RULE.format(more=""))
    found = find_regret(Regret.model_validate({"at_most": 0.1}), {"s": source}, {"s": results(frame)}, 0.95)
    assert (found.entries[0].best, found.mean.mean) == (("parallel", 3), 0.0)


def test_otherwise_a_queue():
    """The queue that is played nearest to three."""
    found = regret_of(", coupling: 10%", (4.0, 3.0, 2.0), {"at_most": 0.2, "otherwise": "queue", "width": 3})
    assert (found.entries[0].picked, found.mean.mean, found.verdict) == (("queue", 2), 0.0, CONFIRMED)


def test_conditions_read_off_a_scenario():
    """Two groups that write different things are independent; that write one thing, or in order, are not."""
    group = "{{name: {}, tokens: 1, duration: 1s, writes: [{}]}}"
    apart = f"tasks: [{group.format('a', 'x')}, {group.format('b', 'y')}]"
    scenario = parse_source(apart).scenario()
    assert is_independent(scenario)
    assert is_structured(scenario)
    assert not is_independent(parse_source(apart.replace("[y]", "[x]")).scenario())
    assert not is_independent(parse_source(apart.replace("writes: [y]", "after: [a]")).scenario())


# The file.

SCENARIO = """\
tasks: [{name: t, count: 2, tokens: 1K, duration: 1s}]
sweep: {tasks: [2], concurrency: [2], provider.limits.scale: [1, 2]}
study: {replications: 2}
"""
CLAIMS = """\
source: somebody
claims:
  - number: 1
    title: a
    says: b
    cases:
      - where: here
        what: cost
        scenario: s.yaml
        ratio:
          of: {measure: cost_usd, strategy: parallel}
          to: {measure: cost_usd, strategy: sequential}
          at_most: 1
          over: provider.limits.scale
"""


def written(folder, claims=CLAIMS):
    """Write a file of claims and its scenario; returns the file."""
    (folder / "s.yaml").write_text(SCENARIO)
    (folder / "claims.yaml").write_text(claims)
    return folder / "claims.yaml"


def test_a_file_without_mistakes(tmp_path):
    """It is read, and its scenario with it."""
    claims = load_claims(written(tmp_path))
    assert list(claims.sources) == ["s.yaml"]
    assert claims.file.confidence == 0.95


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("number: 1", "nmber: 1", "unknown key 'nmber'; did you mean 'number'"),
        ("          at_most: 1\n", "", "there is no bound"),
        ("at_most: 1\n", "at_most: 1\n          at_least: 2\n", "at_least is more than at_most"),
        ("s.yaml", "t.yaml", "there is no 't.yaml' beside it"),
        ("cost_usd, strategy: parallel", "cots_usd, strategy: parallel", "did you mean 'cost_usd'"),
        ("strategy: parallel", "strategy: waves", "unknown strategy 'waves'"),
        ("over: provider.limits.scale", "over: client.retries", "unknown axis 'client.retries'"),
        ("          over: provider.limits.scale\n", "", "several levels of provider.limits.scale are played"),
        ("strategy: sequential}", "strategy: sequential, tasks: 7}", "7 tasks are not played"),
        ("strategy: sequential}", "strategy: queue}", "a queue has a width; write width: N"),
        ("strategy: sequential}", "strategy: sequential, at: {client.retries: 2}}", "unknown swept path"),
        ("what: cost\n", "what: cost\n        beyond: true\n", "every case is beyond the claim's own terms"),
        ("        scenario: s.yaml\n", "", "a regret is over all scenarios"),
        ("what: cost\n", "what: cost\n        best: {at_most: 1}\n", "found ratio and best"),
    ],
)
def test_mistakes_are_told_in_words_with_their_place(tmp_path, old, new, message):
    """File, line and what to do."""
    path = written(tmp_path, CLAIMS.replace(old, new, 1))
    with pytest.raises(ScenarioError) as caught:
        load_claims(path)
    assert message in str(caught.value)
    assert str(caught.value).startswith(f"{path}:")


def test_two_claims_of_one_number(tmp_path):
    """Numbers name claims on the command line."""
    again = CLAIMS.partition("claims:\n")[2]
    with pytest.raises(ScenarioError, match="two claims have the number 1"):
        load_claims(written(tmp_path, CLAIMS + again))


def test_a_claim_that_is_not_there(tmp_path):
    """`--only` names what is missing."""
    with pytest.raises(UserError, match="there is no claim 7"):
        judge_claims(load_claims(written(tmp_path)), only=[1, 7])


# The claims that ship.


@pytest.fixture(scope="module")
def shipped():
    """Return the eighteen claims."""
    return load_claims(SHIPPED / "claims.yaml")


def test_all_eighteen_are_there(shipped):
    """Each once, and every scenario in the folder belongs to one."""
    assert [claim.number for claim in shipped.file.claims] == list(range(1, 19))
    assert {path.name for path in SHIPPED.glob("*.yaml")} == {*shipped.sources, "claims.yaml"}
    assert [claim.number for claim in shipped.file.claims if claim.main] == [9]


def test_every_claim_says_what_to_do_both_ways(shipped):
    """So that the verdict alone decides which is told; the map speaks for itself."""
    assert [claim.number for claim in shipped.file.claims if claim.do is None] == [9]


def test_seeds_differ(shipped):
    """Errors of different scenarios are taken to be independent."""
    seeds = [source.scenario().study.seed for source in shipped.sources.values()]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("[0-9]*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_is_sound(path):
    """Read without errors or warnings."""
    assert not list(warnings(load_source(path).scenario()))


@pytest.fixture(scope="module")
def exact(shipped):
    """Return claims 1 to 3, by number."""
    found = judge_claims(shipped, only=[1, 2, 3], replications=2).claims
    return {claim.claim.number: claim.cases for claim in found}


def means(cases):
    """Return the first ratio of each case."""
    return [case.found.points[0].ratio.mean for case in cases]


def test_claim_1_is_exact_without_overheads_and_turns_where_the_arithmetic_says(exact):
    """60 s, 180 s and a third.

    With overheads, of tasks of d seconds: one by one 3 x (4 turn + 5.7 brief + 2 spawn + d + 2 return
    + 5 merge) = 3 d + 56.1; at once 4 + 3 x 5.7 + 4 + d + 3 x 5 merges = d + 40.1. (d + 40.1) / (3 d + 56.1)
    is 0.3667 at (40.1 - 0.3667 x 56.1) / (3 x 0.3667 - 1) = 195.09 s.
    """
    third, minute, three, by_length, _ = exact[1]
    assert means([third, minute, three]) == pytest.approx([1 / 3, 60, 180])
    assert {case.verdict for case in (third, minute, three)} == {CONFIRMED}
    (threshold,) = by_length.found.thresholds
    assert threshold.at == pytest.approx((40.1 - 0.3667 * 56.1) / (3 * 0.3667 - 1))
    assert threshold.holds_above


def test_claim_2_is_exact(exact):
    """45 s and 49K tokens; measured, 34K + 3 x 24.8K and what the coordinator writes."""
    seconds, tokens, _, measured = exact[2]
    assert means([seconds, tokens]) == [45, 49_000]
    assert (seconds.verdict, tokens.verdict) == (CONFIRMED, CONFIRMED)
    # One turn of 300, three briefs of 240, three merges of 500.
    assert means([measured]) == [34_000 + 3 * 24_800 + 300 + 3 * 240 + 3 * 500]


def test_claim_3_is_exact(exact):
    """15K of 60K; and 3 x 25.5K of 3 x 40.5K."""
    post, measured = exact[3]
    assert means([post, measured]) == pytest.approx([0.25, 25.5 / 40.5])
    assert (post.verdict, measured.verdict) == (CONFIRMED, REFUTED)


def test_claims_1_to_3_hold_on_their_own_terms(shipped):
    """Their arithmetic is right; with measured overheads it is another."""
    found = judge_claims(shipped, only=[1, 2, 3], replications=50).claims
    assert [(claim.verdict, claim.beyond) for claim in found] == [
        (CONFIRMED, DEPENDS),  # 195 s of work are enough, where tasks are equal
        (CONFIRMED, REFUTED),
        (CONFIRMED, REFUTED),
    ]


def test_claim_4_turns_at_four_times_the_spawn(shipped):
    """A spawn is a fifth of itself and the work where the work is four times as much."""
    (claim,) = judge_claims(shipped, only=[4], replications=2).claims
    at = [case.found.thresholds[0].at for case in claim.cases[:3]]
    assert at == pytest.approx([4 * 2_000, 4 * 4_000, 4 * 23_500])


def test_claim_5_a_lost_edit_costs_twenty_minutes_and_no_more(shipped):
    """At most one less than there are agents, each once; nobody does them again."""
    frame = judge_claims(shipped, only=[5], replications=20).results["05-shared-files.yaml"].frame
    once = frame[frame["strategy"] == "parallel"]
    losses = once["people_conflicts_s"] / 1200
    assert (losses == once["overwritten_attempts"]).all()
    assert (losses <= once["tasks"] - 1).all()
    assert losses.max() > 1
    assert not once["people_recovery_s"].any()


def test_claim_6_merges_ten_minutes_for_five_agents(shipped):
    """Five to read, and half a minute for each of ten pairs."""
    frame = judge_claims(shipped, only=[6], replications=2).results["06-prose.yaml"].frame
    rows = frame[
        (frame["strategy"] == "parallel") & (frame["tasks"] == 5) & (frame["merge.pair.people"] == "30s")
    ]
    assert rows["people_merge_s"].to_numpy() == pytest.approx(600)


def test_claim_14_costs_what_the_prices_say(shipped):
    """Five simultaneous writes at 1.25 against one write and four reads at 0.1, each prompt sent once."""
    (claim,) = judge_claims(shipped, only=[14], replications=2).claims
    found = claim.cases[0].found
    points = {point.at: point.ratio.mean for point in found.points}
    assert points["0s"] == pytest.approx(5 * 1.25 / (1.25 + 4 * 0.1))
    assert points["5.7s"] == pytest.approx(1.0)
    # 20K tokens sent anew: 1.2 s and 20 x 38 ms are about 2 s to the first token.
    (threshold,) = found.thresholds
    assert 1.9 <= threshold.at <= 2.0


def test_claim_16_leaves_what_the_critical_path_leaves(shipped):
    """A chain gains nothing at all; a fan has three of six minutes on its critical path, and overheads."""
    (claim,) = judge_claims(shipped, only=[16], replications=2).claims
    chain, fan = means(claim.cases)
    assert chain == pytest.approx(1.0)
    assert 0.5 < fan < 0.65


def test_every_claim_is_judged_end_to_end(shipped):
    """At two replications, whatever the verdicts; all findings can be written as JSON."""
    found = judge_claims(shipped, replications=2)
    assert len(found.claims) == 18
    statements = {type(case.found).__name__ for claim in found.claims for case in claim.cases}
    assert statements == {"RatioFinding", "BestFinding", "MapFinding", "RegretFinding"}
    assert all(claim["verdict"] in set(Verdict) for claim in found.to_json()["claims"])
