"""Calibration recovers known parameters, and leaves defaults where logs show nothing."""

import math
import re
from contextlib import suppress

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.cli.output import print_json
from dispatch_sim.decide.studies import sweep
from dispatch_sim.logs.backtest.backtest import backtest
from dispatch_sim.logs.backtest.what_if import what_if
from dispatch_sim.logs.calibrate.calibration import calibrate
from dispatch_sim.logs.calibrate.observations import CalibrationError
from dispatch_sim.logs.readers.files import Tally
from dispatch_sim.logs.readers.tables import OUTCOMES, AgentRun, Logs, make_tables
from dispatch_sim.report.backtest import backtest_json
from dispatch_sim.report.figures.backtest import backtest_picture
from dispatch_sim.report.logs import calibration_json, what_if_json
from dispatch_sim.scenario.distributions import Constant
from dispatch_sim.scenario.loader import parse_source
from tests.logs.made_runs import GAP_S, RETURN_S, START_S, made_runs


def interval(source, name):
    found = re.search(rf"{name} [0-9.,]+s? \(([0-9.,]+)s? to ([0-9.,]+)s?\)", source)
    assert found, source
    return tuple(float(end.replace(",", "")) for end in found.groups())


def figure(calibration, *path):
    return next(each for each in calibration.figures if each.path == path)


def test_intervals_cover_the_true_parameters():
    """95% intervals hold the truth in 87% of 30 trials or more: of median, p90 and the batch's share."""
    held = {"median": 0, "p90": 0, "share": 0}
    truth = {"median": 100.0, "p90": 100.0 * np.exp(1.2816), "share": 64.0}
    for seed in range(30):
        tables = made_runs(15, seed=seed)
        others = ["calls", "output_tokens", "first_context_tokens", "return_tokens", "spawn_tokens"]
        tables.runs[others] = np.nan
        found = calibrate(tables)
        duration = figure(found, "tasks", "Explore", "duration").source
        for name in ("median", "p90"):
            low, high = interval(duration, name)
            held[name] += low <= truth[name] <= high
        share = figure(found, "tasks", "Explore", "variance").source
        low, high = map(float, re.search(r"\(([0-9.]+)% to ([0-9.]+)%\)", share).groups())
        held["share"] += low <= truth["share"] <= high
    assert all(count / 30 >= 0.87 for count in held.values()), held


def test_many_runs_recover_every_figure():
    """With 400 sessions all that was put in is met within 10%."""
    found = calibrate(made_runs(400, seed=1, largest=3), intervals=False).scenario
    task, dispatch = found.tasks[0], found.dispatch
    assert task.name == "Explore"
    assert task.duration.quantile(0.5) == pytest.approx(100.0, rel=0.1)
    assert task.duration.quantile(0.9) == pytest.approx(100.0 * np.exp(1.2816), rel=0.1)
    assert task.variance.batch == pytest.approx(0.64, abs=0.06)
    assert task.variance.task / task.variance.attempt == pytest.approx(1.5, rel=0.02)
    assert task.tokens.mean == pytest.approx(40_000, rel=0.1)
    assert task.calls.quantile(0.5) == pytest.approx(9.0, abs=1.0)
    assert task.output_share == pytest.approx(0.1, abs=0.01)
    assert dispatch.spawn.tokens.quantile(0.5) == 20_000
    assert dispatch.spawn.shared == 10_000
    assert dispatch.return_.tokens.quantile(0.5) == pytest.approx(1000.0, rel=0.1)
    assert dispatch.return_.time.quantile(0.5) == pytest.approx(RETURN_S)
    assert dispatch.spawn.time.quantile(0.5) == START_S
    assert dispatch.brief.time == pytest.approx(GAP_S)
    assert dispatch.brief.tokens == pytest.approx(300.0)
    assert found.failures.crash == pytest.approx(0.05, abs=0.015)
    assert found.provider.overloaded == 0.0


