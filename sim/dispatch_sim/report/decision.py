"""The decision in words: what to do, how sure that is, what is at stake, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from dispatch_sim.decide.choice import Alternative
from dispatch_sim.decide.ranking import simplicity
from dispatch_sim.report.format import (
    about,
    amount,
    capital,
    compared_way,
    count,
    instruction,
    listed,
    percent,
)
from dispatch_sim.report.reached import limits_kept
from dispatch_sim.report.view import View
from dispatch_sim.scenario.distribution_text import NAMES as DISTRIBUTIONS
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.stats.estimates import Estimate
from dispatch_sim.study.objectives import P95

FEW = 200
"""Replications below which a report says that they are few: costs are skewed, and t intervals then short."""

RARE = 0.6
"""Part of the spread that five replications may make up before a report says that rare bad batches decide.
Where one batch in 100 costs 20 times as much, 256 replications have nearly all of it in three, and 95%
intervals of the mean hold it in 87% of studies (`reports/validation`)."""


_OBVIOUS = ("parallel", "sequential", "solo")
"""Kinds of strategies that advice is compared with, where they were simulated."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a study advises.

    Attributes
    ----------
    headline : what to do and what it costs, one sentence.
    comparison : how the obvious alternatives compare, and what may be as good.
    aside : what else is worth knowing.
    caution : what weakens the advice; empty where nothing does.
    """

    headline: str
    comparison: tuple[str, ...]
    aside: tuple[str, ...]
    caution: tuple[str, ...]

    @property
    def text(self) -> str:
        """The whole as one paragraph."""
        return " ".join([self.headline, *self.comparison, *self.aside, *self.caution])


def decide(view: View) -> Decision:
    """Return what to do with the batch, in words for somebody who has never seen a simulator."""
    choice, measure = view.choice, view.measure
    # A queue of 1 that is one by one by another name is not worth a word beside it.
    others = [other for other in choice.alternatives if not (other.identical or other.infeasible)]
    if not choice.feasible:
        return Decision(limits_kept(view), (), (), tuple(_caution(view)))
    if choice.alternatives and all(other.identical for other in choice.alternatives):
        headline = (
            f"It makes no difference here: all {count(len(choice.alternatives) + 1)} ways that were played "
            f"came out the same in every replication ({amount(measure, choice.estimate.mean)} on average). "
            f"Take the simplest: {view.way(view.recommended)}."
        )
        return Decision(headline, (), (), tuple(_caution(view)))
    if others and not choice.at_stake:
        ways = sum(not other.infeasible for other in choice.alternatives) + 1
        kept = "were played" if choice.limits is None else "may keep the limits"
        headline = (
            f"Nothing is at stake here: all {count(ways)} ways that {kept} come "
            f"within {amount(measure, choice.indifference)} of each other "
            f"({amount(measure, choice.estimate.mean)} on average), which this scenario says nobody would "
            f"act on. Take the simplest: {view.way(_simplest(view))}."
        )
        return Decision(headline, tuple(_limits(view)), (), tuple(_caution(view)))
    what = instruction(view.short(view.recommended), view.tasks)
    headline = f"{what}: it {measure.verb} {_with_interval(view, choice.estimate)}."
    if not choice.alternatives:
        return Decision(headline, ("Nothing else was played to compare it with.",), (), tuple(_caution(view)))
    comparison = [*_against_the_obvious(view), *_near_ties(view, others), *_limits(view)]
    aside = [*_gamble(view), *_stake(view, others)]
    return Decision(headline, tuple(comparison), tuple(aside), tuple(_caution(view)))


def confidence_sentence(view: View) -> str:
    """Return how sure it is that no other way is better; nothing where nothing is at stake."""
    choice = view.choice
    others = [other for other in choice.alternatives if not (other.identical or other.infeasible)]
    if not others or not choice.feasible or not choice.at_stake:
        return ""
    ways = (
        f"{count(len(others))} other ways {'played' if choice.limits is None else 'that may keep the limits'}"
    )
    sure = f"With {100 * choice.confidence:g}% confidence"
    open_ = sum(other.in_best_subset for other in others)
    if not open_:
        return f"{sure}, none of the {ways} is {view.measure.better}."
    return f"{sure}, all but {count(open_)} of the {ways} are worse."


def _simplest(view: View) -> Strategy:
    """Return what needs the least care: one by one where it was played, else the fewest at once."""
    missing = {other.strategy for other in view.choice.alternatives if other.infeasible}
    within = [point for point in view.points if point not in missing]
    sequential = view.first("sequential")
    return sequential if sequential in within else min(within, key=lambda each: simplicity(each, view.tasks))


def _with_interval(view: View, estimate: Estimate) -> str:
    show, confidence = view.measure.show, f"{100 * view.choice.confidence:g}%"
    value = amount(view.measure, estimate.mean)
    if _exact(estimate):
        return f"{value} a batch, the same in every replication"
    ends = f"{show(estimate.low)} to {show(estimate.high)}"
    return f"{value} ({confidence} interval {ends}) {view.measure.typical}"


def _against_the_obvious(view: View) -> Iterator[str]:
    """Compare with all at once, one by one and solo, or the best queue where one of these is recommended."""
    candidates = [view.first(kind) for kind in _OBVIOUS]
    candidates += [view.best("queue")] if view.recommended in candidates else []
    candidates += [view.best_adaptive()]
    worse, like, same, dearer = [], [], [], []
    for point in candidates:
        other = view.alternative(point) if point is not None else None
        if point is None or other is None or other.infeasible:
            continue
        name = compared_way(point, view.recommended, view.tasks, view.way(point))
        if other.identical:
            same.append(name)
        elif other.practically_equal:
            continue  # spoken of among the near-ties
        elif other.in_best_subset and other.difference.low > 0:
            dearer.append(f"{name} ({_range(view, other)})")
        elif other.in_best_subset:
            like.append(f"{name} ({_range(view, other)})")
        else:
            worse.append(
                f"{amount(view.measure, other.difference.mean)} {view.measure.less} than {name}"
                + ("" if _exact(other.difference) else f" ({_range(view, other)})")
            )
    if worse:
        yield f"That is {listed(worse)}."
    if like:
        yield f"It is not shown to be better than {listed(like, 'or')}."
    if dearer:
        yield f"More, but it may take that to keep the limits: {listed(dearer)}."
    if same:
        yield f"{capital(listed(same))} came out exactly the same in every replication."


def _range(view: View, other: Alternative) -> str:
    show = view.measure.show
    return f"{show(other.difference.low)} to {show(other.difference.high)}"


def _exact(estimate: Estimate) -> bool:
    return estimate.low == estimate.high


def _near_ties(view: View, others: list[Alternative]) -> Iterator[str]:
    """Name what is practically equal, and what may be the best as far as is known."""
    told = {view.first(kind) for kind in _OBVIOUS}
    told |= {view.best_adaptive()}
    told |= {view.best("queue")} if view.recommended in told else set()
    equal = [other for other in others if other.practically_equal]
    open_ = [
        other
        for other in others
        if other.in_best_subset and not other.practically_equal and other.strategy not in told
    ]
    if equal:
        yield (
            f"Just as good, within the {amount(view.measure, view.choice.indifference)} that this "
            "scenario says "
            f"nobody would act on: {_names(view, equal)}."
        )
    if open_:
        yield (
            f"{view.choice.replications:,} replications do not show it to be better than "
            f"{_names(view, open_, 'or')}: more replications would tell, or take whichever suits you."
        )


def _names(view: View, others: list[Alternative], last: str = "and") -> str:
    names = [view.way(other.strategy) for other in others]
    if len(names) > 4:
        names = [*names[:3], f"{len(names) - 3} more"]
    return listed(names, last)


def _limits(view: View) -> Iterator[str]:
    """Say how often the deadline and the budget are kept."""
    if view.choice.limits is not None:
        yield limits_kept(view)


def _gamble(view: View) -> Iterator[str]:
    """Say so where something else wins most often and loses on average."""
    choice = view.choice
    worse = [other for other in choice.alternatives if not (other.in_best_subset or other.infeasible)]
    often = max(worse, key=lambda other: other.share_won, default=None)
    if often is not None and often.share_won > choice.share_won + 0.05:
        yield (
            f"{capital(view.way(often.strategy))} is the {view.measure.best} in {percent(often.share_won)} "
            f"of batches, more often than {view.way(view.recommended)} ({percent(choice.share_won)}), but "
            f"when it goes wrong it {view.measure.verb} so much more that it loses all the same."
        )


def _stake(view: View, others: list[Alternative]) -> Iterator[str]:
    """Say how bad the worst way is."""
    if not others:
        return
    worst, best = others[-1], view.choice.estimate.mean
    told = [view.first(kind) for kind in _OBVIOUS]
    show = view.measure.show
    known = {show(a.estimate.mean) for point in told if point is not None and (a := view.alternative(point))}
    if best > 0 and not worst.in_best_subset and show(worst.estimate.mean) not in known:
        times = worst.estimate.mean / best
        multiple = "twice" if about(times) == "2" else f"{about(times)} times"
        ratio = f", {multiple} as much" if times >= 1.15 else ""
        most = amount(view.measure, worst.estimate.mean)
        yield f"The worst way played, {view.way(worst.strategy)}, {view.measure.verb} {most}{ratio}."


def _caution(view: View) -> Iterator[str]:
    manifest = view.answer.results.manifest
    asked, played = manifest["replications"]["asked"], view.choice.replications
    if view.recommended.kind == "solo":
        yield (
            "Quality is not modelled: in 24 published pairs of runs of the same job, the one with sub-agents "
            "passed more tests in 14 and fewer in 2."
        )
    if manifest["interrupted"]:
        yield f"The study was stopped early, at {played:,} of {asked:,} replications: it is preliminary."
    if played < FEW and not _certain(view):
        yield (
            f"It rests on only {played} replications: rare bad batches may be missing, so the intervals "
            "may be "
            f"too narrow. Run it with {max(4 * FEW, 4 * played)} before you rely on it."
        )
    elif view.choice.worst_five > RARE and played >= FEW:
        yield (
            f"Five of the {played:,} batches make up {percent(view.choice.worst_five)} of the spread of "
            f"{view.way(view.recommended)}: where what is rare is so dear, intervals are too narrow. Run it "
            f"with {4 * played:,} replications before you rely on the last digits."
        )


def _certain(view: View) -> bool:
    """Whether nothing is left to chance in the scenario, nor varied, so that one replication tells all."""
    estimates = view.answer.estimates
    estimates = estimates[estimates["measure"] != P95]
    fixed = not view.choice.factors and not any(_chances(view.answer.scenario))
    return fixed and bool((estimates["low"] == estimates["high"]).all())


def _chances(scenario: dict[str, Any]) -> Iterator[bool]:
    """Yield, of each thing that can be left to chance, whether it is; not what only follows from one."""
    yield any(scenario["failures"].values())
    yield bool(scenario["provider"]["overloaded"])
    yield scenario["timeouts"]["soft"] is not None and 0 < scenario["timeouts"]["obeyed"] < 1
    conflicts = any(group["writes"] for group in scenario["tasks"])
    yield conflicts and 0 < scenario["conflicts"]["probability"] < 1
    yield _has_distribution([scenario[key] for key in ("tasks", "dispatch", "review")])


def _has_distribution(part: Any) -> bool:
    """Whether there is a distribution anywhere in a part of a resolved scenario; a constant is a number."""
    if isinstance(part, list):
        return any(map(_has_distribution, part))
    if not isinstance(part, dict):
        return False
    return (len(part) == 1 and not set(DISTRIBUTIONS).isdisjoint(part)) or any(
        map(_has_distribution, part.values())
    )
