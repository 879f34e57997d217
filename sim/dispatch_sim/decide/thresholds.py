"""Thresholds on the recommended strategy, for use in scripts and CI: `p95_makespan_s > 20m`."""

from __future__ import annotations

import math
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

from pydantic_core import PydanticCustomError

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.units import UNITS, unit_of
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.wording import listed, nearest, shown
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.study.objectives import OBJECTIVES, P95

NAMES = tuple(dict.fromkeys((*OBJECTIVES, P95, *MEASURES)))
"""Names that a threshold can be on: the objectives of a scenario, and every measure."""

_FORM = re.compile(r"\s*([A-Za-z0-9_]{1,60})\s*(<=|>=|<|>)\s*(\S.{0,60}?)\s*", re.ASCII)
_LONGEST = 120
_COMPARISONS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class ThresholdError(UserError):
    """A threshold that cannot be read; the message says what to write."""


@dataclass(frozen=True, slots=True)
class Threshold:
    """A condition that must not hold: a measure above a bound, or below one.

    `measure` is a column of the estimates, `comparison` one of `<`, `<=`, `>` and `>=`; `bound` has its unit.
    """

    text: str
    measure: str
    comparison: str
    bound: float

    def holds_for(self, value: float) -> bool:
        """Whether the condition holds for a value."""
        return _COMPARISONS[self.comparison](value, self.bound)


@dataclass(frozen=True, slots=True)
class Check:
    """A threshold applied to a recommended strategy.

    It is violated where the condition holds for the estimate of the measure, whatever the interval is.
    """

    threshold: Threshold
    choice: Choice
    estimate: Estimate
    violated: bool

    @property
    def settled(self) -> bool:
        """Whether the whole interval is on the estimate's side of the bound; an end may be infinite."""
        ends = self.estimate.low, self.estimate.high
        return all(self.threshold.holds_for(end) == self.violated for end in ends)

    @property
    def includes_bound(self) -> bool:
        """Whether a known end of the interval is on the other side of the bound."""
        ends = filter(math.isfinite, (self.estimate.low, self.estimate.high))
        return any(self.threshold.holds_for(end) != self.violated for end in ends)

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            "threshold": self.threshold.text,
            "measure": self.threshold.measure,
            "bound": self.threshold.bound,
            "factors": self.choice.factors,
            **self.choice.strategy.to_json(self.choice.tasks),
            "estimate": self.estimate.to_json(),
            "violated": self.violated,
            "settled": self.settled,
        }


def parse_threshold(text: str) -> Threshold:
    """Read a threshold: a measure, a comparison, and a number with its unit.

    A bare number is in the base unit of the measure: seconds, dollars or tokens.

    Raises ThresholdError with what to write, or which measures there are.
    """
    found = _FORM.fullmatch(text) if len(text) <= _LONGEST else None
    if found is None:
        raise ThresholdError(
            f"--fail-on: {shown(text)} is not a threshold; write a measure, <, <=, > or >=, and a number: "
            "'p95_makespan_s > 20m', 'cost > $10'"
        )
    name, comparison, value = found.groups()
    measure = OBJECTIVES.get(name, name)
    if measure not in NAMES:
        close = {nearest(name, NAMES), *(each for each in NAMES if each.startswith(name.lower()))}
        offered = [shown(each) for each in NAMES if each in close]
        what = f"did you mean {listed(offered, 'or')}?" if offered else f"write {listed(OBJECTIVES, 'or')}"
        raise ThresholdError(f"--fail-on: there is no measure {shown(name)}; {what}")
    unit = unit_of(measure)
    bare = re.fullmatch(r"[0-9]+(\.[0-9]+)?", value, re.ASCII)
    try:
        bound = UNITS[unit].parse(f"{value}s" if unit == "seconds" and bare else value)
    except PydanticCustomError as error:
        raise ThresholdError(f"--fail-on: {name}: {error.message()}") from error
    assert bound is not None
    return Threshold(" ".join(text.split()), measure, comparison, bound)


def check(answer: Answer, thresholds: list[Threshold]) -> list[Check]:
    """Apply thresholds to the recommended strategy, at each combination of further factors."""
    found = []
    for threshold, choice in product(thresholds, answer.choices):
        table = answer.estimates
        at = choice.strategy.to_json(choice.tasks) | {"tasks": choice.tasks}
        for column, value in (at | choice.factors | {"measure": threshold.measure}).items():
            table = table[table[column] == value]
        [row] = table[["mean", "low", "high", "n"]].itertuples(index=False, name=None)
        estimate = Estimate(*row)
        found.append(Check(threshold, choice, estimate, threshold.holds_for(estimate.mean)))
    return found
