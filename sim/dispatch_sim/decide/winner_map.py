"""Maps of the winning strategy over two keys of a scenario.

Every cell has the same replications (common random numbers), so noise between samples does not fray a border
between two winners. Each cell is judged by itself: its confidence holds for its own strategies
simultaneously, and not for all cells of the map.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from dispatch_sim.decide.grid import (
    BATCH,
    Findings,
    basis,
    make_grid_point,
    warn_about_concurrencies,
    warn_about_limits,
    without_factors,
)
from dispatch_sim.decide.map_axes import CELLS, Axis, read_axis
from dispatch_sim.decide.parameters import Parameter, ParameterError
from dispatch_sim.decide.rare_events import QUOTED
from dispatch_sim.decide.sampling import FACTOR, FIRST, LATER, Numbers, Sampled, Sampler
from dispatch_sim.decide.winners import NO_WINNER, Winner
from dispatch_sim.scenario.loader import Given, Source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import CONCURRENCIES, Kind, Strategy
from dispatch_sim.study.design import DesignError
from dispatch_sim.study.files import write_texts
from dispatch_sim.study.runner import OnProgress

FEW = 16
"""Replications of all strategies of a cell: two thirds are far worse than the best one there."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A grid point of a map: its levels, and its winner; or why the batch cannot be simulated there."""

    x: float
    y: float
    winner: Winner | None
    why_not: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        if self.winner is None:
            return {"x": self.x, "y": self.y, **NO_WINNER, "best_subset": [], "why_not": self.why_not}
        return {"x": self.x, "y": self.y, **self.winner.to_json(), "why_not": None}


