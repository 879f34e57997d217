"""Verdicts follow from results by one rule."""

import math

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.claims.break_even_map import judge_map, queue_from
from dispatch_sim.claims.cases import judge_ratio
from dispatch_sim.claims.rule_of_thumb import is_independent, is_structured, judge_regret
from dispatch_sim.claims.simulation import Points
from dispatch_sim.claims.statements import BreakEvenMap, Ratio, Regret
from dispatch_sim.claims.verdicts import (
    State,
    Verdict,
    find_thresholds,
    is_valid,
    state_at,
    verdict_of_cases,
    verdict_of_states,
)
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study.design import design_sweep

HOLDS, FAILS, UNDECIDED = State
CONFIRMED, REFUTED, DEPENDS, NOT_SHOWN = Verdict


def sample(mean, sd=0.0, n=50, seed=0):
    """Return n values with exactly this mean and standard deviation."""
    noise = np.random.default_rng(seed).normal(size=n)
    noise -= noise.mean()
    return mean + sd * noise / noise.std(ddof=1)


def table(points, n=50):
    """Return results of points (strategy, concurrency, tasks, further columns, cost)."""
    parts = []
    for strategy, concurrency, tasks, extra, cost in points:
        values = np.broadcast_to(cost, n)
        columns = {"strategy": strategy, "concurrency": concurrency, "tasks": tasks, **extra}
        parts.append(pd.DataFrame({**columns, "replication": range(n), "cost_usd": values}))
    return pd.concat(parts, ignore_index=True)


class Simulated(Points):
    """Points whose replications are all there, from a table of results."""

    def __init__(self, frame, source=None):
        keys = [
            column
            for column in frame.columns
            if column in ("strategy", "concurrency", "tasks") or "." in column
        ]
        self.measures = [column for column in frame.columns if column.endswith(("_usd", "_s"))]
        groups = list(frame.groupby(keys, sort=False))
        points = pd.DataFrame([point for point, _ in groups], columns=keys)
        self.table = {
            key: points[key].astype(object if points[key].dtype == "str" else None).to_numpy() for key in keys
        }
        self.values = [part[self.measures].to_numpy(float) for _, part in groups]
        self.screening = len(self.values[0])
        self.stages = (self.screening,)
        self.design = design_sweep(source) if source else None

    def extend(self, rows, count):
        assert all(len(self.values[row]) >= count for row in rows)


# The rule.


@pytest.mark.parametrize(
    ("rule", "found", "verdict"),
    [
        (verdict_of_states, [HOLDS, HOLDS], CONFIRMED),
        (verdict_of_states, [FAILS, FAILS], REFUTED),
        (verdict_of_states, [HOLDS, UNDECIDED, FAILS], DEPENDS),
        (verdict_of_states, [HOLDS, UNDECIDED], NOT_SHOWN),
        (verdict_of_states, [FAILS, UNDECIDED], NOT_SHOWN),
        (verdict_of_states, [UNDECIDED], NOT_SHOWN),
        (verdict_of_cases, [CONFIRMED, CONFIRMED], CONFIRMED),
        (verdict_of_cases, [REFUTED], REFUTED),
        (verdict_of_cases, [CONFIRMED, REFUTED, NOT_SHOWN], DEPENDS),
        (verdict_of_cases, [CONFIRMED, DEPENDS], DEPENDS),
        (verdict_of_cases, [CONFIRMED, NOT_SHOWN], NOT_SHOWN),
        (verdict_of_cases, [REFUTED, NOT_SHOWN], NOT_SHOWN),
    ],
)
def test_rules_over_points_and_over_cases(rule, found, verdict):
    assert rule(found) is verdict


@pytest.mark.parametrize(
    ("mean", "sd", "bounds", "state"),
    [
        (2.0, 0.0, (None, 2), HOLDS),  # on the bound
        (2.0 + 1e-12, 0.0, (None, 2), HOLDS),  # on the bound, but for rounding
        (2.0 + 1e-6, 0.0, (None, 2), FAILS),
        (1.5, 0.5, (None, 2), HOLDS),
        (2.5, 0.5, (None, 2), FAILS),
        (2.0, 0.5, (None, 2), UNDECIDED),
        (0.5, 0.1, (1, 2), FAILS),
        (1.0, 0.1, (1, 2), UNDECIDED),
        (1.5, 0.1, (1, 2), HOLDS),
        (2.5, 0.1, (1, 2), FAILS),
    ],
)
def test_state_at_point(mean, sd, bounds, state):
    """With 50 replications the half-width of the interval is 0.14 where sd is 0.5."""
    assert state_at((sample(mean, sd), np.ones(50)), *bounds, 0.95) is state


