"""Sign changes, with intervals that cover them as often as stated."""

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import optimize, stats

from dispatch_sim.stats.crossings import Crossing, Region, SignChanges, agreeing, sign_changes
from dispatch_sim.stats.paired_comparison import cross_fitted_best

from .differences import certain, noisy


def test_sign_change_without_noise_is_one_point():
    rng = np.random.default_rng(8)
    for m0, m1 in rng.uniform(0.1, 1.0, size=(500, 2)):
        for sign in (1, -1):
            found = sign_changes([3, 4], sign * certain(m0, -m1))
            (crossing,) = found.crossings
            assert crossing.at == pytest.approx(3 + m0 / (m0 + m1))
            assert [region.favours for region in found.regions] == ["positive", None, "negative"][::sign]
            assert (crossing.low, crossing.high) == pytest.approx((crossing.at, crossing.at), abs=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("mean", "noise"), [(0.9, 8.0), (-0.9, 0.01)])
def test_interval_end_is_exact_where_the_other_is_at_a_point(mean, noise, sign):
    """One root of the quadratic is all but zero: the other must not be lost with its digits.

    scipy's p is 5% at the end.
    """
    errors = noisy(0, 0)
    edge = stats.t.ppf(0.975, 49) * stats.sem(errors[0])
    ends = errors[0] + edge, noise * errors[1] + mean
    found = sign_changes([0, 1], sign * np.array(ends))

    def beyond(x):
        return stats.ttest_1samp((1 - x) * ends[0] + x * ends[1], 0).pvalue - 0.05

    end = optimize.brentq(beyond, 0.01, 1.0, xtol=1e-14)
    assert any(region.low == pytest.approx(end, abs=1e-9) for region in found.regions)


def test_region_is_not_established_by_a_point_of_another():
    """Of three points the last is significant by itself, at 3.3%, and not at a third of 5%."""
    weak = stats.t.ppf(1 - 0.033 / 2, 49) / math.sqrt(50)
    found = sign_changes([0, 1, 2], noisy(-9, -3, weak))
    assert [region.favours for region in found.regions] == ["negative", None, "positive"]
    assert [region.favours for region in found.established] == ["negative", None]
    assert found.status == "unresolved"
    (crossing,) = found.crossings
    assert (crossing.favours_above, crossing.high) == ("positive", None)


def test_region_is_not_established_by_equality_at_its_end():
    """At 0 it is significant at 3.3%, which is not enough for one of two points; at 1 nothing differs."""
    weak = -stats.t.ppf(1 - 0.033 / 2, 49) / math.sqrt(50)
    found = sign_changes([0, 1], [noisy(weak)[0], np.zeros(50)])
    assert found.regions[0].favours == "negative"
    assert found.established == (Region(0, 1, None),)


def test_equality_in_one_of_two_judgements_stays_undecided():
    touched, clear = (sign_changes([1, 2, 3], certain(1, mean, 1)) for mean in (0, 1))
    for both in (agreeing(touched, clear), agreeing(clear, touched)):
        assert both.regions == (Region(1, 2, "positive"), Region(2, 2, None), Region(2, 3, "positive"))


def test_integers_of_one_byte_do_not_overflow():
    assert sign_changes([1], np.full((1, 4), -128, dtype=np.int8)).favours == "negative"
    with pytest.raises(ValueError, match=r"^x must increase from point to point$"):
        sign_changes(np.array([3, 1], dtype=np.uint8), certain(1, 2))


# Known crossings.


