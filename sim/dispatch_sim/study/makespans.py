"""What aggregates say of single replications: how the makespans of each design point are distributed.

As a table: a row for each bin that holds something, `from_s` and `to_s` its ends, `replications` how many.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from dispatch_sim.study.estimates import Quantile, point_columns, quantile_ranks
from dispatch_sim.study.histogram import bins_of, edges
from dispatch_sim.study.parquet import Kind

_FROM, _TO, _COUNT = "from_s", "to_s", "replications"

MAKESPAN_COLUMNS: dict[str, Kind] = {_FROM: "number", _TO: "number", _COUNT: "whole"}
"""Of a table, behind those that name a design point, and what each holds."""


def makespan_table(points: Mapping[str, NDArray[Any]], counts: NDArray[np.int64]) -> pd.DataFrame:
    """Return counts as a table.

    Parameters
    ----------
    points : the columns that name a design point, a value each.
    counts : as `histogram.counted` returns it.
    """
    of, bins, replications = counts.T
    low, high = edges(bins)
    named = {name: values[of] for name, values in points.items()}
    return pd.DataFrame({**named, _FROM: low, _TO: high, _COUNT: replications})


def unlike_makespans(
    table: pd.DataFrame, points: Mapping[str, NDArray[Any]], least: int, most: int
) -> str | None:
    """Return in what a table, which may be anybody's, is not one of the makespans of some design points.

    Parameters
    ----------
    points : as in `makespan_table`.
    least, most : replications of each point.
    """
    if list(map(str, table.columns)) != [*points, _FROM, _TO, _COUNT]:
        return "does not have the columns of a study"
    if [str(table[name].dtype) for name in (_FROM, _TO, _COUNT)] != ["float64", "float64", "int64"]:
        return "does not have numbers everywhere"
    low, high, counts = (table[name].to_numpy() for name in (_FROM, _TO, _COUNT))
    if not (np.isfinite(low).all() and (low >= 0).all() and (counts >= 1).all() and (counts <= most).all()):
        return "has something other than counts of makespans"
    bins = bins_of(low)
    if not all(map(np.array_equal, edges(bins), (low, high))):
        return "does not have the bins of this version"
    of = _numbered(table, points)
    if of is None or not np.all((np.diff(of) == 1) | ((np.diff(of) == 0) & (np.diff(bins) > 0))):
        return "does not have the rows of its scenario's design points"
    together = np.zeros(len(next(iter(points.values()))), np.int64)
    np.add.at(together, of, counts)
    if not ((together >= least) & (together <= most)).all():
        return "does not count the replications that manifest.json says were played"
    return None


def _numbered(table: pd.DataFrame, points: Mapping[str, NDArray[Any]]) -> NDArray[np.int64] | None:
    """Return of which point each row is, by order of appearance; None where they are not those points."""
    for name, values in points.items():
        numbers = pd.api.types.is_numeric_dtype(table[name])
        if numbers != (values.dtype.kind in "if") or not (numbers or all(map(_is_text, table[name]))):
            return None
    of = table.groupby(list(points), sort=False, dropna=False).ngroup().to_numpy().astype(np.int64)
    first = np.flatnonzero(np.diff(of, prepend=-1) > 0)
    if any(not np.array_equal(table[name].to_numpy()[first], values) for name, values in points.items()):
        return None
    return of


def _is_text(value: object) -> bool:
    return type(value) is str


def counted_percentiles(
    table: pd.DataFrame, probability: float = 0.95, confidence: float = 0.95
) -> list[Quantile]:
    """Estimate a percentile of the makespan at each design point, in the order of the table."""
    groups = table.groupby(point_columns(table), sort=False, dropna=False)
    return [
        counted_quantile(bins_of(part[_FROM].to_numpy()), part[_COUNT].to_numpy(), probability, confidence)
        for _, part in groups
    ]


def counted_quantile(
    bins: ArrayLike, counts: ArrayLike, probability: float = 0.95, confidence: float = 0.95
) -> Quantile:
    """Estimate a quantile from counts in bins, as `quantile_estimate` does from the values.

    Parameters
    ----------
    bins : those that hold something, increasing.
    counts : how many values each holds.
    probability, confidence : as there.

    Returns
    -------
    The value lies in the bin of the order statistic, as far in as its rank is among those there: less than
    0.4% off. The interval holds the one that the values themselves would give.
    """
    low, high = edges(np.asarray(bins, np.int64))
    each = np.asarray(counts, np.int64)
    upto = np.cumsum(each)
    n = int(upto[-1])
    rank, lower, upper = quantile_ranks(n, probability, confidence)
    at, first, last = (int(np.searchsorted(upto, wanted)) for wanted in (rank, lower, upper))
    width = high[at] - low[at] if math.isfinite(high[at]) else 0.0
    return Quantile(
        probability,
        float(low[at] + width * (rank - upto[at] + each[at] - 0.5) / each[at]),
        float(low[first]) if lower > 0 else -math.inf,
        float(high[last]) if upper <= n else math.inf,
        n,
    )
