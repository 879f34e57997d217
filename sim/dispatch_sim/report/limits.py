"""States how often strategies meet the deadline and the budget, and how they compare with the best."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch_sim.report.format import Measure
from dispatch_sim.report.sentences import sentence

if TYPE_CHECKING:  # a short answer does without pandas
    from dispatch_sim.decide.choice import Alternative, Choice

_NOTES = {"infeasible": "misses the limits", "undecided": "may miss the limits"}


def limits_sentence(choice: Choice, measure: Measure) -> str:
    """Return how often the best strategy meets the limits, and which others may not; empty without limits."""
    return sentence("limits.txt", "limits", choice, measure) if choice.limits is not None else ""


def first_cell(choice: Choice, measure: Measure) -> str:
    """Return what the best strategy is called: without a feasible one, the nearest, or the cheapest."""
    if choice.feasibility is None or choice.feasible:
        return "recommended"
    return "nearest" if choice.feasibility.share.mean else measure.best


def difference_cell(other: Alternative, difference: str, standing: str) -> str:
    """Return a difference from the best, what it means, and whether the strategy may miss the limits.

    Of an identical strategy, `identical` takes the place of `difference`. Of an identical or infeasible one,
    `standing` is left out.
    """
    if other.identical:
        difference = "identical"
    if other.identical or other.infeasible:
        standing = ""
    note = _NOTES.get(other.feasibility.verdict, "") if other.feasibility is not None else ""
    return ", ".join(filter(None, (difference, standing, note)))
