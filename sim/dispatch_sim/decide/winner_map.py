"""Where each way of dispatching wins, over two keys of the scenario.

Every cell plays the same replications (common random numbers), so that a border between two winners is not
ragged by noise between samples. Each cell is judged by itself: its confidence holds for its own ways
together, and not for all cells of the map.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ConfigDict

from dispatch_sim.decide.grid import (
    Place,
    find_place,
    play_places,
    without_factors,
)
from dispatch_sim.decide.parameters import (
    Parameter,
    ParameterError,
    check_levels,
    parameter_at,
    read_levels,
    spaced,
    with_range,
)
from dispatch_sim.decide.winners import Standing, Winner, find_winner
from dispatch_sim.display import Displayed
from dispatch_sim.scenario.loader import Given, Source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import Kind, Strategy
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.files import write_whole, writing_to
from dispatch_sim.study.objectives import OBJECTIVES
from dispatch_sim.study.runner import OnProgress

CELLS = 12
"""Levels of an axis that does not name its own."""

MOST_LEVELS = 60


@dataclass(frozen=True)
class Axis:
    """One side of a map.

    Attributes
    ----------
    parameter : the key.
    levels : its values, increasing, in base units.
    """

    parameter: Parameter
    levels: tuple[float, ...]

    @property
    def labels(self) -> list[str]:
        """The levels as people write them."""
        return [self.parameter.show(level) for level in self.levels]


@dataclass(frozen=True, slots=True)
class Cell:
    """One place of a map.

    Attributes
    ----------
    x, y : the levels.
    winner : who wins there; None where the batch cannot be played.
    why_not : why it cannot.
    """

    x: float
    y: float
    winner: Winner | None
    why_not: str = ""


@dataclass(frozen=True)
class StrategyMap(Displayed):
    """Who wins where.

    Attributes
    ----------
    name : of the scenario.
    x, y : the axes.
    cells : row by row, the first row at the least level of y.
    objective : the measure that is to be small.
    confidence, indifference, replications, seed, sha256 : what it rests on.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    name: str
    x: Axis
    y: Axis
    cells: tuple[Cell, ...]
    objective: str
    confidence: float
    indifference: float
    replications: int
    seed: int
    sha256: str

    def row(self, number: int) -> tuple[Cell, ...]:
        """Return the cells at one level of y, by its number."""
        width = len(self.x.levels)
        return self.cells[number * width : (number + 1) * width]

    def winners(self) -> list[tuple[Kind, Strategy]]:
        """Return who wins somewhere, each with the kind that it amounts to, the most frequent first."""
        counts = Counter(
            (cell.winner.kind, cell.winner.strategy) for cell in self.cells if cell.winner is not None
        )
        return sorted(counts, key=lambda won: (-counts[won], won[0], won[1].label, won[1].concurrency or 0))

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "scenario": self.name,
            "sha256": self.sha256,
            "seed": self.seed,
            "replications": self.replications,
            "objective": self.objective,
            "confidence": self.confidence,
            "indifference": self.indifference,
            "x": _axis_json(self.x),
            "y": _axis_json(self.y),
            "cells": [{"x": cell.x, "y": cell.y, **_winner_json(cell)} for cell in self.cells],
        }

    @property
    def frame(self) -> pd.DataFrame:
        """One row a cell: levels under the axes' paths, the winner, and how sure it is."""
        rows = []
        for cell in self.cells:
            row = {self.x.parameter.path: cell.x, self.y.parameter.path: cell.y} | _winner_json(cell)
            row["as_good"] = "; ".join(map(str, cell.winner.as_good)) if cell.winner else ""
            rows.append(row)
        numbers = dict.fromkeys(("mean", "margin", "margin_low", "margin_high"), float)
        return pd.DataFrame(rows).astype({**numbers, "concurrency": "Int64"})