@pytest.mark.parametrize(("ones", "valid"), [(0, True), (23, False), (25, True), (500, True)])
def test_interval_needs_25_replications_per_squared_skewness(ones, valid):
    """A share p has skewness (1 - 2p) / sqrt(p (1 - p)): of 1,000, 1,012 are needed for 23 and 925 for 25."""
    assert is_valid(np.repeat([1.0, 0.0], [ones, 1000 - ones])) is valid


def test_threshold_is_where_statement_turns():
    """The ratio is x. At most 2.5 holds below 2.5; from 1.5 to 3.5 holds between."""
    places = [1.0, 2.0, 3.0, 4.0]
    exact = [(np.full(5, x), np.ones(5)) for x in places]
    (found,) = find_thresholds(places, [exact], None, 2.5, 0.95)
    assert (found.at, found.low, found.high, found.holds_above) == (2.5, 2.5, 2.5, False)
    low, high = find_thresholds(places, [exact], 1.5, 3.5, 0.95)
    assert (low.at, low.holds_above, high.at, high.holds_above) == (1.5, True, 3.5, False)
    noisy = [(sample(x, 0.5, seed=int(x)), np.ones(50)) for x in places]
    (found,) = find_thresholds(places, [noisy], None, 2.5, 0.95)
    assert found.low < 2.5 < found.high
    assert found.at == pytest.approx(2.5)


# Ratios.


def ratio_of(frame, **ratio):
    of = {"measure": "cost_usd", "strategy": "parallel"}
    return judge_ratio(Ratio.model_validate({"of": of, "at_most": 1} | ratio), Simulated(frame), 0.95)


def term(strategy, measure="cost_usd", **at):
    return {"measure": measure, "strategy": strategy, "at": at}


def along(means, sd=0.05):
    """Return results in which parallel costs these means and sequential 1, along a swept path."""
    points = []
    for number, (level, mean) in enumerate(means.items()):
        points.append(("parallel", 3, 3, {"a.b": level}, sample(mean, sd, seed=number)))
        points.append(("sequential", 1, 3, {"a.b": level}, sample(1.0, 0.0)))
    return table(points)


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
    found = ratio_of(along(means), to=term("sequential"), over="a.b")
    assert found.verdict is verdict
    if verdict is DEPENDS:
        (threshold,) = found.thresholds
        assert threshold.low < 1.5 < threshold.high  # 0.75 + 0.5 (x - 1) = 1
        assert threshold.at == pytest.approx(1.5)
    else:
        assert found.thresholds == ()


def test_more_points_ask_for_more():
    """A difference with p = 3% is shown at a single point, and not among three (Bonferroni)."""
    sd = 0.1 * math.sqrt(50) / 2.235  # two-sided p = 3% for 49 degrees of freedom
    one, three = (
        ratio_of(along(dict.fromkeys(range(n), 0.9), sd), to=term("sequential"), over="a.b") for n in (1, 3)
    )
    assert (one.verdict, three.verdict) == (CONFIRMED, NOT_SHOWN)


def test_measures_are_added_and_subtracted():
    """(3 + 3 - 1) / 1 = 5, and 5 alone."""
    frame = table([("parallel", 3, 3, {}, 3.0), ("sequential", 1, 3, {}, 1.0)])
    of = [term("parallel", ["cost_usd", "cost_usd"]), term("sequential", "-cost_usd")]
    for to in (None, term("sequential")):
        (point,) = ratio_of(frame, of=of, to=to, at_least=5, at_most=5).points
        assert (point.ratio.mean, point.state) == (5.0, HOLDS)


