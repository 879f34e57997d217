"""Distributions, against scipy's."""

import math
import os
import re
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from dispatch_sim.scenario import distributions as families
from dispatch_sim.scenario import samples
from dispatch_sim.scenario.composites import Empirical, Mixture
from dispatch_sim.scenario.distribution_text import (
    CountDistribution,
    SecondsDistribution,
    TokensDistribution,
)
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.scenario.problems import ScenarioError

SIGMA = math.sqrt(math.log(1 + 0.5**2))
PAIRS: list[tuple[families.Distribution, Any]] = [
    (families.Uniform(2.0, 5.0), scipy.stats.uniform(2, 3)),
    (families.Triangular(1.0, 2.0, 5.0), scipy.stats.triang(0.25, 1, 4)),
    (families.Triangular(1.0, 1.0, 5.0), scipy.stats.triang(0, 1, 4)),
    (families.Triangular(1.0, 5.0, 5.0), scipy.stats.triang(1, 1, 4)),
    (families.Exponential(3.0), scipy.stats.expon(scale=3)),
    (families.LogNormal.of(mean=60, cv=0.5), scipy.stats.lognorm(SIGMA, scale=60 / math.sqrt(1.25))),
    (families.LogNormal.of(median=60, log_sd=0.9), scipy.stats.lognorm(0.9, scale=60)),
    (families.Gamma(2.5, 4.0), scipy.stats.gamma(2.5, scale=4)),
    (families.Gamma(0.3, 4.0), scipy.stats.gamma(0.3, scale=4)),
    (families.Weibull(0.7, 4.0), scipy.stats.weibull_min(0.7, scale=4)),
    (families.Weibull(3.0, 4.0), scipy.stats.weibull_min(3, scale=4)),
    (families.LogLogistic(2.5, 60.0), scipy.stats.fisk(2.5, scale=60)),
]
U = [1e-12, 1e-6, 0.01, 0.1, 0.25, 0.5, 0.8, 0.99, 1 - 1e-6, 1 - 1e-12]
ids = [repr(mine) for mine, _ in PAIRS]


@pytest.mark.parametrize(("mine", "theirs"), PAIRS, ids=ids)
def test_agrees_with_scipy(mine: families.Distribution, theirs: Any) -> None:
    for u in U:
        x = float(theirs.ppf(u) if u < 0.5 else theirs.isf(1 - u))  # 1 - u is exact, ppf near 1 is not
        assert mine.quantile(u) == pytest.approx(x, rel=1e-9)
        assert mine.cdf(x) == pytest.approx(float(theirs.cdf(x)), rel=1e-8, abs=1e-15)
    assert mine.mean == pytest.approx(float(theirs.mean()), rel=1e-9)
    low, high = mine.support
    assert (low, high) == tuple(map(float, theirs.support()))
    assert mine.cdf(low - 1) == 0
    assert mine.cdf(high) == 1 or math.isinf(high)


def test_heavy_loglogistic_has_no_mean() -> None:
    """With a shape of at most 1 the mean is infinite."""
    assert families.LogLogistic(1.0, 1e-5).mean == math.inf


@given(st.lists(st.integers(0, 50), min_size=1, max_size=60), st.floats(1e-9, 1, exclude_max=True))
def test_empirical_quantile_is_the_least_value_with_enough_below(values: list[int], u: float) -> None:
    """The quantile is the smallest value of the sample whose cdf reaches u, counted by hand."""
    n = len(values)
    expected = min(v for v in values if sum(w <= v for w in values) / n >= u)
    assert Empirical(tuple(map(float, values))).quantile(u) == expected


@pytest.mark.parametrize("n", [7, 25, 49, 1000])
def test_empirical_quantile_at_its_steps(n: int) -> None:
    """At u = k/n the quantile is the k-th value, whatever k/n is rounded to."""
    sample = Empirical(tuple(float(k) for k in range(1, n + 1)))
    assert [sample.quantile(k / n) for k in range(1, n)] == list(range(1, n))


