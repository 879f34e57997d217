"""Conclusions of a backtest: errors, coverage, and comparison with the baselines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan, nan, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.logs.backtest.backtest import Backtest, Forecasted, sessions_of
from dispatch_sim.logs.backtest.groups import Group
from dispatch_sim.logs.backtest.scores import Scored, covered
from dispatch_sim.logs.calibrate.intervals import CONFIDENCE, Interval
from dispatch_sim.stats.student_t import t_critical

LEVELS = (0.5, 0.8, 0.9)
"""Levels of the intervals whose coverage is reported."""

LEAST_SESSIONS = 10
"""Fewest sessions with forecasts for an interval: from these on, nine others widen the forecasts of each."""

ROUNDING = 1e-12
"""A smaller margin of a share is zero but for rounding: one that varies over n outcomes has above 1 / n^2."""

Values = NDArray[np.float64]
Sessions = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Errors:
    """Relative errors of simulated wall-clocks: median and 90th percentile."""

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
    as_calibrated, widened : of groups, in the intervals of their forecasts; `widened` is NaN for tokens that
        too few sessions have.
    low, high : the 95% confidence interval of `widened`; NaN with fewer than `LEAST_SESSIONS`.
    """

    level: float
    runs: float
    as_calibrated: float
    widened: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Baseline:
    """A baseline.

    Attributes
    ----------
    crps_s : its mean CRPS.
    excess_s : by how much that exceeds the CRPS of the forecasts as calibrated; below 0 if theirs is larger.
    widened_excess_s : by how much it exceeds the CRPS of the widened forecasts.
    """

    name: str
    crps_s: float
    excess_s: Interval
    widened_excess_s: Interval

    @property
    def relation(self) -> str:
        """How the forecasts as calibrated compare with it; a positive excess means that they are better."""
        if self.excess_s.low > 0:
            return "better than"
        return "worse than" if self.excess_s.high < 0 else "not significantly different from"

    @property
    def is_lost_by_widening(self) -> bool:
        """Whether the forecasts are worse than it only after they are widened."""
        return self.widened_excess_s.high < 0 <= self.excess_s.high


@dataclass(frozen=True)
class Conclusions:
    """Conclusions of a backtest.

    Attributes
    ----------
    replay, launched_by_model : errors of replayed wall-clocks; see `backtest.Replayed`.
    starts_recorded : as `replay`, for groups whose agents' starts are all in the log; None without any.
    speed_ups : by size of the group.
    sessions : with forecasts.
    error : relative errors of the forecasts' medians; None without forecasts.
    wall, tokens : coverage by level; empty without forecasts.
    widening : the median factor by which forecasts were widened.
    crps_s, widened_crps_s : the model's mean scores.
    baselines : compared with the model; empty without forecasts, or without past groups.
    """

    replay: Errors
    starts_recorded: Errors | None
    launched_by_model: Errors
    speed_ups: tuple[SpeedUp, ...]
    sessions: int
    error: Errors | None
    wall: tuple[Coverage, ...]
    tokens: tuple[Coverage, ...]
    widening: float
    crps_s: float
    widened_crps_s: float
    baselines: tuple[Baseline, ...]


def judge_backtest(found: Backtest) -> Conclusions:
    """Return the conclusions of a backtest."""
    replays, forecasts = found.replayed, found.forecasted
    recorded = [(each.wall_s, each.group) for each in replays if each.group.starts_recorded]
    medians = [(float(np.median(each.wall.sample)), each.group) for each in forecasts]
    crps_s = np.array([each.wall.crps for each in forecasts])
    widened_crps_s = np.array([each.widened_wall.crps for each in forecasts])
    wall = [(each, each.wall, each.widening) for each in forecasts]
    tokens = [(each, each.tokens, each.tokens_widening) for each in forecasts if each.tokens is not None]
    return Conclusions(
        replay=_errors([(each.wall_s, each.group) for each in replays]),
        starts_recorded=_errors(recorded) if recorded else None,
        launched_by_model=_errors([(each.launched_by_model_s, each.group) for each in replays]),
        speed_ups=_speed_ups(found),
        sessions=len({each.group.session for each in forecasts}),
        error=_errors(medians) if medians else None,
        wall=_coverage(wall, found.run_ranks),
        tokens=_coverage(tokens, (), is_widened=any(widening != 1 for *_, widening in tokens)),
        widening=float(np.median([each.widening for each in forecasts])) if forecasts else 1.0,
        crps_s=_mean(crps_s),
        widened_crps_s=_mean(widened_crps_s),
        baselines=_baselines(forecasts, crps_s, widened_crps_s),
    )