def test_best_queue_is_cheapest_narrower_than_batch():
    """The queue of 4 starts all tasks at once, that of 2 is the best of the others."""
    queues = [
        ("queue", width, 4, {}, sample(cost, 0.01, seed=width)) for width, cost in {1: 3, 2: 2, 4: 1}.items()
    ]
    frame = table([("parallel", 4, 4, {}, 3.0), *queues])
    found = ratio_of(frame, to=term("queue", concurrency="best"), at_least=1.4, at_most=None)
    assert (found.verdict, found.best) == (CONFIRMED, (2,))
    assert found.points[0].ratio.mean == pytest.approx(1.5)


def test_next_concurrency_and_none_against_itself():
    """Costs of 4, 2, 3 at 1, 2, 3: a second agent halves the cost, a third raises it by half."""
    frame = table([("queue", width, 3, {}, cost) for width, cost in {1: 4.0, 2: 2.0, 3: 3.0}.items()])
    queue = term("queue")
    found = ratio_of(frame, of=term("queue", concurrency="next"), to=queue, over="concurrency")
    assert [(point.at, point.ratio.mean) for point in found.points] == [(1, 0.5), (2, 1.5)]
    found = ratio_of(frame, of=queue, to=term("queue", concurrency=2), over="concurrency")
    assert [point.at for point in found.points] == [1, 3]


def test_level_is_found_however_its_number_is_written():
    found = ratio_of(
        along({1: 2.0, 1.5: 4.0}, sd=0.0), to=term("parallel", **{"a.b": 1}), at_most=1, over="a.b"
    )
    assert [(point.at, point.ratio.mean) for point in found.points] == [(1.5, 2.0)]


# Maps.


def square(crossings, n=30):
    """Return results in which parallel minus the queue of 1 is the number of tasks minus the crossing."""
    points = []
    for (size, scale), at in crossings.items():
        factors = {"tasks.tokens": size, "provider.limits.scale": scale}
        for tasks in range(2, 13):
            points.append(("queue", 1, tasks, factors, sample(20.0, 0.1, n, seed=tasks)))
            points.append(("parallel", tasks, tasks, factors, sample(20.0 + tasks - at, 0.1, n, seed=tasks)))
    return table(points, n)


def map_of(frame, **claim):
    statement = BreakEvenMap.model_validate({"at_least": 4, "at_most": 7} | claim)
    return judge_map(statement, Simulated(frame), 0.95)


def test_map_finds_each_break_even_where_it_is():
    """At 5.2 it is four to seven, at 10.2 or beyond the batch it is not. Parallel costs 20 + 7 - 5.2 at 7."""
    crossings = {("2K", 1): 5.2, ("2K", 2): 10.2, ("5K", 1): 6.3, ("5K", 2): 50.0}
    found = map_of(square(crossings))
    assert found.verdict is DEPENDS
    for cell in found.cells:
        at = crossings[tuple(cell.factors.values())]
        assert cell.state is (HOLDS if at < 7 else FAILS)
        assert queue_from(cell.favours) == (math.ceil(at) if at < 12 else None)
        assert list(cell.favours.values()).count("parallel") == min(math.floor(at), 12) - 1
        assert cell.ratios[7] == pytest.approx((27 - at) / 20)


@pytest.mark.parametrize(("cells", "favours"), [(1, "parallel"), (4, None)])
def test_comparisons_of_map_hold_together(cells, favours):
    """A difference with p = 3% is shown in a single comparison, and not in one of four (Bonferroni)."""
    points = []
    for cell in range(cells):
        less = sample(-0.1, 0.1 * math.sqrt(50) / 2.235)
        points += [("queue", 3, 4, {"a.b": cell}, 1.0), ("parallel", 4, 4, {"a.b": cell}, 1.0 + less)]
    assert map_of(table(points)).cells[0].favours == {4: favours}


def test_best_queue_of_map_is_narrower_than_batch():
    """The queue of 4 starts all tasks at once; the best of the others costs 2."""
    costs = {1: 3.0, 2: 2.0, 4: 1.0}
    points = [("queue", at_once, 4, {}, sample(cost, 0.01)) for at_once, cost in costs.items()]
    (cell,) = map_of(table([("parallel", 4, 4, {}, 3.0), *points])).cells
    assert cell.ratios[4] == pytest.approx(1.5)


