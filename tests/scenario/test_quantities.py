"""Quantities as people write them."""

import contextlib
import math
import re
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from dispatch_sim.scenario import quantities as q
from dispatch_sim.scenario.formats import format_dollars, format_duration, format_tokens


@pytest.mark.parametrize(
    ("read", "written", "held"),
    [
        (q.parse_seconds, "45s", 45),
        (q.parse_seconds, "500ms", 0.5),
        (q.parse_seconds, "5m", 300),
        (q.parse_seconds, "5min", 300),
        (q.parse_seconds, "1h30m", 5400),
        (q.parse_seconds, "1h 30m", 5400),
        (q.parse_seconds, "1d2h3m4s5ms", 93784.005),
        (q.parse_seconds, "2.5h", 9000),
        (q.parse_seconds, "1e3s", 1000),
        (q.parse_seconds, 0, 0),
        (q.parse_seconds, 0.0, 0),
        (q.parse_seconds, "0", 0),
        (q.parse_tokens, 240, 240),
        (q.parse_tokens, "15K", 15_000),
        (q.parse_tokens, "15k", 15_000),
        (q.parse_tokens, "2.5K", 2500),
        (q.parse_tokens, "2M", 2_000_000),
        (q.parse_tokens, "1_000", 1000),
        (q.parse_limit, "50/min", 50),
        (q.parse_limit, "2M/min", 2_000_000),
        (q.parse_limit, "1/s", 60),
        (q.parse_limit, "1200/h", 20),
        (q.parse_limit, "unlimited", None),
        (q.parse_limit, None, None),
        (q.parse_share, "20%", 0.2),
        (q.parse_share, 0.2, 0.2),
        (q.parse_share, "100%", 1),
        (q.parse_share, 1, 1),
        (q.parse_dollars, "$0.05", 0.05),
        (q.parse_dollars, 0.05, 0.05),
        (q.parse_dollars_per_hour, "$40/h", 40),
        (q.parse_dollars_per_hour, "$1K/hour", 1000),
        (q.parse_dollars_per_hour, 0, 0),
        (q.parse_dollars_per_million, "$3/M", 3),
        (q.parse_dollars_per_million, "$3.75/MTok", 3.75),
        (q.parse_integers, 5, (5,)),
        (q.parse_integers, "1..4", (1, 2, 3, 4)),
        (q.parse_integers, "2..20 step 6", (2, 8, 14, 20)),
        (q.parse_integers, [20, "1..3", 10], (1, 2, 3, 10, 20)),
    ],
)
def test_reads(read: Callable[[Any], Any], written: Any, held: Any) -> None:
    """A quantity is held in its base unit."""
    assert read(written) == (held if held is None or isinstance(held, tuple) else pytest.approx(held))


@pytest.mark.parametrize(
    ("read", "written", "message"),
    [
        (q.parse_seconds, "60 parsecs", "'60 parsecs' is not a time; write 60s, 5m or 1h30m"),
        (q.parse_seconds, 60, "60 has no unit; write 60s, 5m or 1h30m"),
        (q.parse_seconds, "45", "'45' has no unit; write 45s, 5m or 1h30m"),
        (q.parse_seconds, "-5s", "'-5s' is negative; write 0 or more"),
        (q.parse_seconds, -5, "-5 is negative; write 0 or more"),
        (q.parse_seconds, math.nan, "nan is not a number; write one"),
        (q.parse_seconds, True, "true is not a time; write 60s, 5m or 1h30m"),
        (q.parse_seconds, [1], "a list of 1 is not a time; write 60s, 5m or 1h30m"),
        (q.parse_seconds, "1e9d", "'1e9d' is too large; at most 1e+12 is possible"),
        (q.parse_tokens, "15 apples", "'15 apples' is not a number of tokens; write 240, 15K or 2M"),
        (q.parse_tokens, math.inf, "inf is too large; at most 1e+12 is possible"),
        (q.parse_tokens, 10**400, "a number of 401 digits is too large; at most 1e+12 is possible"),
        (q.parse_limit, 50, "50 has no unit; write 50/min, 1/s or unlimited"),
        (q.parse_limit, "0/min", "'0/min' lets nothing through; write 0.001/min or more, or unlimited"),
        (q.parse_limit, "lots", "'lots' is not a limit; write 50/min, 2M/min, 1/s or unlimited"),
        (q.parse_share, 20, "20 is more than the whole; write 20%, at most 100%"),
        (q.parse_share, "120%", "'120%' is more than the whole; write 20%, at most 100%"),
        (q.parse_dollars_per_hour, 40, "40 has no unit; write $40/h"),
        (q.parse_dollars_per_million, 3, "3 has no unit; write $3/M"),
        (q.parse_dollars, "-$3", "'-$3' is negative; write 0 or more"),
        (q.parse_integers, "20..1", "'20..1' runs backwards; write 1..20"),
        (q.parse_integers, [1, "1..2"], "1 is there twice; remove one"),
        (q.parse_integers, "1..10001", "more than 10,000 values; take fewer, for example with a step"),
        (
            q.parse_integers,
            "1..100001 step 1000",
            "'1..100001 step 1000' goes above 100,000; write smaller numbers",
        ),
        (q.parse_integers, 0, "0 starts below 1; write 1..20"),
        (q.parse_integers, True, "true is not a list of whole numbers; write 5, 1..20 or 2..20 step 2"),
        (q.parse_integers, 2.0, "2.0 is not a list of whole numbers; write 5, 1..20 or 2..20 step 2"),
        (q.parse_tokens, "\x1b[31m", "'\\x1b[31m' is not a number of tokens; write 240, 15K or 2M"),
    ],
)
def test_refuses(read: Callable[[Any], Any], written: Any, message: str) -> None:
    """What is not a quantity is refused with what was found and what to write instead."""
    with pytest.raises(PydanticCustomError, match=f"^{re.escape(message)}$"):
        read(written)


