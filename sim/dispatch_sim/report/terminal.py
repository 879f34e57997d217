"""Lays out paragraphs and tables as lines that fit a terminal."""

from __future__ import annotations

import shutil
import textwrap
from collections.abc import Sequence
from itertools import zip_longest

from rich.cells import cell_len, chop_cells, set_cell_size

from dispatch_sim.report.format import wrapped

WIDTH, WIDEST = 100, 110
"""Most columns of a paragraph and of a table in a terminal."""

_MOST_LINES = 12
"""Of a cell in a terminal."""


def terminal_columns() -> int:
    """Return the columns of the terminal, or 80 if output does not go to one."""
    return max(40, shutil.get_terminal_size().columns)


def paragraph(text: str, indent: int = 0) -> list[str]:
    """Return a text in lines that fit the terminal after an indent."""
    width = min(WIDTH, terminal_columns()) - indent
    return textwrap.wrap(text, width, break_long_words=True, break_on_hyphens=False)


def columns(rows: Sequence[Sequence[str]], numbers: Sequence[bool]) -> list[str]:
    """Return rows in columns, numbers to the right; the first row has the heads.

    Heads, and cells if the table is too wide, take several lines, and long words too if nothing else helps.
    """
    words = [head.split() or [""] for head in rows[0]]
    widths = [max(map(cell_len, [*heads, *column])) for heads, *column in zip(words, *rows[1:], strict=True)]
    longest = [max(map(cell_len, " ".join(column).split()), default=0) for column in zip(*rows, strict=True)]
    widest = min(WIDEST, terminal_columns())
    gap = "  " if sum(longest) + 2 * (len(widths) - 1) <= widest else " "
    while sum(widths) + len(gap) * (len(widths) - 1) > widest:
        at = max(range(len(widths)), key=lambda column: (widths[column] > longest[column], widths[column]))
        widths[at] -= 1
    lines = []
    for row in rows:
        cells = [_lines(cell, width) for cell, width in zip(row, widths, strict=True)]
        for line in zip_longest(*cells, fillvalue=""):
            padded = [
                " " * (width - cell_len(cell)) + cell if number else set_cell_size(cell, width)
                for cell, width, number in zip(line, widths, numbers, strict=True)
            ]
            lines.append(gap.join(padded).rstrip())
    return lines


def _lines(cell: str, width: int) -> list[str]:
    """Return a cell in lines; a word that is longer than one goes on in the next."""
    words = [part for word in cell.split() for part in chop_cells(word, width)]
    return wrapped(" ".join(words), width, _MOST_LINES).split("\n")
