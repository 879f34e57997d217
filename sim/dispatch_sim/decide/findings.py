"""The base of maps, explanations and tunings: what findings about a scenario rest on."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

from pydantic import ConfigDict

from dispatch_sim.display import Displayed
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.study.objectives import OBJECTIVES


@dataclass(frozen=True, kw_only=True)
class Findings(Displayed):
    """Findings about a scenario, and what they rest on.

    Attributes
    ----------
    name, sha256 : of the scenario.
    seed : of all replications.
    replications : of the strategies that the findings rest on; strategies that are worse may have fewer.
    objective : the measure that is minimised.
    confidence : of intervals.
    indifference : the indifference threshold, in the unit of the objective.
    """

    __pydantic_config__ = ConfigDict(ser_json_inf_nan="strings")

    name: str
    sha256: str
    seed: int
    replications: int
    objective: str
    confidence: float
    indifference: float

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {self.name}, {self.replications:,} replications>"

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        found = {each.name: getattr(self, each.name) for each in fields(Findings)}
        return {"scenario": found.pop("name"), **found}


def basis(scenario: Scenario, replications: int, indifference: float) -> dict[str, Any]:
    """Return the fields of `Findings` about a scenario."""
    return {
        "name": scenario.name,
        "sha256": scenario.fingerprint,
        "seed": scenario.study.seed,
        "replications": replications,
        "objective": OBJECTIVES[scenario.objective.minimise],
        "confidence": scenario.study.confidence,
        "indifference": indifference,
    }
