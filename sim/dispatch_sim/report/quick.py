"""An answer in a line, and in a paragraph: what was assumed, and how sure it is."""

from __future__ import annotations

from dispatch_sim.decide.quick import Candidate, QuickAnswer
from dispatch_sim.decide.winners import Standing
from dispatch_sim.report.format import (
    MEASURES,
    about,
    amount,
    compared_way,
    count,
    dollars,
    duration,
    instruction,
    listed,
    percent,
    tokens,
    way,
)
from dispatch_sim.scenario.strategy import Strategy


def answer_line(found: QuickAnswer) -> str:
    """Return what to do, what it costs, and how far the others are behind, in a line."""
    text = instruction(_plain(found.best), found.tasks)
    if found.by_script:
        text = f"From a script, {text[:1].lower()}{text[1:]}"
    others = [_beside(found, other) for other in _obvious(found)]
    return f"{text}: about {_figures(found, 'and')} a batch{'; ' if others else ''}{listed(others)}."


def coordination_line(found: QuickAnswer) -> str:
    """Return how long the coordinator works, and what a script comes to; nothing where that is little."""
    coordination = found.coordination
    if coordination is None:
        return ""
    makespan_s = found.best.means["makespan_s"]
    work = [
        f"{verb} for {duration(share * makespan_s)}"
        for verb, share in (("writes briefs", coordination.briefs), ("merges", coordination.merges))
        if share > 0
    ]
    return (
        f"The coordinator {listed(work)} of {duration(makespan_s)}; with --manager script: "
        f"{_figures(coordination.script, 'and')}."
    )


def _figures(found: QuickAnswer, last: str) -> str:
    means = found.best.means
    return listed([dollars(means["cost_usd"]), duration(means["makespan_s"])], last)


def _plain(each: Candidate) -> Strategy:
    """Return a way without its manager: all of an answer have the same one."""
    return each.strategy.without(each.strategy.options)


def _obvious(found: QuickAnswer) -> list[Candidate]:
    """Return the best way of each kind besides the recommended one's."""
    kinds: dict[str, Candidate] = {}
    for each in found.candidates:
        kinds.setdefault(each.strategy.kind, each)
    return [each for each in kinds.values() if each.strategy.kind != found.winner.strategy.kind]


def _beside(found: QuickAnswer, other: Candidate) -> str:
    measure, as_good = MEASURES[found.objective], other.strategy in found.winner.best_subset
    name = compared_way(other.strategy, found.best.strategy, found.tasks, way(_plain(other)))
    within = other.difference <= found.scenario.threshold.at(found.winner.mean)
    if found.winner.standing is Standing.EQUAL if as_good else within:
        return f"{name} is as good"
    text = f"{name} {measure.verb} {amount(measure, other.difference)} {measure.more}"
    return f"{text}, which may be chance" if as_good else text


def explanation(found: QuickAnswer) -> str:
    """Return how sure the answer is, and what was assumed, in a paragraph."""
    return " ".join([_sure(found), *_assumed(found), _further()])


def _sure(found: QuickAnswer) -> str:
    others = [way(_plain(each)) for each in found.candidates[1:] if each.strategy in found.winner.best_subset]
    played = f"{found.best.replications} replications, the same luck for all ways"
    first = min(each.replications for each in found.candidates)
    if first < found.best.replications:
        played += f"; those that {first} had shown to be worse were left at that"
    told = listed(others, "or")
    sure = {
        Standing.SHOWN: "That it is the best of the ways compared is more than chance",
        Standing.CONCURRENCY_OPEN: f"That it is the best kind is more than chance, but {told} may be as good",
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
        _coordinating(found),
        f"{percent(scenario.failures.crash + scenario.failures.bad_output)} of attempts fail, and what fails "
        f"{count(scenario.retry.max_attempts)} times a person does in "
        f"{duration(scenario.recovery.people.mean)};",
        f"an hour of waiting is worth {dollars(values.waiting)}, one of a person {dollars(values.people)}.",
    ]


def _coordinating(found: QuickAnswer) -> str:
    if found.by_script:
        return "a script hands out the tasks and takes their results, at no cost;"
    dispatch, merge = found.scenario.dispatch, found.scenario.merge
    turn, brief, result = map(duration, (dispatch.turn.time, dispatch.brief.time, merge.structured.time))
    return f"the coordinator takes {turn} for a turn, {brief} for each brief and {result} to merge a result;"


def _further() -> str:
    return (
        "For all of it in a file, and what the answer hangs on: dispatch-sim init, then sweep, map and why."
    )
