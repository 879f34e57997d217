"""States how often strategies meet the deadline and the budget."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dispatch_sim.decide.constraints import Limits
from dispatch_sim.report.format import Measure
from dispatch_sim.report.sentences import sentence

if TYPE_CHECKING:  # a short answer does without pandas
    from dispatch_sim.decide.choice import Alternative, Choice
    from dispatch_sim.decide.quick_sample import Candidate

    Compared = Choice | Alternative | Candidate


def limits_sentence(
    limits: Limits | None, best: Compared, others: Sequence[Compared], measure: Measure
) -> str:
    """Return how often the best strategy meets the limits, and which others may not; empty without limits."""
    if limits is None or best.feasibility is None:
        return ""
    return sentence("limits.txt", "limits", limits, best, others, measure)


def first_cell(best: Compared, measure: Measure) -> str:
    """Return what the best strategy is called: without a feasible one, the nearest, or the cheapest."""
    feasibility = best.feasibility
    if feasibility is None or feasibility.verdict != "infeasible":
        return "recommended"
    return "nearest" if feasibility.share.mean else measure.best
