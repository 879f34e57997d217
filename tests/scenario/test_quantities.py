"""Quantities as people write them."""

import contextlib
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic_core import PydanticCustomError

from dispatch_sim.scenario import quantities as q
from dispatch_sim.scenario.formats import format_dollars, format_duration, format_tokens
from dispatch_sim.scenario.indifference import (
    USUAL,
    USUAL_SHARE,
    IndifferenceThreshold,
    parse_indifference,
    threshold_for,
)

READ: dict[str, dict[Any, Any]] = {
    "seconds": {
        "45s": 45,
        "500ms": 0.5,
        "5m": 300,
        "5min": 300,
        "1h30m": 5400,
        "1h 30m": 5400,
        "1d2h3m4s5ms": 93784.005,
        "2.5h": 9000,
        "1e3s": 1000,
        0: 0,
        "0": 0,
    },
    "tokens": {240: 240, "15K": 15_000, "15k": 15_000, "2.5K": 2500, "2M": 2_000_000, "1_000": 1000},
    "limit": {"50/min": 50, "2M/min": 2_000_000, "1/s": 60, "1200/h": 20, "unlimited": None},
    "share": {"20%": 0.2, 0.2: 0.2, "100%": 1, 1: 1},
    "dollars": {"$0.05": 0.05, 0.05: 0.05},
    "dollars_per_hour": {"$40/h": 40, "$1K/hour": 1000, 0: 0},
    "dollars_per_million": {"$3/M": 3, "$3.75/MTok": 3.75},
    "integers": {
        5: (5,),
        "1..4": (1, 2, 3, 4),
        "2..20 step 6": (2, 8, 14, 20),
        (20, "1..3", 10): (1, 2, 3, 10, 20),
    },
}


def cases(table: dict[str, dict[Any, Any]]) -> list[tuple[str, Any, Any]]:
    return [(name, written, expected) for name, row in table.items() for written, expected in row.items()]


def read(name: str, written: Any) -> Any:
    return getattr(q, f"parse_{name}")(written)


@pytest.mark.parametrize(("name", "written", "held"), cases(READ))
def test_a_quantity_is_held_in_its_base_unit(name: str, written: Any, held: Any) -> None:
    assert read(name, written) == (held if held is None or isinstance(held, tuple) else pytest.approx(held))


REFUSED: dict[str, dict[Any, str]] = {
    "seconds": {
        "60 parsecs": "'60 parsecs' is not a time; write 60s, 5m or 1h30m",
        60: "60 has no unit; write 60s, 5m or 1h30m",
        "45": "'45' has no unit; write 45s, 5m or 1h30m",
        "-5s": "'-5s' is negative; write 0 or more",
        -5: "-5 is negative; write 0 or more",
        "": "'' is not a time; write 60s, 5m or 1h30m",
        math.nan: "nan is not a number; write one",
        True: "true is not a time; write 60s, 5m or 1h30m",
        (1,): "a list of 1 is not a time; write 60s, 5m or 1h30m",
        "1e9d": "'1e9d' is too large; at most 1e+12 is possible",
        "x" * 1_000_000: f"'{'x' * 49}...xxxx' is not a time; write 60s, 5m or 1h30m",
    },
    "tokens": {
        "15 apples": "'15 apples' is not a number of tokens; write 240, 15K or 2M",
        math.inf: "inf is too large; at most 1e+12 is possible",
        10**400: "a number of 401 digits is too large; at most 1e+12 is possible",
        "\x1b[31m": "'\\x1b[31m' is not a number of tokens; write 240, 15K or 2M",
    },
    "limit": {
        50: "50 has no unit; write 50/min, 1/s or unlimited",
        "1e-310/min": "'1e-310/min' admits no requests; write 0.001/min or more, or unlimited",
        "0/min": "'0/min' admits no requests; write 0.001/min or more, or unlimited",
        "lots": "'lots' is not a limit; write 50/min, 2M/min, 1/s or unlimited",
    },
    "share": {
        20: "20 exceeds 100%; write 20% or another share up to 100%",
        "50": "'50' exceeds 100%; write 50% or another share up to 100%",
        "120%": "'120%' exceeds 100%; write 20% or another share up to 100%",
    },
    "dollars_per_hour": {40: "40 has no unit; write $40/h"},
    "dollars_per_million": {3: "3 has no unit; write $3/M"},
    "dollars": {"-$3": "'-$3' is negative; write 0 or more"},
    "integers": {
        "20..1": "'20..1' runs backwards; write 1..20",
        (1, "1..2"): "1 is repeated; remove one",
        "1..10001": "more than 10,000 values; take fewer, for example with a step",
        "1..100001 step 1000": "'1..100001 step 1000' goes above 100,000; write smaller numbers",
        0: "0 starts below 1; write 1..20",
        True: "true is not a list of whole numbers; write 5, 1..20 or 2..20 step 2",
        2.0: "2.0 is not a list of whole numbers; write 5, 1..20 or 2..20 step 2",
    },
}


