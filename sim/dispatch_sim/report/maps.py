"""Map of the best strategy as a page, and its files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.decide.map_axes import Axis
from dispatch_sim.decide.winner_map import Cell, StrategyMap, write_cells
from dispatch_sim.decide.winners import Standing, Winner
from dispatch_sim.report.attachments import MAP_FILE, to_text
from dispatch_sim.report.figures.winner_map import (
    SIGNS,
    STANDINGS,
    axis_name,
    cell_sign,
    winner_map,
)
from dispatch_sim.report.format import clean, listed
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.report.sentences import text
from dispatch_sim.scenario.strategy import Kind, Strategy
from dispatch_sim.study.files import write_texts

TEMPLATE = "map.txt"


def map_sentences(found: StrategyMap) -> tuple[str, ...]:
    """Return what a map shows, the most important first."""
    won: dict[Kind, list[Strategy]] = {}
    for cell in found.cells:
        if cell.winner is not None and cell.winner.is_decided:
            won.setdefault(cell.winner.kind, []).append(cell.winner.strategy)
    kinds = [_wins(kind, won[kind]) for kind in sorted(won, key=lambda kind: -len(won[kind]))]
    own, along = _own_point(found)
    return text(TEMPLATE, "sentences", found, own, along, kinds, STANDINGS)


def _own_point(found: StrategyMap) -> tuple[Winner | None, list[tuple[str, list[str]]]]:
    """Return the winner at the scenario's own values, and the nearest levels of each axis where others win.

    Nothing where these values are no grid point, or where one strategy is compared; of one at several
    concurrencies, the winner alone.
    """
    x, y = _own_level(found.x), _own_level(found.y)
    if x is None or y is None or len(found.compared) == 1:
        return None, []
    own = found.row(y)[x].winner
    if own is None or len({strategy.at(None) for strategy in found.compared}) == 1:
        return own, []
    column = tuple(found.row(row)[x] for row in range(len(found.y.levels)))
    return own, [
        (axis_name(axis.parameter), _changes(own.strategy, axis, cells, at))
        for axis, cells, at in ((found.x, found.row(y), x), (found.y, column, y))
    ]


def _own_level(axis: Axis) -> int | None:
    """Return the number of the level that is the scenario's own value; None where none is."""
    own = axis.parameter.value
    return next((i for i, level in enumerate(axis.levels) if math.isclose(level, own, rel_tol=1e-9)), None)


def _changes(strategy: Strategy, axis: Axis, cells: Sequence[Cell], own: int) -> list[str]:
    """Return the nearest levels below and above the own one at which another strategy wins significantly."""
    found = []
    for numbers in (range(own - 1, -1, -1), range(own + 1, len(cells))):
        others = ((i, won) for i in numbers if (won := cells[i].winner) is not None and won.is_decided)
        different = ((i, won) for i, won in others if won.strategy.at(None) != strategy.at(None))
        found += [f"{axis.labels[i]} ({won.strategy})" for i, won in different][:1]
    return found


def _wins(kind: Kind, strategies: Sequence[Strategy]) -> str:
    """Return at how many grid points a kind of strategy wins; of a queue, with which concurrency."""
    where = f"{kind} at {len(strategies)}"
    notes = []
    levels = Counter(strategy.concurrency for strategy in strategies if strategy.concurrency)
    if kind == "parallel":
        refills = sum(strategy.refills for strategy in strategies)
        notes += [f"merging results as they arrive at {refills}"] if refills else []
    elif kind not in ("solo", "sequential") and levels:
        most = listed([f"{level} at {number}" for level, number in levels.most_common(3)])
        more = f"; from {min(levels)} to {max(levels)}" if len(levels) > 3 else ""
        notes.append(f"concurrency {most}{more}")
    if paced := sum(strategy.pace != "none" for strategy in strategies):
        notes.append(f"paced at {paced}")
    return f"{where} ({'; '.join(notes)})" if notes else where


def legend(found: StrategyMap) -> Iterator[str]:
    """Yield the meaning of each sign."""
    for kind, sign in SIGNS.items():
        labels = found.labels.get(kind, [])
        for letter, label in zip("abcdefghijklmnop", labels, strict=False):
            number = "N" if kind in ("queue", "waves") else ""
            name = label.replace(kind, f"{kind} of N", 1) if number else label
            yield f"{sign}{number}{letter if len(labels) > 1 else ''}: {name}"
    standings = {None if cell.winner is None else cell.winner.standing for cell in found.cells}
    for standing, meaning in {
        Standing.CONCURRENCY_OPEN: "2-4: the best concurrency is between 2 and 4",
        Standing.EQUAL: f"=: {STANDINGS[Standing.EQUAL]}",
        Standing.OPEN: f"?: {STANDINGS[Standing.OPEN]}",
        None: "-: cannot be simulated",
    }.items():
        if standing in standings:
            yield meaning


def map_table(found: StrategyMap) -> Table:
    """Return the signs of the grid points, the largest level of y at the top."""
    heads = (f"{axis_name(found.y.parameter)} \\ {axis_name(found.x.parameter)}", *found.x.labels)
    rows = [
        (label, *(cell_sign(cell.winner, found) for cell in found.row(row)))
        for row, label in enumerate(found.y.labels)
    ]
    return Table("", heads, tuple(reversed(rows)))


def map_parts(found: StrategyMap, *, pictures: bool = True) -> dict[str, Any]:
    """Return the content of `mapped.md` and `map.md`."""
    sentences, parameters = map_sentences(found), [axis.parameter for axis in (found.x, found.y)]
    return {
        "found": found,
        "axes": list(map(axis_name, parameters)),
        "sentences": sentences,
        "figure": winner_map(found, sentences) if pictures else None,
        "table": map_table(found),
        "legend": list(legend(found)),
        "own": [f"{clean(p.path)} = {p.show(p.value)}" for p in parameters if math.isfinite(p.value)],
    }


def map_document(found: StrategyMap, *, pictures: bool = True) -> Document:
    """Return a map as a page."""
    parts = map_parts(found, pictures=pictures)
    return document("map.md", [parts["figure"]], map=parts)


def write_map(found: StrategyMap, folder: Path) -> list[Path]:
    """Write `map.md`, `map.svg`, `map.json`, `map.csv` and `map.parquet` into a folder."""
    texts = map_document(found).files("map") | {MAP_FILE: to_text(found)}
    return write_texts(texts, folder) + write_cells(found, folder)
