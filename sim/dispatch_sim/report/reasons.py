"""Why a way is worse than the recommended one: what its extra cost is made of, and what brings it about.

An outcome says what money, people's time and tasks' time went into. What failed attempts have cost is shared
among the kinds of failures by their numbers, and a longer makespan by `_time`. So the order of the causes is
an estimate; the figures beside each are means of what was counted.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from dispatch_sim.report.causes import FACTS
from dispatch_sim.report.format import (
    about,
    amount,
    capital,
    count,
    dollars,
    duration,
    listed,
    tokens,
)
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.study.objectives import column_of

_WORTH_A_WORD = 0.05
"""Part of a difference below which a component of it is not spoken of."""

_WORTH_A_SENTENCE, _MOST_CAUSES = 0.1, 3
"""Part of all that is more from which a cause is spoken of, and of how many."""

_OWN_FAILURES: Mapping[str, tuple[str, ...]] = {
    "limit": ("rate_limited_attempts",),
    "too_large": ("too_large_attempts",),
    "failed": ("crashed_attempts", "bad_outputs"),
    "killed": ("killed_attempts",),
    "hung": ("hung_attempts",),
    "overwritten": ("overwritten_attempts",),
}
"""Causes of failed attempts that count towards a task's own, after the last of which a person does it."""

_FAILURES: Mapping[str, tuple[str, ...]] = {
    **_OWN_FAILURES,
    "cancelled": ("cancelled_attempts",),
    "wrong": ("wrong_brief_attempts",),
}


def why(view: View) -> tuple[str, ...]:
    """Return why the recommended way wins over the obvious other ones, from what differs between them."""
    points = [view.first("parallel"), view.first("sequential")]
    points += [view.best("queue")] if view.recommended in points else []
    return tuple(
        sentence
        for point in points
        if point is not None and _is_worse(view, point)
        for sentence in _why_not(view, point)
    )


def _is_worse(view: View, point: Strategy) -> bool:
    other = view.alternative(point)
    if other is None or other.misses:
        return False
    return not other.in_best_subset and not other.practically_equal


def _why_not(view: View, point: Strategy) -> Iterator[str]:
    """Explain why a way is worse than the recommended: what its extra cost is, and what brings it about."""
    here = view.recommended
    if view.measure.column == "cost_usd":
        yield from _extra_cost(view, point)
    else:
        more = amount(view.measure, view.difference(view.measure.column, point, here).mean)
        longer = "longer" if column_of(view.measure.column) == "makespan_s" else "more"
        yield f"{capital(view.way(point))} {view.measure.verb} {more} {longer} than {view.way(here)}."
    yield from _causes(view, point)
    recovered, fewer = view.mean("manual_completions", point), view.mean("manual_completions", here)
    if recovered > fewer + 0.02 * view.tasks:
        person = view.difference("people_recovery_s", point, here).mean
        yield (
            f"Of {count(view.tasks)} tasks, {about(recovered)} end on a person's desk, against "
            f"{about(fewer)} with {view.way(here)}: {duration(person)} more of people's time."
        )
    wasted = view.difference("tokens_wasted", point, here)
    if wasted.low > 0 and wasted.mean > 0.05 * view.mean("tokens", here):
        yield f"{capital(tokens(wasted.mean))} more tokens go into attempts that fail."


def _extra_cost(view: View, point: Strategy) -> Iterator[str]:
    """Say what a higher cost is made of; parts that are small beside it are left out."""
    here = view.recommended
    total = view.difference("cost_usd", point, here).mean
    time = view.difference("makespan_s", point, here).mean
    parts = {
        f"waiting ({duration(abs(time))} {'longer' if time > 0 else 'shorter'})": "cost_waiting_usd",
        "people's time": "cost_people_usd",
        "API money": "money_usd",
    }
    differences = {name: view.difference(column, point, here).mean for name, column in parts.items()}
    told = {name: d for name, d in differences.items() if abs(d) > _WORTH_A_WORD * total}
    text = f"{capital(view.way(point))} costs {dollars(total)} more than {view.way(here)}"
    if len(told) == 1:
        text += f", nearly all of it for {next(iter(told))}"
    elif told:
        amounts = [f"{dollars(abs(d))} {'more' if d > 0 else 'less'} for {name}" for name, d in told.items()]
        text += f": {listed(amounts)}"
    yield f"{text}."


def _causes(view: View, point: Strategy) -> Iterator[str]:
    """Name what brings a difference about, the largest first; what is small beside all of it is left out."""
    found = {cause: part for cause, part in attributed(view, point).items() if part > 0}
    total = sum(found.values())
    most = sorted(found, key=lambda cause: -found[cause])[:_MOST_CAUSES]
    told = [cause for cause in most if found[cause] >= _WORTH_A_SENTENCE * total]
    lead = "The cause is" if len(told) == 1 else "The main cause is"
    if told and found[told[0]] < total / 2:
        lead = "The largest of several causes is"
    for cause in told:
        yield f"{lead} {FACTS[cause](view, point)}."
        lead = "Another is"
    launches = view.difference("refused_launches", point, view.recommended).mean
    if launches > 0.05 * view.tasks and "launches" not in told:
        yield f"{'A smaller one is' if told else lead} {FACTS['launches'](view, point)}."


