"""Estimates and intervals agree with scipy.stats, exactly where the sample has no variance."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dispatch_sim.stats import estimates
from dispatch_sim.stats.estimates import (
    mean_estimate,
    mean_intervals,
    paired_difference,
    quantile_estimate,
    ratio_of_means,
    share_estimate,
    to_end_early,
)
from dispatch_sim.stats.paired_samples import in_common, paired_samples
from dispatch_sim.stats.screening import may_be_best
from dispatch_sim.stats.student_t import t_critical
from dispatch_sim.study.table import factor_combinations

finite = st.floats(-1e6, 1e6)


@given(st.lists(st.integers(-999, 999), min_size=2, max_size=30, unique=True), st.floats(0.5, 0.999))
def test_interval_of_a_mean_is_students(values, confidence):
    """Against scipy.stats."""
    found = mean_estimate(values, confidence)
    error = stats.sem(values)
    low, high = stats.t.interval(confidence, len(values) - 1, np.mean(values), error)
    tolerance = 1e-9 * max(map(abs, values))
    assert found.mean == pytest.approx(np.mean(values), abs=tolerance)
    assert found.low == pytest.approx(low, rel=1e-6, abs=tolerance)
    assert found.high == pytest.approx(high, rel=1e-6, abs=tolerance)
    assert found.half_width == pytest.approx((high - low) / 2, rel=1e-6, abs=tolerance)


@given(finite, st.integers(2, 300))
def test_interval_of_a_constant_is_that_constant(value, n):
    found = mean_estimate(np.full(n, value))
    assert found == estimates.Estimate(value, value, value, n)


@pytest.mark.parametrize("n", [2, 3, 8, 128, 1024, 4096, 65_536, 1_000_000])
@pytest.mark.parametrize("confidence", [0.6, 0.95, 0.999, 0.99997])
def test_t_is_that_of_scipy(confidence, n):
    expected = stats.t.isf((1 - confidence) / 2, n - 1)
    assert t_critical(confidence, n) == pytest.approx(expected, rel=2e-8)


def test_interval_of_one_replication_is_unbounded():
    assert t_critical(0.95, 1) == math.inf
    found = mean_estimate([3.0])
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert found.to_json() == {"mean": 3.0, "low": None, "high": None, "n": 1, "preliminary": False}


def test_estimate_is_written_as_json():
    """Of 6 the ends of the sample are the 95% interval of the median, as each is passed once in 64."""
    written = {"mean": 2.0, "low": 1.5, "high": 2.5, "n": 9, "preliminary": True}
    assert estimates.Estimate(2.0, 1.5, 2.5, 9, needed=10).to_json() == written
    assert quantile_estimate([1, 2, 3, 4, 5, 6], 0.5).to_json() == {
        "mean": 3.0,
        "low": 1.0,
        "high": 6.0,
        "n": 6,
        "preliminary": False,
    }
    whole = share_estimate(2, 2).to_json()
    assert whole["low"] == pytest.approx(math.sqrt(0.025))
    assert (whole["mean"], whole["high"], whole["n"]) == (1.0, 1.0, 2)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float32])
def test_numbers_of_any_type_are_averaged(kind):
    found = mean_estimate(np.array([200, 100, 0], dtype=kind))
    assert found == mean_estimate([200.0, 100.0, 0.0])
    assert found.mean == 100


def test_to_end_early_takes_a_fiftieth_of_the_error():
    """Of 5% that is one in a thousand."""
    assert to_end_early(0.95) == pytest.approx(0.999, abs=1e-9)


@pytest.mark.parametrize(("most", "error"), [(2**10, 0.051), (2**20, 0.058), (2**30, 0.067)])
def test_error_of_repeated_tests_is_as_documented(most, error):
    """200,000 random walks without a difference, tested from 256 on; to three standard deviations."""
    draws, walks = np.random.Generator(np.random.PCG64(most)), 200_000
    early, last = (stats.norm.ppf((1 + each) / 2) for each in (to_end_early(0.95), 0.95))
    count, wrong = 256, np.zeros(walks, bool)
    total = draws.normal(size=walks) * math.sqrt(count)
    while count < most:
        wrong |= np.abs(total) > early * math.sqrt(count)
        total += draws.normal(size=walks) * math.sqrt(count)
        count *= 2
    wrong |= np.abs(total) > last * math.sqrt(count)
    assert wrong.mean() == pytest.approx(error, abs=0.0005 + 3 * math.sqrt(error / walks))


def test_paired_difference_is_the_paired_t_test():
    """The 1 - p interval of scipy.stats.ttest_rel ends at zero."""
    rng = np.random.default_rng(1)
    one = rng.lognormal(size=40)
    other = one * 0.8 + rng.normal(size=40)
    test = stats.ttest_rel(one, other)
    found = paired_difference(one, other, 1 - test.pvalue)
    assert min(abs(found.low), abs(found.high)) == pytest.approx(0, abs=1e-9)
    assert found.mean == pytest.approx(one.mean() - other.mean())


@pytest.mark.parametrize(("n", "probability"), [(72, 0.95), (100, 0.95), (1000, 0.95), (50, 0.5), (256, 0.9)])
def test_interval_of_a_quantile_is_that_of_scipy(n, probability):
    """scipy.stats.quantile_test uses the same binomial argument."""
    values = np.random.default_rng(n).permutation(np.arange(1.0, n + 1))
    found = quantile_estimate(values, probability)
    interval = stats.quantile_test(values, p=probability).confidence_interval(0.95)
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.mean == math.ceil(n * probability)


def test_interval_of_p95_covers_it():
    for n in range(1, 200):
        found = quantile_estimate(np.arange(1.0, n + 1))
        below = 0 if found.low == -math.inf else int(found.low)
        above = n + 1 if found.high == math.inf else int(found.high)
        coverage = stats.binom.cdf(above - 1, n, 0.95) - stats.binom.cdf(below - 1, n, 0.95)
        assert coverage >= 0.95
        assert found.low <= found.mean <= found.high


def test_upper_end_for_p95_needs_72_replications():
    """0.95^n must be 2.5% at most."""
    assert quantile_estimate(np.arange(71.0)).high == math.inf
    assert quantile_estimate(np.arange(71.0)).to_json()["high"] is None
    assert quantile_estimate(np.arange(72.0)).high == 71


def test_end_of_a_quantile_interval_at_exact_probability():
    """Of 3 the least is above the median once in 8; and of 5 once in 32, which is too often for 95%."""
    known = quantile_estimate([1, 2, 3], 0.5, 0.75)
    assert (known.low, known.high) == (1, 3)
    unknown = quantile_estimate([1, 2, 3, 4, 5], 0.5)
    assert (unknown.low, unknown.high) == (-math.inf, math.inf)


@pytest.mark.parametrize(("count", "n"), [(0, 10), (3, 10), (10, 10), (950, 1000), (1, 1)])
def test_interval_of_a_share_is_clopper_pearson(count, n):
    """Against scipy.stats."""
    found = share_estimate(count, n, 0.9)
    interval = stats.binomtest(count, n).proportion_ci(0.9, method="exact")
    assert (found.low, found.high) == pytest.approx((interval.low, interval.high))
    assert found.to_json()["mean"] == count / n


@pytest.mark.parametrize("confidence", [0.95, 1 - 0.05 / 250])
@pytest.mark.parametrize("n", [10**8, 10**9])
@pytest.mark.parametrize("count", [999, 1000, 1001])
def test_interval_of_a_rare_share_is_that_of_a_rate(count, n, confidence):
    tail = (1 - confidence) / 2
    low, high = stats.gamma.ppf(tail, count) / n, stats.gamma.ppf(1 - tail, count + 1) / n
    rare = share_estimate(count, n, confidence)
    assert (rare.low, rare.high) == pytest.approx((low, high), rel=1e-5)
    frequent = share_estimate(n - count, n, confidence)
    assert (1 - frequent.high, 1 - frequent.low) == pytest.approx((low, high), rel=1e-5)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: mean_estimate([]), "one value a replication"),
        (lambda: mean_estimate([1, math.nan]), "^some values are not finite numbers$"),
        (lambda: mean_estimate([1, 2], 1.0), "between 0 and 1"),
        (lambda: paired_difference([1, 2], [1, 2, 3]), "cannot be paired"),
        (lambda: quantile_estimate([1, 2], 1.5), "between 0 and 1"),
        (lambda: quantile_estimate([1, 2], 0), "between 0 and 1"),
        (lambda: quantile_estimate([1, 2], 1), "between 0 and 1"),
        (lambda: share_estimate(3, 2), "not a share"),
        (lambda: mean_estimate([1, 2], 0.0), "between 0 and 1"),
        (lambda: t_critical(0.95, 0), "^an interval needs at least one replication$"),
    ],
)
def test_invalid_sample_is_an_error(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def study(replications=20):
    """Return results of 6 design points, in an order as they may finish."""
    rng = np.random.default_rng(3)
    rows = [
        (label, concurrency, 4, scale, replication)
        for label, concurrency in (("sequential", 1), ("queue", 2), ("parallel", 4))
        for scale in (0.5, "off")
        for replication in range(replications)
    ]
    results = pd.DataFrame(rows, columns=["strategy", "concurrency", "tasks", "limits.scale", "replication"])
    results["cost_usd"] = rng.lognormal(size=len(results))
    results["tokens"] = 60_000.1
    return results.sample(frac=1, random_state=0).set_axis(np.zeros(len(results), dtype=int))


@pytest.mark.parametrize("n", [1, 2, 20])
def test_intervals_of_rows_equal_each_alone(n):
    values = np.random.default_rng(3).lognormal(size=(4, n))
    values[1] = 60_000.1
    found = np.array(mean_intervals(values, 0.9)).T
    ones = [mean_estimate(row, 0.9) for row in values]
    np.testing.assert_allclose(found, [(one.mean, one.low, one.high) for one in ones], rtol=1e-12)
    assert n == 1 or found[1].tolist() == [60_000.1] * 3


def test_category_without_rows_is_no_point():
    levels = {
        "strategy": ["queue", "parallel", "sequential", "waves"],
        "concurrency": [1, 2, 3, 4],
        "tasks": [4, 5],
        "limits.scale": [0.5, "off", "none"],
    }
    results = study().astype({column: pd.CategoricalDtype(known) for column, known in levels.items()})
    assert len(paired_samples(results, "cost_usd", ["strategy", "limits.scale"])) == 6
    assert len(factor_combinations(results)) == 2


def test_null_is_a_level():
    results = study()
    results["limits.scale"] = results["limits.scale"].map({0.5: None, "off": "off"})
    assert [len(part) for _, part in factor_combinations(results)] == [60, 60]
    assert len(paired_samples(results, "cost_usd", ["strategy", "limits.scale"])) == 6
    marked = pd.DataFrame({"limits.scale": pd.array(["reject", pd.NA, "off"], dtype="string")})
    assert len(factor_combinations(marked)) == 3


def test_factor_combinations_are_ordered_numbers_first():
    assert [values for values, _ in factor_combinations(study())] == [
        {"limits.scale": 0.5},
        {"limits.scale": "off"},
    ]
    levels = [10, "b", 2, "a", 0.5]
    many = pd.DataFrame({"limits.scale": np.array(levels, dtype=object)})
    assert [values["limits.scale"] for values, _ in factor_combinations(many)] == [0.5, 2, 10, "a", "b"]
    plain = study().drop(columns="limits.scale")
    assert [values for values, _ in factor_combinations(plain)] == [{}]


def test_samples_are_paired_by_replication():
    results = study().query("`limits.scale` == 0.5")
    short = results[(results["strategy"] != "queue") | (results["replication"] != 7)]
    samples = paired_samples(short, "cost_usd", ["strategy", "concurrency"])
    assert np.flatnonzero(np.isnan(samples["queue", 2])).tolist() == [7]
    expected = results[results["strategy"] == "parallel"].sort_values("replication")["cost_usd"]
    np.testing.assert_array_equal(samples["parallel", 4], expected)
    with pytest.raises(ValueError, match="are repeated"):
        paired_samples(study(), "cost_usd", ["strategy", "concurrency"])
    with pytest.raises(ValueError, match="no column 'money'"):
        paired_samples(results, "money", ["strategy"])
    with pytest.raises(ValueError, match="finite"):
        paired_samples(results.assign(cost_usd=math.inf), "cost_usd", ["strategy", "concurrency"])


def test_samples_are_in_order_of_appearance():
    results = study().query("`limits.scale` == 0.5")
    samples = paired_samples(results, "cost_usd", ["strategy"])
    assert [label for (label,) in samples] == results["strategy"].drop_duplicates().tolist()
    objects = paired_samples(results.astype({"cost_usd": object}), "cost_usd", ["strategy"])
    for point, sample in samples.items():
        np.testing.assert_array_equal(objects[point], sample)


def test_numpy_level_is_a_python_number():
    levels = np.array([np.int64(2), "off"], dtype=object)
    frame = pd.DataFrame({"limits.scale": levels, "replication": 0, "cost_usd": 1.0})
    assert json.dumps([values for values, _ in factor_combinations(frame)])
    assert json.dumps([*paired_samples(frame, "cost_usd", ["limits.scale"])])


def test_only_replications_of_all_samples_are_in_common():
    full, most = np.arange(8.0), np.arange(8.0)
    most[7:] = math.nan
    assert in_common(full, full, most).tolist() == [[0, 1, 2, 3, 4, 5, 6]] * 3


def test_what_has_fewer_replications_may_be_the_best():
    """Of four replications in common, the means are 2.5, 2.51 and 102.5; further ones are expensive."""
    few = np.array([1.0, 2.0, 3.0, 4.0] + [math.nan] * 4)
    near = np.array([1.2, 1.84, 3.2, 3.8, 90.0, 91.0, 92.0, 93.0])
    worse = np.array([101.0, 102.1, 103.0, 103.9] + [math.nan] * 4)
    assert list(may_be_best({"worse": worse, "few": few, "near": near}, 0.95)) == ["few", "near"]
    assert list(may_be_best({"worse": worse}, 0.95)) == ["worse"]
    assert may_be_best({}, 0.95) == {}


def test_more_replications_rule_out_what_fewer_do_not():
    """A is better than B by 0.5 in the first 4 replications, B than A by 1 in 400; C is worse than both."""
    swing = np.tile([-1.5, 1.5], 200)
    a = np.full(400, 10.0)
    b = a - 1 + swing
    b[:4] = [12.0, 9.0, 12.0, 9.0]
    c = np.full(400, 20.0)
    c[4:] = math.nan
    assert list(may_be_best({"a": a, "b": b, "c": c}, 0.95)) == ["b"]


@pytest.mark.parametrize(
    ("sample", "needed"),
    [
        # A share p of ones has the skewness (1 - 2 p) / sqrt(p (1 - p)).
        ([1.0] + [0.0] * 99, 25 * 0.98**2 / (0.01 * 0.99)),
        ([1.0] * 3 + [0.0] * 1021, 25 * (1018 / 1024) ** 2 / (3 / 1024 * 1021 / 1024)),
        ([-1.0, 0.0, 1.0], 0),
        ([7.0] * 5, 0),
    ],
)
def test_interval_needs_more_replications_the_more_skewed_the_sample_is(sample, needed):
    found = mean_estimate(sample)
    assert needed <= found.needed <= 1.05 * needed + 1
    assert found.is_preliminary == (len(sample) < needed)


def test_interval_of_a_ratio_ends_where_the_paired_t_test_just_rejects():
    of, to = sample_of(3.0, 1.0, seed=1), sample_of(2.0, 0.4, seed=2)
    found = ratio_of_means(of, to, 0.95)
    assert found.mean == pytest.approx(1.5)
    for end in (found.low, found.high):
        difference = of - end * to
        t = difference.mean() / (difference.std(ddof=1) / math.sqrt(50))
        assert abs(t) == pytest.approx(2.009575, rel=1e-5)  # Student's t, 49 degrees, 97.5%


def test_ratio_to_possible_zero_has_no_interval():
    """A denominator of 0.01 with a standard error of 0.14, and of zero; a ratio of constants is exact."""
    found = ratio_of_means(sample_of(1.0, 0.1, seed=0), sample_of(0.01, 1.0, seed=3), 0.95)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert math.isnan(ratio_of_means(np.ones(2), np.zeros(2), 0.95).mean)
    exact = ratio_of_means(np.full(2, 3.0), np.full(2, 2.0), 0.95)
    assert (exact.low, exact.mean, exact.high) == (1.5, 1.5, 1.5)


def sample_of(mean, sd, seed):
    """Return 50 values with exactly this mean and standard deviation."""
    noise = np.random.default_rng(seed).normal(size=50)
    noise -= noise.mean()
    return mean + sd * noise / noise.std(ddof=1)
