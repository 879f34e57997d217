"""Writes how a threshold on the recommended strategy came out, in a line."""

from __future__ import annotations

from dispatch_sim.decide.thresholds import Check
from dispatch_sim.report.format import clean, confidence, factors_text, show_of, span


def check_line(found: Check) -> str:
    """Return whether a threshold is violated, the estimate, and whether its interval includes the bound."""
    show = show_of(found.threshold.measure)
    estimate, choice = found.estimate, found.choice
    verdict = "violated" if found.violated else "passed"
    where = f" with {factors_text(choice.factors)}" if choice.factors else ""
    value = f"{show(estimate.mean)}{span(show, estimate.low, estimate.high)}"
    line = f"--fail-on {clean(found.threshold.text)}: {verdict}; {choice.strategy}{where}: {value}"
    if found.settled:
        return line
    interval = f"the {confidence(choice.confidence)} confidence interval"
    if found.includes_bound:
        return f"{line}; {interval} includes the bound"
    return f"{line}; {interval} may include the bound, as one of its ends is not known"
