"""An answer in a line, and in a paragraph: what was assumed, and how sure it is."""

from __future__ import annotations

from dispatch_sim.report.words import (
    MEASURES,
    about,
    amount,
    count,
    dollars,
    duration,
    instruction,
    listed,
    percent,
    tokens,
    way,
)
from dispatch_sim.study.quick import QuickAnswer, Way
from dispatch_sim.study.winners import Standing


def answer_line(found: QuickAnswer) -> str:
    """Return what to do, what it costs, and how far the others are behind, in a line."""
    label, width = found.winner.point
    means = found.recommended.means
    text = (
        f"{instruction((label, width or found.tasks), found.tasks)}: about "
        f"{dollars(means['cost_usd'])} and {duration(means['makespan_s'])} a batch"
    )
    others = [_beside(found, way) for way in _obvious(found)]
    return f"{text}; {listed(others)}." if others else f"{text}."


def _obvious(found: QuickAnswer) -> list[Way]:
    """Return the best way of each kind besides the recommended one's."""
    kinds: dict[str, Way] = {}
    for each in found.ways:
        kinds.setdefault(each.point[0], each)
    return [each for each in kinds.values() if each.point[0] != found.winner.point[0]]


def _beside(found: QuickAnswer, other: Way) -> str:
    measure, point = MEASURES[found.objective], other.point
    if found.winner.standing is Standing.EQUAL and point in found.winner.as_good:
        return f"{way(point)} is as good"
    text = f"{way(point)} {measure.verb} {amount(measure, other.more)} {measure.more}"
    return f"{text}, which may be chance" if point in found.winner.as_good else text


def explanation(found: QuickAnswer) -> str:
    """Return how sure the answer is, and what was assumed, in a paragraph."""
    return " ".join([_sure(found), *_assumed(found), _further()])


def _sure(found: QuickAnswer) -> str:
    others = [way(point) for point in found.winner.as_good[1:]]
    played = f"{found.recommended.replications} replications, the same luck for all ways"
    first = min(each.replications for each in found.ways)
    if first < found.recommended.replications:
        played += f"; those that {first} had shown to be worse were left at that"
    told = listed(others, "or")
    sure = {
        Standing.SHOWN: "That it is the best of the ways compared is more than chance",
        Standing.WIDTH_OPEN: f"That it is the best kind is more than chance, but {told} may be as good",
        Standing.EQUAL: f"It hardly matters: {told} differs by less than anybody would act on",
        Standing.OPEN: f"It is not sure: {told} may be as good",
    }[found.winner.standing]
    confidence = f"{100 * found.scenario.study.confidence:g}%"
    return f"{sure} ({confidence} confidence). Simulated in {played}."


def _assumed(found: QuickAnswer) -> list[str]:
    scenario = found.scenario
    group, limits, values = scenario.tasks[0], scenario.provider.limits, scenario.values
    rates = [
        f"{tokens(rate * limits.scale)} {name}"
        for rate, name in (
            (limits.requests, "requests"),
            (limits.input_tokens, "input tokens"),
            (limits.output_tokens, "output tokens"),
        )
        if rate is not None
    ]
    how_long = f" in {duration(group.duration.mean)}" if group.duration is not None else ""
    prices = scenario.provider.prices
    return [
        f"Assumed: a task takes {tokens(group.tokens.mean)} tokens{how_long} and {about(group.calls.mean)} "
        "model calls on average;",
        f"the API allows {listed(rates)} a minute;" if rates else "the API has no limits;",
        f"a million tokens cost {dollars(prices.input)} sent and {dollars(prices.output)} written;",
        f"{percent(scenario.failures.crash + scenario.failures.bad_output)} of attempts fail, and what fails "
        f"{count(scenario.retry.max_attempts)} times a person does in "
        f"{duration(scenario.recovery.people.mean)};",
        f"an hour of waiting is worth {dollars(values.waiting)}, one of a person {dollars(values.people)}.",
    ]


def _further() -> str:
    return (
        "For all of it in a file, and what the answer hangs on: dispatch-sim init, then sweep, map and why."
    )
