"""Writes which resource binds the recommended strategy, and how far it is from a lower bound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dispatch_sim.decide.binding import LEAST_GAIN, LIMITS, Binding
from dispatch_sim.report.sentences import sentence

if TYPE_CHECKING:  # a short answer does without pandas
    from dispatch_sim.decide.bottleneck import Bottleneck

TEMPLATE = "binding.txt"


def binding_sentence(found: Binding) -> str:
    """Return which resource binds, and whether a higher concurrency or a higher tier would help."""
    may_bind = [each for each in found.resources if found.share(each) >= LEAST_GAIN]
    names = {each.name for each in may_bind}
    is_all = found.strategy.concurrency_in(found.tasks) == found.tasks
    higher = "useless" if found.resource and not is_all and "concurrency" not in names else ""
    tier = ""
    if found.limits_reached is False:
        tier = "unreached"
    elif found.limits_reached and not names & {*LIMITS, "limits"}:
        tier = "useless"
    open_ = may_bind[0] if may_bind and not found.resource else None
    return sentence(TEMPLATE, "binding", found, found.resource, found.second, open_, higher, tier)


def bottleneck_sentences(found: Bottleneck | None) -> tuple[str, ...]:
    """Return the sentences on both; nothing if they are not known."""
    if found is None:
        return ()
    bound = found.lower_bound
    multiples = map(_multiple, (bound.makespan_multiple, bound.money_multiple))
    return binding_sentence(found.binding), sentence(TEMPLATE, "lower_bound", bound.confidence, *multiples)


def _multiple(value: float | None) -> str:
    """Return a multiple to a decimal, rounded up."""
    return "" if value is None else f"{math.ceil(10 * value - 1e-6) / 10:.1f}"