def test_long_text_is_shortened() -> None:
    """An error does not repeat a megabyte of input."""
    with pytest.raises(ValueError, match="is not a time") as caught:
        q.parse_seconds("x" * 1_000_000)
    assert len(str(caught.value)) < 150


READERS = [
    q.parse_seconds,
    q.parse_tokens,
    q.parse_limit,
    q.parse_share,
    q.parse_dollars,
    q.parse_dollars_per_hour,
    q.parse_dollars_per_million,
    q.parse_number,
]


@given(
    st.sampled_from(READERS),
    st.one_of(
        st.text(max_size=30),
        st.text("0123456789.eE+-_ smhdinKMB/%$Tok", max_size=12),
        st.floats(),
        st.integers(),
        st.booleans(),
        st.none(),
        st.lists(st.integers(), max_size=2),
    ),
)
def test_anything_is_a_bounded_number_or_refused(read: Callable[[Any], Any], raw: Any) -> None:
    """No input gives a negative, infinite or huge quantity, or an error of another kind."""
    try:
        value = read(raw)
    except ValueError:
        return
    assert value is None or 0 <= value <= q.LARGEST


@given(
    st.sampled_from([q.Seconds, q.Tokens, q.Limit, q.Share, q.Dollars, q.Integers, q.Number]), st.booleans()
)
def test_a_bool_is_no_quantity(kind: Any, raw: bool) -> None:
    """`yes` and `no` are not 1 and 0."""
    with pytest.raises(ValidationError):
        TypeAdapter(kind).validate_python(raw)


def test_quantities_work_in_strict_models() -> None:
    """The types work in a strict model, with bounds of their own, and defaults are taken as they are."""

    class Model(BaseModel):
        model_config = ConfigDict(strict=True, frozen=True)
        time: q.Seconds = 2.5
        burst: q.Seconds = Field(default=60.0, gt=0)
        limit: q.Limit = 10.0

    assert Model() == Model(time="2.5s", burst="1m", limit="10/min")
    with pytest.raises(ValidationError, match="greater than 0"):
        Model(burst="0s")


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0s"),
        (0.5, "500ms"),
        (0.99999, "1s"),
        (5.7, "5.7s"),
        (45, "45s"),
        (59.7, "1m"),
        (90, "1m 30s"),
        (3599.9, "1h"),
        (5400, "1h 30m"),
        (86400 + 3 * 3600, "1d 3h"),
        (-90, "-1m 30s"),
        (math.inf, "inf"),
    ],
)
def test_durations_are_written_compactly(seconds: float, written: str) -> None:
    """A time is written in two units at most."""
    assert format_duration(seconds) == written


@given(st.floats(0, 1e9))
def test_a_written_duration_is_read_again(seconds: float) -> None:
    """What a report prints may be put into a scenario: it is within rounding of the same time."""
    assert q.parse_seconds(format_duration(seconds)) == pytest.approx(seconds, rel=0.03, abs=1e-9)


@given(st.floats(0, 1e12))
def test_written_tokens_are_read_again(tokens: float) -> None:
    """Token counts are printed to three digits."""
    assert q.parse_tokens(format_tokens(tokens).replace(",", "")) == pytest.approx(
        tokens, rel=0.006, abs=1e-9
    )


def test_tokens_and_dollars_are_written_for_people() -> None:
    """Three digits and a letter; cents, and more where there is less than one."""
    assert [format_tokens(n) for n in (240, 15_000, 15_200, 2_346_000, 999_999)] == [
        "240",
        "15K",
        "15.2K",
        "2.35M",
        "1M",
    ]
    assert [format_dollars(x) for x in (0, 1.234, 1234.5, 0.0042, -3, 0.05)] == [
        "$0.00",
        "$1.23",
        "$1,234.50",
        "$0.0042",
        "-$3.00",
        "$0.05",
    ]


QUANTITIES = [name for name in dir(q) if name.startswith("parse_")]


@pytest.mark.parametrize("name", QUANTITIES)
@pytest.mark.parametrize("text", ["1d{}x", "${}-{}x", "1..2{}x", "1{}", "1_{}"])
def test_no_text_takes_long_to_refuse(name, text):
    """Every text ends: a pattern with two ways to match 190 signs would run for ever."""
    for fill in (" ", "1", "_1", ".", "1s"):
        with contextlib.suppress(PydanticCustomError):
            getattr(q, name)(text.format(fill * 190, fill * 190))


def test_what_is_less_than_nothing_or_without_end_is_written_so() -> None:
    """Differences are negative, and a limit that is off is infinite: neither may look like an amount."""
    assert [format_tokens(n) for n in (-15_200, math.inf)] == ["-15.2K", "inf"]
    assert [format_duration(s) for s in (-90, math.inf)] == ["-1m 30s", "inf"]
    assert [format_dollars(x) for x in (-0.0042, math.inf)] == ["-$0.0042", "inf"]
