"""Reports on logs as blocks: a heading, sentences and a table each."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dispatch_sim.report.format import capital
from dispatch_sim.report.render import Document, Table, document

if TYPE_CHECKING:
    from dispatch_sim.report.figures.styles import Picture


@dataclass(frozen=True, slots=True)
class Block:
    """A part of a report: a heading, sentences, and a table, if there is one, its heads first."""

    heading: str
    sentences: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()

    @property
    def table(self) -> Table | None:
        """The rows as a table."""
        if not self.rows:
            return None
        heads, *rows = self.rows
        return Table("", tuple(map(capital, heads)), tuple(rows))


def block_document(blocks: Iterable[Block], title: str = "", picture: Picture | None = None) -> Document:
    """Return blocks as a page."""
    return document("blocks.md", [picture], title=title, picture=picture, blocks=list(blocks))
