"""Break-even points are found where they are, with sets that hold them as often as they say."""

import json
import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import stats

from dispatch_sim.study.break_even import find_break_even, find_factor_break_even
from dispatch_sim.study.contest import cross_fitted_best
from dispatch_sim.study.estimates import quantile_estimate
from dispatch_sim.study.sign_changes import Crossing, Region, SignChanges, agreeing, sign_changes

from .differences import certain, noisy

# Known crossings.


def test_without_noise_the_set_is_the_zero_itself():
    """Linear interpolation from -1 at 4 to 3 at 5."""
    found = sign_changes([3, 4, 5, 6], certain(-2, -1, 3, 4))
    assert found.status == "crossing"
    assert found.crossings == (Crossing(4.25, 4.25, 4.25, "queue_wins_above", True),)
    assert found.regions == (
        Region(3, 4.25, "parallel"),
        Region(4.25, 4.25, None),
        Region(4.25, 6, "queue"),
    )


def test_the_set_ends_where_the_t_test_is_just_significant():
    """scipy's p at both ends is 5%, on the interpolated differences."""
    x = np.array([1.0, 2.0, 4.0, 8.0])
    differences = noisy(-2, -0.2, 0.2, 3)
    (crossing,) = sign_changes(x, differences).crossings
    assert crossing.resolved
    assert crossing.at == pytest.approx(3)
    for end in (crossing.low, crossing.high):
        there = [np.interp(end, x, column) for column in differences.T]
        assert stats.ttest_1samp(there, 0).pvalue == pytest.approx(0.05, rel=1e-6)
    assert crossing.low < 2 < 4 < crossing.high  # over three segments


def test_when_every_replication_crosses_at_the_same_place_so_does_the_set():
    """The quadratic has a double root, its discriminant is zero but for rounding."""
    slopes = np.array([0.7, 1.1, 1.3, 0.9, 1.7])
    x = np.array([1.0, 3.0, 7.0])
    (crossing,) = sign_changes(x, (x - 4.1)[:, None] * slopes).crossings
    assert crossing.resolved
    assert (crossing.low, crossing.at, crossing.high) == pytest.approx((4.1, 4.1, 4.1), abs=1e-6)


def test_both_of_two_crossings_are_found_with_their_directions():
    """Queue wins between them."""
    found = sign_changes(range(6), noisy(-5, -3, 3, 3, -3, -5))
    assert [c.direction for c in found.crossings] == ["queue_wins_above", "parallel_wins_above"]
    assert [c.at for c in found.crossings] == pytest.approx([1.5, 3.5])
    assert all(c.resolved for c in found.crossings)
    assert [r.favours for r in found.regions] == ["parallel", None, "queue", None, "parallel"]


def test_a_sign_change_at_a_point_is_one_crossing():
    """With and without noise."""
    for differences in (certain(-1, 0, 1), noisy(-3, 0, 3)):
        (crossing,) = sign_changes([2, 3, 4], differences).crossings
        assert crossing.at == pytest.approx(3)
        assert crossing.low <= 3 <= crossing.high
        assert crossing.resolved


def test_a_stretch_of_exact_equality_is_one_crossing_in_its_middle():
    """The set is the stretch."""
    found = sign_changes([1, 2, 3, 4, 6, 7], certain(-1, 0, 0, 0, 0, 2))
    assert found.crossings == (Crossing(4.0, 2.0, 6.0, "queue_wins_above", True),)


def test_of_several_zeros_within_the_noise_the_middle_one_is_taken():
    """Three zeros of the mean in one undecided region."""
    found = sign_changes(range(6), noisy(-9, -0.01, 0.01, -0.01, 0.01, 9))
    (crossing,) = found.crossings
    assert crossing.at == pytest.approx(2.5)
    assert crossing.direction == "queue_wins_above"
    assert crossing.low < 1
    assert crossing.high > 4


# No crossing, or none that is resolved.