def test_mixture_of_constants_jumps() -> None:
    """The quantile of a discrete mixture is the smallest value with enough probability up to it."""
    mixture = Mixture(
        (0.25, 0.5, 0.25),
        (families.Constant(1.0), families.Constant(5.0), families.Constant(9.0)),
    )
    u = [1e-9, 0.25, math.nextafter(0.25, 1), 0.75, math.nextafter(0.75, 1), 1 - 2**-53]
    assert [mixture.quantile(v) for v in u] == [1, 1, 5, 5, 9, 9]


parts = st.one_of(
    st.builds(families.Constant, st.floats(0, 100)),
    st.builds(lambda low, width: families.Uniform(low, low + width), st.floats(0, 100), st.floats(0.1, 100)),
    st.builds(lambda m, cv: families.LogNormal.of(mean=m, cv=cv), st.floats(0.1, 100), st.floats(0.1, 3)),
    st.builds(families.Exponential, st.floats(0.1, 100)),
)


@given(
    st.lists(st.tuples(st.integers(1, 9), parts), min_size=1, max_size=5),
    st.floats(1e-9, 1 - 1e-9),
    st.floats(1e-9, 1 - 1e-9),
)
def test_mixture_quantile_is_the_generalised_inverse(
    weighted: list[tuple[int, families.Distribution]], u: float, v: float
) -> None:
    """It rises with u, its cdf reaches u, and that of the float below does not."""
    total = sum(weight for weight, _ in weighted)
    mixture = Mixture(tuple(w / total for w, _ in weighted), tuple(part for _, part in weighted))
    u, v = min(u, v), max(u, v)
    x = mixture.quantile(u)
    assert x <= mixture.quantile(v)
    assert mixture.cdf(x) >= u - 1e-12
    assert mixture.cdf(math.nextafter(x, -math.inf)) <= u + 1e-12


def read(kind: Any, raw: Any, folder: Path | None = None) -> Any:
    return TypeAdapter(kind).validate_python(raw, context=samples.Samples((folder,) if folder else ()))


@pytest.mark.parametrize(
    ("raw", "made"),
    [
        ("60s", families.Constant(60.0)),
        ({"constant": "1m"}, families.Constant(60.0)),
        ({"uniform": {"low": "1s", "high": "1m"}}, families.Uniform(1.0, 60.0)),
        ({"triangular": {"low": "1s", "mode": "2s", "high": "3s"}}, families.Triangular(1.0, 2.0, 3.0)),
        ({"exponential": {"mean": "5s"}}, families.Exponential(5.0)),
        ({"lognormal": {"mean": "60s", "cv": 0.5}}, families.LogNormal.of(mean=60.0, cv=0.5)),
        ({"lognormal": {"mean": "60s", "cv": "50%"}}, families.LogNormal.of(mean=60.0, cv=0.5)),
        (
            {"lognormal": {"median": "60s", "log_sd": 0.9}},
            families.LogNormal.of(median=60.0, log_sd=0.9),
        ),
        ({"gamma": {"mean": "60s", "cv": 0.5}}, families.Gamma(4.0, 15.0)),
        ({"gamma": {"shape": 4, "scale": "15s"}}, families.Gamma(4.0, 15.0)),
        ({"weibull": {"shape": 0.7, "scale": "15s"}}, families.Weibull(0.7, 15.0)),
        ({"loglogistic": {"shape": 2.5, "median": "15s"}}, families.LogLogistic(2.5, 15.0)),
        ({"empirical": ["3s", "1s", "1m"]}, Empirical((1.0, 3.0, 60.0))),
        (
            {
                "mixture": [
                    {"weight": "90%", "of": "5s"},
                    {"weight": 0.1, "of": {"exponential": {"mean": "1m"}}},
                ]
            },
            Mixture((0.9, 0.1), (families.Constant(5.0), families.Exponential(60.0))),
        ),
    ],
)
def test_reads_what_people_write(raw: Any, made: families.Distribution) -> None:
    assert read(SecondsDistribution, raw) == made


def test_nested_mixtures_are_flattened() -> None:
    inner = {"mixture": [{"weight": "50%", "of": "1s"}, {"weight": "50%", "of": "2s"}]}
    raw = {"mixture": [{"weight": "50%", "of": inner}, {"weight": "50%", "of": "3s"}]}
    flat = Mixture(
        (0.25, 0.25, 0.5),
        (families.Constant(1.0), families.Constant(2.0), families.Constant(3.0)),
    )
    assert read(SecondsDistribution, raw) == flat