@pytest.mark.parametrize(
    ("x", "means", "regions", "crossings"),
    [
        # Linear interpolation from -1 at 4 to 3 at 5.
        (
            [3, 4, 5, 6],
            [-2, -1, 3, 4],
            [(3, 4.25, "negative"), (4.25, 4.25, None), (4.25, 6, "positive")],
            [(4.25, 4.25, 4.25, "positive", True)],
        ),
        (
            [2, 3, 4],
            [-1, 0, 1],
            [(2, 3, "negative"), (3, 3, None), (3, 4, "positive")],
            [(3, 3, 3, "positive", True)],
        ),
        # A stretch of equality is one crossing, in its middle.
        (
            [1, 2, 3, 4, 6, 7],
            [-1, 0, 0, 0, 0, 2],
            [(1, 2, "negative"), (2, 6, None), (6, 7, "positive")],
            [(4, 2, 6, "positive", True)],
        ),
        # Equality within a region is no crossing, and everywhere it is nothing.
        ([1, 2, 3], [1, 0, 1], [(1, 2, "positive"), (2, 2, None), (2, 3, "positive")], []),
        (range(4), [0, 0, 0, 0], [(0, 3, None)], []),
        # At 1 the mean changes sign before the next float.
        ([1, 2], [1e-300, -1], [(1, 1, None), (1, 2, "negative")], [(1, None, 1, "negative", False)]),
        ([1, 2, 3], [1e-300, -1, -1], [(1, 1, None), (1, 3, "negative")], [(1, None, 1, "negative", False)]),
        # A zero within rounding of a point is at the point.
        *(
            (
                [1, 2, 3],
                [1, tiny, -1],
                [(1, 2, "positive"), (2, 2, None), (2, 3, "negative")],
                [(2, 2, 2, "negative", True)],
            )
            for tiny in (1e-17, -1e-17, 1e-300, 5e-324)
        ),
    ],
)
def test_sign_changes_without_noise(x, means, regions, crossings):
    found = sign_changes(x, certain(*means))
    expected = tuple(Region(*region) for region in regions)
    assert found == SignChanges(expected, expected, tuple(Crossing(*each) for each in crossings))


def test_interval_ends_where_the_t_test_is_just_significant():
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


def test_interval_is_a_point_where_every_replication_crosses_there():
    slopes = np.array([0.7, 1.1, 1.3, 0.9, 1.7])
    x = np.array([1.0, 3.0, 7.0])
    (crossing,) = sign_changes(x, (x - 4.1)[:, None] * slopes).crossings
    assert crossing.resolved
    assert (crossing.low, crossing.at, crossing.high) == pytest.approx((4.1, 4.1, 4.1), abs=1e-6)


def test_two_crossings_are_found_with_their_sides():
    found = sign_changes(range(6), noisy(-5, -3, 3, 3, -3, -5))
    assert [c.favours_above for c in found.crossings] == ["positive", "negative"]
    assert [c.at for c in found.crossings] == pytest.approx([1.5, 3.5])
    assert all(c.resolved for c in found.crossings)
    assert [r.favours for r in found.regions] == ["negative", None, "positive", None, "negative"]


@pytest.mark.parametrize("means", [[-9, -0.01, 0.01, -0.01, 0.01, 9], [-9, 0.01, -0.01, 0.01, -0.01, 9]])
def test_middle_of_several_zeros_within_the_noise_is_the_crossing(means):
    """The zeros are at 1.5, 2.5 and 3.5, or near 0, at these and near 5."""
    (crossing,) = sign_changes(range(6), noisy(*means)).crossings
    assert crossing.at == pytest.approx(2.5)
    assert crossing.favours_above == "positive"
    assert crossing.low < 1
    assert crossing.high > 4


def test_sign_change_at_a_point_is_one_crossing():
    (crossing,) = sign_changes([2, 3, 4], noisy(-3, 0, 3)).crossings
    assert crossing.at == pytest.approx(3)
    assert crossing.low <= 3 <= crossing.high
    assert crossing.resolved


def test_flat_noise_is_unresolved():
    assert sign_changes(range(4), noisy(0.01, 0.01, 0.01, 0.01)).regions == (Region(0, 3, None),)


# No crossing, or none that is resolved.


def test_one_side_favoured_throughout_is_none_in_range():
    for sign, winner in ((1, "positive"), (-1, "negative")):
        found = sign_changes(range(3), sign * noisy(2, 1, 2))
        assert (found.status, found.favours, found.crossings) == ("none_in_range", winner, ())


def test_interval_open_at_the_edge_is_unresolved():
    found = sign_changes([1, 2, 3], noisy(-5, -0.1, 0.1))
    (crossing,) = found.crossings
    assert found.status == "unresolved"
    assert crossing.at == pytest.approx(2.5)
    assert 1 < crossing.low < 2
    assert (crossing.high, crossing.resolved) == (None, False)
    (mirrored,) = sign_changes([-3, -2, -1], noisy(-5, -0.1, 0.1)[::-1]).crossings
    assert (mirrored.low, mirrored.favours_above) == (None, "negative")
    assert mirrored.high == pytest.approx(-crossing.low)


