"""Writes which resource binds the recommended strategy, and how far it is from a lower bound."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from dispatch_sim.decide.binding import LIMITS, Binding
from dispatch_sim.report.sentences import sentence

if TYPE_CHECKING:  # a short answer does without pandas
    from dispatch_sim.decide.bottleneck import Bottleneck

TEMPLATE = "binding.txt"


def binding_sentence(found: Binding) -> str:
    """Return which resource binds, and whether a higher concurrency or a higher tier would help."""
    bind = {each.name for each in found.resources if found.binds(each)}
    is_all = found.strategy.concurrency_in(found.tasks) == found.tasks
    higher = "useless" if found.resource and not is_all and "concurrency" not in bind else ""
    tier = ""
    if found.limits_reached is False:
        tier = "unreached"
    elif found.limits_reached and not bind & {*LIMITS, "limits"}:
        tier = "useless"
    return sentence(TEMPLATE, "binding", found, found.resource, found.second, higher, tier)


def bottleneck_sentences(found: Bottleneck | None) -> tuple[str, ...]:
    """Return the sentences on both; nothing if they are not known."""
    if found is None:
        return ()
    bound = found.lower_bound
    multiples = map(_multiple, (bound.makespan_multiple, bound.money_multiple))
    return binding_sentence(found.binding), sentence(TEMPLATE, "lower_bound", *multiples)


def _multiple(value: float | None) -> str:
    """Return a multiple to a decimal, rounded up."""
    return "" if value is None else f"{math.ceil(10 * value - 1e-6) / 10:.1f}"
