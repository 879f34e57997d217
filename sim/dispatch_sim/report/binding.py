"""Writes which resource binds the recommended strategy, and how far it is from a lower bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch_sim.decide.binding import LEAST_GAIN, LIMITS, Binding
from dispatch_sim.report.sentences import sentence

if TYPE_CHECKING:  # a short answer does without pandas
    from dispatch_sim.decide.lower_bound import Bottleneck

TEMPLATE = "binding.txt"


def binding_sentence(found: Binding) -> str:
    """Return which resource binds, and whether a higher concurrency or a higher tier would help."""
    most = next((each for each in found.resources if found.share(each) >= LEAST_GAIN), None)
    open_ = most if most is not found.resource else None
    may_help = [each.name for each in found.resources if each.saved_s.high >= LEAST_GAIN * found.makespan_s]
    return sentence(TEMPLATE, "binding", found, open_, may_help, LIMITS)


def bottleneck_sentences(found: Bottleneck | None) -> tuple[str, ...]:
    """Return the sentences on both; nothing if they are not known."""
    if found is None:
        return ()
    bound = found.lower_bound
    return binding_sentence(found.binding), sentence(TEMPLATE, "lower_bound", bound)
