"""Whatever numbers the tables hold, logs are calibrated, backtested and replayed, or refused in words."""

import json
import math
from contextlib import suppress

import numpy as np
import pytest

from dispatch_sim.logs.backtest import backtest
from dispatch_sim.logs.calibration import calibrate
from dispatch_sim.logs.observations import CalibrationError
from dispatch_sim.logs.tables import OUTCOMES, AgentRun, make_tables
from dispatch_sim.logs.what_if import what_if
from dispatch_sim.report.backtest import backtest_json, backtest_text
from dispatch_sim.report.backtest_figure import backtest_picture
from dispatch_sim.report.calibration import calibration_json, calibration_text
from dispatch_sim.report.what_if import what_if_json, what_if_text

AMOUNTS = [math.nan, 0.0, 1e-6, 1.0, 3.0, 50.0, 3599.0, 90_000.0, 1e9]
SHARES = [math.nan, 0.0, 0.3, 1.0]


def odd_tables(seed):
    """Return tables of groups whose numbers are missing, nothing, tiny, huge, or out of order."""
    rng = np.random.default_rng(seed)
    amounts = [*AMOUNTS, *rng.lognormal(4, 1, 20)]
    outcomes = ["completed"] * int(rng.integers(5, 60)) + list(OUTCOMES)

    def one_of(values):
        return values[int(rng.integers(len(values)))]

    runs = []
    for number in range(int(rng.integers(0, 40))):
        size = int(rng.integers(1, 5))
        session = f"session-{rng.integers(rng.integers(1, 12))}"
        runs += [
            AgentRun(
                source="claude-code",
                session=session,
                group=f"{session}/{number}",
                group_size=size,
                position=position,
                kind=one_of(["Explore", "kind-1", "unnamed"]),
                model=one_of(["unknown", "other", "claude-sonnet-5", "gpt-3"]),
                background=one_of([True, False]),
                outcome=one_of(outcomes),
                called_at_s=one_of([-50.0, 0.0, 3.0, 1e6]),
                started_at_s=one_of([math.nan, -60.0, 1.0, 2e6]),
                ended_at_s=one_of([math.nan, -50.0, 0.0, 60.0, 3e3, 1e6, 1e7]),
                duration_s=one_of(amounts),
                duration_measured=one_of([True, False]),
                calls=one_of([math.nan, 0.0, 1.0, 7.0, 300.0]),
                retries=one_of([math.nan, 0.0, 3.0]),
                output_tokens=one_of(amounts),
                output_estimated=one_of(SHARES),
                first_context_tokens=one_of(amounts),
                first_cached_share=one_of(SHARES),
                final_context_tokens=one_of(amounts),
                spawn_tokens=one_of(amounts),
                return_tokens=one_of(amounts),
            )
            for position in range(size)
        ]
    return make_tables(runs)


@pytest.mark.parametrize("seed", range(12))
def test_odd_numbers_are_taken_or_refused_in_words(seed):
    """Each of the three answers, in words, as JSON and as a picture, or says why it cannot."""
    tables = odd_tables(seed)
    with suppress(CalibrationError):
        found = calibrate(tables)
        assert found.scenario.tasks
        assert calibration_text(found)
        json.dumps(calibration_json(found), allow_nan=False)
    with suppress(CalibrationError):
        predicted = backtest(tables, replications=20)
        assert backtest_text(predicted)
        json.dumps(backtest_json(predicted), allow_nan=False)
        backtest_picture(predicted)
    with suppress(CalibrationError):
        other = what_if(tables)
        assert what_if_text(other)
        json.dumps(what_if_json(other), allow_nan=False)


@pytest.mark.parametrize("duration", [1e-3, 1.0, 1e5])
def test_runs_that_all_take_the_same_are_a_constant(duration):
    """Nothing varies, and nothing is divided by it."""
    runs = [
        AgentRun(
            source="codex",
            session=f"session-{number % 5}",
            group=f"{number}",
            group_size=1,
            position=0,
            kind="worker",
            background=False,
            outcome="completed",
            called_at_s=0.0,
            ended_at_s=duration,
            duration_s=duration,
        )
        for number in range(40)
    ]
    task = calibrate(make_tables(runs)).scenario.tasks[0]
    assert task.duration.quantile(0.01) == pytest.approx(duration)
    assert np.isfinite(task.duration.quantile(0.999999))
