"""What a difference in the objective is made of: parts of the books, which add up to it exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.model.accounting import MEASURES
from dispatch_sim.model.arithmetic import HOUR_S
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate, paired_difference

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
}
"""What each part of the cost is told under. Work is done either way; what differs in it is what the cache
holds."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a difference.

    Attributes
    ----------
    name : of the part: `waiting`, `money_wasted`, `people_merge`.
    cause : what it is told under; see `CAUSES`.
    difference : what the rival has more, in the unit of the objective.
    """

    name: str
    cause: str
    difference: Estimate

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {"part": self.name, "cause": self.cause, "difference": self.difference.to_json()}


@dataclass(frozen=True, slots=True)
class Comparison:
    """A way beside the recommended one.

    Attributes
    ----------
    strategy : the way.
    difference : what it has more of the objective.
    parts : of the difference; they add up to it.
    """

    strategy: Strategy
    difference: Estimate
    parts: tuple[Part, ...]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            **self.strategy.to_json(),
            "difference": self.difference.to_json(),
            "parts": [part.to_json() for part in self.parts],
        }


def find_parts(
    scenario: Scenario, objective: str, measures: NDArray[np.float64], confidence: float
) -> list[Part]:
    """Divide what the second of two ways costs more than the first.

    Parameters
    ----------
    scenario : for what time is worth.
    objective : the measure that is divided: `cost_usd`, `money_usd`, `tokens`, `people_s` or `makespan_s`.
    measures : shape (2, replications, measures).
    confidence : of each interval by itself.

    Returns
    -------
    The parts that differ in some replication, the largest first. They add up to the difference.
    """
    column = {name: measures[:, :, number] for number, name in enumerate(MEASURES)}
    parts: dict[str, NDArray[np.float64]] = {}
    if objective in ("cost_usd", "money_usd"):
        parts |= {f"money_{cause}": column[f"money_{cause}_usd"] for cause in _MONEY}
    if objective == "tokens":
        parts |= {f"money_{cause}": column[f"tokens_{cause}"] for cause in _MONEY}
    if objective in ("cost_usd", "people_s"):
        worth = scenario.values.people / HOUR_S if objective == "cost_usd" else 1.0
        parts |= {f"people_{cause}": column[f"people_{cause}_s"] * worth for cause in _PEOPLE}
    if objective == "cost_usd":
        parts["waiting"] = column["cost_waiting_usd"]
    if objective == "makespan_s":
        parts["waiting"] = column["makespan_s"]
    found = []
    for name, values in parts.items():
        if np.array_equal(values[0], values[1]):
            continue
        found.append(Part(name, CAUSES[name], paired_difference(values[1], values[0], confidence)))
    return sorted(found, key=lambda part: -abs(part.difference.mean))
