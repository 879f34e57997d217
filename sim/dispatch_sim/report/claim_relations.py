"""Ratios in words: `takes 54% of the time`, `costs 8% more`, `costs 11 times as much`."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dispatch_sim.report.words import MINUS, percent
from dispatch_sim.study.estimates import Estimate


def share(value: float) -> str:
    """Return a share in percent, to two digits where it is small: `0.96%`, `9.4%`, `54%`."""
    return f"{float(f'{100 * value:.2g}'):g}%" if 0 < abs(value) < 0.1 else percent(value)


@dataclass(frozen=True, slots=True)
class Relation:
    """How one thing beside another is said: `costs 54% as much`, `costs 8% more`."""

    verb: str
    less: str
    same: str
    more: str

    def __call__(self, value: float) -> str:
        """Return the whole phrase."""
        return f"{self.verb} {self.bare(value)}"

    def bare(self, value: float) -> str:
        """Return it without its verb."""
        if not math.isfinite(value):
            return "not known"
        if abs(value - 1) < 5e-4:
            return self.same
        if value < 1:
            return f"{share(value) if value < 0.995 else _fine(value)} {self.less}"
        if value < 2:
            return f"{share(value - 1)} {self.more}"
        return f"{float(f'{value:.2g}'):g} times {self.same}"

    def span(self, low: float, high: float) -> str:
        """Return the phrase for all from a ratio to another: `costs 8% to 20% more`."""
        first, last = self.bare(low), self.bare(high)
        for end, alike in (
            (f" {self.less}", high < 0.995),
            (f" {self.more}", low > 1 and high < 2),
            (f" times {self.same}", low >= 2),
        ):
            if alike:
                return f"{self.verb} {first.removesuffix(end)} to {last}"
        return f"{self.verb} {first} up to {last}"

    def within(self, estimate: Estimate) -> str:
        """Return the phrase and the interval, both said in the same way."""
        if not (math.isfinite(estimate.low) and math.isfinite(estimate.high)):
            return f"{self(estimate.mean)} (interval unbounded)"
        low, high = (self._plain(end, estimate.mean) for end in (estimate.low, estimate.high))
        return self(estimate.mean) if low == high else f"{self(estimate.mean)} ({low} to {high})"

    def _plain(self, value: float, beside: float) -> str:
        if abs(beside - 1) < 5e-4 or beside < 1:
            return share(value)
        if beside < 2:
            return share(value - 1).replace("-", MINUS)
        return f"{float(f'{value:.2g}'):g}"


def _fine(value: float) -> str:
    return f"{100 * value:.1f}%"


TIME = Relation("takes", "of the time", "as long", "longer")
COST = Relation("costs", "as much", "as much", "more")