WRONG = [
    ({"lognormal": {"mean": "60s", "cv": "abc"}}, ("lognormal", "cv"), "'abc' is not a cv"),
    ({"lognormal": {"mean": "60s", "cv": 1e-189}}, ("lognormal", "cv"), "write a number from 0.001 to 100"),
    ({"lognormal": {"mean": 60, "cv": 1}}, ("lognormal", "mean"), "60 has no unit"),
    ({"lognormal": {"maen": "60s", "cv": 1}}, ("lognormal", "maen"), "did you mean 'mean'?"),
    ({"lognormal": {"mean": "60s"}}, ("lognormal",), "lognormal is given by {mean, cv} or {median, log_sd}"),
    ({"lognormal": {"mean": "0s", "cv": 1}}, ("lognormal", "mean"), "write more than 0"),
    ({"lognormal": "60s"}, ("lognormal",), "is given by"),
    ({"log-normal": {"mean": "60s", "cv": 1}}, ("log-normal",), "did you mean 'lognormal'?"),
    ({"log_logistic": {}}, ("log_logistic",), "did you mean 'loglogistic'?"),
    ({"uniform": {"low": "5s", "high": "5s"}}, ("uniform",), "low is not less than high"),
    ({"triangular": {"low": "1s", "mode": "9s", "high": "5s"}}, ("triangular", "mode"), "not between"),
    ({"weibull": {"shape": 0.05, "scale": "1s"}}, ("weibull",), "its values can exceed"),
    ({"weibull": {"shape": 0, "scale": "1s"}}, ("weibull", "shape"), "is not a shape"),
    ({"loglogistic": {"shape": 0.01, "median": "1s"}}, ("loglogistic",), "its values can exceed"),
    ({"lognormal": {"median": "1s", "log_sd": 10}}, ("lognormal",), "its values can exceed"),
    ({"gamma": {"mean": "60s", "cv": True}}, ("gamma", "cv"), "true is not a cv"),
    ({"gamma": {"mean": "60s", "cv": 1e-189}}, ("gamma", "cv"), "write a number from 0.001 to 100"),
    ({"empirical": ["1s", "x"]}, ("empirical", 1), "'x' is not a time"),
    ({"empirical": []}, ("empirical",), "an empty list"),
    ({"mixture": [{"weight": "90%", "of": "5s"}]}, ("mixture",), "add up to 0.9"),
    ({"mixture": [{"weight": 1, "of": "5 x"}]}, ("mixture", 0, "of"), "'5 x' is not a time"),
    ({"mixture": [{"weigth": 1, "of": "5s"}]}, ("mixture", 0), "write {weight: 90%, of: 60s}"),
    ({}, (), "an empty mapping"),
    ({"constant": "1s", "uniform": {}}, (), "a mapping of 2"),
    (["1s"], (), "write 60s"),
    ({"empirical": {"csv": "a.csv", "column": "t"}}, ("empirical",), "this scenario has no file"),
    ({"empirical": {"cvs": "a.csv", "column": "t"}}, ("empirical", "cvs"), "did you mean 'csv'?"),
    ({"mixture": "5s"}, ("mixture",), "write a list of {weight: 90%, of: 60s}"),
    ({"mixture": [{"weight": "x", "of": "5s"}]}, ("mixture", 0, "weight"), "'x' is not"),
    ({"mixture": [{"weight": 0, "of": "5s"}]}, ("mixture", 0, "weight"), "has no effect; remove it"),
    ({"mixture": [{"weight": 0, "of": "5s"}] * 1001}, ("mixture",), "at most"),
    (
        {"mixture": [{"weight": 0.5, "of": {"mixture": [{"weight": 0.01, "of": "5s"}] * 100}}] * 2},
        ("mixture",),
        "at most",
    ),
]