@pytest.mark.parametrize(
    ("more", "state"),
    [
        ([0.0, 1.0, 1.0, 1.0, 1.0], HOLDS),  # open at four, the queue from five on: it is four or five
        ([1.0, 1.0, 1.0, 1.0, 1.0], HOLDS),  # the queue of 3 wins in the smallest batch it is compared in
        ([-1.0, -1.0, 1.0, 1.0, 1.0], HOLDS),
        ([-1.0, -1.0, -1.0, -1.0, 0.2], FAILS),  # at 7 and 1 / 1.2 tasks
        ([0.0, 1.0, 1.0, 1.0, -1.0], UNDECIDED),  # wins in between only
        ([-1.0, -1.0, -1.0, -1.0, -1.0], FAILS),
    ],
)
def test_queue_of_3_is_compared_from_four_tasks_on(more, state):
    """Four to eight tasks; parallel costs so much more than a queue of 3 at each."""
    points = []
    for tasks, difference in zip(range(4, 9), more, strict=True):
        points.append(("queue", 3, tasks, {}, sample(20.0, 0.1, seed=tasks)))
        points.append(("parallel", tasks, tasks, {}, sample(20.0 + difference, 0.1, seed=tasks + 50)))
    (cell,) = map_of(table(points), concurrency=3).cells
    assert cell.state is state


# The rule of thumb.

RULE = """\
tasks: [{{name: t, count: 3, tokens: 1K, duration: 60s{more}}}]
values: {{waiting: $36/h}}
strategies: [sequential, parallel, queue]
sweep: {{tasks: [3], concurrency: [2, 3]}}
"""


def regret_of(points, more="", makespans=(600.0, 100.0), **claim):
    frame = table(points, n=4)
    frame["makespan_s"] = frame["concurrency"].map({1: makespans[0], 2: 300.0, 3: makespans[1]})
    source = parse_source(RULE.format(more=more))
    regret = Regret.model_validate({"at_most": 0.2} | claim)
    return judge_regret(regret, {"s": Simulated(frame, source)}, 0.95)


PLAIN = [("sequential", 1, 3, {}, 4.0), ("parallel", 3, 3, {}, 3.0), ("queue", 2, 3, {}, 2.0)]
"""Regrets of 100%, 50% and none."""


@pytest.mark.parametrize(
    ("more", "makespans", "regret"),
    [
        ("", (600.0, 100.0), 0.5),
        (", coupling: 10%", (600.0, 100.0), 1.0),
        (", output: prose", (600.0, 100.0), 1.0),
        (", writes: [file]", (600.0, 100.0), 1.0),
        ("", (104.0, 100.0), 1.0),  # 4 s at $36 an hour are 4 cents, less than 5
    ],
)
def test_rule_chooses_parallel_where_all_three_conditions_hold(more, makespans, regret):
    """Sequential costs 4, parallel 3, the queue 2."""
    found = regret_of(PLAIN, more, makespans)
    assert (found.right, found.settings, found.verdict) == (0, 1, REFUTED)
    assert found.mean.mean == pytest.approx(regret)
    always = {name: estimate.mean for name, estimate in found.always.items()}
    assert always == pytest.approx({"sequential": 1.0, "parallel": 0.5, "queue": 0.0})


def test_rule_is_compared_with_plain_strategies_only():
    found = regret_of([*PLAIN[:2], ("parallel (worktree)", 3, 3, {}, 1.5)], at_most=0.1)
    assert (found.right, found.mean.mean) == (1, 0.0)


def test_rule_falls_back_on_queue_that_is_nearest():
    found = regret_of(PLAIN, ", coupling: 10%", otherwise="queue", concurrency=3)
    assert (found.right, found.mean.mean, found.verdict) == (1, 0.0, CONFIRMED)


def test_conditions_are_read_from_scenario():
    group = "{{name: {}, tokens: 1, duration: 1s, writes: [{}]}}"
    apart = f"tasks: [{group.format('a', 'x')}, {group.format('b', 'y')}]"
    scenario = parse_source(apart).scenario()
    assert is_independent(scenario)
    assert is_structured(scenario)
    assert not is_independent(parse_source(apart.replace("[y]", "[x]")).scenario())
    assert not is_independent(parse_source(apart.replace("writes: [y]", "after: [a]")).scenario())
