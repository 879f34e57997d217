"""How well the model would have predicted what logs show.

*Replay*: durations and launches as observed, wall-clock out of the model. *Forecast*: the kinds and the
number of tasks only, by a scenario that was calibrated without the sessions of the group's fold. Two naive
rules, and the past as it was, are what a model has to beat.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace

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
from dispatch_sim.study.runner import OnProgress

MOST_FOLDS = 50
"""Up to so many sessions each is left out by itself; of more, so many parts of them."""

MOST_PLAYS = 10_000
"""Replications of all forecasts together, about."""

REPLICATIONS = (100, 1000)
"""Fewest and most replications of a forecast."""

_QUANTILES = 1000
"""Of a distribution of durations, to rank a run's among them."""

_MOST_NAMES = 8
_NO_OTHERS = "a forecast is judged by sessions that it was not fitted to, and there are no others"
_NO_TASKS = "the scenario has no tasks for the kind of one of its agents, and none for all kinds"

Values = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Replayed:
    """A group, played again.

    Attributes
    ----------
    group : as observed.
    wall_s : with launches and starts as observed; a start that is not in the log is taken for the launch.
    launched_by_model_s : launched one after another; briefs and starts take as long as in other sessions.
    """

    group: Group
    wall_s: float
    launched_by_model_s: float


@dataclass(frozen=True, slots=True)
class Forecasted:
    """A group, as it was forecast without its session.

    Attributes
    ----------
    group : as observed.
    speed_up : forecast; a value a replication.
    wall : the wall-clock, in the forecast as calibrated.
    widened_wall : likewise, in the forecast widened by `widening`.
    tokens, widened_tokens : likewise for tokens, widened by their own factor; None where some are not seen.
    widening : what the wall-clocks of the groups of other folds needed; see `scores.needed_widening`.
    baselines_crps_s : CRPS of each baseline: the mean of past groups of that size (of all, without any),
        the slowest of the members' average durations, and all past groups, taken as a forecast.
    """

    group: Group
    speed_up: Values
    wall: Scored
    widened_wall: Scored
    tokens: Scored | None
    widened_tokens: Scored | None
    widening: float
    baselines_crps_s: dict[str, float]


