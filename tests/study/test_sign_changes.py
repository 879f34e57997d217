"""Regions and crossings at the edges of what floating-point numbers and the sample can tell."""

import math

import numpy as np
import pytest
from scipy import optimize, stats

from dispatch_sim.study.sign_changes import Crossing, Region, agreeing, sign_changes

from .differences import certain, noisy


def test_without_noise_every_change_of_sign_is_one_point():
    """Wherever it is: the roots of the quadratic beside it, which are the same but for rounding, add none."""
    rng = np.random.default_rng(8)
    for m0, m1 in rng.uniform(0.1, 1.0, size=(500, 2)):
        for sign in (1, -1):
            found = sign_changes([3, 4], sign * certain(m0, -m1))
            (crossing,) = found.crossings
            assert crossing.at == pytest.approx(3 + m0 / (m0 + m1))
            assert [region.favours for region in found.regions] == ["queue", None, "parallel"][::sign]
            assert (crossing.low, crossing.high) == pytest.approx((crossing.at, crossing.at), abs=1e-12)


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize(("mean", "noise"), [(0.9, 8.0), (-0.9, 0.01)])
def test_where_a_point_is_just_at_the_edge_of_significance_the_other_end_is_exact(mean, noise, sign):
    """One root of the quadratic is all but zero: the other must not be lost with its digits.

    From the edge on, the lead grows and drowns in noise, or turns round. scipy's p is 5% at the end.
    """
    errors = noisy(0, 0)
    edge = stats.t.ppf(0.975, 49) * stats.sem(errors[0])
    ends = errors[0] + edge, noise * errors[1] + mean
    found = sign_changes([0, 1], sign * np.array(ends))

    def beyond(x):
        return stats.ttest_1samp((1 - x) * ends[0] + x * ends[1], 0).pvalue - 0.05

    end = optimize.brentq(beyond, 0.01, 1.0, xtol=1e-14)
    assert any(region.low == pytest.approx(end, abs=1e-9) for region in found.regions)


def test_a_lead_narrower_than_the_axis_can_tell_apart_is_none():
    """At 1 the queue leads by next to nothing, and loses it before the next number."""
    for x in ([1, 2], [1, 2, 3]):
        found = sign_changes(x, certain(1e-300, *[-1] * (len(x) - 1)))
        assert found.regions == (Region(1, 1, None), Region(1, x[-1], "parallel"))
        assert found.crossings == (Crossing(1, None, 1, "parallel_wins_above", False),)


def test_a_region_is_not_established_by_a_point_beyond_doubt_in_another():
    """Of three points the last is significant by itself, at 3.3%, and not at a third of 5%."""
    weak = stats.t.ppf(1 - 0.033 / 2, 49) / math.sqrt(50)
    found = sign_changes([0, 1, 2], noisy(-9, -3, weak))
    assert [region.favours for region in found.regions] == ["parallel", None, "queue"]
    assert [region.favours for region in found.established] == ["parallel", None]
    assert found.status == "unresolved"
    (crossing,) = found.crossings
    assert (crossing.direction, crossing.high) == ("queue_wins_above", None)


def test_a_region_is_not_established_by_a_point_of_equality_at_its_end():
    """At 0 parallel is better at 3.3%, which is not enough for one of two points; at 1 nothing differs."""
    weak = -stats.t.ppf(1 - 0.033 / 2, 49) / math.sqrt(50)
    found = sign_changes([0, 1], [noisy(weak)[0], np.zeros(50)])
    assert found.regions[0].favours == "parallel"
    assert found.established == (Region(0, 1, None),)


def test_of_five_zeros_within_the_noise_the_third_is_taken():
    """They are at 0.5, 1.5 and so on, but for the first and the last."""
    means = [-9, 0.01, -0.01, 0.01, -0.01, 9]
    (crossing,) = sign_changes(range(6), noisy(*means)).crossings
    assert crossing.at == pytest.approx(2.5)


def test_a_point_of_equality_that_only_one_way_of_judging_sees_stays_undecided():
    """It lies between two regions of the same side, in either order of the ways."""
    touched, clear = (sign_changes([1, 2, 3], certain(1, mean, 1)) for mean in (0, 1))
    for both in (agreeing(touched, clear), agreeing(clear, touched)):
        assert both.regions == (Region(1, 2, "queue"), Region(2, 2, None), Region(2, 3, "queue"))


def test_numbers_of_a_byte_are_judged_by_their_value():
    """Where their negative, or a difference of theirs, does not fit into one."""
    assert sign_changes([1], np.full((1, 4), -128, dtype=np.int8)).favours == "parallel"
    with pytest.raises(ValueError, match=r"^x must increase from point to point$"):
        sign_changes(np.array([3, 1], dtype=np.uint8), certain(1, 2))