def test_one_side_better_all_over_is_none_in_range():
    """And it says who."""
    for sign, winner in ((1, "queue"), (-1, "parallel")):
        found = sign_changes(range(3), sign * noisy(2, 1, 2))
        assert (found.status, found.favours, found.crossings) == ("none_in_range", winner, ())


def test_a_point_of_equality_within_the_lead_of_one_side_is_no_crossing():
    """Parallel and queue: T at one size."""
    found = sign_changes([1, 2, 3], certain(1, 0, 1))
    assert (found.status, found.crossings) == ("unresolved", ())
    assert [r.favours for r in found.regions] == ["queue", None, "queue"]


def test_a_flat_difference_is_unresolved_all_over():
    """Noise around nothing, and nothing at all."""
    assert sign_changes(range(4), noisy(0.01, 0.01, 0.01, 0.01)).regions == (Region(0, 3, None),)
    assert sign_changes(range(4), certain(0, 0, 0, 0)) == SignChanges(
        (Region(0, 3, None),), (Region(0, 3, None),), ()
    )


def test_a_set_that_is_open_at_the_edge_leaves_the_crossing_unresolved():
    """It is reported all the same, with the end that there is."""
    found = sign_changes([1, 2, 3], noisy(-5, -0.1, 0.1))
    (crossing,) = found.crossings
    assert found.status == "unresolved"
    assert crossing.at == pytest.approx(2.5)
    assert 1 < crossing.low < 2
    assert (crossing.high, crossing.resolved) == (None, False)
    (mirrored,) = sign_changes([-3, -2, -1], noisy(-5, -0.1, 0.1)[::-1]).crossings
    assert (mirrored.low, mirrored.direction) == (None, "parallel_wins_above")
    assert mirrored.high == pytest.approx(-crossing.low)


def test_sign_changes_between_regions_of_the_same_side_are_not_resolved():
    """The mean dips below zero, but not significantly."""
    found = sign_changes(range(4), noisy(5, 0.05, -0.05, 5))
    assert found.status == "unresolved"
    assert len(found.crossings) == 2
    assert not any(c.resolved for c in found.crossings)


# Edges.


def test_one_point_is_decided_or_not_and_none_has_no_regions():
    """A coarse axis."""
    assert sign_changes([5], noisy(3)).favours == "queue"
    assert sign_changes([5], noisy(0.01)).status == "unresolved"
    assert sign_changes([], np.empty((0, 9))) == SignChanges((), (), ())
    assert sign_changes([], np.empty((0, 9))).status == "unresolved"


@pytest.mark.parametrize(
    ("x", "differences", "message"),
    [
        ([1, 2], certain(1, 2, replications=1), "at least 2 replications"),
        ([1, 2], certain(1, math.nan), "^x and differences must be finite numbers$"),
        ([1, math.inf], certain(1, 2), "finite"),
        ([1, 1], certain(1, 2), "increase"),
        ([1, 2, 3], certain(1, 2), "shape"),
        ([1, 2], [1, 2], "shape"),
    ],
)
def test_what_cannot_be_judged_is_refused(x, differences, message):
    """With the reason."""
    with pytest.raises(ValueError, match=message):
        sign_changes(x, differences)


def test_huge_and_tiny_costs_are_judged_alike():
    """Squares of squares would overflow and underflow."""
    usual = sign_changes(range(4), noisy(-3, -0.1, 0.2, 3))
    for scale in (2.0**600, 2.0**-600):
        assert sign_changes(range(4), noisy(-3, -0.1, 0.2, 3) * scale) == usual


def test_a_zero_within_rounding_of_a_point_is_a_crossing_all_the_same():
    """The mean at the point is not zero, but the place of the zero is the point."""
    for tiny in (1e-17, -1e-17, 1e-300, 5e-324):
        (crossing,) = sign_changes([1, 2, 3], certain(1, tiny, -1)).crossings
        assert crossing == Crossing(2, 2, 2, "parallel_wins_above", True)


# Properties, over all kinds of differences.

tables = st.tuples(st.integers(1, 6), st.integers(2, 6)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(-8, 8).map(float))
)