@dataclass(frozen=True, kw_only=True, repr=False)
class StrategyMap(Findings):
    """The winning strategies over two keys.

    Attributes
    ----------
    x, y : the axes.
    cells : row by row, the first row at the least level of y.
    added : concurrencies that are compared besides those of the sweep, where a batch has room for them.
    compared : the strategies of all cells; none where an earlier version stored the map.
    """

    x: Axis
    y: Axis
    cells: tuple[Cell, ...]
    added: tuple[int, ...] = ()
    compared: tuple[Strategy, ...] = ()

    def row(self, number: int) -> tuple[Cell, ...]:
        """Return the cells at one level of y, by its number."""
        width = len(self.x.levels)
        return self.cells[number * width : (number + 1) * width]

    def winners(self) -> list[tuple[Kind, Strategy]]:
        """Return the winners, each with the kind that it amounts to, the most frequent first."""
        counts = Counter(
            (cell.winner.kind, cell.winner.strategy) for cell in self.cells if cell.winner is not None
        )
        return sorted(counts, key=lambda won: (-counts[won], won[0], won[1].label, won[1].concurrency or 0))

    @cached_property
    def labels(self) -> dict[str, list[str]]:
        """The labels of the winners of each kind of strategy, in alphabetical order."""
        found: dict[str, list[str]] = {}
        for label, kind in sorted({(strategy.label, strategy.kind) for _, strategy in self.winners()}):
            found.setdefault(kind, []).append(label)
        return found

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        cells = [cell.to_json() for cell in self.cells]
        return super().to_json() | {"x": self.x.to_json(), "y": self.y.to_json(), "cells": cells}

    @property
    def frame(self) -> pd.DataFrame:
        """A row for each cell: the levels under the axes' paths, the winner, and its standing."""
        rows = []
        for cell in self.cells:
            row = {self.x.parameter.path: cell.x, self.y.parameter.path: cell.y, **cell.to_json()}
            row["best_subset"] = "; ".join(map(str, cell.winner.best_subset)) if cell.winner else ""
            rows.append({key: value for key, value in row.items() if key not in ("x", "y")})
        numbers = dict.fromkeys(("mean", "margin", "margin_low", "margin_high"), float)
        return pd.DataFrame(rows).astype(
            {**numbers, "concurrency": "Int64", "replications": "Int64", "preliminary": "boolean"}
        )


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
    """Map the winning strategy over two keys, at the batch's own size.

    Raises ScenarioError, ParameterError or DesignError with a message for the user, and KeyboardInterrupt
    where interrupted.

    Parameters
    ----------
    source : a scenario, as `load` accepts it; its strategies are compared at every concurrency of its sweep.
        Where the batch size varies, also at others below and above these, so that every size has queues.
    x, y : a key by its path as in `sweep`, or `tasks` for the size of the batch; with a range
        (``tasks.tokens=1K..1M``), with levels (``client.retries=0,2,10``), or alone: a tenth to ten times the
        scenario's value. Of a key that holds a distribution the levels are its mean.
    cells : levels of an axis without levels.
    replications : of strategies that may be the best one of a cell; others have fewer. Default: the
        scenario's, or 1,024, and up to 4,096 where the intervals of a cell need more.
    jobs : threads of the compiled engine; the map does not depend on it.
    on_progress : called with the share of the work that is done, in percent, and 100.
    """
    source = without_factors(source)
    warn_about_limits(source.scenario())
    across, up = read_axis(source, x, cells), read_axis(source, y, cells)
    if across.parameter.path == up.parameter.path:
        raise ParameterError(across.parameter.path, "is on both axes; name two different keys")
    scenario = source.scenario()
    added: tuple[int, ...] = ()
    if BATCH in (across.parameter.path, up.parameter.path) and any(s.is_swept for s in scenario.strategies):
        # Otherwise parallel would win batch sizes at which no queue is compared, or only one of a concurrency
        # that is low for the size.
        swept = scenario.sweep.concurrency
        own = [each for each in swept if each > 1] or list(swept)
        added = tuple(each for each in CONCURRENCIES if not min(own) <= each <= max(own))
        source = source.replaced({"sweep.concurrency": sorted({*swept, *added})})
    fixed = replications or scenario.study.replications
    count, threshold = fixed or LATER, scenario.threshold
    points = {
        (x_level, y_level): _sampled(source, (across.parameter, x_level), (up.parameter, y_level))
        for y_level in up.levels
        for x_level in across.levels
    }
    possible = [point for point in points.values() if isinstance(point, Sampled)]
    if not possible:
        first = next(iter(points.values()))
        raise ParameterError("", f"no cell of the map can be simulated; in the first, {first}")
    warn_about_concurrencies(scenario, max(point.tasks for point in possible))

    def kind_of(cell: Sampled, number: int) -> Kind:
        return cell.strategies[number].kind_in(cell.tasks)

    def contenders(cell: Sampled) -> Numbers:
        least = min(sample.mean() for sample in cell.samples)
        return cell.contenders(cell.everything, threshold.at(float(least)))

    def worth_more_than_few(cell: Sampled) -> Numbers:
        means = [sample.mean() for sample in cell.samples]
        best = {kind_of(cell, number): number for number in np.argsort(means)[::-1].tolist()}
        return np.union1d(contenders(cell), list(best.values()))

    def undecided(cell: Sampled) -> Numbers:
        left = contenders(cell)
        kinds = {kind_of(cell, number) for number in left.tolist()}
        # That another concurrency of the same kind may be the best matters less.
        is_settled = left.size == 1 or (len(kinds) == 1 and cell.counts.max() >= FACTOR * FIRST)
        return left[:0] if is_settled else left

    sampler = Sampler(scenario, jobs, on_progress)
    sampler.refine(possible, worth_more_than_few, min(FIRST, count), 0.3, first=FEW)
    sampler.refine(possible, undecided, count, 0.9)
    winners = {cell: cell.winner(threshold) for cell in possible}
    most = fixed or min(QUOTED, scenario.study.at_most)
    while more := [extension for each in winners.items() if (extension := _extension(*each, most))]:
        sampler.extend(more, 0.95)
        winners |= {cell: cell.winner(threshold) for cell, *_ in more}
    sampler.report(1.0)
    return StrategyMap(
        **basis(scenario, count, threshold.at(min(winner.mean for winner in winners.values()))),
        x=across,
        y=up,
        cells=tuple(
            Cell(*levels, winners[point]) if isinstance(point, Sampled) else Cell(*levels, None, point)
            for levels, point in points.items()
        ),
        added=added,
        compared=tuple(dict.fromkeys(strategy for cell in possible for strategy in cell.strategies)),
    )


def _extension(cell: Sampled, winner: Winner, most: int) -> tuple[Sampled, Numbers, int] | None:
    """Return what a standing needs, up to a number of replications; None where it has that."""
    short = np.array([cell.strategies.index(each) for each in (winner.strategy, *winner.short)])
    if not winner.short or cell.counts[short].min() >= most:
        return None
    return cell, short, min(winner.needed, most)


def write_cells(found: StrategyMap, folder: Path) -> list[Path]:
    """Write the cells as `map.csv` and `map.parquet`.

    Raises ResultsError where the folder cannot be written to.
    """
    frame, parquet = found.frame, BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), parquet, compression="zstd")
    text = frame.to_csv(index=False, lineterminator="\n")
    return write_texts({"map.csv": text, "map.parquet": parquet.getvalue()}, folder)


def _sampled(source: Source, *levels: tuple[Parameter, float]) -> Sampled | str:
    """Return a grid point, or why the batch cannot be simulated there: a call that no bucket can hold."""
    try:
        return Sampled(make_grid_point(source, {key.path: key.write(level) for key, level in levels}))
    except (ScenarioError, DesignError) as error:
        where = " and ".join(f"{key.path} = {key.show(level)}" for key, level in levels)
        why = error.problems[0].message if isinstance(error, ScenarioError) else str(error)
        return f"with {where}: {why}"
