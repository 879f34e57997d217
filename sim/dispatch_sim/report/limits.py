"""States how often strategies meet the deadline and the budget."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from dispatch_sim.decide.constraints import Feasibility, Limits
from dispatch_sim.report.format import Measure, named
from dispatch_sim.report.sentences import sentence
from dispatch_sim.scenario.strategy import Strategy


class Compared(Protocol):
    """A strategy of a study or of a quick answer."""

    @property
    def strategy(self) -> Strategy:
        """The strategy."""

    @property
    def feasibility(self) -> Feasibility | None:
        """How often it meets the limits; None where there are none."""


def limits_sentence(
    limits: Limits | None, best: Compared, others: Iterable[Compared], measure: Measure
) -> str:
    """Return how often the best strategy meets the limits, and which others may not; empty without limits."""
    if limits is None or best.feasibility is None:
        return ""
    verdicts = [(named(each.strategy), each.feasibility.verdict) for each in others if each.feasibility]
    missed, undecided = (
        [name for name, verdict in verdicts if verdict == wanted] for wanted in ("infeasible", "undecided")
    )
    return sentence(
        "limits.txt", "limits", limits, best.strategy, best.feasibility, missed, undecided, measure
    )


def first_cell(best: Compared, measure: Measure) -> str:
    """Return what the best strategy is called: without a feasible one, the nearest, or the cheapest."""
    feasibility = best.feasibility
    if feasibility is None or feasibility.verdict != "infeasible":
        return "recommended"
    return "nearest" if feasibility.share.mean else measure.best
