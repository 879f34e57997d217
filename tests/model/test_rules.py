"""The arithmetic of the model, against hand-computed cases."""

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch_sim.model.api import Latency, call_s, first_token_s
from dispatch_sim.model.arithmetic import (
    backoff,
    bucket_level,
    cache_readable,
    calls_of_part,
    grown,
    holds,
    is_obeyed,
    obeyed_pause,
    share,
    shrunk,
    struck_call,
    wait_for,
)


def test_bucket_refills_at_its_rate_up_to_its_capacity():
    """Half a token a second for ten seconds is five tokens; a full bucket holds no more."""
    assert [bucket_level(level, 10.0, 0.5, 100.0) for level in (1.0, 99.0, -20.0)] == [6.0, 100.0, -15.0]


def test_bucket_tolerates_a_nanosecond_and_a_rounding_error():
    """At 10^9 tokens a second that is one token; of 10^12 tokens a rounding error may be one."""
    assert holds(9.0, 10.0, 1e9)
    assert not holds(8.9, 10.0, 1e9)
    assert holds(1e12 - 1, 1e12, 0.0)
    assert not holds(1e12 - 1.1, 1e12, 0.0)
    assert holds(0.0, 0.0, 0.0)


def test_retry_after_is_longer_than_exact_by_what_the_clock_can_tell_apart():
    """15,000 tokens missing at 500 a second take 30 seconds.

    At 2^51 s the next number is half a second on: two of them, and a part in 10^12 of the wait itself.
    """
    assert wait_for(0.0, 15_000.0, 500.0, 0.0) == pytest.approx(30.0, abs=3e-9)
    assert wait_for(15_000.0, 15_000.0, 500.0, 0.0) == 0.0
    assert wait_for(0.0, 1.0, 1.0, 2.0**51) == pytest.approx(1 + 2 * 0.5, abs=1e-9)
    longer = 2**51 * (1 + Fraction(1, 10**12)) + 2 * Fraction(1, 2)
    assert wait_for(0.0, 2.0**51, 1.0, 0.0) == pytest.approx(float(longer), abs=0.5)


@given(
    level=st.floats(-1e6, 1e6),
    need=st.floats(0, 1e6),
    rate=st.floats(1e-3, 1e6),
    now=st.floats(0, 1e9),
)
def test_client_that_waits_retry_after_is_admitted(level, need, rate, now):
    """After `retry-after`, if nobody else came, the bucket holds enough, on a clock that has run for long."""
    wait_s = wait_for(level, need, rate, now)
    later = now + wait_s
    if wait_s:
        assert later > now
        assert bucket_level(level, later - now, rate, math.inf) >= need


@pytest.mark.parametrize(
    ("factor", "cap_s", "jitter", "u", "pauses"),
    [
        # The SDKs: doubling to 8 s, up to a quarter off.
        (2.0, 8.0, -0.25, 0.0, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0]),
        (2.0, 8.0, -0.25, 1.0, [0.375, 0.75]),
        # Claude Code: doubling to 32 s, and up to a quarter more, 40 s at most.
        (2.0, 32.0, 0.25, 0.5, [0.5625, 1.125, 2.25, 4.5, 9.0, 18.0, 36.0, 36.0]),
        (2.0, 32.0, 0.25, 1.0, [0.625, 1.25, 2.5, 5.0, 10.0, 20.0, 40.0, 40.0]),
        # The cap cuts 13.5 s to 8 s.
        (3.0, 8.0, 0.0, 0.0, [0.5, 1.5, 4.5, 8.0, 8.0]),
    ],
)
def test_backoff_grows_to_its_cap_and_is_changed_by_jitter(factor, cap_s, jitter, u, pauses):
    assert [backoff(n, 0.5, factor, cap_s, jitter, u) for n in range(len(pauses))] == pauses


def test_retry_after_is_lengthened_by_jitter_but_not_below_its_floor():
    """12 s and half of a quarter more are 13.5 s; a floor of 36 s is longer; without either it stays 12 s."""
    assert obeyed_pause(12.0, 0.25, 0.5, 0.0) == 13.5
    assert obeyed_pause(12.0, 0.25, 0.5, 36.0) == 36.0
    assert obeyed_pause(12.1, 0.0, 0.0, 0.0) == 12.1


def test_client_obeys_retry_after_up_to_its_limit_and_a_rounding_error():
    assert [is_obeyed(asked_s, 60.0) for asked_s in (60.0, 60.0 + 1e-9, 60.001)] == [True, True, False]


@given(total=st.integers(0, 10**12), parts=st.integers(1, 200))
def test_shares_of_a_whole_number_add_up_and_differ_by_one_at_most(total, parts):
    shares = [share(total, part, parts) for part in range(parts)]
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1


def test_window_grows_by_one_in_a_round_and_is_halved_by_a_429():
    """AIMD: a quarter for each of four, never more than allowed, never less than one."""
    assert [grown(window, 10) for window in (4.0, 1.0, 9.95)] == [4.25, 2.0, 10.0]
    assert [shrunk(window) for window in (6.0, 1.5)] == [3.0, 1.0]


def test_cache_entry_is_readable_from_its_response_until_its_ttl_after_its_last_use():
    """Written at 10 s, used at 100 s, kept for 300 s: from 10 s on, and at 400 s no more."""
    readable = [cache_readable(10.0, 100.0, 300.0, now_s) for now_s in (9.9, 10.0, 399.9, 400.0)]
    assert readable == [False, True, True, False]


def test_call_takes_its_base_and_a_time_per_token():
    """4 s, 3,000 tokens at 0.5 s a thousand, 10,000 cached ones at 0.1 s; and 100 written at 0.02 s each."""
    latency = Latency(4.0, 4.0, 0.02, 0.5, 0.1)
    assert first_token_s(latency, 3000, 10_000) == pytest.approx(4 + 1.5 + 1)
    assert call_s(latency, 100, 3000, 10_000) == pytest.approx(4 + 1.5 + 1 + 2)


@pytest.mark.parametrize(
    ("calls", "fraction", "expected"),
    [(5, 0.5, 3), (4, 0.5, 2), (3, 0.0, 1), (3, 1.0, 3), (10, 0.1 + 0.2, 3)],
)
def test_part_of_an_attempt_rounds_calls_up(calls, fraction, expected):
    """0.1 + 0.2 is a rounding error more than 0.3."""
    assert calls_of_part(calls, fraction) == expected


def test_fault_strikes_each_call_equally_likely():
    """20% over four calls: 5% each."""
    variates = (0.0, 0.0499, 0.0501, 0.1999, 0.2, 0.9)
    assert [struck_call(u, 0.2, 4) for u in variates] == [0, 0, 1, 3, -1, -1]
