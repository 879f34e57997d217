"""Writes which resource binds the recommended strategy, and how far it is from a lower bound."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dispatch_sim.decide.binding import LEAST_GAIN, LIMITS, Binding
from dispatch_sim.report.sentences import sentence

if TYPE_CHECKING:  # a short answer does without pandas
    from dispatch_sim.decide.lower_bound import Bottleneck

TEMPLATE = "binding.txt"

SMALL_GAIN = 0.1
"""Share of the makespan below which the saving of the binding resource is called small."""

NOUNS = {
    "requests": "the request limit",
    "input_tokens": "the input-token limit",
    "output_tokens": "the output-token limit",
    "harness_pace": "the harness's limit on calls",
    "coordinator": "the coordinator",
    "people": "people's time",
    "concurrency": "the concurrency",
    "limits": "the rate limits",
}
"""What the resources are called in a sentence."""


def binding_sentence(found: Binding) -> str:
    """Return which resource binds, and whether a higher concurrency or a higher tier would help."""
    most = next((each for each in found.resources if found.share(each) >= LEAST_GAIN), None)
    open_ = most if most is not found.resource else None
    may_help = {each.name for each in found.resources if each.saved_s.high >= LEAST_GAIN * found.makespan_s}
    is_all = found.strategy.concurrency_in(found.tasks) == found.tasks
    is_small = most is not None and most is found.resource and found.share(most) < SMALL_GAIN
    limits = sum(each.name in LIMITS for each in found.resources)
    higher = "useless" if found.resource and not is_all and "concurrency" not in may_help else ""
    # No limit binds alone, but one whose removal may help is not shown to be without effect either.
    alone = bool(may_help & {*LIMITS})
    tier = ""
    if found.limits_reached is False:
        tier = "unreached"
    elif found.limits_reached and not may_help & {*LIMITS, "limits"}:
        tier = "useless"
    named = found, found.resource, found.second, open_
    return sentence(TEMPLATE, "binding", *named, is_small, limits, alone, higher, tier, NOUNS)


def bottleneck_sentences(found: Bottleneck | None) -> tuple[str, ...]:
    """Return the sentences on both; nothing if they are not known."""
    if found is None:
        return ()
    bound = found.lower_bound
    return binding_sentence(found.binding), sentence(TEMPLATE, "lower_bound", bound)