def test_calibrated_scenario_can_be_swept():
    text = calibrate(made_runs(30, seed=2), intervals=False).text
    source = parse_source(text).replaced({"sweep.tasks": [2], "sweep.concurrency": [1, 2]})
    results = sweep(source, replications=4, jobs=1)
    assert (results.frame["makespan_s"] > 0).all()


FITTED = {"duration", "tokens", "calls", "output_share", "variance", "crash", "overloaded"}


@pytest.mark.parametrize(("sessions", "groups", "largest"), [(1, 5, 1), (1, 3, 4), (5, 1, 1), (1, 1, 1)])
def test_few_runs_leave_defaults(sessions, groups, largest):
    found = calibrate(made_runs(sessions, seed=4, groups=groups, largest=largest, crash=0.0))
    assert found.runs < 20
    for each in found.figures:
        if each.path[-1] in FITTED:
            assert each.origin == "default", each
    assert f"{found.runs} runs show it, fewer than 20" in found.text
    found.scenario  # noqa: B018 - it loads


def test_figures_of_one_session_have_no_intervals():
    found = calibrate(made_runs(1, seed=5, groups=20))
    assert figure(found, "tasks", "Explore", "duration").origin == "measured"
    for name in ("duration", "variance"):
        assert not re.search(r"\([0-9.]+\S* to ", figure(found, "tasks", "Explore", name).source)


def test_kind_with_few_runs_borrows_from_all():
    many, few = made_runs(20, seed=6), made_runs(1, seed=7, kinds=("Plan",))
    few.runs["session"] = "session-x"
    few.runs["group"] = "x/" + few.runs["group"]
    tables = Logs(pd.concat([many.runs, few.runs], ignore_index=True), many.groups)
    found = calibrate(tables, intervals=False)
    assert found.group_of == {"Explore": "Explore", "Plan": "all-kinds"}
    assert figure(found, "tasks", "all-kinds", "duration").origin == "borrowed"
    assert figure(found, "tasks", "all-kinds", "duration").n == found.runs


def test_runs_over_an_hour_count_as_hung():
    tables = made_runs(30, seed=8, crash=0.0)
    honest = calibrate(tables, intervals=False)
    tables.runs.loc[5, "duration_s"] = 40_000.0
    found = calibrate(tables, intervals=False)
    assert found.hung == 1
    assert found.scenario.failures.hang == pytest.approx(1 / len(tables.runs), rel=1e-3)
    assert found.scenario.timeouts.hard == 3600.0
    median = found.scenario.tasks[0].duration.quantile(0.5)
    assert median == pytest.approx(honest.scenario.tasks[0].duration.quantile(0.5), rel=0.03)


def test_runs_stopped_after_an_hour_count_as_hung():
    """Of 30 completed and 153 that a user stopped after hours, 153 of 183 hung."""
    tables = made_runs(183, seed=8, groups=1, largest=1, crash=0.0)
    tables.runs.loc[30:, ["outcome", "duration_s"]] = ["interrupted", 40_000.0]
    found = calibrate(tables, intervals=False)
    assert (found.attempts, found.hung) == (183, 153)
    assert found.scenario.failures.hang == pytest.approx(153 / 183, rel=1e-3)


def test_number_of_stopped_runs_is_stated():
    tables = made_runs(30, seed=8, crash=0.0, kinds=("Explore", "Plan"))
    first = tables.runs.index[tables.runs["kind"] == "Explore"][:3]
    tables.runs.loc[first, "outcome"] = "interrupted"
    found = calibrate(tables, intervals=False)
    said = "; without 3 that the user stopped"
    assert said in figure(found, "tasks", "Explore", "duration").source
    assert said not in found.text.replace(said, "", 1)


def test_figure_that_is_zero_in_some_resamples_has_no_interval():
    """Half of the sessions read nothing from the cache, so the median of a resample is often 0."""
    tables = made_runs(12, seed=12, crash=0.0)
    without = tables.runs["session"].isin([f"session-{at}" for at in range(5)])
    tables.runs.loc[without, "first_cached_share"] = 0.0
    shared = figure(calibrate(tables), "dispatch", "spawn", "shared")
    assert shared.value == "10000"
    assert " to " not in shared.source


