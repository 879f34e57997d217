"""Reasons for the recommendation: what the extra cost of other strategies consists of, and its causes."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from dispatch_sim.report.attribution import attribute
from dispatch_sim.report.format import listed, named, show_of
from dispatch_sim.report.sentences import sentence, text
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy, parse_strategy

TEMPLATE = "reasons.txt"

_LEAST_CAUSE, _MOST_CAUSES = 0.1, 3
"""Share of a difference from which a cause is reported, and the most causes."""


def why(view: View) -> tuple[str, ...]:
    """Return why the recommended strategy is better than parallel, sequential and the best queue.

    Where none of these is shown to be worse, the best of the others that are takes their place.
    """
    points = [view.first("parallel"), view.first("sequential")]
    points += [view.best("queue")] if view.recommended in points else []
    worse = [point for point in points if point is not None and _is_worse(view, point)]
    worse = worse or [point for point in view.points if _is_worse(view, point)][:1]
    found: list[str] = []
    for point in worse:
        explain = partial(explain_cause, view, point)
        found += text(TEMPLATE, "worse", view, point, _causes(view, point), explain, _Means(view, point))
    return tuple(found)


def _is_worse(view: View, point: Strategy) -> bool:
    other = view.alternative(point)
    return other is not None and not (other.infeasible or other.in_best_subset or other.practically_equal)


def _causes(view: View, point: Strategy) -> list[str]:
    """Return the main causes, the largest first."""
    found = attribute(view, point)
    total = sum(found.values())
    most = sorted(found, key=lambda cause: -found[cause])[:_MOST_CAUSES]
    causes = [cause for cause in most if found[cause] > 0 and found[cause] >= _LEAST_CAUSE * total]
    launches = view.difference("refused_launches", point).mean
    return causes + (["launches"] if launches > 0.05 * view.tasks and "launches" not in causes else [])


def explain_cause(view: View, point: Strategy, cause: str) -> str:
    """Return the clause for a cause, which is a macro of `causes.txt`, with the means of both strategies."""
    means = _Means(view, point)
    if cause == "rate_limit":
        cause += "_failures" if view.mean("rate_limited_attempts", point) > 0 else ""
        means["api"], means["code"] = _rejection(view)
        resumed = view.scenario["retry"]["policy"] == "resume"
        means["retry"] = "a retry resumes at the rejected request" if resumed else "their work is lost"
    elif cause == "context":
        more_compactions = view.difference("compactions", point).mean > 0
        cause += "_compactions" if more_compactions else ""
    elif cause == "blocked":
        means["blockers"] = listed(_blockers(view.scenario, point.kind), "or")
    return sentence("causes.txt", cause, means)


class _Means(dict[str, str]):
    """Means of a strategy by measure, sum of measures, or measure `per task`, as `3 (2 with parallel)`."""

    def __init__(self, view: View, point: Strategy) -> None:
        super().__init__()
        self._view, self._point = view, point
        self._with = f" with {named(view.recommended)}"

    def __missing__(self, field: str) -> str:
        measures, _, per_task = field.partition(" per ")
        divisor = self._view.tasks if per_task else 1
        show = show_of(measures)
        one, other = (
            sum(self._view.mean(measure, strategy) for measure in measures.split(" + ")) / divisor
            for strategy in (self._point, self._view.recommended)
        )
        text = f"{show(one)} ({show(other) if other else 'none'}{self._with})"
        self._with = ""
        return text


def _rejection(view: View) -> tuple[str, str]:
    """Return who rejects requests, and with which status code; 429 and 529 are counted as one."""
    provider, factors = view.answer.scenario["provider"], view.choice.factors
    limits = ("requests", "input_tokens", "output_tokens")
    limited = any(provider["limits"][key] is not None for key in limits)
    limited = limited or any(path.startswith("provider.limits") for path in factors)
    overloaded = bool(provider["overloaded"]) or "provider.overloaded" in factors
    if limited and overloaded:
        return "the API", "429 or 529"
    return ("the rate limit", "429") if limited else ("an overloaded API", "529")


def _blockers(scenario: Mapping[str, Any], kind: str) -> list[str]:
    """Return what can block a task in a scenario; the results have only the sum."""
    groups, provider, harness = scenario["tasks"], scenario["provider"], scenario["harness"]
    own = [strategy for strategy in map(parse_strategy, scenario["strategies"]) if strategy.kind == kind]
    locked = any((s.isolation or scenario["conflicts"]["isolation"]) == "locks" for s in own)
    rounds = any((s.communication or scenario["communication"]["kind"]) == "rounds" for s in own)
    possible = {
        "the barrier": any(strategy.merge == "barrier" for strategy in own),
        "dependencies": any(group["after"] for group in groups),
        "locks": locked and any(group["writes"] for group in groups),
        "the first of two rounds": rounds,
        "reviews": scenario["review"] is not None,
        "the cap of the harness": harness["cap"] is not None and harness["over"] == "queue",
        "client pacing": harness["pace"] is not None,
        "the gateway queue": provider["on_limit"] == "wait",
    }
    return [*(name for name, there in possible.items() if there), "a busy coordinator or person"]
