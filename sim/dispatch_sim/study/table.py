"""The columns of swept factors in a results table, and groups by them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dispatch_sim.stats.paired_samples import plain

if TYPE_CHECKING:
    import pandas as pd


def factor_columns(results: pd.DataFrame) -> list[str]:
    """Return the columns of the swept factors beyond strategy and size: scenario paths, with a dot."""
    return [str(column) for column in results.columns if "." in str(column)]


def factor_combinations(results: pd.DataFrame) -> list[tuple[dict[str, Any], pd.DataFrame]]:
    """Return each combination of further factors with its rows, numbers in order before texts."""
    columns = factor_columns(results)
    if not columns:
        return [({}, results)]
    groups = results.groupby(columns, sort=False, observed=True, dropna=False)
    combinations = [(tuple(map(plain, values)), part) for values, part in groups]
    combinations.sort(key=lambda combination: [_rank(value) for value in combination[0]])
    return [(dict(zip(columns, values, strict=True)), part) for values, part in combinations]


def find_combination(
    results: pd.DataFrame, tasks: int, wanted: dict[str, Any]
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Return the one combination of factors that has the wanted values, with its rows of a batch size.

    Raises ValueError where there is none, or more than one.
    """
    found = [
        each
        for each in factor_combinations(results[results["tasks"] == tasks])
        if wanted.items() <= each[0].items()
    ]
    if len(found) > 1:
        raise ValueError(
            f"{len(found)} combinations of factors fit {wanted}; name one, such as {found[0][0]}"
        )
    if not found or found[0][1].empty:
        raise ValueError(f"nothing was simulated with {tasks} tasks" + (f" and {wanted}" if wanted else ""))
    return found[0]


def _rank(value: Any) -> tuple[bool, float | str]:
    number = isinstance(value, int | float)
    return not number, value if number else str(value)