def test_sign_changes_between_regions_of_one_side_are_unresolved():
    found = sign_changes(range(4), noisy(5, 0.05, -0.05, 5))
    assert found.status == "unresolved"
    assert len(found.crossings) == 2
    assert not any(c.resolved for c in found.crossings)


# Edges.


def test_axes_of_one_point_and_of_none():
    assert sign_changes([5], noisy(3)).favours == "positive"
    assert sign_changes([5], noisy(0.01)).status == "unresolved"
    assert sign_changes([], np.empty((0, 9))) == SignChanges((), (), ())
    assert sign_changes([], np.empty((0, 9))).status == "unresolved"


@pytest.mark.parametrize(
    ("x", "differences", "message"),
    [
        ([1, 2], certain(1, 2, replications=1), "at least 2 replications"),
        ([1, 2], certain(1, math.inf), "^x and differences must be finite numbers$"),
        ([1, math.inf], certain(1, 2), "finite"),
        ([1, 1], certain(1, 2), "increase"),
        ([1, 2, 3], certain(1, 2), "shape"),
        ([1, 2], [1, 2], "shape"),
    ],
)
def test_invalid_differences_are_an_error(x, differences, message):
    with pytest.raises(ValueError, match=message):
        sign_changes(x, differences)


def test_points_may_have_different_replications():
    """With fewer at one point, the half-width there grows as for a sample of its own; the other stays."""
    whole = noisy(-0.6, 0.5)
    fewer = whole.copy()
    fewer[1, 25:] = math.nan
    found = sign_changes([0, 1], fewer)
    (crossing,) = found.crossings
    means = [np.nanmean(row) for row in fewer]
    assert crossing.at == pytest.approx(-means[0] / (means[1] - means[0]))
    at_zero, at_one = (stats.sem(row[~np.isnan(row)]) for row in fewer)
    assert (found.regions[0].favours == "negative") == (means[0] < -stats.t.isf(0.025, 49) * at_zero)
    assert (found.regions[-1].favours == "positive") == (means[1] > stats.t.isf(0.025, 24) * at_one)


def test_region_with_unequal_replications_covers_the_crossing():
    rng = np.random.default_rng(5)
    held = 0
    for _ in range(400):
        batch, own = rng.normal(size=200), rng.normal(size=(2, 200))
        differences = np.array([-0.5, 0.5])[:, None] + batch + own
        differences[1, 40:] = math.nan
        held += any(
            r.low <= 0.5 <= r.high for r in sign_changes([0, 1], differences).regions if not r.favours
        )
    assert stats.binom.ppf(0.0005, 400, 0.95) <= held <= stats.binom.ppf(0.9995, 400, 0.95)


# Properties, over all kinds of differences.

tables = st.tuples(st.integers(1, 6), st.integers(2, 6)).flatmap(
    lambda shape: hnp.arrays(np.float64, shape, elements=st.integers(-8, 8).map(float))
)


@settings(max_examples=300, deadline=None)
@given(tables, st.floats(0, 1))
def test_every_point_of_the_axis_agrees_with_the_t_test(differences, where):
    """scipy's one-sample test of the interpolated differences, in a region that is not just a point."""
    x = np.arange(len(differences)) ** 1.5
    at = where * x[-1]
    found = sign_changes(x, differences)
    assert found.regions[0].low == x[0]
    assert found.regions[-1].high == x[-1]
    for left, right in pairwise(found.regions):
        assert left.high == right.low
        assert left.favours != right.favours
        assert None in (left.favours, right.favours)
    there = np.array([np.interp(at, x, column) for column in differences.T])
    region = next(region for region in found.regions if region.low <= at <= region.high)
    if min(at - region.low, region.high - at) < 1e-6 < x[-1]:
        return
    half = stats.t.ppf(0.975, len(there) - 1) * there.std(ddof=1) / math.sqrt(len(there))
    if region.favours is None:
        assert abs(there.mean()) <= half + 1e-9
    else:
        assert there.mean() * (1 if region.favours == "positive" else -1) >= half - 1e-9


@settings(max_examples=200, deadline=None)
@given(tables)
def test_sign_change_of_the_mean_lies_in_its_interval(differences):
    x = np.arange(len(differences), dtype=float)
    found = sign_changes(x, differences)
    for crossing in found.crossings:
        assert crossing.low is None or crossing.low <= crossing.at
        assert crossing.high is None or crossing.at <= crossing.high
        assert np.interp(crossing.at, x, differences.mean(axis=1)) == pytest.approx(0, abs=1e-9)
    resolved = [c.favours_above for c in found.crossings if c.resolved]
    assert all(one != other for one, other in pairwise(resolved))
    decided = [r.favours for r in found.regions if r.favours]
    assert len(resolved) <= sum(one != other for one, other in pairwise(decided))