@settings(max_examples=300, deadline=None)
@given(tables, st.floats(0, 1))
def test_every_place_of_the_axis_is_judged_as_the_t_test_does_there(differences, where):
    """scipy's one-sample test of the interpolated differences, in a region that is not just a point."""
    x = np.arange(len(differences)) ** 1.5
    place = where * x[-1]
    found = sign_changes(x, differences)
    assert found.regions[0].low == x[0]
    assert found.regions[-1].high == x[-1]
    for left, right in pairwise(found.regions):
        assert left.high == right.low
        assert left.favours != right.favours
        assert None in (left.favours, right.favours)
    there = np.array([np.interp(place, x, column) for column in differences.T])
    region = next(region for region in found.regions if region.low <= place <= region.high)
    if min(place - region.low, region.high - place) < 1e-6 < x[-1]:
        return
    half = stats.t.ppf(0.975, len(there) - 1) * there.std(ddof=1) / math.sqrt(len(there))
    if region.favours is None:
        assert abs(there.mean()) <= half + 1e-9
    else:
        assert there.mean() * (1 if region.favours == "queue" else -1) >= half - 1e-9


@settings(max_examples=200, deadline=None)
@given(tables)
def test_each_sign_change_of_the_mean_is_in_the_set_reported_with_it(differences):
    """Whether it is resolved or not; and directions of resolved crossings alternate."""
    x = np.arange(len(differences), dtype=float)
    found = sign_changes(x, differences)
    for crossing in found.crossings:
        assert crossing.low is None or crossing.low <= crossing.at
        assert crossing.high is None or crossing.at <= crossing.high
        assert np.interp(crossing.at, x, differences.mean(axis=1)) == pytest.approx(0, abs=1e-9)
    resolved = [c.direction for c in found.crossings if c.resolved]
    assert all(one != other for one, other in pairwise(resolved))
    decided = [r.favours for r in found.regions if r.favours]
    assert len(resolved) <= sum(one != other for one, other in pairwise(decided))


@given(tables, st.integers(-30, 30))
@example(certain(4, -6), 0)
def test_the_unit_of_cost_does_not_matter(differences, exponent):
    """Scaling by a power of two is exact."""
    x = range(len(differences))
    assert sign_changes(x, differences * 2.0**exponent) == sign_changes(x, differences)


@given(tables)
@example(np.array([[2.0, 2.0], [2.0, -2.0], [0.0, -1.0]]))
def test_exchanging_the_sides_turns_every_direction_round(differences):
    """And changes nothing else."""
    x = range(len(differences))
    one, other = sign_changes(x, differences), sign_changes(x, -differences)
    turned = {"queue": "parallel", "parallel": "queue", None: None}
    assert [turned[r.favours] for r in one.regions] == [r.favours for r in other.regions]
    for here, there in zip(one.crossings, other.crossings, strict=True):
        assert here.direction != there.direction
        assert (here.at, here.low, here.high) == (there.at, there.low, there.high)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8), st.integers(1, 20))
def test_a_decided_point_beyond_a_decided_end_moves_no_crossing(means, distance):
    """Without noise, where more points do not ask for more certainty: the lead only goes on there."""
    found = sign_changes(range(len(means)), certain(*means))
    if means[-1] == 0:
        return
    x = [*range(len(means)), len(means) - 1 + distance]
    assert sign_changes(x, certain(*means, means[-1])).crossings == found.crossings


# Coverage.


def test_the_set_covers_the_true_crossing_as_often_as_it_says():
    """400 studies of 128 replications, with skewed noise shared along the axis and of each point."""
    rng = np.random.default_rng(11)
    x, truth, studies = np.arange(2.0, 10.0), 5.3, 400
    covered = resolved = 0
    for _ in range(studies):
        batch = rng.lognormal(0, 0.6, size=128) / math.exp(0.18)
        own = rng.exponential(size=(x.size, 128)) - 1
        found = sign_changes(x, (x - truth)[:, None] * batch + 2 * own)
        covered += any(r.favours is None and r.low <= truth <= r.high for r in found.regions)
        resolved += any(c.resolved for c in found.crossings)
    low, high = stats.binom.ppf([0.0005, 0.9995], studies, 0.95)
    assert low <= covered <= high
    assert resolved > 0.95 * studies


