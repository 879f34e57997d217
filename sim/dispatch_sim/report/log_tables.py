"""Plain tables and paragraphs for what is told of logs, on a terminal and in Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len

WIDTH = 100


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a report: a heading, sentences, and a table, if there is one, its heads first."""

    heading: str
    sentences: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()


def as_text(blocks: Sequence[Block]) -> str:
    """Return blocks for a terminal."""
    lines: list[str] = []
    for block in blocks:
        lines += [block.heading, ""] if block.heading else []
        lines += [line for sentence in block.sentences for line in paragraph(sentence)]
        lines += [""] if block.sentences and block.rows else []
        lines += [*columns(block.rows), ""]
        lines += [""] if block.sentences and not block.rows else []
    return "\n".join(lines).rstrip() + "\n"


def as_markdown(title: str, blocks: Sequence[Block]) -> str:
    """Return blocks as a page; what they say is written by us, numbers and words of fixed lists only."""
    lines = [f"# {title}", ""]
    for block in blocks:
        lines += [f"## {block.heading}", ""] if block.heading else []
        for sentence in block.sentences:
            lines += [*paragraph(sentence), ""]
        if block.rows:
            heads, *rest = block.rows
            rule = ["---", *["---:"] * (len(heads) - 1)]
            lines += [_row(heads), _row(rule), *map(_row, rest), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as aligned columns, the first to the left."""
    if not rows:
        return []
    widths = [max(cell_len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return [
        "  ".join(
            cell + " " * (width - cell_len(cell)) if place == 0 else " " * (width - cell_len(cell)) + cell
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def paragraph(text: str) -> list[str]:
    """Return a text in lines of `WIDTH` columns at most."""
    return textwrap.wrap(text, WIDTH, break_long_words=False, break_on_hyphens=False)