def test_intervals_of_one_number_have_its_unit():
    found = calibrate(made_runs(40, seed=12, median_s=1500.0))
    assert figure(found, "dispatch", "return", "time").source.endswith("result (0.5s to 0.5s)")
    duration = figure(found, "tasks", "Explore", "duration").source
    assert re.search(r"median 1,[0-9]+s \([0-9,]+s to [0-9,]+s\)", duration)


def test_lifetime_of_the_cache_is_that_of_most_written_tokens():
    tables = made_runs(5, seed=12, crash=0.0)
    path = ("provider", "cache", "ttl")
    assert figure(calibrate(tables, intervals=False), *path).origin == "default"
    for model, hour, ttl, price in (
        ("claude-opus-4-5", 700.0, 3600.0, 10.0),
        ("claude-opus-4-5", 300.0, 300.0, 6.25),
        ("unknown", 700.0, 3600.0, 6.0),
        ("unknown", 300.0, 300.0, 3.75),
    ):
        tables.runs["model"] = model
        tables.runs[["cache_write_tokens", "cache_write_1h_tokens"]] = [1000.0, hour]
        found = calibrate(tables, intervals=False)
        assert figure(found, *path).origin == "measured"
        # Input costs 5 dollars per million tokens, or 3 by default; a write twice that for an hour, else 1.25
        # times that.
        assert (found.scenario.provider.cache.ttl, found.scenario.provider.prices.cache_write) == (ttl, price)


def test_size_of_batch_is_a_default_without_parallel_groups():
    for largest, origin in ((1, "default"), (4, "measured")):
        found = calibrate(made_runs(20, seed=3, largest=largest), intervals=False)
        assert figure(found, "tasks", "Explore", "count").origin == origin


def test_spawn_time_is_from_call_to_first_line():
    """Whoever measured the duration; without its lines, in the foreground, the call less the duration."""
    tables = made_runs(20, seed=12, crash=0.0)
    tables.runs["started_at_s"] = tables.runs["called_at_s"] + 3.0
    for measured in (True, False):
        tables.runs["duration_measured"] = measured
        assert calibrate(tables, intervals=False).scenario.dispatch.spawn.time.quantile(0.5) == 3.0
    tables.runs[["duration_measured", "started_at_s"]] = [True, np.nan]
    inferred = calibrate(tables, intervals=False)
    assert inferred.scenario.dispatch.spawn.time.quantile(0.5) == START_S + RETURN_S
    assert figure(inferred, "dispatch", "return", "time").origin == "default"
    tables.runs["background"] = True
    assert figure(calibrate(tables, intervals=False), "dispatch", "spawn", "time").origin == "default"


def test_spawn_time_is_zero_if_spans_begin_at_the_call():
    tables = made_runs(20, seed=12, crash=0.0)
    tables.runs["started_at_s"] = tables.runs["called_at_s"]
    start = figure(calibrate(tables, intervals=False), "dispatch", "spawn", "time")
    assert (start.value, start.origin) == ("0s", "measured")


def test_retries_of_agents_and_of_coordinators_are_one_rate():
    tables = made_runs(5, seed=13, crash=0.0)
    tally = Tally(coordinator_calls=10_000, coordinator_retries=20)
    found = calibrate(Logs(tables.runs, tables.groups, tally), intervals=False).scenario
    tries = 10_000 + 20 + tables.runs["calls"].sum()
    assert found.provider.overloaded == pytest.approx(20 / tries, rel=1e-3)
    assert calibrate(tables, intervals=False).scenario.provider.overloaded == 0.0


def test_usual_long_runs_count_as_work():
    found = calibrate(made_runs(20, seed=9, median_s=3000.0, crash=0.0), intervals=False)
    assert found.hung == 0
    assert found.scenario.tasks[0].duration.quantile(0.9) > 3600.0


