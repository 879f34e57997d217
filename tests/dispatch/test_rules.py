"""The arithmetic of the model, against hand-computed cases."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_sim.dispatch.rules import backoff, bucket_level, share, wait_for


def test_a_bucket_refills_at_its_rate_up_to_its_capacity():
    """Half a token a second for ten seconds is five tokens; a full bucket holds no more."""
    assert bucket_level(1.0, 10.0, 0.5, 100.0) == 6.0
    assert bucket_level(99.0, 10.0, 0.5, 100.0) == 100.0
    assert bucket_level(-20.0, 10.0, 0.5, 100.0) == -15.0


def test_retry_after_is_the_time_until_enough_has_flowed_in():
    """15,000 tokens missing at 500 a second take 30 seconds."""
    assert wait_for(0.0, 15_000.0, 500.0, 0.0) == pytest.approx(30.0, abs=3e-9)
    assert wait_for(15_000.0, 15_000.0, 500.0, 0.0) == 0.0


@given(
    level=st.floats(-1e6, 1e6),
    need=st.floats(0, 1e6),
    rate=st.floats(1e-3, 1e6),
    now=st.floats(0, 1e9),
)
def test_who_waits_as_told_is_not_refused_for_a_rounding_error(level, need, rate, now):
    """After `retry-after`, if nobody else came, the bucket holds enough, on a clock that has run for long."""
    wait_s = wait_for(level, need, rate, now)
    later = now + wait_s
    if wait_s:
        assert later > now
        assert bucket_level(level, later - now, rate, math.inf) >= need


def test_backoff_doubles_to_its_cap_and_is_shortened_by_jitter():
    """The SDKs' policy: 0.5 s doubling to 8 s, up to a quarter off."""
    pauses = [backoff(tries, 0.5, 2.0, 8.0, 0.25, 0.0) for tries in range(7)]
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0]
    assert backoff(1, 0.5, 2.0, 8.0, 0.25, 1.0) == 0.75


def test_backoff_that_does_not_come_by_its_cap_exactly_is_cut_to_it():
    """Tripled: 0.5, 1.5, 4.5, and then 13.5, which is cut to 8 s."""
    assert [backoff(tries, 0.5, 3.0, 8.0, 0.0, 0.0) for tries in range(6)] == [0.5, 1.5, 4.5, 8.0, 8.0, 8.0]


@given(total=st.integers(0, 10**12), parts=st.integers(1, 200))
def test_shares_of_a_whole_number_add_up_and_differ_by_one_at_most(total, parts):
    """Nothing is lost or made in sharing tokens out over calls."""
    shares = [share(total, part, parts) for part in range(parts)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1
