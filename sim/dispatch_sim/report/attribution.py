"""Attribution of a higher cost, or other objective, to its causes.

An outcome has money, people's time and tasks' time by component. The cost of failed attempts is divided among
kinds of failures by their numbers, and a longer makespan as in `_time`. The ranking of causes is therefore an
estimate; the figures next to each cause are means of what was counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.objectives import column_of

OWN_FAILURES: Mapping[str, tuple[str, ...]] = {
    "rate_limit": ("rate_limited_attempts",),
    "too_large": ("too_large_attempts",),
    "failed": ("crashed_attempts", "bad_outputs"),
    "killed": ("killed_attempts",),
    "hung": ("hung_attempts",),
    "overwritten": ("overwritten_attempts",),
}
"""Failures that count as attempts of a task; after the last attempt a person completes it."""

FAILURES: Mapping[str, tuple[str, ...]] = {
    **OWN_FAILURES,
    "cancelled": ("cancelled_attempts",),
    "wrong_brief": ("wrong_brief_attempts",),
}

Parts = Iterator[tuple[str, float]]


def attribute(view: View, strategy: Strategy) -> dict[str, float]:
    """Return by cause how much worse a strategy is than the recommended one, in the unit of the objective.

    Components that are smaller than those of the recommended strategy count as zero.
    """
    more = _More(view, strategy)
    found: dict[str, float] = {}
    for column, weight in _weights(view, strategy).items():
        for cause, part in _parts(more, column, view.scenario):
            found[cause] = found.get(cause, 0.0) + weight * part
    return found


class _More:
    """Excess of the mean of a measure over that of the recommended strategy; at least zero."""

    def __init__(self, view: View, strategy: Strategy) -> None:
        self._view, self._strategy = view, strategy

    def __call__(self, *columns: str) -> float:
        here, mean = self._view.recommended, self._view.mean
        return max(0.0, sum(mean(column, self._strategy) - mean(column, here) for column in columns))

    def shared(self, whole: float, causes: Mapping[str, tuple[str, ...]]) -> Parts:
        """Divide what failed attempts cost among their causes, by the excess of each in number."""
        numbers = {cause: self(*columns) for cause, columns in causes.items()}
        total = sum(numbers.values())
        for cause, number in numbers.items():
            yield cause, whole * number / total if total else 0.0
        if not total:
            yield "failed", whole


def _weights(view: View, strategy: Strategy) -> dict[str, float]:
    """Return the weight of each measure in the objective. Lateness is explained by the mean makespan."""
    column = column_of(view.measure.column)
    if column != "cost_usd":
        return {column: 1.0}
    weights = {"money_usd": 1.0}
    for usd, measure in (("cost_waiting_usd", "makespan_s"), ("cost_people_usd", "people_s")):
        used = [each for each in (strategy, view.recommended) if view.mean(measure, each) > 0]
        weights[measure] = view.mean(usd, used[0]) / view.mean(measure, used[0]) if used else 0.0
    return weights


def _parts(more: _More, column: str, scenario: Mapping[str, Any]) -> Parts:
    if column == "people_s":
        return _people(more)
    if column == "makespan_s":
        return _time(more, scenario)
    return _spent(more, "tokens_{}" if column == "tokens" else "money_{}_usd")


def _spent(more: _More, column: str) -> Parts:
    """Yield the causes of more money, or of more tokens."""
    for cause, components in {
        "context": ("context",),
        "rework": ("rework",),
        "merging": ("merge",),
        "coordination": ("coordination",),
        "work": ("work", "spawn", "return"),
    }.items():
        yield cause, more(*map(column.format, components))
    wasted = more(column.format("wasted"))
    others = dict(FAILURES)
    if column.startswith("money"):
        killed = min(wasted, more("money_killed_usd"))
        yield "killed", killed
        wasted -= killed
        del others["killed"]
    if wasted > 0:
        yield from more.shared(wasted, others)


def _people(more: _More) -> Parts:
    """Yield the causes of more of people's time."""
    yield "merging", more("people_merge_s")
    yield "review", more("people_review_s")
    # A strategy has overwritten outputs or conflicts, never both.
    yield "overwritten" if more("overwritten_attempts") else "conflicts", more("people_conflicts_s")
    yield from more.shared(more("people_recovery_s"), OWN_FAILURES)


def _time(more: _More, scenario: Mapping[str, Any]) -> Parts:
    """Yield the causes of a longer makespan.

    The coordinator and the person do one thing at a time, so their time counts first. The rest is divided by
    what tasks spend more time on.
    """
    longer = more("makespan_s")
    dispatch = scenario["dispatch"]
    compaction_s = dispatch["context"]["compaction"]["time"] if dispatch["context"] else 0.0
    serial = [
        ("context", more("compactions") * compaction_s),
        ("launches", more("refused_launches") * dispatch["brief"]["time"]),
        *_people(more),
    ]
    serial_s = sum(seconds for _, seconds in serial)
    for cause, seconds in serial:
        yield cause, seconds * min(1.0, longer / serial_s) if serial_s else 0.0
    spent = list(_tasks_time(more))
    total_s = sum(seconds for _, seconds in spent)
    for cause, seconds in spent:
        yield cause, max(0.0, longer - serial_s) * seconds / total_s if total_s else 0.0


def _tasks_time(more: _More) -> Parts:
    """Yield the causes of more time of tasks, summed over tasks, without the time of a person."""
    backoff_s, hung_s = more("backoff_s"), more("hung_s")
    yield "wait", more("wait_s")
    yield "rate_limit", backoff_s
    yield "hung", hung_s
    yield "blocked", more("blocked_s")
    failed_s = max(0.0, more("wasted_s") - backoff_s - hung_s)
    yield from more.shared(failed_s, FAILURES)
    yield "rework" if more("reworked_tasks") else "work", max(0.0, more("service_s") - failed_s)
    yield "merging", max(0.0, more("merge_s") - more("people_merge_s") - more("people_conflicts_s"))
