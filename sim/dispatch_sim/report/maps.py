"""The map of who wins where, as it is told: in a terminal, in Markdown, and in files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.report.beside import MAP_FILE, to_text
from dispatch_sim.report.map_figure import map_picture
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.report.words import (
    MEASURES,
    amount,
    capital,
    clean,
    count,
    kind_of,
    listed,
    way,
)
from dispatch_sim.study.files import write_texts
from dispatch_sim.study.parameter import Parameter
from dispatch_sim.study.two_factor_map import StrategyMap, is_decided, write_cells
from dispatch_sim.study.winners import Point, Standing, Winner

_SIGNS = {"sequential": "one", "parallel": "all", "queue": "", "waves": "w", "adaptive": "ad"}
_MARKS = {Standing.SHOWN: "", Standing.WIDTH_OPEN: "", Standing.EQUAL: "=", Standing.OPEN: "?"}


def axis_words(parameter: Parameter) -> str:
    """Return what an axis is called: its path, and what of a distribution is meant."""
    if parameter.path == "tasks":
        return "tasks in the batch"
    return clean(parameter.path) + (" (mean)" if parameter.distribution is not None else "")


def cell_sign(winner: Winner | None, found: StrategyMap) -> str:
    """Return a cell in a few letters: `all`, `3`, `2-4` where the width is open, `3?` where the way is."""
    if winner is None:
        return "-"
    label, width = winner.point
    kind = kind_of(label)
    sign = _SIGNS.get(kind, label[:3]) + (str(width) if width else "")
    if winner.standing is Standing.WIDTH_OPEN:
        widths = sorted(width for other, width in winner.as_good if other == label)
        if len(widths) > 1:
            sign = f"{_SIGNS.get(kind, label[:3])}{widths[0]}-{widths[-1]}"
    labels = _labels(found, kind)
    letter = "abcdefghijklmnop"[labels.index(label) % 16] if len(labels) > 1 else ""
    return f"{sign}{letter}{_MARKS[winner.standing]}"


def _labels(found: StrategyMap, kind: str) -> list[str]:
    return sorted({label for _, (label, _) in found.winners() if kind_of(label) == kind})


def map_sentences(found: StrategyMap) -> list[str]:
    """Return what a map shows, the most important first."""
    total = len(found.cells)
    winners = [cell.winner for cell in found.cells if cell.winner is not None]
    decided = [winner for winner in winners if is_decided(winner)]
    sentences = []
    shown = [
        _where(kind, [winner.point for winner in decided if winner.kind == kind], total)
        for kind, _ in Counter(winner.kind for winner in decided).most_common()
    ]
    measure = MEASURES[found.objective]
    if shown:
        sentences.append(f"{capital(measure.best)} by more than chance is {listed(shown)}.")
    else:
        sentences.append("Nowhere is one way shown to be better than all others.")
    standings = Counter(winner.standing for winner in winners)
    if equal := standings[Standing.EQUAL]:
        cells = "cell" if equal == 1 else "cells"
        sentences.append(
            f"In {count(equal)} {cells} others are practically equal: they differ by less "
            f"than {amount(measure, found.indifference)}."
        )
    if standings[Standing.OPEN]:
        sentences.append(
            f"In {count(standings[Standing.OPEN])} it is open which way is the best: "
            f"{found.replications:,} replications do not tell."
        )
    impossible = [cell for cell in found.cells if cell.winner is None]
    if impossible:
        sentences.append(
            f"In {count(len(impossible))} the batch cannot be played; {clean(impossible[0].why_not, 400)}."
        )
    return sentences


def _where(kind: str, points: Sequence[Point], total: int) -> str:
    """Return a kind of way and in how many cells it wins; of a queue, at which widths most often."""
    where = f"in {len(points)} of {total} cells"
    if kind == "all":
        merging = sum(width > 0 for _, width in points)
        return f"all at once {where}" + (f" (merging as results come in in {merging})" if merging else "")
    if kind == "one":
        return f"one by one {where}"
    widths = Counter(width for _, width in points if width)
    most = listed([f"{width} wide in {number}" for width, number in widths.most_common(3)])
    more = f", {min(widths)} to {max(widths)} wide in all" if len(widths) > 3 else ""
    name = {"queue": "a queue", "waves": "waves", "adaptive": "adaptive dispatch"}.get(kind, kind)
    return f"{name} {where}" + (f" ({most}{more})" if most else "")


def legend(found: StrategyMap) -> list[str]:
    """Return how to read the signs of the cells, a line each."""
    lines = []
    used = {kind_of(label) for _, (label, _) in found.winners()}
    for kind, sign in _SIGNS.items():
        labels = _labels(found, kind) if kind in used else []
        for number, label in enumerate(labels):
            letter = "abcdefghijklmnop"[number % 16] if len(labels) > 1 else ""
            width = "N" if kind in ("queue", "waves") else ""
            name = way((label, 0)).replace(" 0", " N", 1)
            lines.append(f"{sign}{width}{letter}: {name}")
    marks = {cell.winner.standing for cell in found.cells if cell.winner is not None}
    if Standing.WIDTH_OPEN in marks:
        lines.append("2-4: a width from 2 to 4, which of them is open")
    if Standing.EQUAL in marks:
        lines.append("=: another way is practically equal")
    if Standing.OPEN in marks:
        lines.append("?: another way may be as good")
    if any(cell.winner is None for cell in found.cells):
        lines.append("-: the batch cannot be played")
    return lines


def map_table(found: StrategyMap) -> Table:
    """Return the signs of the cells, the largest level of y at the top."""
    heads = (f"{axis_words(found.y.parameter)} \\ {axis_words(found.x.parameter)}", *found.x.labels)
    rows = [
        (label, *(cell_sign(cell.winner, found) for cell in found.row(row)))
        for row, label in enumerate(found.y.labels)
    ]
    return Table("", heads, tuple(reversed(rows)))


def basis(found: StrategyMap) -> str:
    """Return what a map rests on."""
    return (
        f"{found.replications:,} replications of each way in each cell, the same luck everywhere; "
        f"{100 * found.confidence:g}% confidence in each cell by itself."
    )


def map_parts(found: StrategyMap, *, pictures: bool = True) -> dict[str, Any]:
    """Return what `mapped.md` says of a map."""
    sentences = map_sentences(found)
    return {
        "found": found,
        "sentences": sentences,
        "figure": map_picture(found, axis_words, sentences, cell_sign) if pictures else None,
        "table": map_table(found),
        "legend": legend(found),
        "basis": basis(found),
        "own": _own(found),
    }


def map_document(found: StrategyMap, *, pictures: bool = True) -> Document:
    """Return a map as a page."""
    parts = map_parts(found, pictures=pictures)
    return document("map.md", [parts["figure"]], map=parts)


def _own(found: StrategyMap) -> str:
    """Return where the scenario itself lies."""
    at = [
        f"{clean(axis.parameter.path)} = {axis.parameter.show(axis.parameter.value)}"
        for axis in (found.x, found.y)
        if math.isfinite(axis.parameter.value)
    ]
    return f"The scenario itself has {listed(at)}." if at else ""


def write_map(found: StrategyMap, folder: Path) -> list[Path]:
    """Write `map.md`, `map.svg`, `map.json`, `map.csv` and `map.parquet` into a folder.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    page = map_document(found)
    texts = {"map.md": page.markdown, "map.svg": page.pictures["map"].svg, MAP_FILE: to_text(found)}
    return write_texts(texts, folder) + write_cells(found, folder)
