"""Break-evens of parallel and a queue along a further swept factor, at one batch size."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from dispatch_sim.decide.axis_comparison import (
    AxisComparison,
    Criterion,
    compare_sides,
    judged,
    pairs_of,
    samples_of,
)
from dispatch_sim.decide.units import axis_position
from dispatch_sim.scenario.indifference import IndifferenceThreshold, parse_indifference
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.table import factor_columns, factor_combinations


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FactorBreakEven(AxisComparison):
    """A break-even along a swept factor.

    Attributes
    ----------
    factor : its path in the scenario.
    levels : as they are written, in order.
    positions : of the levels, in base units; between them the difference is interpolated.
    """

    factor: str
    levels: tuple[Any, ...]
    positions: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        regions = [asdict(region) for region in self.changes.established]
        return AxisComparison.to_json(self) | {"regions": regions}


def find_factor_break_even(
    results: pd.DataFrame,
    tasks: int,
    objective: str = "cost_usd",
    confidence: float = 0.95,
    indifference: float | str | IndifferenceThreshold = 0.0,
) -> list[FactorBreakEven]:
    """Find the break-evens along every swept factor whose levels have an order.

    Parameters
    ----------
    results : one row a (design point, replication); points share the replications' random numbers.
    tasks : size of the batch.
    objective, confidence, indifference : as in `find_break_even`.

    Returns
    -------
    For each factor of two or more finite levels, each combination of the others, each pair of strategies. Of
    levels that are the same, such as 1m and 60s, the last one counts.
    """
    part = results[results["tasks"] == tasks]
    criterion = Criterion(objective, confidence, parse_indifference(indifference))
    found = []
    for factor in factor_columns(results):
        levels = _levels(part[factor].unique().tolist())
        if len(levels) < 2:
            continue
        ordered = part[part[factor].isin(levels.values())].rename(columns={factor: "level"})
        for factors, rows in factor_combinations(ordered):
            samples = samples_of(rows, objective, "level")
            for (one, other), sides in pairs_of(samples, "parallel", "queue").items():
                along = {
                    position: sides[tasks, level]
                    for position, level in levels.items()
                    if (tasks, level) in sides
                }
                comparisons = compare_sides(criterion, samples, along)
                if len(comparisons) > 1:
                    found.append(
                        FactorBreakEven(
                            factor=factor,
                            levels=tuple(levels[position] for position in comparisons),
                            positions=tuple(comparisons),
                            parallel=one,
                            queue=other,
                            tasks=tasks,
                            factors=factors,
                            **judged(criterion, comparisons),
                        )
                    )
    return found


def _levels(written: list[Any]) -> dict[float, Any]:
    """Return the finite levels by their positions, in order; nothing where a factor has no order."""
    try:
        positions = {axis_position(level): level for level in written}
    except UserError:
        return {}
    return {position: positions[position] for position in sorted(positions) if np.isfinite(position)}
