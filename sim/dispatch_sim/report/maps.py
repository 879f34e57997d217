"""The map of who wins where, as it is told: in a terminal, in Markdown, and in files."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from dispatch_sim.decide.winner_map import StrategyMap, write_cells
from dispatch_sim.decide.winners import Standing
from dispatch_sim.report.attachments import MAP_FILE, to_text
from dispatch_sim.report.figures.winner_map import SIGNS, axis_name, cell_sign, labels_of, winner_map
from dispatch_sim.report.format import (
    KINDS,
    MEASURES,
    amount,
    capital,
    clean,
    count,
    kind_words,
    listed,
)
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.scenario.strategy import Kind, Strategy, parse_strategy
from dispatch_sim.study.files import write_texts


def map_sentences(found: StrategyMap) -> list[str]:
    """Return what a map shows, the most important first."""
    total = len(found.cells)
    winners = [cell.winner for cell in found.cells if cell.winner is not None]
    decided = [winner for winner in winners if winner.is_decided]
    sentences = []
    shown = [
        _where(kind, [winner.strategy for winner in decided if winner.kind == kind], total)
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


def _where(kind: Kind, strategies: Sequence[Strategy], total: int) -> str:
    """Return a kind of way and in how many cells it wins; of a queue, at which widths most often."""
    where = f"{KINDS[kind]} in {len(strategies)} of {total} cells"
    if kind == "parallel":
        merging = sum(strategy.refills for strategy in strategies)
        return where + (f" (merging as results come in in {merging})" if merging else "")
    if kind == "sequential":
        return where
    widths = Counter(strategy.concurrency for strategy in strategies if strategy.concurrency)
    most = listed([f"{width} wide in {number}" for width, number in widths.most_common(3)])
    more = f", {min(widths)} to {max(widths)} wide in all" if len(widths) > 3 else ""
    return where + (f" ({most}{more})" if most else "")


def legend(found: StrategyMap) -> list[str]:
    """Return how to read the signs of the cells, a line each."""
    lines = []
    for kind, sign in SIGNS.items():
        labels = labels_of(found, kind)
        for number, label in enumerate(labels):
            letter = "abcdefghijklmnop"[number % 16] if len(labels) > 1 else ""
            has_number = kind in ("queue", "waves")
            name = kind_words(KINDS[kind] + (" of N" if has_number else ""), parse_strategy(label))
            lines.append(f"{sign}{'N' if has_number else ''}{letter}: {name}")
    marks = {cell.winner.standing for cell in found.cells if cell.winner is not None}
    if Standing.CONCURRENCY_OPEN in marks:
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
    heads = (f"{axis_name(found.y.parameter)} \\ {axis_name(found.x.parameter)}", *found.x.labels)
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
        "figure": winner_map(found, sentences) if pictures else None,
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