def _errors(simulated: Sequence[tuple[float, Group]]) -> Errors:
    errors = [abs(wall_s / group.wall_s - 1) for wall_s, group in simulated]
    return Errors(len(errors), float(np.median(errors)), float(np.quantile(errors, 0.9)))


def _mean(values: NDArray[Any]) -> float:
    return float(values.mean()) if len(values) else nan


def _speed_ups(found: Backtest) -> tuple[SpeedUp, ...]:
    rows = []
    for size in sorted({each.group.size for each in found.replayed}):
        of_size = [each for each in found.replayed if each.group.size == size]
        observed = np.median([each.group.work_s / each.group.wall_s for each in of_size])
        replayed = np.median([each.group.work_s / each.wall_s for each in of_size])
        forecasts = [np.median(each.speed_up) for each in found.forecasted if each.group.size == size]
        forecast = float(np.median(forecasts)) if forecasts else nan
        rows.append(SpeedUp(size, len(of_size), float(observed), float(replayed), forecast))
    return tuple(rows)


def _coverage(
    scored: Sequence[tuple[Forecasted, Scored, float]],
    run_ranks: Sequence[float],
    *,
    is_widened: bool = True,
) -> tuple[Coverage, ...]:
    """Return the coverage by level of forecasts, each given as calibrated and with its widening."""
    if not scored:
        return ()
    runs = np.array(run_ranks)
    ranks = np.array([each.rank for _, each, _ in scored])
    widened_ranks = np.array([each.widened(widening).rank for _, each, widening in scored])
    sessions = sessions_of([each for each, _, _ in scored])
    rows = []
    for level in LEVELS:
        of_runs, of_groups = _mean(covered(runs, level)), _mean(covered(ranks, level))
        inside = covered(widened_ranks, level).astype(float)
        widened = share_interval(inside, sessions) if is_widened else Interval(nan, nan, nan)
        rows.append(Coverage(level, of_runs, of_groups, widened.estimate, widened.low, widened.high))
    return tuple(rows)


def _baselines(
    forecasts: Sequence[Forecasted], crps_s: Values, widened_crps_s: Values
) -> tuple[Baseline, ...]:
    judged = [at for at, each in enumerate(forecasts) if each.baselines_crps_s]
    sessions = sessions_of([forecasts[at] for at in judged])
    rows = []
    for name in forecasts[judged[0]].baselines_crps_s if judged else ():
        scores = np.array([forecasts[at].baselines_crps_s[name] for at in judged])
        excess_s = mean_interval(scores - crps_s[judged], sessions)
        widened_excess_s = mean_interval(scores - widened_crps_s[judged], sessions)
        rows.append(Baseline(name, float(scores.mean()), excess_s, widened_excess_s))
    return tuple(rows)


def mean_interval(values: Values, sessions: Sessions) -> Interval:
    """Return a mean with its 95% confidence interval by Student's t over the sessions, counted from 0."""
    mean, margin = float(values.mean()), _margin(values, sessions)
    return Interval(mean, mean - margin, mean + margin)


def share_interval(inside: Values, sessions: Sessions) -> Interval:
    """Return a share with its 95% confidence interval: Wilson's, with Student's t over the sessions.

    The number of independent outcomes is that with which the share would vary as it does over the sessions,
    or the number of sessions if it does not vary.
    """
    share, margin, count = float(inside.mean()), _margin(inside, sessions), int(sessions.max()) + 1
    if isnan(margin):
        return Interval(share, nan, nan)
    variance = share * (1 - share)
    ratio = margin**2 / variance if margin > ROUNDING else t_critical(CONFIDENCE, count) ** 2 / count
    middle, half = share + ratio / 2, sqrt(ratio * variance + ratio**2 / 4)
    return Interval(share, (middle - half) / (1 + ratio), (middle + half) / (1 + ratio))


def _margin(values: Values, sessions: Sessions) -> float:
    """Return Student's t times the standard error of a mean; NaN with fewer than `LEAST_SESSIONS`.

    A session may have several values, so the mean is a ratio of two sums over sessions; its variance is that
    of the linearised ratio (Cochran, "Sampling Techniques", 1977, section 6.4).
    """
    sums = np.bincount(sessions, values - values.mean())
    count = len(sums)
    if count < LEAST_SESSIONS:
        return nan
    return t_critical(CONFIDENCE, count) * sqrt(float(sums @ sums) * count / (count - 1)) / len(values)
