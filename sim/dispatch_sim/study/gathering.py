"""Replications that have been simulated, in chunks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Piece(NamedTuple):
    """Replications with consecutive numbers.

    Attributes
    ----------
    first : the number of the first replication.
    values : shape (points, replications, measures).
    """

    first: int
    values: NDArray[np.float64]

    @property
    def stop(self) -> int:
        """The replication behind the last."""
        count: int = self.values.shape[1]
        return self.first + count


def plain_parts(replications: range, longest: int) -> Iterator[range]:
    """Cut replications into parts of a length, the last one shorter."""
    for start in range(replications.start, replications.stop, longest):
        yield range(start, min(start + longest, replications.stop))


class Rows:
    """Every replication that has been simulated."""

    def __init__(self) -> None:
        self._pieces: dict[int, Piece] = {}
        self.played = 0

    def add(self, piece: Piece) -> None:
        """Add replications that are not there yet."""
        self._pieces[piece.first] = piece
        self.played += piece.stop - piece.first

    def missing(self, replications: range) -> list[range]:
        """Return which of some replications are not there, in order."""
        gaps, reached = [], replications.start
        for piece in self.pieces():
            if reached < piece.first < replications.stop:
                gaps.append(range(reached, piece.first))
            reached = max(reached, piece.stop)
        if reached < replications.stop:
            gaps.append(range(reached, replications.stop))
        return gaps

    def pieces(self) -> list[Piece]:
        """Return all that is there, in order."""
        return [self._pieces[first] for first in sorted(self._pieces)]

    def table(self, shape: tuple[int, int], stop: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the numbers of the replications, shape (R,), and their measures, (points, R, measures).

        Parameters
        ----------
        shape : numbers of points and measures.
        stop : the replication before which they end; an earlier run may have been further.
        """
        pieces = [piece for piece in self.pieces() if piece.stop <= stop]
        numbers = np.concatenate([np.empty(0, np.int64), *(np.arange(p.first, p.stop) for p in pieces)])
        points, measures = shape
        # Column by column in memory: a table is made of columns.
        values = np.empty((measures, points, len(numbers)))
        reached = 0
        for piece in pieces:
            rows = piece.values.shape[1]
            values[:, :, reached : reached + rows] = piece.values.transpose(2, 0, 1)
            reached += rows
        return numbers, values.transpose(1, 2, 0)