def test_where_nothing_differs_a_crossing_is_rarely_found():
    """D is zero at all of 19 points, with independent noise: at most one trial in twenty finds a crossing.

    The bound leaves room for 3.3 standard errors of 400 trials. Judged point by point it is one in four.
    """
    rng = np.random.default_rng(11)
    trials = [sign_changes(range(19), rng.normal(size=(19, 64))).status for _ in range(400)]
    assert trials.count("crossing") / 400 < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 400)


def test_where_nothing_differs_nothing_is_said_to():
    """D is zero at all of 19 points: in nineteen trials of twenty no side is said to be better anywhere."""
    rng = np.random.default_rng(12)
    trials = [sign_changes(range(19), rng.normal(size=(19, 64))).established for _ in range(400)]
    said = sum(any(region.favours for region in established) for established in trials)
    assert said / 400 < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 400)


def test_two_ways_of_judging_agree_where_both_decide_alike():
    """One turns at 1.5, the other at 2.5: from 1.5 to 2.5 they disagree, and there the crossing may be."""
    one, other = (
        sign_changes(range(5), certain(-3, -1, 1, 3, 5)),
        sign_changes(range(5), certain(-5, -3, -1, 1, 3)),
    )
    both = agreeing(one, other)
    assert both.established == (Region(0, 1.5, "parallel"), Region(1.5, 2.5, None), Region(2.5, 4, "queue"))
    assert both.crossings == (Crossing(1.5, 1.5, 2.5, "queue_wins_above", True),)
    assert agreeing(one, one) == one
    assert agreeing(one, sign_changes(range(5), certain(1, 2, 3, 4, 5))).status == "unresolved"


def test_agreement_keeps_a_point_that_is_undecided():
    """A point of equality at the edge stays one, and a single point is judged like any other."""
    edge = sign_changes(range(3), certain(0, 1, 2))
    assert agreeing(edge, edge) == edge
    alone = sign_changes([4], certain(1))
    assert agreeing(alone, alone).favours == "queue"
    assert agreeing(alone, sign_changes([4], certain(-1))).favours is None


def test_choosing_the_best_queue_does_not_bias_its_cost():
    """Eight equal queues, as costly as parallel: the least of their means is too low."""
    rng = np.random.default_rng(5)
    fair, naive, wrong = [], [], 0
    for _ in range(400):
        costs = rng.exponential(size=(9, 64))
        difference = costs[0] - cross_fitted_best(costs[1:])
        fair.append(difference.mean())
        naive.append(costs[0].mean() - costs[1:].mean(axis=1).min())
        wrong += sign_changes([9], difference[None]).favours == "queue"
    assert abs(np.mean(fair)) < 3.3 * stats.sem(fair)
    assert np.mean(naive) > 20 * stats.sem(naive)
    assert wrong <= stats.binom.ppf(0.9995, 400, 0.025)


def test_with_one_clear_best_cross_fitting_takes_it():
    """In both halves; of equals the first."""
    costs = np.array([[3.0, 4, 5, 6], [1, 2, 3, 4], [1, 2, 3, 4.5]])
    np.testing.assert_array_equal(cross_fitted_best(costs), costs[1])
    np.testing.assert_array_equal(cross_fitted_best(costs[[1, 1]]), costs[1])


# From the results of a study.


def study(sizes, cost, labels=("parallel", "queue"), replications=40, noise=0.3):
    """Return results of parallel and of all queues narrower than it, at `cost(kind, width, tasks)`."""
    rng = np.random.default_rng(2)
    rows = []
    for tasks in sizes:
        for label in labels:
            kind = label.split()[0]
            for width in [tasks] if kind == "parallel" else range(1, tasks):
                luck = rng.normal(size=replications) * noise
                rows += [
                    (label, width, tasks, r, cost(kind, width, tasks) + luck[r]) for r in range(replications)
                ]
    return pd.DataFrame(rows, columns=["strategy", "concurrency", "tasks", "replication", "cost_usd"])


