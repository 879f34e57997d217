"""How thresholds on what is recommended came out, a line each."""

from __future__ import annotations

from dispatch_sim.decide.thresholds import Check, unit_of
from dispatch_sim.report.format import about, clean, dollars, duration, factors_words, tokens, way

_SHOW = {"seconds": duration, "dollars": dollars, "tokens": tokens, "number": about}


def check_line(found: Check) -> str:
    """Return whether a threshold is violated, by what estimate, and whether the interval leaves it open."""
    show = _SHOW[unit_of(found.threshold.measure)]
    estimate, choice = found.estimate, found.choice
    where = f" with {factors_words(choice.factors)}" if choice.factors else ""
    interval = f"{100 * choice.confidence:g}% interval {show(estimate.low)} to {show(estimate.high)}"
    text = (
        f"--fail-on {clean(found.threshold.text)}: {'violated' if found.violated else 'good'}; "
        f"{way(choice.strategy)}{where} comes to {show(estimate.mean)} ({interval})"
    )
    return text + ("" if found.settled else "; the interval holds the bound: not settled")
