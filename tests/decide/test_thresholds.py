"""Thresholds on the recommended strategy."""

import pytest

from dispatch_sim.decide.thresholds import Check, ThresholdError, check, parse_threshold
from dispatch_sim.report.findings import check_line
from dispatch_sim.stats.estimates import Estimate
from tests.report.conftest import TIGHT, answered


@pytest.mark.parametrize(
    ("text", "measure", "bound", "holds"),
    [
        ("p95_makespan_s > 1200", "p95_makespan_s", 1200.0, [False, False, True]),
        ("p95_makespan_s>20m", "p95_makespan_s", 1200.0, [False, False, True]),
        ("  makespan  >=  1h30m ", "makespan_s", 5400.0, [False, True, True]),
        ("cost > $10", "cost_usd", 10.0, [False, False, True]),
        ("cost_usd < 0.5", "cost_usd", 0.5, [True, False, False]),
        ("tokens <= 200K", "tokens", 200_000.0, [True, True, False]),
        ("input_tokens > 1M", "input_tokens", 1e6, [False, False, True]),
        ("manual_completions > 0.5", "manual_completions", 0.5, [False, False, True]),
    ],
)
def test_threshold_has_measure_comparison_and_number(text, measure, bound, holds):
    """It holds, or not, for a little less than its bound, for that, and for a little more."""
    found = parse_threshold(text)
    assert (found.measure, found.bound) == (measure, bound)
    assert [found.holds_for(bound * factor) for factor in (0.9, 1, 1.1)] == holds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is not a threshold"),
        ("cost", "is not a threshold"),
        ("cost == 3", "is not a threshold"),
        ("cost > 1 or cost > 2", "not an amount of money"),
        ("__import__('os') > 1", "is not a threshold"),
        (
            "speed > 1",
            "no measure 'speed'; write cost, makespan, p95_makespan, tokens, money or people$",
        ),
        ("p95makespan > 1", r"no measure 'p95makespan'; did you mean 'p95_makespan'\?$"),
        ("manual > 1", r"no measure 'manual'; did you mean 'manual_completions'\?$"),
        ("manual_completion > 1", r"did you mean 'manual_completions'\?$"),
        ("cost > 20m", "not an amount of money"),
        ("makespan > $3", "not a time"),
        ("makespan > -3", "negative"),
        ("cost > nan", "not an amount"),
        ("cost > 1" + "0" * 10_000, "is not a threshold"),
    ],
)
def test_invalid_threshold_is_an_error(text, says):
    with pytest.raises(ThresholdError, match=says) as error:
        parse_threshold(text)
    assert str(error.value).startswith("--fail-on: ")
    assert len(str(error.value)) < 2500


def test_estimate_of_the_recommended_strategy_decides():
    found = answered(TIGHT)
    cost = found.choices[0].estimate
    assert cost.low < cost.mean < cost.high
    bounds = [cost.mean * 1.0001, cost.mean * 0.9999, cost.low * 0.9, cost.high * 1.1]
    checks = check(found, [parse_threshold(f"cost > {bound:.9f}") for bound in bounds])
    assert [each.violated for each in checks] == [False, True, True, False]
    assert [each.settled for each in checks] == [False, False, True, True]
    assert all(each.estimate == cost for each in checks)


@pytest.mark.parametrize(
    ("bound", "violated", "ends"),
    [
        ("40s", True, ""),
        ("60s", True, "; the 95% confidence interval includes the bound"),
        (
            "200s",
            False,
            "; the 95% confidence interval may include the bound, as one of its ends is not known",
        ),
    ],
)
def test_unknown_upper_end_leaves_open_only_bounds_above_the_estimate(bound, violated, ends):
    """Of a p95 of 100 s whose interval begins at 50 s."""
    estimate = Estimate(100.0, 50.0, float("inf"), 40)
    threshold = parse_threshold(f"p95_makespan_s > {bound}")
    found = Check(threshold, answered(TIGHT).choices[0], estimate, threshold.holds_for(estimate.mean))
    assert (found.violated, found.settled) == (violated, not ends)
    assert check_line(found).endswith(f"(50s to not known){ends}")
    assert found.to_json()["estimate"]["high"] is None