def square(kind, width, tasks):
    """Parallel costs T^2; queue: N costs 4T + 6N, so N = 1 is best and D(T) = T^2 - 4T - 6N."""
    return tasks**2 if kind == "parallel" else 4 * tasks + 6 * width


def test_each_question_is_asked_once_and_in_order():
    """Best queue, each width that is asked for, then each size."""
    answers = find_break_even(study(range(1, 6), square), widths=(1, 2, 3, 4))
    assert [(a.axis, a.against, a.tasks) for a in answers] == [
        ("tasks", "best queue", None),
        *(("tasks", f"queue: {width}", None) for width in (1, 2, 3, 4)),
        *(("concurrency", "queue", tasks) for tasks in (2, 3, 4, 5)),
    ]
    assert [a.range for a in answers] == [
        (2, 5),
        (2, 5),
        (3, 5),
        (4, 5),
        (5, 5),
        (1, 1),
        (1, 2),
        (1, 3),
        (1, 4),
    ]
    assert [a.against for a in find_break_even(study(range(1, 6), square)) if a.axis == "tasks"] == [
        "best queue"
    ]
    assert find_break_even(study([1], square)) == []


def test_the_known_break_even_is_found():
    """D(5) = -1, D(6) = 6 for the best queue: it wins from 6 tasks."""
    results = study(range(1, 10), square)
    best, one, two = find_break_even(results, widths=(1, 2))[:3]
    (crossing,) = best.crossings
    assert crossing.low < 5 + 1 / 7 < crossing.high
    assert best.crossings == one.crossings
    assert (best.status, crossing.direction, best.first(crossing)) == ("crossing", "queue_wins_above", 6)
    assert two.crossings[0].low < 6 < two.crossings[0].high
    shuffled = results.sample(frac=1, random_state=3)
    assert find_break_even(shuffled) == find_break_even(results)


@pytest.mark.parametrize("wider", [0, 2])
def test_a_queue_as_wide_as_the_batch_stands_beside_parallel(wider):
    """It merges early and costs less than parallel: then holding tasks back is what a queue must beat.

    One that is wider starts all together, too. Against parallel alone the queue of 1 would win from 7 tasks;
    against the wide queue it never does.
    """
    narrow = study(range(2, 12), lambda kind, width, tasks: tasks**2 if kind == "parallel" else 6.5 * tasks)
    wide = study(range(2, 12), lambda *_: 0.0, ["queue"], noise=0.0).query("concurrency == 1")
    wide = wide.assign(concurrency=wide["tasks"] + wider, cost_usd=wide["tasks"])
    assert find_break_even(narrow)[0].status == "crossing"
    beside = find_break_even(pd.concat([narrow, wide]))[0]
    assert (beside.status, beside.favours) == ("none_in_range", "parallel")
    assert beside.differences[-1].mean == pytest.approx(11 - 6.5 * 11, abs=0.3)


def test_a_small_difference_all_along_is_practically_equal_whatever_its_sign():
    """A tenth of a cent either way is shown, and is within a cent; one size beyond it is told again."""

    def tiny(kind, width, tasks):
        return (tasks - 5) / 1000 if kind == "parallel" else 0.0

    results = study(range(2, 9), tiny, noise=0.0001)
    assert find_break_even(results)[0].status == "crossing"
    assert find_break_even(results, zone=lambda _: 0.01)[0].status == "practically_equal"
    assert find_break_even(results, zone=lambda _: 0.002)[0].status == "crossing"


def test_along_the_width_parallel_wins_above():
    """T = 8: 64 - 32 - 6N crosses between N = 5 and N = 6."""
    (answer,) = [a for a in find_break_even(study([8], square), batch_size=8) if a.axis == "concurrency"]
    assert (answer.tasks, answer.range) == (8, (1, 7))
    (crossing,) = answer.crossings
    assert (crossing.direction, answer.first(crossing)) == ("parallel_wins_above", 6)
    assert [a.axis for a in find_break_even(study([8], square), batch_size=9)] == ["tasks"]