def test_error_distinguishes_no_runs_from_no_completed_run():
    with pytest.raises(CalibrationError, match="no runs of sub-agents are in these logs"):
        calibrate(make_tables([]))
    with pytest.raises(CalibrationError, match="none has completed with a duration"):
        calibrate(made_runs(2, seed=1, crash=1.0))


def test_calibration_of_real_runs_agrees_with_published_figures(real_logs):
    """As published with the data: a median of 94 s, a log-sd of 0.67 within groups, launches 5.7 s apart."""
    found = calibrate(real_logs)
    everything = figure(found, "tasks", "all-kinds", "duration")
    low, high = interval(everything.source, "median")
    assert low <= 94.0 <= high
    within = float(
        re.search(r"and ([0-9.]+) within", figure(found, "tasks", "all-kinds", "variance").source)[1]
    )
    assert within == pytest.approx(0.67, abs=0.15)
    assert found.scenario.dispatch.brief.time == pytest.approx(5.7, rel=0.15)


ODD = {
    "kind": ["Explore", "kind-1", "unnamed"],
    "model": ["unknown", "other", "claude-sonnet-5", "gpt-3"],
    "background": [True, False],
    "called_at_s": [math.nan, -50.0, 0.0, 3.0, 1e6],
    "started_at_s": [math.nan, -60.0, 1.0, 2e6],
    "ended_at_s": [math.nan, -50.0, 0.0, 60.0, 3e3, 1e6, 1e7],
    "duration_measured": [True, False],
    "calls": [math.nan, 0.0, 1.0, 7.0, 300.0],
    "retries": [math.nan, 0.0, 3.0],
    "output_estimated": [math.nan, 0.0, 0.3, 1.0],
    "first_cached_share": [math.nan, 0.0, 0.3, 1.0],
}
AMOUNTS = [math.nan, 0.0, 1e-6, 1.0, 3.0, 50.0, 3599.0, 90_000.0, 1e9]
OF_AMOUNTS = [
    *("duration_s", "cache_write_tokens", "cache_write_1h_tokens", "output_tokens", "first_context_tokens"),
    *("final_context_tokens", "spawn_tokens", "return_tokens"),
]


def odd_tables(seed):
    rng = np.random.default_rng(seed)
    outcomes = ["completed"] * int(rng.integers(5, 60)) + list(OUTCOMES)
    outcomes += ["interrupted"] * int(rng.integers(0, 60))
    amounts = [*AMOUNTS, *rng.lognormal(4, 1, 20)]
    choices = ODD | {"outcome": outcomes} | dict.fromkeys(OF_AMOUNTS, amounts)
    runs = []
    for number in range(int(rng.integers(0, 40))):
        size = int(rng.integers(1, 5))
        session = f"session-{rng.integers(rng.integers(1, 12))}"
        place = {"session": session, "group": f"{session}/{number}", "group_size": size}
        for position in range(size):
            odd = {name: values[int(rng.integers(len(values)))] for name, values in choices.items()}
            runs.append(AgentRun(source="claude-code", position=position, **place, **odd))
    return make_tables(runs)


@pytest.mark.parametrize("seed", range(8))
def test_odd_numbers_give_an_answer_or_an_error(seed):
    tables = odd_tables(seed)
    with suppress(CalibrationError):
        found = calibrate(tables)
        assert found.scenario.tasks
        assert str(found)
        print_json(calibration_json(found))
    with suppress(CalibrationError):
        predicted = backtest(tables, replications=20)
        assert str(predicted)
        print_json(backtest_json(predicted))
        backtest_picture(predicted)
    with suppress(CalibrationError):
        other = what_if(tables)
        assert str(other)
        print_json(what_if_json(other))


@pytest.mark.parametrize("duration", [1e-3, 1.0, 1e5])
def test_equal_durations_are_a_constant(duration):
    tables = made_runs(40, seed=1, groups=1, largest=1, crash=0.0)
    tables.runs["duration_s"] = duration
    task = calibrate(tables, intervals=False).scenario.tasks[0]
    assert task.duration == Constant(duration)
