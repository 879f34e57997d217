"""Causes of a higher cost in words: each with what was counted of it, beside the recommended way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from dispatch_sim.report.format import about, dollars, duration, listed
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy, parse_strategy

_LIMITS = ("requests", "input_tokens", "output_tokens")


class _Seen:
    """Means of a way and of the recommended one, side by side."""

    def __init__(self, view: View, point: Strategy) -> None:
        self.view, self.point, self.here = view, point, view.recommended

    def __call__(self, show: Callable[[float], str], *columns: str, each: bool = False) -> tuple[str, str]:
        """Return the sums of measures, for a task each where that is asked for; nothing in place of a 0."""
        divisor = self.view.tasks if each else 1
        one, other = (
            sum(self.view.mean(column, point) for column in columns) / divisor
            for point in (self.point, self.here)
        )
        return show(one), show(other) if other else ""

    def against(self, text: str, *values: tuple[str, str]) -> str:
        """Set the values of the way into a text, and those of the recommended one after it."""
        ones, others = [one for one, _ in values], [other or "none" for _, other in values]
        others = ["none"] if set(others) == {"none"} else others
        one, other = self.view.way(self.point), self.view.way(self.here)
        return f"{text.format(*ones, way=one)}, against {listed(others)} with {other}"


def _limit(view: View, point: Strategy) -> str:
    """Speak of the rate limit only where there is one, and nothing else refuses calls."""
    provider, factors = view.answer.scenario["provider"], view.choice.factors
    limited = any(provider["limits"][key] is not None for key in _LIMITS)
    limited = limited or any(path.startswith("provider.limits") for path in factors)
    overloaded = bool(provider["overloaded"]) or "provider.overloaded" in factors
    name, code = ("refused calls", "429 or 529") if limited else ("an overloaded API", "529")
    if limited and not overloaded:
        name, code = "the rate limit", "429"
    seen = _Seen(view, point)
    text = f"{name}: with {{way}}, calls are refused ({code}) {{}} times a batch"
    refused, lost = seen(about, "rejected_requests"), seen(about, "rate_limited_attempts")
    if view.mean("rate_limited_attempts", point) <= 0:
        return seen.against(f"{text} and back off for {{}} in all", refused, seen(duration, "backoff_s"))
    resumed = view.answer.scenario["retry"]["policy"] == "resume"
    then = (
        "such an attempt goes on from its refused call"
        if resumed
        else "all that such an attempt did is done again, or lost"
    )
    return f"{seen.against(f'{text} and {{}} attempts are lost to that', refused, lost)}; {then}"


def _fact(text: str, *measures: tuple[Callable[[float], str], str]) -> Callable[[View, Strategy], str]:
    """Return a cause that is told by means of measures."""

    def tell(view: View, point: Strategy) -> str:
        seen = _Seen(view, point)
        return seen.against(text, *(seen(show, column) for show, column in measures))

    return tell


def _failed(view: View, point: Strategy) -> str:
    seen = _Seen(view, point)
    number = seen(about, "crashed_attempts", "bad_outputs")
    return seen.against("attempts that crash or come back unusable: {} a batch with {way}", number)


def _context(view: View, point: Strategy) -> str:
    seen = _Seen(view, point)
    money = seen(dollars, "money_context_usd")
    text = "the coordinator's own context, which it reads again in every turn: {} a batch with {way}"
    if view.mean("compactions", point) > view.mean("compactions", seen.here):
        text += ", and {} compactions"
        return seen.against(text, money, seen(about, "compactions"))
    return seen.against(text, money)


def _slots(view: View, point: Strategy) -> str:
    seen = _Seen(view, point)
    return seen.against(
        "that tasks wait for their turn: {} each on average with {way}", seen(duration, "wait_s", each=True)
    )


def _held(view: View, point: Strategy) -> str:
    seen = _Seen(view, point)
    by = listed(_holds(view.answer.scenario, point.kind), "or")
    text = f"that tasks are held up by {by}: {{}} each on average with {{way}}"
    return seen.against(text, seen(duration, "blocked_s", each=True))


def _holds(scenario: Mapping[str, Any], kind: str) -> list[str]:
    """Return what can hold up a task in a scenario; which of it does is not in the sums."""
    groups, provider, harness = scenario["tasks"], scenario["provider"], scenario["harness"]
    own = [strategy for strategy in map(parse_strategy, scenario["strategies"]) if strategy.kind == kind]
    locked = any((s.isolation or scenario["conflicts"]["isolation"]) == "locks" for s in own)
    rounds = any((s.communication or scenario["communication"]["kind"]) == "rounds" for s in own)
    holds = {
        "the barrier": any(strategy.merge == "barrier" for strategy in own),
        "tasks that come first": any(group["after"] for group in groups),
        "locks": locked and any(group["writes"] for group in groups),
        "the first of two rounds": rounds,
        "reviews": scenario["review"] is not None,
        "the cap of the harness": harness["cap"] is not None and harness["over"] == "queue",
        "the client's pace": harness["pace"] is not None,
        "the gateway's line": provider["on_limit"] == "wait",
    }
    return [*(name for name, there in holds.items() if there), "a busy coordinator or person"]


FACTS: Mapping[str, Callable[[View, Strategy], str]] = {
    "limit": _limit,
    "too_large": _fact(
        "calls that are larger than the limit can ever admit: {} attempts a batch are lost with {way}",
        (about, "too_large_attempts"),
    ),
    "killed": _fact(
        "the timeout, which ends honest work: {} attempts and {} of API money a batch with {way}",
        (about, "killed_attempts"),
        (dollars, "money_killed_usd"),
    ),
    "hung": _fact(
        "agents that hang: {} attempts a batch with {way}, which hold their places for {} in all",
        (about, "hung_attempts"),
        (duration, "hung_s"),
    ),
    "overwritten": _fact(
        "that agents write over each other's work: {} outputs a batch are lost with {way}, and cleaning up "
        "takes people {}",
        (about, "overwritten_attempts"),
        (duration, "people_conflicts_s"),
    ),
    "conflicts": _fact(
        "conflicts between agents' copies: {} a batch with {way}, and {} of people's time to resolve them",
        (about, "merge_conflicts"),
        (duration, "people_conflicts_s"),
    ),
    "cancelled": _fact(
        "cancellation: {} attempts a batch are cancelled with {way} because another has failed",
        (about, "cancelled_attempts"),
    ),
    "wrong": _fact(
        "wrong instructions: {} attempts a batch follow them with {way} before it shows, and are for nothing",
        (about, "wrong_brief_attempts"),
    ),
    "failed": _failed,
    "launches": _fact(
        "the harness, which refuses {} launches a batch with {way}, so that their briefs are for nothing",
        (about, "refused_launches"),
    ),
    "context": _context,
    "rework": _fact(
        "work done again as it was made without sight of the others': {} tasks and {} a batch with {way}",
        (about, "reworked_tasks"),
        (dollars, "money_rework_usd"),
    ),
    "review": _fact(
        "the reviews: {} a batch with {way}, and {} of people's time",
        (about, "reviews"),
        (duration, "people_review_s"),
    ),
    "merging": _fact(
        "putting the results together: {} of people's time and {} of API money a batch with {way}",
        (duration, "people_merge_s"),
        (dollars, "money_merge_usd"),
    ),
    "slots": _slots,
    "held": _held,
    "handing": _fact(
        "handing out and what agents hear of each other: {} a batch with {way}",
        (dollars, "money_coordination_usd"),
    ),
    "work": _fact(
        "the agents' own work: {} and {} of their time a batch with {way}",
        (dollars, "money_work_usd"),
        (duration, "service_s"),
    ),
}
"""What a cause is called, and what was counted of it."""