@dataclass(frozen=True, slots=True)
class _Weights:
    """What a dollar, a second of people's time, a second of the makespan and a token count for."""

    money: float = 0.0
    people: float = 0.0
    time: float = 0.0
    tokens: float = 0.0


def attributed(view: View, point: Strategy) -> dict[str, float]:
    """Return how much of what a way is worse by comes from each cause, in the unit of the objective.

    What is less than with the recommended way counts for nothing here.
    """
    more = _More(view, point)
    weights = _weights(view, point)
    found: dict[str, float] = dict.fromkeys(FACTS, 0.0)
    for unit, parts in (
        (weights.money, _money(more, "money_{}_usd")),
        (weights.tokens, _money(more, "tokens_{}")),
        (weights.people, _people(more)),
        (weights.time, _time(more, view.answer.scenario)),
    ):
        for cause, part in parts:
            found[cause] += unit * part
    return found


class _More:
    """By how much the mean of a measure is more with one way than with the recommended one; else 0."""

    def __init__(self, view: View, point: Strategy) -> None:
        self._view, self._point = view, point

    def __call__(self, *columns: str) -> float:
        here = self._view.recommended
        return max(0.0, sum(self._view.mean(c, self._point) - self._view.mean(c, here) for c in columns))

    def shared(self, whole: float, causes: Mapping[str, tuple[str, ...]]) -> Iterator[tuple[str, float]]:
        """Share what failed attempts have cost among their causes, by how many more there are of each."""
        numbers = {cause: self(*columns) for cause, columns in causes.items()}
        total = sum(numbers.values())
        for cause, number in numbers.items():
            yield cause, whole * number / total if total else 0.0
        if not total:
            yield "failed", whole


def _weights(view: View, point: Strategy) -> _Weights:
    column = column_of(view.measure.column)  # of late batches, what makes batches late on average
    if column != "cost_usd":
        one = {"money_usd": "money", "people_s": "people", "makespan_s": "time", "tokens": "tokens"}
        return _Weights(**{one[column]: 1.0})
    waiting, working = (
        next((view.mean(usd, p) / s for p in (point, view.recommended) if (s := view.mean(of, p)) > 0), 0.0)
        for usd, of in (("cost_waiting_usd", "makespan_s"), ("cost_people_usd", "people_s"))
    )
    return _Weights(money=1.0, people=working, time=waiting)


def _money(more: _More, column: str) -> Iterator[tuple[str, float]]:
    """Yield what more money, or tokens, went into."""
    for cause, parts in {
        "context": ("context",),
        "rework": ("rework",),
        "merging": ("merge",),
        "handing": ("coordination",),
        "work": ("work", "spawn", "return"),
    }.items():
        yield cause, more(*map(column.format, parts))
    wasted = more(column.format("wasted"))
    others = dict(_FAILURES)
    if column.startswith("money"):
        killed = min(wasted, more("money_killed_usd"))
        yield "killed", killed
        wasted -= killed
        del others["killed"]
    if wasted > 0:
        yield from more.shared(wasted, others)


def _people(more: _More) -> Iterator[tuple[str, float]]:
    """Yield what more of people's time went into."""
    yield "merging", more("people_merge_s")
    yield "review", more("people_review_s")
    yield _of_conflicts(more), more("people_conflicts_s")
    yield from more.shared(more("people_recovery_s"), _OWN_FAILURES)


def _of_conflicts(more: _More) -> str:
    """Return what a person's time for conflicts is about: a strategy has lost work or conflicts, not both."""
    return "overwritten" if more("overwritten_attempts") else "conflicts"


def _time(more: _More, scenario: Mapping[str, Any]) -> Iterator[tuple[str, float]]:
    """Yield what makes the makespan longer.

    First what the coordinator and the person did, as each does one thing at a time; then what tasks spent
    more time on.
    """
    longer = more("makespan_s")
    dispatch = scenario["dispatch"]
    compaction_s = dispatch["context"]["compaction"]["time"] if dispatch["context"] else 0.0
    alone = [
        ("context", more("compactions") * compaction_s),
        ("launches", more("refused_launches") * dispatch["brief"]["time"]),
        *_people(more),
    ]
    total = sum(seconds for _, seconds in alone)
    for cause, seconds in alone:
        yield cause, seconds * min(1.0, longer / total) if total else 0.0
    left = max(0.0, longer - total)
    spent = list(_tasks_time(more))
    total = sum(seconds for _, seconds in spent)
    for cause, seconds in spent:
        yield cause, left * seconds / total if total else 0.0


def _tasks_time(more: _More) -> Iterator[tuple[str, float]]:
    """Yield what tasks spent more time on, summed over tasks; without what a person did."""
    backoff_s, hung_s = more("backoff_s"), more("hung_s")
    yield "slots", more("wait_s")
    yield "limit", backoff_s
    yield "hung", hung_s
    yield "held", more("blocked_s")
    failed_s = max(0.0, more("wasted_s") - backoff_s - hung_s)
    yield from more.shared(failed_s, _FAILURES)
    yield "rework" if more("reworked_tasks") else "work", max(0.0, more("service_s") - failed_s)
    yield "merging", max(0.0, more("merge_s") - more("people_merge_s") - more("people_conflicts_s"))