@pytest.mark.parametrize(("raw", "path", "message"), WRONG)
def test_invalid_distribution_is_an_error_at_its_place(raw: Any, path: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        read(SecondsDistribution, raw)
    [details] = caught.value.errors()
    [(where, text, _)] = details["ctx"]["errors"]
    assert where == path
    assert message in text


def test_counts_are_at_least_one() -> None:
    assert read(CountDistribution, 5) == families.Constant(5.0)
    assert read(CountDistribution, {"uniform": {"low": 1, "high": 9}}) == families.Uniform(1.0, 9.0)
    for raw in (0, 0.5, "5s", {"uniform": {"low": 0, "high": 9}}, 10**7):
        with pytest.raises(ValidationError):
            read(CountDistribution, raw)


@pytest.mark.parametrize(
    ("raw", "mean"),
    [
        ({"lognormal": {"median": 0.3, "cv": 3}}, "0.949"),  # 0.3 sqrt(1 + 3^2)
        ({"loglogistic": {"shape": 4, "median": 0.8}}, "0.889"),  # 0.8 (pi / 4) / sin(pi / 4)
        ({"gamma": {"shape": 0.5, "scale": 1.9}}, "0.95"),  # 0.5 * 1.9
        ({"weibull": {"shape": 0.5, "scale": 0.49}}, "0.98"),  # 0.49 * 2!
    ],
)
def test_mean_of_a_count_is_at_least_one(raw: Any, mean: str) -> None:
    with pytest.raises(ValidationError, match=f"its mean is {re.escape(mean)}; write one of 1 or more"):
        read(CountDistribution, raw)
    (parameters,) = raw.values()
    size = next(key for key in parameters if key in ("median", "scale"))
    read(CountDistribution, {family: {**parameters, size: 2 * parameters[size]} for family in raw})


@pytest.mark.parametrize(
    ("kind", "made"),
    [
        *((TokensDistribution, mine) for mine, _ in PAIRS),
        (TokensDistribution, Mixture((0.5, 0.5), (families.Constant(1.0), Empirical((2.0, 3.0))))),
        # At the ends of a cv, and where the median of a count is less than 1.
        (CountDistribution, families.LogNormal.of(mean=1, cv=1)),
        (CountDistribution, families.LogNormal.of(mean=3, cv=0.001)),
        (CountDistribution, families.Gamma(1e6, 3e-6)),
        (CountDistribution, families.Gamma(1 / 144, 432.0)),
    ],
)
def test_every_family_is_dumped_and_read_again(kind: Any, made: families.Distribution) -> None:
    """As a map does, which writes it with another mean."""
    again = read(kind, TypeAdapter(kind).dump_python(made, mode="json"))
    assert [again.quantile(u) for u in U] == pytest.approx([made.quantile(u) for u in U])


OUTSIDE, NO_FILE = "outside the scenario's folder", "there is no file"
TOO_LONG = "cannot be read: 'field larger than field limit"
CSV_FILES = {
    "bad.csv": ("t\n1\nx\n", "line 3 of the csv file has 'x'"),
    "negative.csv": ("t\n-1\n", "has -1 in 't'"),
    "nan.csv": ("t\nnan\n", "not a finite number"),
    "empty.csv": ("", "the csv file is empty"),
    "heading.csv": ("t\n", "no rows below its heading"),
    "commas.csv": ("t\n1,200\n", "line 2 of the csv file has more values than its heading; write numbers w"),
    "twice.csv": ("t,u, t\n1,2,3\n", "has 2 columns 't'; rename one"),
    "wide.csv": ("t," * 1001 + "\n" + "1," * 1001 + "\n", "more than 1,000 columns"),
    "line.csv": ("t\n" + "1," * 2**20 + "\n", "a line of more than 1,048,576 characters"),
    "field.csv": ("t\n" + "1" * 2**18 + "\n", TOO_LONG),
    "quote.csv": ('t\n"' + "1\n" * 2**18, TOO_LONG),
    "rows.csv": ("t\n" + "1\n" * 1001, "more than 1,000 rows"),
}
OTHER_FILES = {
    "../secret.csv": OUTSIDE,
    "link.csv": OUTSIDE,
    "none.csv": NO_FILE,
    "a\0b": f"cannot be read|{NO_FILE}",
    "binary.csv": "'binary.csv' is not text: byte 21003 is not UTF-8; save the file as UTF-8",
    "folder.csv": NO_FILE,
    "round.csv": f"cannot be read|{NO_FILE}",
    "pipe.csv": NO_FILE,
    "huge.csv": "larger than 64 MiB",
}


def test_csv_files_outside_or_broken_are_errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No path leads out of the scenario's folder, through links either; bad rows are named."""
    assert samples.MOST_ROWS == 1_000_000
    monkeypatch.setattr(samples, "MOST_ROWS", 1000)
    home = tmp_path / "home"
    home.mkdir()
    (tmp_path / "secret.csv").write_text("t\n1\n")
    for name, (text, _) in CSV_FILES.items():
        (home / name).write_text(text)
    (home / "binary.csv").write_bytes(b"t\n" + b"1\n" * 500 + b"\n" * 20_000 + b"\xff\xfe\n")
    (home / "link.csv").symlink_to(tmp_path / "secret.csv")
    (home / "folder.csv").mkdir()
    (home / "round.csv").symlink_to(home / "round.csv")
    os.mkfifo(home / "pipe.csv")
    (home / "huge.csv").touch()
    os.truncate(home / "huge.csv", 2**40)
    told = {name: message for name, (_, message) in CSV_FILES.items()} | OTHER_FILES
    for name, message in (told | {str(tmp_path / "secret.csv"): OUTSIDE}).items():
        with pytest.raises(ValidationError, match=message):
            read(SecondsDistribution, {"empirical": {"csv": name, "column": "t"}}, home)


def test_csv_file_takes_little_more_memory_than_its_size(tmp_path: Path) -> None:
    """A text of 2 MiB with one character beyond the others' range takes 8 MiB, were it read as a whole."""
    file = tmp_path / "a.csv"
    file.write_text("t,\U0001f4c4\n" + ("1," + "x" * 1000 + "\n") * 2**11, encoding="utf-8")
    tracemalloc.start()
    sample = read(SecondsDistribution, {"empirical": {"csv": "a.csv", "column": "t"}}, tmp_path)
    assert tracemalloc.get_traced_memory()[1] < 2 * file.stat().st_size
    tracemalloc.stop()
    assert sample.values == (1.0,) * 2**11


def test_error_about_unknown_column_is_printable(tmp_path: Path) -> None:
    """A heading cannot write to the terminal, nor fill it, be it close to what was asked or one of many."""
    for heading in ("\x1b[2Jt,u", "\u202ett", ",".join(f"\x07{n}" for n in range(900)), "x" * 50_000):
        (tmp_path / "a.csv").write_text(f"{heading}\n1,1\n")
        with pytest.raises(ValidationError) as caught:
            read(SecondsDistribution, {"empirical": {"csv": "a.csv", "column": "tt"}}, tmp_path)
        message = caught.value.errors()[0]["ctx"]["message"]
        assert message.isprintable()
        assert len(message) < 1000


def test_number_of_csv_columns_is_limited(tmp_path: Path) -> None:
    """Each takes a second at worst, and is kept; a scenario has room for thousands of names."""
    (tmp_path / "a.csv").write_text(",".join(f"c{n}" for n in range(40)) + "\n" + "1," * 40)
    text = "tasks: [{name: a, tokens: 1, duration: {mixture: [%s]}}]"
    part = "{weight: %r, of: {empirical: {csv: a.csv, column: c%d}}}"
    many = text % ", ".join(part % (1 / 33, n) for n in range(33))
    with pytest.raises(ScenarioError, match="more than 32 columns of csv files; write fewer"):
        parse_scenario(many, folder=tmp_path)
    same = text % ", ".join(part % (1 / 40, n % 32) for n in range(40))
    assert parse_scenario(same, folder=tmp_path).batch_size == 1


def test_a_sample_has_the_mean_and_the_ends_of_its_values() -> None:
    """In whatever order they were given; a mixture those of its parts, by weight."""
    sample = Empirical((4.0, 1.0, 1.0))
    assert (sample.mean, sample.support) == (2.0, (1.0, 4.0))
    mixed = Mixture((0.25, 0.75), (sample, families.Uniform(3.0, 9.0)))
    assert mixed.mean == pytest.approx(0.25 * 2 + 0.75 * 6)
    assert mixed.support == (1.0, 9.0)
