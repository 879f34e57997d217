"""States how often strategies meet the deadline and the budget."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch_sim.report.format import Measure
from dispatch_sim.report.sentences import sentence

if TYPE_CHECKING:  # a short answer does without pandas
    from dispatch_sim.decide.choice import Choice


def limits_sentence(choice: Choice, measure: Measure) -> str:
    """Return how often the best strategy meets the limits, and which others may not; empty without limits."""
    return sentence("limits.txt", "limits", choice, measure) if choice.limits is not None else ""


def first_cell(choice: Choice, measure: Measure) -> str:
    """Return what the best strategy is called: without a feasible one, the nearest, or the cheapest."""
    if choice.feasibility is None or choice.feasible:
        return "recommended"
    return "nearest" if choice.feasibility.share.mean else measure.best
