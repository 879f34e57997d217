"""Conclusions of a backtest: errors, coverage, and comparison with the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import nan

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.logs.backtest.backtest import Backtest, Forecasted
from dispatch_sim.logs.backtest.scores import Scored, covered
from dispatch_sim.logs.calibrate.intervals import session_resamples
from dispatch_sim.logs.calibrate.observations import codes

LEVELS = (0.5, 0.8, 0.9)
"""Levels of the intervals whose coverage is reported."""

RESAMPLES = 2000
"""Bootstrap resamples of sessions, enough for a share to 0.01."""

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Errors:
    """Relative errors of wall-clocks over some groups: median and 90th percentile."""

    groups: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """Median speed-ups of the groups of a size: sum of durations over wall-clock. NaN without forecasts."""

    size: int
    groups: int
    observed: float
    replayed: float
    forecast: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """Shares of outcomes in the intervals of a level.

    Attributes
    ----------
    runs : of the durations of completed runs, in the intervals of their kinds; NaN without any.
    as_calibrated, widened : of groups, in the intervals of their forecasts.
    low, high : the 95% confidence interval of `widened`.
    """

    level: float
    runs: float
    as_calibrated: float
    widened: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline: its mean CRPS, and the share of resamples in which the model's is smaller.

    `model_better` is for the forecasts as calibrated, `widened_better` for the widened ones.
    """

    name: str
    crps_s: float
    model_better: float
    widened_better: float


@dataclass(frozen=True)
class Conclusions:
    """Conclusions of a backtest.

    Attributes
    ----------
    replay, launched_by_model : errors of replayed wall-clocks; see `backtest.Replayed`.
    starts_recorded : as `replay`, for groups whose agents' starts are all in the log; None without any.
    speed_ups : by size of the group.
    error : relative errors of the forecasts' medians; None without forecasts.
    wall, tokens : coverage by level; empty without forecasts.
    widening : the median factor by which forecasts were widened.
    crps_s, widened_crps_s : the model's mean scores.
    baselines : compared with the model; empty without forecasts.
    """

    replay: Errors
    starts_recorded: Errors | None
    launched_by_model: Errors
    speed_ups: tuple[SpeedUp, ...]
    error: Errors | None
    wall: tuple[Coverage, ...]
    tokens: tuple[Coverage, ...]
    widening: float
    crps_s: float
    widened_crps_s: float
    baselines: tuple[Baseline, ...]


def judge_backtest(found: Backtest) -> Conclusions:
    """Return the conclusions of a backtest."""
    observed = np.array([each.group.wall_s for each in found.replayed])
    replayed = np.array([each.wall_s for each in found.replayed])
    recorded = np.array([each.group.starts_recorded for each in found.replayed])
    by_model = np.array([each.launched_by_model_s for each in found.replayed])
    forecasts = found.forecasted
    medians = np.array([float(np.median(each.wall.sample)) for each in forecasts])
    outcomes = np.array([each.group.wall_s for each in forecasts])
    crps_s = np.array([each.wall.crps for each in forecasts])
    widened_crps_s = np.array([each.widened_wall.crps for each in forecasts])
    wall = [(each, each.wall, each.widened_wall) for each in forecasts]
    tokens = [
        (each, each.tokens, each.widened_tokens)
        for each in forecasts
        if each.tokens is not None and each.widened_tokens is not None
    ]
    return Conclusions(
        replay=_errors(replayed, observed),
        starts_recorded=_errors(replayed[recorded], observed[recorded]) if recorded.any() else None,
        launched_by_model=_errors(by_model, observed),
        speed_ups=_speed_ups(found),
        error=_errors(medians, outcomes) if forecasts else None,
        wall=_coverage(wall, found.run_ranks),
        tokens=_coverage(tokens, ()),
        widening=float(np.median([each.widening for each in forecasts])) if forecasts else 1.0,
        crps_s=_mean(crps_s),
        widened_crps_s=_mean(widened_crps_s),
        baselines=_baselines(forecasts, crps_s, widened_crps_s),
    )


def _errors(simulated: Values, observed: Values) -> Errors:
    errors = np.abs(simulated / observed - 1)
    return Errors(len(errors), float(np.median(errors)), float(np.quantile(errors, 0.9)))


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else nan


def _speed_ups(found: Backtest) -> tuple[SpeedUp, ...]:
    rows = []
    for size in sorted({each.group.size for each in found.replayed}):
        of_size = [each for each in found.replayed if each.group.size == size]
        forecasts = [float(np.median(each.speed_up)) for each in found.forecasted if each.group.size == size]
        rows.append(
            SpeedUp(
                size=size,
                groups=len(of_size),
                observed=float(np.median([each.group.work_s / each.group.wall_s for each in of_size])),
                replayed=float(np.median([each.group.work_s / each.wall_s for each in of_size])),
                forecast=float(np.median(forecasts)) if forecasts else nan,
            )
        )
    return tuple(rows)


def _coverage(
    scored: Sequence[tuple[Forecasted, Scored, Scored]], run_ranks: Sequence[float]
) -> tuple[Coverage, ...]:
    """Return the coverage by level of forecasts, each given as calibrated and widened."""
    if not scored:
        return ()
    runs = np.array(run_ranks)
    ranks = np.array([as_calibrated.rank for _, as_calibrated, _ in scored])
    widened_ranks = np.array([widened.rank for _, _, widened in scored])
    resamples = _resamples([each for each, _, _ in scored])
    rows = []
    for level in LEVELS:
        inside = covered(widened_ranks, level)
        low, high = np.quantile(resamples @ inside / resamples.sum(axis=1), (0.025, 0.975))
        rows.append(
            Coverage(
                level=level,
                runs=_mean(covered(runs, level).astype(float)),
                as_calibrated=float(covered(ranks, level).mean()),
                widened=float(inside.mean()),
                low=float(low),
                high=float(high),
            )
        )
    return tuple(rows)


def _baselines(
    forecasts: Sequence[Forecasted], crps_s: Values, widened_crps_s: Values
) -> tuple[Baseline, ...]:
    if not forecasts:
        return ()
    resamples = _resamples(forecasts)
    rows = []
    for name in forecasts[0].baselines_crps_s:
        scores = np.array([each.baselines_crps_s[name] for each in forecasts])
        model_better, widened_better = (
            float((resamples @ (scores - of_model) > 0).mean()) for of_model in (crps_s, widened_crps_s)
        )
        rows.append(Baseline(name, float(scores.mean()), model_better, widened_better))
    return tuple(rows)


def _resamples(forecasts: Sequence[Forecasted]) -> Values:
    return session_resamples(codes(pd.Series([each.group.session for each in forecasts])), RESAMPLES)