@dataclass(frozen=True)
class Backtest(Displayed):
    """What was predicted, and what happened.

    Attributes
    ----------
    replayed, forecasted : by group, in the order of the logs.
    run_ranks : of each completed run's duration in the distribution of its kind; see `Scored.rank`.
    left_out : groups that could not be played, by reason.
    not_forecast : groups without a forecast, by reason.
    folds : parts of the sessions that were left out in turn; 0 where a scenario was given.
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
    scenario : what to forecast with. By default one that is calibrated to the other sessions' runs.
    replications : of each forecast. By default as many as make `MOST_PLAYS` together.
    on_progress : told of the groups that are done, and of how many there are.

    Raises
    ------
    CalibrationError
        Where no group can be played, or the scenario has tasks for none of their kinds.
    """
    groups, left_out = find_groups(logs)
    if not groups:
        raise CalibrationError(_no_groups(left_out))
    if scenario is not None:
        _check_kinds(scenario, {kind for group in groups for kind in group.kinds})
    fold_of = _folds(logs.runs["session"], {group.session for group in groups})
    replications = replications or min(max(MOST_PLAYS // len(groups), REPLICATIONS[0]), REPLICATIONS[1])
    honest = observe(logs).honest
    replayed: list[Replayed] = []
    forecasted: list[Forecasted] = []
    run_ranks: list[float] = [] if scenario is None else _run_ranks(honest, scenario)
    not_forecast: Counter[str] = Counter()
    folds = sorted({fold_of[group.session] for group in groups})
    for fold in folds:
        rest = logs.runs["session"].map(fold_of) != fold
        known = _known(Logs(logs.runs[rest], logs.groups[logs.groups["session"].map(fold_of) != fold]))
        of_fold = [group for group in groups if fold_of[group.session] == fold]
        past = [group for group in groups if fold_of[group.session] != fold]
        launch = Dispatch() if known is None else known.dispatch
        if on_progress is not None:
            on_progress(len(replayed), len(groups))
        replayed += [Replayed(each, replay(each), replay(each, launch)) for each in of_fold]
        by = scenario or known
        if by is None or not past:
            not_forecast[_NO_OTHERS] += len(of_fold)
            continue
        if scenario is None:
            run_ranks += _run_ranks(honest[honest["session"].map(fold_of) == fold], by)
        average = _averages(logs.runs[rest])
        made: dict[tuple[str, ...], Forecast] = {}
        for group in of_fold:
            if any(tasks_of(by, kind) is None for kind in group.kinds):
                not_forecast[_NO_TASKS] += 1
                continue
            if group.kinds not in made:
                made[group.kinds] = forecast(by, group.kinds, replications)
            forecasted.append(_score(group, made[group.kinds], past, average))
    order = {group.name: place for place, group in enumerate(groups)}
    return Backtest(
        replayed=tuple(sorted(replayed, key=lambda each: order[each.group.name])),
        forecasted=tuple(sorted(_widen(forecasted, fold_of), key=lambda each: order[each.group.name])),
        run_ranks=tuple(run_ranks),
        left_out=left_out,
        not_forecast=not_forecast,
        folds=0 if scenario else len(folds),
        replications=replications,
    )


def _check_kinds(scenario: Scenario, kinds: set[str]) -> None:
    """Refuse a scenario that has tasks for none of the kinds."""
    if any(tasks_of(scenario, kind) is not None for kind in kinds):
        return
    names = [group.name for group in scenario.tasks]
    raise CalibrationError(
        f"scenario '{scenario.name}' has tasks named {_some(names)}, and the parallel groups in these logs "
        f"have agents of the kinds {_some(sorted(kinds))}: none in common. Calibrate anew, or name a group "
        f"of tasks after one of those kinds, or '{ALL_KINDS}', which stands for every other kind"
    )


def _some(names: list[str]) -> str:
    """Return the first names, and how many there are besides."""
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


def _known(rest: Logs) -> Scenario | None:
    """Return the scenario of what is left; None where that says nothing."""
    try:
        return calibrate(rest, intervals=False).scenario
    except CalibrationError:
        return None


def _averages(runs: pd.DataFrame) -> dict[str, float]:
    """Return the average duration of each kind of task, and of all under an empty name."""
    completed = runs[(runs["outcome"] == "completed") & runs["duration_s"].notna()]
    average = completed.groupby("kind")["duration_s"].mean()
    return {"": float(completed["duration_s"].mean()), **{str(kind): float(s) for kind, s in average.items()}}


def _score(group: Group, made: Forecast, past: list[Group], average: dict[str, float]) -> Forecasted:
    walls = np.array([each.wall_s for each in past])
    same_size = np.mean([each.wall_s for each in past if each.size == group.size] or walls)
    slowest = max(average.get(kind, average[""]) for kind in group.kinds)
    baselines = {
        "the mean of past groups of that size": np.array([same_size]),
        "the slowest of the average durations": np.array([slowest]),
        "all past groups, as they were": walls,
    }
    wall = Scored(made.wall_s, group.wall_s)
    tokens = None if math.isnan(group.tokens) else Scored(made.tokens, group.tokens)
    return Forecasted(
        group=group,
        speed_up=made.speed_up,
        wall=wall,
        widened_wall=wall,
        tokens=tokens,
        widened_tokens=tokens,
        widening=1.0,
        baselines_crps_s={name: Scored(sample, group.wall_s).crps for name, sample in baselines.items()},
    )


def _widen(forecasted: list[Forecasted], fold_of: dict[str, int]) -> list[Forecasted]:
    """Widen each forecast by what the groups of the other folds needed.

    Their own forecasts did know this fold's sessions, which makes them a little too good and the widening a
    little too small: the coverage that is reported errs on the low side.
    """
    found = []
    for each in forecasted:
        others = [
            other for other in forecasted if fold_of[other.group.session] != fold_of[each.group.session]
        ]
        factor = _needed(others, [other.wall for other in others])
        tokens = each.tokens
        if tokens is not None:
            tokens = tokens.widened(_needed(others, [other.tokens for other in others]))
        wall = each.wall.widened(factor)
        found.append(replace(each, widening=factor, widened_wall=wall, widened_tokens=tokens))
    return found


def _needed(others: list[Forecasted], scored: list[Scored | None]) -> float:
    """Return how much wider forecasts have to be, by what is seen of others."""
    there = [
        (score.reach, each.group.session)
        for each, score in zip(others, scored, strict=True)
        if score is not None
    ]
    seen = pd.DataFrame(there, columns=["reach", "session"])
    return needed_widening(seen["reach"].to_numpy(dtype=float), codes(seen["session"]))


def _no_groups(left_out: Counter[str]) -> str:
    if not left_out:
        return (
            "no parallel groups are in these logs: no message of a coordinator launched two agents; "
            "calibrate works without, a backtest does not"
        )
    reasons = "; ".join(f"{count}: {reason}" for reason, count in left_out.most_common())
    return f"none of the {left_out.total()} parallel groups in these logs can be played ({reasons})"