@pytest.mark.parametrize(("name", "written", "message"), cases(REFUSED))
def test_invalid_quantity_is_an_error(name: str, written: Any, message: str) -> None:
    with pytest.raises(PydanticCustomError, match=f"^{re.escape(message)}$"):
        read(name, written)


@given(
    st.sampled_from([name for name in READ if name != "integers"]),
    st.one_of(
        st.text(max_size=12),
        st.text("0123456789.eE+-_ smhdinKMB/%$Tok\u0663\u00bd\u2212\xa0\x1b", max_size=12),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.none(),
        st.lists(st.integers(), max_size=2),
    ),
)
def test_anything_is_a_bounded_number_or_refused(name: str, raw: Any) -> None:
    """No input gives a negative, infinite or huge quantity, or an error of another kind."""
    try:
        value = read(name, raw)
    except ValueError:
        return
    assert value is None or 0 <= value <= q.LARGEST


@pytest.mark.parametrize("name", READ)
@pytest.mark.parametrize("text", ["1d{}x", "${}-{}x", "1..2{}x", "1{}", "1_{}"])
def test_long_texts_are_matched_in_linear_time(name: str, text: str) -> None:
    """Every text ends: a pattern with two ways to match 190 signs would run for ever."""
    for fill in (" ", "1", "_1", ".", "1s"):
        with contextlib.suppress(PydanticCustomError):
            read(name, text.format(fill * 190, fill * 190))


WRITTEN = {
    format_duration: {
        0: "0s",
        0.5: "500ms",
        0.99999: "1s",
        5.7: "5.7s",
        45: "45s",
        59.7: "1m",
        90: "1m 30s",
        3599.9: "1h",
        5400: "1h 30m",
        86400 + 3 * 3600: "1d 3h",
        -90: "-1m 30s",
        math.inf: "inf",
    },
    format_tokens: {
        240: "240",
        15_000: "15K",
        15_200: "15.2K",
        2_346_000: "2.35M",
        999_999: "1M",
        -15_200: "-15.2K",
        math.inf: "inf",
    },
    format_dollars: {
        0: "$0.00",
        1.234: "$1.23",
        1234.5: "$1,234.50",
        0.0042: "$0.0042",
        -3: "-$3.00",
        -0.0042: "-$0.0042",
        math.inf: "inf",
    },
}


@pytest.mark.parametrize("write", WRITTEN)
def test_quantities_are_written_for_people(write: Any) -> None:
    assert {value: write(value) for value in WRITTEN[write]} == WRITTEN[write]


@given(st.floats(0, 1e9), st.floats(0, 1e12))
def test_what_is_written_is_read_again(seconds: float, tokens: float) -> None:
    """What a report prints may be put into a scenario; it is the same but for rounding (10.5s: 10s)."""
    assert q.parse_seconds(format_duration(seconds)) == pytest.approx(seconds, rel=0.5 / 10.5, abs=1e-9)
    written = format_tokens(tokens).replace(",", "")
    assert q.parse_tokens(written) == pytest.approx(tokens, rel=0.006, abs=1e-9)


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        (0.05, IndifferenceThreshold(0.05, "dollars")),
        ("$1.50", IndifferenceThreshold(1.5, "dollars")),
        ("2%", IndifferenceThreshold(0.02, "share")),
        ("1m30s", IndifferenceThreshold(90, "seconds")),
        ("1K tokens", IndifferenceThreshold(1000, "tokens")),
        ("250 tokens", IndifferenceThreshold(250, "tokens")),
        (0, IndifferenceThreshold(0, "dollars")),
    ],
)
def test_threshold_is_read_by_its_unit_and_from_its_json(written, zone):
    assert parse_indifference(written) == zone
    assert parse_indifference(zone.to_json()) == zone


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a little", "is not a difference; write"),
        ("-2%", "negative"),
        ("101%", "exceeds 100%"),
        (True, "not a difference"),
    ],
)
def test_invalid_difference_is_an_error(written, message):
    with pytest.raises(PydanticCustomError, match=message):
        parse_indifference(written)


def test_a_share_is_taken_of_the_mean_and_an_amount_is_not():
    assert IndifferenceThreshold(0.02, "share").at(-50) == 1
    assert IndifferenceThreshold(0.02, "dollars").at(-50) == 0.02


def test_default_threshold_is_dollars_or_a_share():
    assert threshold_for(USUAL.to_json(), "cost") == USUAL
    assert threshold_for(USUAL.to_json(), "p95_makespan") == USUAL_SHARE
