"""Cost breakdown: the components of a difference in the objective, which sum to it exactly."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.model.arithmetic import HOUR_S
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, mean_estimate

_MONEY = ("work", "spawn", "return", "coordination", "context", "merge", "rework", "wasted")
_PEOPLE = ("merge", "recovery", "conflicts", "review")

CAUSES: Mapping[str, str] = {
    "waiting": "waiting",
    "money_work": "work",
    "money_spawn": "work",
    "money_return": "work",
    "money_coordination": "coordination",
    "money_context": "coordination",
    "money_merge": "merge",
    "money_rework": "lost work",
    "money_wasted": "lost work",
    "people_merge": "merge",
    "people_recovery": "people",
    "people_conflicts": "people",
    "people_review": "people",
    "other": "",
}
"""The cause of each component. Every strategy does the same work; its cost differs by cache hits."""


@dataclass(frozen=True, slots=True)
class Component:
    """A component of a difference: a key of `CAUSES`, its cause, and what the rival has more."""

    name: str
    cause: str
    difference: Estimate


@dataclass(frozen=True, slots=True)
class Comparison:
    """A strategy compared with the recommended one.

    `difference` is what it has more of the objective, and the sum of its components. A percentile has none.
    """

    strategy: Strategy
    difference: Estimate
    components: tuple[Component, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            **self.strategy.to_json(),
            "difference": self.difference.to_json(),
            "components": [asdict(c) | {"difference": c.difference.to_json()} for c in self.components],
        }


def cost_breakdown(
    scenario: Scenario,
    objective: str,
    measures: NDArray[np.float64],
    confidence: float,
    apart: Collection[str] | None = None,
) -> list[Component]:
    """Divide the difference between two strategies into components.

    It returns those that differ in some replication, the largest first, and `other` last.

    Parameters
    ----------
    objective : the measure that is divided: `cost_usd`, `money_usd`, `tokens`, `people_s` or `makespan_s`.
    measures : of the recommended strategy and the rival, shape (2, replications, measures).
    confidence : of each interval by itself.
    apart : components that are stated by themselves, the others being summed as `other`; default: all.
    """
    column = dict(zip(MEASURES, np.moveaxis(measures, 2, 0), strict=True))
    components: dict[str, NDArray[np.float64]] = {}
    if objective in ("cost_usd", "money_usd", "tokens"):
        of_money = "tokens_{}" if objective == "tokens" else "money_{}_usd"
        components |= {f"money_{cause}": column[of_money.format(cause)] for cause in _MONEY}
    if objective in ("cost_usd", "people_s"):
        worth = scenario.values.people / HOUR_S if objective == "cost_usd" else 1.0
        components |= {f"people_{cause}": column[f"people_{cause}_s"] * worth for cause in _PEOPLE}
    if objective in ("cost_usd", "makespan_s"):
        components["waiting"] = column["cost_waiting_usd" if objective == "cost_usd" else objective]
    differences = {name: rival - recommended for name, (recommended, rival) in components.items()}
    if small := [name for name in differences if apart is not None and name not in apart]:
        differences["other"] = np.sum([differences.pop(name) for name in small], axis=0)
    found = [
        Component(name, CAUSES[name], mean_estimate(difference, confidence))
        for name, difference in differences.items()
        if difference.any()
    ]
    return sorted(found, key=lambda each: (each.name == "other", -abs(each.difference.mean)))