def test_a_winner_at_every_size_is_none_in_range():
    """And an undecided study is said to be that."""
    dear = find_break_even(study([2, 3, 5, 20], lambda kind, width, tasks: 5.0 * (kind == "queue")))[0]
    assert (dear.status, dear.favours) == ("none_in_range", "parallel")
    equal = find_break_even(study([2, 3], lambda *_: 1.0, noise=0.0))[0]
    assert equal.status == "practically_equal"
    assert equal.undecided == (Region(2, 3, None),)


def test_an_unresolved_answer_says_what_is_known_all_the_same():
    """Equal at 2 tasks and better after; and an open end."""

    def growing(kind, width, tasks):
        return (tasks - 2.0) * (kind == "parallel")

    equal_at_two = find_break_even(study([2, 3, 4], growing, noise=0.0))[0]
    assert equal_at_two.status == "unresolved"
    assert equal_at_two.decided == (Region(2, 4, "queue"),)
    assert equal_at_two.undecided == (Region(2, 2, None),)


def test_where_both_are_equal_at_a_whole_number_the_winner_wins_from_the_next():
    """D(5) = 0 exactly."""

    def linear(kind, width, tasks):
        return float(tasks) if kind == "parallel" else 5.0

    answer = find_break_even(study(range(2, 9), linear, noise=0.0))[0]
    (crossing,) = answer.crossings
    assert (crossing.low, crossing.at, crossing.high, answer.first(crossing)) == (5, 5, 5, 6)


@pytest.mark.parametrize(
    ("at", "high", "first", "shown_from"),
    [
        (4.5, 4.8, 5, 5),
        (4.5, 6.1, 5, 7),
        (5 - 1e-12, 5.0, 6, 6),
        (5 + 1e-12, 5.0, 6, 6),
        (4.5, None, 5, None),
    ],
)
def test_the_first_whole_number_lies_above_the_crossing(at, high, first, shown_from):
    """And is shown from the first one above the set; a place that is whole but for rounding is whole."""
    found = find_break_even(study(range(2, 9), square))[0]
    crossing = Crossing(at, 4.2, high, "queue_wins_above", True)
    assert (found.first(crossing), found.shown_from(crossing)) == (first, shown_from)


def test_factors_and_labels_are_kept_apart():
    """Each combination and each pair has answers of its own, numbers before words."""
    labels = ("parallel", "parallel (as-completed)", "queue", "queue (script)")
    one = study([3, 4], square, labels).assign(**{"limits.scale": 2})
    other = one.assign(**{"limits.scale": "none"})
    answers = find_break_even(pd.concat([other, one]), widths=(1, 2, 3))
    assert [a.factors["limits.scale"] for a in answers] == [2] * (len(answers) // 2) + ["none"] * (
        len(answers) // 2
    )
    assert [a.against for a in answers if a.axis == "tasks"][: 4 * 4 : 4] == [
        "best queue",
        "best queue (script)",
        "best queue vs parallel (as-completed)",
        "best queue (script) vs parallel (as-completed)",
    ]
    fixed = [a.against for a in answers if a.queue == "queue (script)" and a.parallel == "parallel"]
    assert fixed[1:4] == ["queue: 1 (script)", "queue: 2 (script)", "queue: 3 (script)"]
    script = find_break_even(one, queue="queue (script)", parallel="parallel (as-completed)")
    assert {(a.parallel, a.queue) for a in script} == {("parallel (as-completed)", "queue (script)")}


