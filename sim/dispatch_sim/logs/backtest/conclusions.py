"""What a backtest comes to: errors, coverage, and whether the model beats the naive rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.logs.backtest.backtest import Backtest, Forecasted
from dispatch_sim.logs.backtest.scores import Scored, covered
from dispatch_sim.logs.calibrate.observations import codes

LEVELS = (0.5, 0.8, 0.9)
"""Of the intervals that are judged."""

RESAMPLINGS = 2000
"""Of sessions, for how sure a comparison is: a part of them to one in a hundred."""

_SEED = 1

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Errors:
    """Relative errors of wall-clocks over some groups: the median, and what nine in ten do not exceed."""

    groups: int
    median: float
    p90: float


@dataclass(frozen=True, slots=True)
class SpeedUp:
    """Median speed-ups of the groups of a size: work together over the wall-clock. NaN where not forecast."""

    size: int
    groups: int
    observed: float
    replayed: float
    forecast: float


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many outcomes lie in the intervals of a level: single runs, groups as calibrated, groups widened.

    `runs` is of the durations of completed runs in the intervals of their kinds; NaN without any. `low` and
    `high` are the 95% interval of `widened`, sessions drawn again.
    """

    level: float
    runs: float
    as_calibrated: float
    widened: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """A rule to beat: its mean CRPS, and how often the model's is less when sessions are drawn again.

    `model_better` is the part of resamplings for the model as calibrated, `widened_better` for it widened.
    """

    name: str
    crps_s: float
    model_better: float
    widened_better: float


@dataclass(frozen=True)
class Conclusions:
    """What a backtest comes to.

    Attributes
    ----------
    replay, launched_by_model : errors of replayed wall-clocks; see `backtest.Replayed`.
    starts_recorded : as `replay`, of the groups whose agents' starts are all in the log; None without any.
    speed_ups : by size of the group.
    error : relative errors of the forecasts' medians; None without forecasts, and likewise the rest.
    wall, tokens : coverage by level.
    widening : the median of what forecasts were widened by.
    crps_s, widened_crps_s : the model's mean scores.
    baselines : what it is compared to.
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
    """Return what a backtest comes to."""
    seen = np.array([each.group.wall_s for each in found.replayed])
    replay = np.array([each.wall_s for each in found.replayed])
    recorded = np.array([each.group.starts_recorded for each in found.replayed])
    by_model = np.array([each.launched_by_model_s for each in found.replayed])
    forecasts = found.forecasted
    made = np.array([float(np.median(each.wall.sample)) for each in forecasts])
    observed = np.array([each.group.wall_s for each in forecasts])
    model = np.array([each.wall.crps for each in forecasts])
    widened = np.array([each.widened_wall.crps for each in forecasts])
    wall = [(each, each.wall, each.widened_wall) for each in forecasts]
    tokens = [
        (each, each.tokens, each.widened_tokens) for each in forecasts if each.tokens and each.widened_tokens
    ]
    return Conclusions(
        replay=_errors(replay, seen),
        starts_recorded=_errors(replay[recorded], seen[recorded]) if recorded.any() else None,
        launched_by_model=_errors(by_model, seen),
        speed_ups=_speed_ups(found),
        error=_errors(made, observed) if forecasts else None,
        wall=_coverage(wall, found.run_ranks),
        tokens=_coverage(tokens, ()),
        widening=float(np.median([each.widening for each in forecasts])) if forecasts else 1.0,
        crps_s=_mean(model),
        widened_crps_s=_mean(widened),
        baselines=_baselines(forecasts, model, widened),
    )


def _errors(made: Values, observed: Values) -> Errors:
    off = np.abs(made / observed - 1)
    return Errors(len(off), float(np.median(off)), float(np.quantile(off, 0.9)))


def _mean(values: Values) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _speed_ups(found: Backtest) -> tuple[SpeedUp, ...]:
    rows = []
    for size in sorted({each.group.size for each in found.replayed}):
        of_size = [each for each in found.replayed if each.group.size == size]
        made = [float(np.median(each.speed_up)) for each in found.forecasted if each.group.size == size]
        rows.append(
            SpeedUp(
                size=size,
                groups=len(of_size),
                observed=float(np.median([each.group.work_s / each.group.wall_s for each in of_size])),
                replayed=float(np.median([each.group.work_s / each.wall_s for each in of_size])),
                forecast=float(np.median(made)) if made else float("nan"),
            )
        )
    return tuple(rows)


def _coverage(
    scored: Sequence[tuple[Forecasted, Scored, Scored]], run_ranks: Sequence[float]
) -> tuple[Coverage, ...]:
    """Return the coverage of forecasts, each given as calibrated and widened."""
    if not scored:
        return ()
    ranks = np.array([as_calibrated.rank for _, as_calibrated, _ in scored])
    widened = np.array([wide.rank for _, _, wide in scored])
    often = _resampled([each for each, _, _ in scored])
    rows = []
    for level in LEVELS:
        inside = covered(widened, level)
        parts = often @ inside / often.sum(axis=1)
        low, high = np.quantile(parts, (0.025, 0.975))
        rows.append(
            Coverage(
                level,
                _mean(covered(np.array(run_ranks), level).astype(float)),
                float(covered(ranks, level).mean()),
                float(inside.mean()),
                float(low),
                float(high),
            )
        )
    return tuple(rows)


def _baselines(forecasts: Sequence[Forecasted], model: Values, widened: Values) -> tuple[Baseline, ...]:
    if not forecasts:
        return ()
    scores = {
        name: np.array([each.baselines_crps_s[name] for each in forecasts])
        for name in forecasts[0].baselines_crps_s
    }
    often = _resampled(forecasts)
    return tuple(
        Baseline(
            name,
            float(score.mean()),
            float((often @ (score - model) > 0).mean()),
            float((often @ (score - widened) > 0).mean()),
        )
        for name, score in scores.items()
    )


def _resampled(forecasts: Sequence[Forecasted]) -> Values:
    """Return how often each group counts when its sessions are drawn again, a row a resampling."""
    session = codes(pd.Series([each.group.session for each in forecasts]))
    count = int(session.max()) + 1
    draws = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=RESAMPLINGS)
    return np.asarray(draws[:, session], dtype=np.float64)
