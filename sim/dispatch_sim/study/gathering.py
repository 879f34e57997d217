"""What is kept of the replications that are played: each of them, or the means of many.

A study of a billion replications cannot keep each. Then whole blocks of replications are kept as their means,
some two thousand of them, however many replications there are. Block means are as independent as replications
are, and have the same mean; so all that is done with replications - paired differences, intervals, screening,
crossings - is done with block means, by the same code (the method of batch means; Law, Simulation Modeling
and Analysis, 5th ed. 2015, section 9.5.3, here without its difficulty: replications are independent).

Sums are added up as a binary tree over the numbers of replications, so they do not depend, to the last bit,
on how a study was cut into pieces, or in which order these were done.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.study.histogram import Histogram

Keep = Literal["rows", "aggregates"]
"""What of a study's replications is kept: each as a row, or aggregates."""

SHARE_WON, WITHIN_LIMITS, AVERAGED = "share_won", "within_limits", "averaged"
"""Columns that only aggregates have, where a row is the mean of a block of replications: in what part of them
a way is the best of its batch size, in what part it keeps deadline and budget, and how many they are."""

MOST_BLOCKS = 2048
"""Blocks are doubled in length beyond so many; intervals rest on at least half as many degrees of freedom,
with which Student's t is within 0.2% of the normal distribution's at 95%, within 1% at 1 - 10^-8."""


class Piece(NamedTuple):
    """Replications that were played one after another.

    Attributes
    ----------
    first : the number of the first replication.
    size : how many replications each row of `values` is the sum of; a power of two, 1 for the replications
        themselves.
    values : shape (points, rows, columns).
    makespans : how many of these replications' makespans lie in which bin, as `histogram.counted` returns it;
        None of replications themselves, and where another piece has counted them with its own.
    """

    first: int
    size: int
    values: NDArray[np.float64]
    makespans: NDArray[np.int64] | None = None

    @property
    def stop(self) -> int:
        """The replication behind the last."""
        rows: int = self.values.shape[1]
        return self.first + self.size * rows


def block_size(replications: int) -> int:
    """Return how many replications a block has where so many are played: the least power of two."""
    size = 1
    while replications > MOST_BLOCKS * size:
        size *= 2
    return size


