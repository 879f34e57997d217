"""Backtest of the model against the parallel groups of logs.

A *replay* simulates a group with its durations and launches as observed. A *forecast* knows the kinds of its
tasks only, and its scenario is calibrated without the group's session. Baselines need no simulation.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dispatch_sim.display import Displayed
from dispatch_sim.logs.backtest.groups import Group, find_groups
from dispatch_sim.logs.backtest.scores import Scored, needed_widening
from dispatch_sim.logs.backtest.simulation import Forecast, forecast, replay, tasks_of
from dispatch_sim.logs.calibrate.calibration import calibrate
from dispatch_sim.logs.calibrate.observations import ALL_KINDS, CalibrationError, codes, observe
from dispatch_sim.logs.readers.tables import Logs
from dispatch_sim.scenario.coordination import Dispatch
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.study.engines import engine_for
from dispatch_sim.study.runner import OnProgress

MOST_FOLDS = 50
"""Up to this number each session is left out by itself; more sessions share as many folds."""

MOST_REPLICATIONS = 10_000
"""Replications of all forecasts together, about."""

REPLICATIONS = (100, 1000)
"""Fewest and most replications of a forecast."""

_QUANTILES = 1000
"""Quantiles of a distribution of durations, for the rank of a run."""

_MOST_NAMES = 8
_NO_OTHER_SESSIONS = "a forecast is judged by sessions that it was not fitted to, and there are no others"
_NONE_COMPLETED = "no agent of another session has completed its task"
_INTERRUPTED = "the user interrupted one of its agents"
_NO_TASKS = "the scenario has no tasks for the kind of one of its agents, and none for all kinds"

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A group and its replays.

    Attributes
    ----------
    group : as observed.
    wall_s : with launches and starts as observed; an unknown start counts as the launch.
    launched_by_model_s : launched by the model's coordinator, with briefs and starts as in other sessions.
    """

    group: Group
    wall_s: float
    launched_by_model_s: float


@dataclass(frozen=True, slots=True)
class Forecasted:
    """A group and its forecast, which does not know the group's session.

    Attributes
    ----------
    group : as observed.
    fold : the part of the sessions that it is in, and that the forecast does not know.
    speed_up : forecast; a value a replication.
    wall, tokens : wall-clock and tokens, as calibrated; no tokens if the logs lack some.
    baselines_crps_s : CRPS of each baseline: the mean of past groups of that size (of all, without any),
        the slowest of the members' average durations, and all past groups, taken as a forecast. Empty if
        the other sessions have no groups or no completed runs.
    widening, tokens_widening : needed by the forecasts of other folds' groups; see `scores.needed_widening`.
    """

    group: Group
    fold: int
    speed_up: Values
    wall: Scored
    tokens: Scored | None
    baselines_crps_s: dict[str, float]
    widening: float = 1.0
    tokens_widening: float = 1.0

    @property
    def widened_wall(self) -> Scored:
        """The wall-clock, widened."""
        return self.wall.widened(self.widening)


@dataclass(frozen=True)
class Backtest(Displayed):
    """Replays and forecasts of the parallel groups of logs.

    Attributes
    ----------
    replayed, forecasted : by group, in the order of the logs.
    run_ranks : rank of each completed run's duration in the distribution of its kind; see `Scored.rank`.
    left_out : groups that could not be simulated, by reason.
    not_forecast : groups without a forecast, by reason.
    folds : parts of the sessions that were left out in turn; 0 if a scenario was given.
    replications : of each forecast.
    """

    replayed: tuple[Replayed, ...]
    forecasted: tuple[Forecasted, ...]
    run_ranks: tuple[float, ...]
    left_out: Counter[str]
    not_forecast: Counter[str]
    folds: int
    replications: int