@given(tables, st.integers(-600, 600))
@example(certain(4, -6), 0)
@example(noisy(-3, -0.1, 0.2, 3), 600)
@example(noisy(-3, -0.1, 0.2, 3), -600)
def test_unit_of_cost_does_not_matter(differences, exponent):
    x = range(len(differences))
    assert sign_changes(x, differences * 2.0**exponent) == sign_changes(x, differences)


@given(tables)
@example(np.array([[2.0, 2.0], [2.0, -2.0], [0.0, -1.0]]))
def test_exchanged_sides_reverse_every_crossing(differences):
    x = range(len(differences))
    one, other = sign_changes(x, differences), sign_changes(x, -differences)
    turned = {"positive": "negative", "negative": "positive", None: None}
    assert [turned[r.favours] for r in one.regions] == [r.favours for r in other.regions]
    for here, there in zip(one.crossings, other.crossings, strict=True):
        assert here.favours_above != there.favours_above
        assert (here.at, here.low, here.high) == (there.at, there.low, there.high)


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=8), st.integers(1, 20))
def test_significant_point_beyond_a_significant_end_moves_no_crossing(means, distance):
    found = sign_changes(range(len(means)), certain(*means))
    if means[-1] == 0:
        return
    x = [*range(len(means)), len(means) - 1 + distance]
    assert sign_changes(x, certain(*means, means[-1])).crossings == found.crossings


# Coverage.


def test_established_region_of_equal_means_is_rare():
    """D is zero at all of 19 points: at most 5% of trials establish a region."""
    rng = np.random.default_rng(12)
    trials = [sign_changes(range(19), rng.normal(size=(19, 64))).established for _ in range(400)]
    said = sum(any(region.favours for region in established) for established in trials)
    assert said / 400 < 0.05 + 3.3 * math.sqrt(0.05 * 0.95 / 400)


def test_judgements_agree_where_both_favour_a_side():
    """One turns at 1.5, the other at 2.5: from 1.5 to 2.5 they disagree, and there the crossing may be."""
    one, other = (
        sign_changes(range(5), certain(-3, -1, 1, 3, 5)),
        sign_changes(range(5), certain(-5, -3, -1, 1, 3)),
    )
    both = agreeing(one, other)
    assert both.established == (
        Region(0, 1.5, "negative"),
        Region(1.5, 2.5, None),
        Region(2.5, 4, "positive"),
    )
    assert both.crossings == (Crossing(1.5, 1.5, 2.5, "positive", True),)
    assert agreeing(one, one) == one
    assert agreeing(one, sign_changes(range(5), certain(1, 2, 3, 4, 5))).status == "unresolved"


def test_agreement_keeps_an_undecided_point():
    """A point of equality at the edge stays one, and a single point is judged like any other."""
    edge = sign_changes(range(3), certain(0, 1, 2))
    assert agreeing(edge, edge) == edge
    alone = sign_changes([4], certain(1))
    assert agreeing(alone, alone).favours == "positive"
    assert agreeing(alone, sign_changes([4], certain(-1))).favours is None


def test_cross_fitting_is_unbiased():
    rng = np.random.default_rng(5)
    fair, naive, wrong = [], [], 0
    for _ in range(400):
        costs = rng.exponential(size=(9, 64))
        difference = costs[0] - cross_fitted_best(costs[1:])
        fair.append(difference.mean())
        naive.append(costs[0].mean() - costs[1:].mean(axis=1).min())
        wrong += sign_changes([9], difference[None]).favours == "positive"
    assert abs(np.mean(fair)) < 3.3 * stats.sem(fair)
    assert np.mean(naive) > 20 * stats.sem(naive)
    assert wrong <= stats.binom.ppf(0.9995, 400, 0.025)


def test_cross_fitting_picks_one_clear_best():
    costs = np.array([[3.0, 4, 5, 6], [1, 2, 3, 4], [1, 2, 3, 4.5]])
    np.testing.assert_array_equal(cross_fitted_best(costs), costs[1])
    np.testing.assert_array_equal(cross_fitted_best(costs[[1, 1]]), costs[1])
