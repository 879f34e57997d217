"""Samples of a table of results, paired by replication."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd


def paired_samples(
    results: pd.DataFrame, objective: str, keys: Sequence[str]
) -> dict[tuple[Any, ...], NDArray[np.float64]]:
    """Return the objective of each point, by its `keys`, along the replications of all of them in order.

    Points come in order of appearance. NaN where a replication is missing; `in_common` leaves these out.
    Raises ValueError where the objective is missing or not finite, or where a row is there twice.
    """
    for column in (*keys, "replication", objective):
        if column not in results.columns:
            raise ValueError(f"the results have no column {column!r}")
    if results.empty:
        return {}
    if not np.isfinite(results[objective].to_numpy(dtype=np.float64)).all():
        raise ValueError(f"{objective} is not a finite number in some rows; leave those design points out")
    rows, replications = results["replication"].factorize(sort=True)  # much faster than np.unique
    groups = np.zeros(len(results), np.int64)
    for key in keys:  # much faster than groupby, which copies the other columns
        codes, levels = results[key].factorize(use_na_sentinel=False)
        groups = groups * len(levels) + codes
    order = np.argsort(groups, kind="stable")
    starts = np.flatnonzero(np.diff(groups[order], prepend=-1))
    parts = sorted(np.split(order, starts[1:]), key=lambda part: int(part[0]))
    first = [part[0] for part in parts]
    values = results[objective].to_numpy(dtype=np.float64)
    samples: dict[tuple[Any, ...], NDArray[np.float64]] = {}
    named = zip(*(results[key].iloc[first].tolist() for key in keys), strict=True)
    for point, part in zip(named, parts, strict=True):
        present = rows[part]
        sample = np.full(replications.size, np.nan)
        sample[present] = values[part]
        if np.count_nonzero(~np.isnan(sample)) < part.size:
            raise ValueError(
                f"some replications of {point} are repeated; select one level of each other factor"
            )
        samples[tuple(map(plain, point))] = sample
    return samples


def present(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values of a sample of `paired_samples` that are there."""
    return sample[~np.isnan(sample)]


def in_common(*samples: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return samples of `paired_samples` in the replications that all have, shape (samples, replications)."""
    together = np.stack(samples)
    # In C order, in which the mean of a row is that of the sample by itself, to the last digit.
    return np.ascontiguousarray(together[:, ~np.isnan(together).any(axis=0)])


def plain(value: Any) -> Any:
    """Return a numpy scalar as the Python value that JSON knows."""
    return value.item() if isinstance(value, np.generic) else value