def backtest(
    logs: Logs,
    scenario: Scenario | None = None,
    replications: int | None = None,
    on_progress: OnProgress | None = None,
) -> Backtest:
    """Replay and forecast the parallel groups of logs.

    Parameters
    ----------
    logs : as `read_logs` returns them.
    scenario : used for the forecasts. By default each is calibrated to the other sessions' runs.
    replications : of each forecast. By default all forecasts together have `MOST_REPLICATIONS`.
    on_progress : called with the number of groups done and of all.

    Raises
    ------
    CalibrationError
        If no group can be simulated, or the scenario has tasks for none of their kinds.
    """
    groups, left_out = find_groups(logs)
    if scenario is not None:
        _check_kinds(scenario, {kind for group in groups for kind in group.kinds})
    fold_of = _folds(logs.runs["session"], {group.session for group in groups})
    fewest, most = REPLICATIONS
    replications = replications or min(max(MOST_REPLICATIONS // len(groups), fewest), most)
    asked = "auto" if scenario is None else scenario.engine
    engine = engine_for(asked, replications * sum(group.size for group in groups))
    completed = observe(logs).completed

    @cache
    def others(fold: int) -> tuple[Scenario | None, dict[str, float], list[Group]]:
        """Return what is fitted to the other folds, see `_fitted`, and their groups."""
        runs, parallel = (each[each["session"].map(fold_of) != fold] for each in (logs.runs, logs.groups))
        past = [group for group in groups if fold_of[group.session] != fold and not group.interrupted]
        return *_fitted(Logs(runs, parallel)), past

    replayed: list[Replayed] = []
    forecasted: list[Forecasted] = []
    forecasts: dict[tuple[int, tuple[str, ...]], Forecast] = {}
    not_forecast: Counter[str] = Counter()
    for group in groups:
        if on_progress is not None:
            on_progress(len(replayed), len(groups))
        fold = fold_of[group.session]
        calibrated, averages, past = others(fold)
        launch = Dispatch() if calibrated is None else calibrated.dispatch
        replayed.append(Replayed(group, replay(group), replay(group, launch)))
        used = scenario or calibrated
        if group.interrupted:
            not_forecast[_INTERRUPTED] += 1
        elif used is None:
            is_only_fold = set(fold_of.values()) == {fold}
            not_forecast[_NO_OTHER_SESSIONS if is_only_fold else _NONE_COMPLETED] += 1
        elif any(tasks_of(used, kind) is None for kind in group.kinds):
            not_forecast[_NO_TASKS] += 1
        else:
            # A given scenario is used in all folds, so its forecasts are shared by them.
            key = (0 if scenario else fold, group.kinds)
            if key not in forecasts:
                forecasts[key] = forecast(used, group.kinds, replications, engine)
            made = forecasts[key]
            scores = _baselines_crps_s(group, past, averages) if past and averages else {}
            wall = Scored(made.wall_s, group.wall_s)
            tokens = None if math.isnan(group.tokens) else Scored(made.tokens, group.tokens)
            forecasted.append(Forecasted(group, fold, made.speed_up, wall, tokens, scores))
    folds = sorted({fold_of[group.session] for group in groups})
    run_ranks = [] if scenario is None else _run_ranks(completed, scenario)
    for fold in folds if scenario is None else ():
        calibrated = others(fold)[0]
        if calibrated is not None:
            run_ranks += _run_ranks(completed[completed["session"].map(fold_of) == fold], calibrated)
    return Backtest(
        replayed=tuple(replayed),
        forecasted=tuple(_widen(forecasted)),
        run_ranks=tuple(run_ranks),
        left_out=left_out,
        not_forecast=not_forecast,
        folds=0 if scenario else len(folds),
        replications=replications,
    )


def _check_kinds(scenario: Scenario, kinds: set[str]) -> None:
    """Raise an error if a scenario has tasks for none of the kinds."""
    if any(tasks_of(scenario, kind) is not None for kind in kinds):
        return
    names = [group.name for group in scenario.tasks]
    raise CalibrationError(
        f"scenario '{scenario.name}' has tasks named {_listed(names)}, and the parallel groups in these logs "
        f"have agents of the kinds {_listed(sorted(kinds))}: none in common. Calibrate again, or name a "
        f"group of tasks after one of those kinds, or '{ALL_KINDS}', which stands for every other kind"
    )


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")


def _run_ranks(runs: pd.DataFrame, scenario: Scenario) -> list[float]:
    """Return the rank of each run's duration in that of its kind; runs of unknown kinds are left out."""
    ranks: list[float] = []
    for kind, durations in runs.groupby("kind", sort=False)["duration_s"]:
        tasks = tasks_of(scenario, str(kind))
        if tasks is not None and tasks.duration is not None:
            sample = np.array([tasks.duration.quantile((at + 0.5) / _QUANTILES) for at in range(_QUANTILES)])
            ranks += [Scored(sample, float(duration)).rank for duration in durations]
    return ranks


def _folds(sessions: pd.Series, with_groups: set[str]) -> dict[str, int]:
    """Return the fold of each session; -1 for those without groups, which are never left out."""
    names = [str(name) for name in sessions.unique()]
    judged = [name for name in names if name in with_groups]
    return dict.fromkeys(names, -1) | {name: place % MOST_FOLDS for place, name in enumerate(judged)}


def _fitted(logs: Logs) -> tuple[Scenario | None, dict[str, float]]:
    """Return the scenario calibrated to logs and the average duration of each kind; of all under "".

    Without a completed run there is neither.
    """
    try:
        completed = observe(logs).completed
    except CalibrationError:
        return None, {}
    means = completed.groupby("kind")["duration_s"].mean()
    averages = {str(kind): float(mean) for kind, mean in means.items()}
    averages[""] = float(completed["duration_s"].mean())
    return calibrate(logs, intervals=False).scenario, averages


def _baselines_crps_s(group: Group, past: list[Group], averages: dict[str, float]) -> dict[str, float]:
    walls = np.array([each.wall_s for each in past])
    of_size = np.mean([each.wall_s for each in past if each.size == group.size] or walls)
    slowest = max(averages.get(kind, averages[""]) for kind in group.kinds)
    baselines = {
        "the mean of past groups of that size": np.array([of_size]),
        "the slowest of the average durations": np.array([slowest]),
        "all past groups, as they were": walls,
    }
    return {name: Scored(sample, group.wall_s).crps for name, sample in baselines.items()}


def _widen(forecasted: Sequence[Forecasted]) -> list[Forecasted]:
    """Widen each forecast by the factor that the groups of other folds needed.

    Those forecasts did know this fold's sessions, so they are slightly too good, the factor slightly too
    small, and the reported coverage slightly too low.
    """
    folds, sessions = np.array([each.fold for each in forecasted]), sessions_of(forecasted)
    walls = np.array([each.wall.reach for each in forecasted])
    tokens = np.array([math.nan if each.tokens is None else each.tokens.reach for each in forecasted])

    @cache
    def needed(fold: int, is_of_tokens: bool) -> float:
        reaches = tokens if is_of_tokens else walls
        known = (folds != fold) & ~np.isnan(reaches)
        return needed_widening(reaches[known], sessions[known])

    return [
        replace(each, widening=needed(each.fold, False), tokens_widening=needed(each.fold, True))
        for each in forecasted
    ]


def sessions_of(forecasted: Sequence[Forecasted]) -> NDArray[np.intp]:
    """Return the session of each forecast, counted from 0."""
    return codes(pd.Series([each.group.session for each in forecasted], dtype="str"))