def test_points_that_were_not_played_are_left_out():
    """A width, a size of parallel, though not of a queue as wide, and a size that had just begun."""
    results = study(range(1, 8), square)
    beside = results[(results["tasks"] == 4) & (results["strategy"] == "parallel")].assign(strategy="queue")
    results = pd.concat([results, beside])
    gone = (
        ((results["tasks"] == 6) & (results["concurrency"] == 2))
        | ((results["tasks"] == 4) & (results["strategy"] == "parallel"))
        | ((results["tasks"] == 7) & (results["replication"] >= 10))
    )
    answers = find_break_even(results[~gone], widths=(2,))
    assert answers[0].values == (2, 3, 5, 6)
    assert next(a for a in answers if a.against == "queue: 2").values == (3, 5)
    assert next(a for a in answers if a.tasks == 7).replications == 10
    assert 4 not in {a.tasks for a in answers}


def test_a_size_at_which_parallel_had_just_begun_is_left_out():
    """Though a queue as wide as the batch was played to the end."""
    results = study(range(2, 6), square)
    beside = results[(results["tasks"] == 4) & (results["strategy"] == "parallel")].assign(strategy="queue")
    begun = (results["tasks"] == 4) & (results["strategy"] == "parallel") & (results["replication"] >= 10)
    found = find_break_even(pd.concat([results[~begun], beside]))[0]
    assert (found.values, found.replications) == ((2, 3, 5), 40)


def test_of_parallel_the_size_is_asked_and_not_how_many_ran_at_once():
    """Whatever stands in its column of widths."""
    results = study(range(2, 8), square)
    unlimited = results["concurrency"].mask(results["strategy"] == "parallel", 0)
    assert find_break_even(results.assign(concurrency=unlimited)) == find_break_even(results)


def test_an_indifference_zone_may_be_a_share_of_the_cheaper_side():
    """Parallel costs 1, the queue 2: they differ by all of the one, and by half of the other."""
    results = study([3, 4], lambda kind, *_: 1.0 + (kind == "queue"), noise=0.0)
    assert find_break_even(results, zone=lambda scale: scale)[0].status == "practically_equal"
    assert find_break_even(results, zone=lambda scale: 0.99 * scale)[0].status == "none_in_range"


def test_the_break_even_of_a_percentile_is_that_of_the_percentiles():
    """Their difference at each size is that of the order statistics."""
    rng = np.random.default_rng(4)
    times = {
        (label, width, tasks): rng.exponential(mean, size=100)
        for tasks in (3, 4)
        for label, width, mean in (("parallel", tasks, 3.0), ("queue", 1, 5.0))
    }
    results = pd.DataFrame(
        [(*point, r, time) for point, sample in times.items() for r, time in enumerate(sample)],
        columns=["strategy", "concurrency", "tasks", "replication", "makespan_s"],
    )
    found = find_break_even(results, "p95_makespan_s")[0]
    assert [difference.mean for difference in found.differences] == pytest.approx(
        [
            quantile_estimate(times["parallel", tasks, tasks]).mean
            - quantile_estimate(times["queue", 1, tasks]).mean
            for tasks in (3, 4)
        ]
    )


def test_results_that_cannot_be_compared_are_refused():
    """With the reason."""
    results = study([3], square)
    with pytest.raises(ValueError, match="at least 2 replications"):
        find_break_even(results[results["replication"] == 0])
    with pytest.raises(ValueError, match="no column 'price'"):
        find_break_even(results, "price")
    with pytest.raises(ValueError, match="confidence"):
        find_break_even(results, confidence=95)


def test_an_answer_is_json():
    """With at least what other tools read."""
    answers = find_break_even(study(range(1, 8), square).assign(**{"limits.scale": np.float64(0.5)}))
    for answer in answers:
        read = json.loads(json.dumps(answer.to_json(), allow_nan=False))
        assert {"axis", "against", "status", "crossings", "decided", "factors"} <= read.keys()
        for crossing in read["crossings"]:
            assert crossing.keys() == {"at", "low", "high", "direction", "resolved", "first", "shown_from"}


# Along a factor.


