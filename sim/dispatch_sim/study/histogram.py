"""How a measure is distributed over replications that are not kept: how many of them lie in which bin.

Block means do not tell what single replications come to. So these are counted, in bins whose width is a fixed
part of where they lie: a bin holds the values whose doubles begin with the same bits, as in HdrHistogram
(Tene, 2012). Whole numbers add up to the same in any order, and order statistics are known to within a bin.

Counts are an array of shape (k, 3): design point, bin, and how many of its replications lie there, in order.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BITS = 8
"""Of a double's fraction that make a bin: from its beginning to its end are 0.2 to 0.4%."""

_SHIFT = 52 - BITS
_LEAST, _MOST = 2.0**-10, 2.0**40
"""Values below and from these on, a thousandth of a second and 35,000 years, have a bin each."""

_FIRST = int(np.float64(_LEAST).view(np.int64)) >> _SHIFT
BINS = (int(np.float64(_MOST).view(np.int64)) >> _SHIFT) - _FIRST + 2
"""How many there are, with the two at the ends."""


def bins_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the bin of each value, from 0 on; values are 0 or more."""
    codes = np.ascontiguousarray(values).view(np.int64) >> _SHIFT
    return np.asarray(np.clip(codes - (_FIRST - 1), 0, BINS - 1))


def edges(bins: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return where bins begin, and where the next ones do: infinite behind the last."""
    low, high = (((bins + more + _FIRST - 1) << _SHIFT).view(np.float64) for more in (0, 1))
    return np.where(bins == 0, 0.0, low), np.where(bins == BINS - 1, np.inf, high)


def counted(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Count values, shape (points, replications), in their bins."""
    keys = bins_of(values) + BINS * np.arange(len(values))[:, None]
    found, counts = np.unique(keys, return_counts=True)
    return np.stack([found // BINS, found % BINS, counts], axis=1)


def are_counts(found: NDArray[np.int64], points: int, replications: int) -> bool:
    """Whether an array, which may be anybody's, counts so many replications of so many points."""
    of, bins, counts = found.T
    if not ((of >= 0) & (of < points) & (bins >= 0) & (bins < BINS) & (counts > 0)).all():
        return False
    together = np.zeros(points, np.int64)
    np.add.at(together, of, counts)
    keys = of * BINS + bins
    return bool(
        (counts <= replications).all() and (together == replications).all() and (np.diff(keys) > 0).all()
    )


class Histogram:
    """Counts that are added up."""

    def __init__(self) -> None:
        self._first = 0
        self._table = np.zeros((0, 0), np.int64)
        """By design point, and by bin from `_first` on."""

    def add(self, counts: NDArray[np.int64]) -> None:
        """Add counts to those there are."""
        points, bins, more = counts.T
        self._make_room(int(points.max()) + 1, int(bins.min()), int(bins.max()) + 1)
        self._table[points, bins - self._first] += more

    def _make_room(self, points: int, first: int, stop: int) -> None:
        had, width = self._table.shape
        if width:
            first, stop = min(first, self._first), max(stop, self._first + width)
        if (max(points, had), stop - first) != (had, width):
            table = np.zeros((max(points, had), stop - first), np.int64)
            table[:had, self._first - first : self._first - first + width] = self._table
            self._first, self._table = first, table

    def counts(self) -> NDArray[np.int64]:
        """Return all that was counted."""
        points, places = np.nonzero(self._table)
        return np.stack([points, places + self._first, self._table[points, places]], axis=1)