def whole_blocks(replications: int) -> int:
    """Return a number of replications, up to a thousandth more, that is one of whole blocks."""
    size = block_size(replications)
    return -(-replications // size) * size


def summed(first: int, rows: NDArray[np.float64], size: int, makespans: NDArray[np.int64]) -> Piece:
    """Return the sums of replications, of `size` of them or, where these are fewer, of all.

    Parameters
    ----------
    first : the number of the first of them, a multiple of how many there are, which is a power of two.
    rows : shape (points, replications, columns).
    size : a power of two.
    makespans : of these replications, counted.
    """
    size = min(size, rows.shape[1])
    for _ in range(size.bit_length() - 1):
        rows = rows[:, 0::2] + rows[:, 1::2]
    return Piece(first, size, rows, makespans)


def aligned_parts(replications: range, longest: int) -> Iterator[range]:
    """Cut replications into leaves of the tree: parts as long as a power of two that divides their start.

    Parameters
    ----------
    longest : no part is longer; rounded down to a power of two.
    """
    longest = 1 << (longest.bit_length() - 1)
    start = replications.start
    while start < replications.stop:
        length = min(start & -start or longest, longest)
        while start + length > replications.stop:
            length //= 2
        yield range(start, start + length)
        start += length


def plain_parts(replications: range, longest: int) -> Iterator[range]:
    """Cut replications into parts of a length, the last one shorter."""
    for start in range(replications.start, replications.stop, longest):
        yield range(start, min(start + longest, replications.stop))


class Rows:
    """Every replication, as it was played."""

    def __init__(self) -> None:
        self._pieces: dict[int, Piece] = {}
        self.played = 0

    def add(self, piece: Piece) -> None:
        """Keep a piece of replications that were not kept before."""
        self._pieces[piece.first] = piece
        self.played += piece.stop - piece.first

    def missing(self, replications: range) -> list[range]:
        """Return which of some replications are not there, in order."""
        return _gaps(replications, ((piece.first, piece.stop) for piece in self._pieces.values()))

    def pieces(self) -> list[Piece]:
        """Return all that is kept, in order."""
        return [self._pieces[first] for first in sorted(self._pieces)]

    def table(self, shape: tuple[int, int], stop: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the numbers of the replications, shape (R,), and what they came to, (points, R, columns).

        Parameters
        ----------
        shape : numbers of points and columns.
        stop : the replication before which they end; an earlier run may have been further.
        """
        pieces = [piece for piece in self.pieces() if piece.stop <= stop]
        numbers = np.concatenate([np.empty(0, np.int64), *(np.arange(p.first, p.stop) for p in pieces)])
        points, columns = shape
        # Column by column in memory: a table is made of columns.
        values = np.empty((columns, points, len(numbers)))
        reached = 0
        for piece in pieces:
            rows = piece.values.shape[1]
            values[:, :, reached : reached + rows] = piece.values.transpose(2, 0, 1)
            reached += rows
        return numbers, values.transpose(1, 2, 0)


class Blocks:
    """Sums of whole blocks of replications, and of the parts of those that are not yet whole."""

    def __init__(self, size: int = 1) -> None:
        self.size = size
        self._sums: dict[int, dict[int, NDArray[np.float64]]] = {}
        """By how many replications a sum is of, and the first of them: shape (points, columns)."""
        self._makespans = Histogram()
        self.played = 0

    def grow(self, size: int) -> None:
        """Have blocks of a size, not less than before."""
        if size > self.size:
            self.size = size
            for length in sorted(self._sums):
                if length < size:
                    for first in sorted(self._sums.get(length, {})):
                        self._join(length, first)

    def add(self, piece: Piece) -> None:
        """Keep the sums of replications that were not kept before."""
        for row in range(piece.values.shape[1]):
            first = piece.first + row * piece.size
            self._sums.setdefault(piece.size, {})[first] = piece.values[:, row].copy()
            self._join(piece.size, first)
        if piece.makespans is not None:
            self._makespans.add(piece.makespans)
        self.played += piece.stop - piece.first

    def _join(self, size: int, first: int) -> None:
        """Put a sum together with its neighbour in the tree, and that with its own, as far as blocks go."""
        while size < self.size:
            of_size = self._sums[size]
            left = first - first % (2 * size)
            if left not in of_size or left + size not in of_size:
                return
            both = of_size.pop(left) + of_size.pop(left + size)
            size, first = 2 * size, left
            self._sums.setdefault(size, {})[first] = both

    def missing(self, replications: range) -> list[range]:
        """Return which of some replications are not there, in order."""
        return _gaps(
            replications, ((first, first + size) for size, sums in self._sums.items() for first in sums)
        )

    def pieces(self) -> list[Piece]:
        """Return all that is kept, each sum by itself, and with the first of them all that was counted."""
        pieces = [
            Piece(first, size, of_size[first][:, None])
            for size, of_size in self._sums.items()
            for first in sorted(of_size)
        ]
        return [piece._replace(makespans=self.makespans()) for piece in pieces[:1]] + pieces[1:]

    def makespans(self) -> NDArray[np.int64]:
        """Return how the makespans of all replications are distributed, also of blocks that are not whole."""
        return self._makespans.counts()

    def table(self, shape: tuple[int, int], stop: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the numbers of the whole blocks, shape (B,), and their means, (points, B, columns).

        Parameters
        ----------
        shape, stop : as for `Rows`.
        """
        points, columns = shape
        sums = self._sums.get(self.size, {})
        firsts = sorted(first for first in sums if first + self.size <= stop)
        values = np.empty((points, len(firsts), columns))
        for row, first in enumerate(firsts):
            values[:, row] = sums[first]
        return np.array(firsts, np.int64) // self.size, values / self.size


def _gaps(wanted: range, pieces: Iterator[tuple[int, int]]) -> list[range]:
    gaps, reached = [], wanted.start
    for first, stop in sorted(pieces):
        if reached < first < wanted.stop:
            gaps.append(range(reached, first))
        reached = max(reached, stop)
    if reached < wanted.stop:
        gaps.append(range(reached, wanted.stop))
    return gaps