def map_winners(
    source: Given,
    x: str,
    y: str,
    *,
    cells: int = CELLS,
    replications: int | None = None,
    jobs: int = 1,
    on_progress: OnProgress | None = None,
) -> StrategyMap:
    """Map where each way wins, at the batch's own size, over two keys.

    Parameters
    ----------
    source : the scenario, or its file; its strategies, at the widths of its sweep, are what is compared.
    x, y : a key by its path as in `sweep`, or `tasks` for the size of the batch; with a range
        (``tasks.tokens=1K..1M``), levels (``client.retries=0,2,10``), or neither: a tenth to ten times what
        the scenario says. Of a key that holds a distribution the levels are its mean.
    cells : levels of an axis that is not given by levels.
    replications : of each way in each cell; default: the scenario's.
    jobs : workers; the map does not depend on it.
    on_progress : called with the cells done and all of them.

    Raises
    ------
    ScenarioError, ParameterError, DesignError
        With a message for the user.
    KeyboardInterrupt
        Where interrupted.
    """
    source = without_factors(source)
    axes = (_axis(source, x, cells), _axis(source, y, cells))
    if axes[0].parameter.path == axes[1].parameter.path:
        raise ParameterError(f"{axes[0].parameter.path}: is on both axes; name two different keys")
    scenario = source.scenario()
    count = replications or scenario.study.first
    levels = [(across, up) for up in axes[1].levels for across in axes[0].levels]
    places = [_place(source, axes, pair) for pair in levels]
    played = [place for place in places if isinstance(place, Place)]
    if not played:
        raise ParameterError(f"no cell of the map can be played; in the first, {places[0]}")
    costs = iter(play_places(played, count, jobs, on_progress))
    objective = OBJECTIVES[scenario.objective.minimise]
    found = tuple(
        Cell(*pair, None, place)
        if isinstance(place, str)
        else Cell(
            *pair,
            find_winner(
                place.strategies, next(costs), place.tasks, scenario.study.confidence, scenario.threshold
            ),
        )
        for pair, place in zip(levels, places, strict=True)
    )
    return StrategyMap(
        scenario.name,
        axes[0],
        axes[1],
        found,
        objective,
        scenario.study.confidence,
        scenario.threshold.at(min(cell.winner.mean for cell in found if cell.winner is not None)),
        count,
        scenario.study.seed,
        scenario.fingerprint,
    )


def write_cells(found: StrategyMap, folder: Path) -> list[Path]:
    """Write the cells as `map.csv` and `map.parquet`.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    frame = found.frame
    with writing_to(folder):
        write_whole(folder / "map.csv", lambda file: frame.to_csv(file, index=False, lineterminator="\n"))
        table = pa.Table.from_pandas(frame, preserve_index=False)
        write_whole(folder / "map.parquet", lambda file: pq.write_table(table, file, compression="zstd"))
    return [folder / "map.csv", folder / "map.parquet"]


def is_decided(winner: Winner) -> bool:
    """Whether it is shown which kind of strategy wins, whatever its width."""
    return winner.standing in (Standing.SHOWN, Standing.WIDTH_OPEN)


def _axis(source: Source, text: str, cells: int) -> Axis:
    path, given, levels = text.partition("=")
    parameter = parameter_at(source, path.strip())
    if not given and math.isnan(parameter.value):
        raise ParameterError(f"{path}: the scenario has no value there; name the range: {path}=LOW..HIGH")
    if ".." in levels:
        parameter = with_range(parameter, levels)
    named = read_levels(parameter, levels) if given and ".." not in levels else None
    if named is not None and len(named) > MOST_LEVELS:
        raise ParameterError(f"{path}: {len(named)} levels; at most {MOST_LEVELS} are mapped")
    axis = Axis(parameter, tuple(named or _through(parameter.value, spaced(parameter, cells))))
    check_levels(source, parameter, axis.levels)
    return axis


def _through(value: float, levels: list[float]) -> tuple[float, ...]:
    """Return the levels with the nearest one moved to the scenario's own value, if that is among them.

    The ends stay: they were asked for.
    """
    if len(levels) > 2 and levels[0] < value < levels[-1]:
        levels[min(range(1, len(levels) - 1), key=lambda i: abs(levels[i] - value))] = value
    return tuple(levels)


def _place(source: Source, axes: tuple[Axis, Axis], levels: tuple[float, float]) -> Place | str:
    """Return a place, or why the batch cannot be played there: a call that no bucket can hold."""
    pairs = list(zip(axes, levels, strict=True))
    try:
        return find_place(source, {a.parameter.path: a.parameter.written(level) for a, level in pairs})
    except (ScenarioError, DesignError) as error:
        where = " and ".join(f"{a.parameter.path} = {a.parameter.show(level)}" for a, level in pairs)
        why = error.problems[0].message if isinstance(error, ScenarioError) else str(error)
        return f"with {where}: {why}"


def _winner_json(cell: Cell) -> dict[str, Any]:
    winner = cell.winner
    if winner is None:
        keys = (
            "kind",
            "strategy",
            "concurrency",
            "standing",
            "mean",
            "rival",
            "margin",
            "margin_low",
            "margin_high",
        )
        return dict.fromkeys(keys) | {"as_good": [], "why_not": cell.why_not}
    return {
        "kind": winner.kind,
        **winner.strategy.to_json(),
        "standing": str(winner.standing),
        "as_good": [strategy.to_json() for strategy in winner.as_good],
        "mean": winner.mean,
        "rival": None if winner.rival is None else winner.rival.label,
        "margin": _finite(winner.margin),
        "margin_low": _finite(winner.low),
        "margin_high": _finite(winner.high),
        "why_not": None,
    }


def _axis_json(axis: Axis) -> dict[str, Any]:
    return {
        "path": axis.parameter.path,
        "unit": axis.parameter.unit,
        "levels": list(axis.levels),
        "of_the_scenario": _finite(axis.parameter.value),
        "is_mean": axis.parameter.distribution is not None,
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