def factor_study(levels, parallel, tasks=6, factor="provider.limits.scale", noise=0.2, replications=60):
    """Return results in which parallel costs `parallel(place)` and queues of 1, 2 cost 6 and 5."""
    rng = np.random.default_rng(5)
    parts = []
    for place, level in levels.items():
        batch = rng.lognormal(size=replications)
        for label, width, mean in (
            ("parallel", tasks, parallel(place)),
            ("queue", 1, 6.0),
            ("queue", 2, 5.0),
        ):
            parts.append(
                pd.DataFrame(
                    {
                        "strategy": label,
                        "concurrency": width,
                        "tasks": tasks,
                        factor: level,
                        "replication": range(replications),
                        "cost_usd": mean + batch + noise * rng.normal(size=replications),
                    }
                )
            )
    return pd.concat(parts)


NUMBERS = {float(level): level for level in range(1, 8)}


def test_a_crossing_is_found_where_it_is():
    """10 - x against 5: the queue wins below 5, all at once above."""
    (found,) = find_factor_break_even(factor_study(NUMBERS, lambda x: 10 - x), 6)
    (crossing,) = found.crossings
    assert found.status == "crossing"
    assert crossing.direction == "parallel_wins_above"
    assert crossing.low < 5 < crossing.high
    assert (found.factor, found.levels, found.tasks) == ("provider.limits.scale", tuple(range(1, 8)), 6)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["crossings"][0]["resolved"]


def test_two_crossings_are_two():
    """A parabola: dear at both ends."""
    (found,) = find_factor_break_even(factor_study(NUMBERS, lambda x: 3 + (x - 4) ** 2), 6)
    assert [c.direction for c in found.crossings if c.resolved] == ["parallel_wins_above", "queue_wins_above"]
    assert [c.at for c in found.crossings] == pytest.approx([4 - 1.4, 4 + 1.4], abs=0.2)


def test_a_flat_difference_is_practically_equal_and_an_open_end_unresolved():
    """Within a dollar all along; and a crossing at the edge of the range."""
    flat = factor_study(NUMBERS, lambda x: 5.1)
    assert find_factor_break_even(flat, 6, zone=lambda _: 1.0)[0].status == "practically_equal"
    (edge,) = find_factor_break_even(factor_study(NUMBERS, lambda x: 12 - x, noise=1.0), 6)
    assert edge.status == "unresolved"


def test_levels_stand_at_their_places_whatever_their_order_and_form():
    """`90s` before `2m`; the place is in seconds. What has no order is no axis."""
    written = {120.0: "2m", 30.0: "30s", 90.0: "90s"}
    (found,) = find_factor_break_even(factor_study(written, lambda x: 10 - x / 20, factor="timeouts.hard"), 6)
    assert found.levels == ("30s", "90s", "2m")
    assert found.places == (30, 90, 120)
    assert found.crossings[0].at == pytest.approx(100, abs=5)
    words = {1.0: "reject", 2.0: "wait"}
    assert find_factor_break_even(factor_study(words, lambda x: x, factor="provider.on_limit"), 6) == []


def test_the_other_factors_are_held():
    """One answer for each of their combinations."""
    one = factor_study(NUMBERS, lambda x: 10 - x).assign(**{"client.retries": 2})
    other = factor_study(NUMBERS, lambda x: 1.0).assign(**{"client.retries": 9})
    found = find_factor_break_even(pd.concat([one, other]), 6)
    along = {tuple(f.factors.items()): f.status for f in found if f.factor == "provider.limits.scale"}
    assert along == {(("client.retries", 2),): "crossing", (("client.retries", 9),): "none_in_range"}
    assert len([f for f in found if f.factor == "client.retries"]) == 7


def test_along_a_factor_a_queue_as_wide_as_the_batch_stands_beside_parallel():
    """It costs 4 at every level: all together wins all along."""
    results = factor_study(NUMBERS, lambda x: 10 - x)
    wide = results[results["concurrency"] == 2].assign(concurrency=6)
    wide["cost_usd"] -= 1
    (found,) = find_factor_break_even(pd.concat([results, wide]), 6)
    assert (found.status, found.changes.favours) == ("none_in_range", "parallel")
