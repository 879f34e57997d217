"""Makespans counted in bins: what is left of a percentile where replications are not kept."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_sim.study.estimates import quantile_estimate
from dispatch_sim.study.histogram import BINS, Histogram, are_counts, bins_of, counted, edges
from dispatch_sim.study.makespans import counted_quantile, makespan_table, unlike_makespans

SECONDS = st.floats(0, 1e13)


@given(st.lists(SECONDS, min_size=1))
def test_a_value_lies_in_its_bin_and_bins_are_narrow(values):
    """From where a bin begins to where it ends are 0.4% at most, between a millisecond and 30,000 years."""
    values = np.array(values)
    low, high = edges(bins_of(values))
    assert ((low <= values) & (values < high)).all()
    usual = (values >= 2**-10) & (values < 2**40)
    assert (high[usual] <= low[usual] * (1 + 2**-8)).all()


def test_bins_follow_one_another_without_a_gap():
    """Each ends where the next begins, from nothing to what is beyond all bounds."""
    low, high = edges(np.arange(BINS))
    assert (low[0], high[-1]) == (0, np.inf)
    assert np.array_equal(low[1:], high[:-1])
    assert np.array_equal(bins_of(low), np.arange(BINS))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda c: c[1:],
        lambda c: c[::-1],
        lambda c: np.concatenate([c, c]),
        lambda c: c * [1, 1, 2],
        lambda c: c * [1, 1, -1],
        lambda c: np.add(c, [1, 0, 0]),
        lambda c: c - [1, 0, 0],
        lambda c: np.add(c, [0, BINS, 0]),
        lambda c: c - [0, BINS, 0],
        lambda c: np.add(c, [0, 0, 2**62]),
    ],
)
def test_what_does_not_count_a_parts_replications_is_not_taken_for_counts(spoil):
    """A part of a journal may be anybody's, and what is added up stands for ever."""
    counts = counted(np.random.Generator(np.random.PCG64(1)).lognormal(5, 0.3, size=(3, 20)))
    assert are_counts(counts, 3, 20)
    assert not are_counts(spoil(counts), 3, 20)


@given(st.data())
def test_counts_add_up_to_the_same_in_any_order(data):
    """However replications are cut, what is counted is what all of them at once give."""
    draws = np.random.Generator(np.random.PCG64(data.draw(st.integers(0, 99))))
    values = draws.lognormal(5, data.draw(st.sampled_from([0.0, 0.5, 3.0])), size=(3, 50))
    cuts = sorted(data.draw(st.sets(st.integers(1, 49), max_size=6)))
    added = Histogram()
    for part in data.draw(st.permutations(np.split(values, cuts, axis=1))):
        added.add(counted(part))
    assert np.array_equal(added.counts(), counted(values))
    assert added.counts()[:, 2].sum() == values.size


@pytest.mark.parametrize("n", [20, 300, 5000])
@pytest.mark.parametrize("spread", [0.0, 0.3, 1.5])
def test_a_percentile_of_counts_is_that_of_the_values_to_within_a_bin(n, spread):
    """And its interval holds the one that the values give, and reaches beyond it by a bin at most."""
    values = np.random.Generator(np.random.PCG64(n)).lognormal(5, spread, size=n)
    wanted = quantile_estimate(values, 0.95, 0.95)
    _, bins, counts = counted(values[None]).T
    found = counted_quantile(bins, counts, 0.95, 0.95)
    assert found.n == n
    assert found.value == pytest.approx(wanted.value, rel=2**-8)
    assert found.low <= wanted.low
    assert found.high >= wanted.high
    assert found.low == pytest.approx(wanted.low, rel=2**-8)
    assert found.high == pytest.approx(wanted.high, rel=2**-8)


def test_a_percentile_of_a_billion_is_where_theory_puts_it():
    """Exponential makespans: the 95th percentile is ln 20 means, and known to within a bin."""
    low, high = edges(np.arange(BINS))
    n = 10**9
    expected = n * (np.exp(-low / 300) - np.exp(-high / 300))
    counts = np.round(expected).astype(np.int64)
    held = np.flatnonzero(counts)
    found = counted_quantile(held, counts[held], 0.95, 0.95)
    assert found.value == pytest.approx(300 * np.log(20), rel=1e-4)
    assert found.low <= 300 * np.log(20) <= found.high
    assert found.high - found.low < 3 * 2**-8 * found.value


POINTS = {"strategy": np.array(["parallel", "queue"], object), "concurrency": np.array([4, 2])}


def good():
    """A table of two points, ten replications each."""
    values = np.random.Generator(np.random.PCG64(1)).lognormal(5, 0.1, size=(2, 10))
    return makespan_table(POINTS, counted(values))


def test_a_table_of_makespans_is_taken_for_what_it_is():
    """Also where a study was interrupted, and some have been played beyond the last whole block."""
    assert unlike_makespans(good(), POINTS, 10, 10) is None
    assert unlike_makespans(good(), POINTS, 8, 16) is None


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: t.rename(columns={"from_s": "begin"}),
        lambda t: t.assign(replications=t["replications"].astype(float)),
        lambda t: t.assign(replications=-t["replications"]),
        lambda t: t.assign(replications=2**62),
        lambda t: t.assign(replications=t["replications"] + 1),
        lambda t: t.assign(from_s=np.nan),
        lambda t: t.assign(from_s=-t["from_s"]),
        lambda t: t.assign(from_s=t["from_s"] * 1.0001),
        lambda t: t.assign(to_s=np.inf),
        lambda t: t.assign(to_s="soon"),
        lambda t: t.assign(strategy="queue"),
        lambda t: t.assign(strategy=[["queue"]] * len(t)),
        lambda t: t.assign(strategy=7),
        lambda t: t.assign(concurrency="4"),
        lambda t: t.assign(concurrency=t["concurrency"] + 1),
        lambda t: t.iloc[::-1].reset_index(drop=True),
        lambda t: pd.concat([t, t], ignore_index=True),
        lambda t: t[t["strategy"] == "queue"].reset_index(drop=True),
        lambda t: t.iloc[1:].reset_index(drop=True),
        lambda t: t.iloc[:0],
    ],
)
def test_a_strangers_table_of_makespans_is_refused(spoil):
    """In words, whatever it holds."""
    assert isinstance(unlike_makespans(spoil(good()), POINTS, 10, 10), str)
