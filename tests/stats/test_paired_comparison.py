"""The best of one side against the best of the other."""

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.stats.estimates import mean_estimate
from dispatch_sim.stats.paired_comparison import (
    PairedComparison,
    compare_best,
    cross_fitted_best,
    sign_changes_along,
)

from .differences import noisy


def test_each_half_of_the_replications_picks_for_the_other():
    """One costs 1 and 9 in turn, the other 5: the best in one half is taken in the other."""
    costs = np.array([[1.0, 9, 1, 9], [5, 5, 5, 5]])
    assert cross_fitted_best(costs).tolist() == [5, 9, 5, 9]
    assert cross_fitted_best(costs[:, :2]).tolist() == [5, 9]


def test_interval_holds_those_of_both_judgements():
    low, high = np.array([1.0, 2, 3, 4]), np.array([1.0, 4, 5, 8])
    for whole, halves in ((low, high), (high, low)):
        found = PairedComparison(whole, halves, 1.0).estimate(0.8)
        ends = mean_estimate(low, 0.8).low, mean_estimate(high, 0.8).high
        assert (found.mean, found.low, found.high, found.n) == (whole.mean(), *ends, 4)


def test_scale_is_the_mean_of_the_cheaper_side():
    """Of its best: 2 against 3, next to a worse one."""
    costs = np.array([[1.0, 3], [9, 9]])
    assert compare_best(costs, np.array([[3.0, 3]])).scale == 2
    assert compare_best(np.array([[3.0, 3]]), costs).scale == 2


def test_interval_has_the_stated_confidence():
    """With one alternative a side: at its ends, scipy's p is 40%."""
    differences = noisy(-2, 2)
    (crossing,) = sign_changes_along(
        [0, 1], [PairedComparison(row, row, 1.0) for row in differences], 0.6
    ).crossings
    for end in (crossing.low, crossing.high):
        there = (1 - end) * differences[0] + end * differences[1]
        assert stats.ttest_1samp(there, 0).pvalue == pytest.approx(0.4, rel=1e-6)
