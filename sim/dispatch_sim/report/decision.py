"""States the decision of a study: what to do, how sure that is, and how the alternatives compare.

`templates/decision.txt` has the sentences; what they are about is computed here.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from dispatch_sim.decide.choice import Alternative
from dispatch_sim.decide.rare_events import QUOTED
from dispatch_sim.decide.winners import simplicity
from dispatch_sim.report.format import about
from dispatch_sim.report.limits import limits_sentence
from dispatch_sim.report.sentences import sentence, text
from dispatch_sim.report.view import View
from dispatch_sim.scenario.strategy import DEFAULTS

TEMPLATE = "decision.txt"

_OBVIOUS = ("parallel", "sequential", "solo")
"""Kinds of strategies that advice is compared with, where they were simulated."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a study advises.

    Attributes
    ----------
    headline : what to do and what it costs, one sentence.
    comparison : how the obvious alternatives compare, and what may be as good.
    context : what else is worth knowing.
    caution : what weakens the advice; empty where nothing does.
    """

    headline: str
    comparison: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    caution: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The whole as one paragraph."""
        return " ".join([self.headline, *self.comparison, *self.context, *self.caution])


def decide(view: View) -> Decision:
    """Return the decision, for a reader who has never seen a simulator."""
    choice = view.choice
    say, caution = partial(sentence, TEMPLATE), _caution(view)
    if not choice.feasible:
        return Decision(limits_met(view), caution=caution)
    limits = (limits_met(view),) if choice.limits is not None else ()
    if choice.alternatives and all(other.identical for other in choice.alternatives):
        return Decision(say("identical", view), limits, caution=caution)
    if _rivals(view) and not choice.at_stake:
        number = 1 + sum(not other.infeasible for other in choice.alternatives)
        strategies = [view.recommended, *(other.strategy for other in choice.as_feasible)]
        simplest = min(strategies, key=lambda strategy: simplicity(strategy, view.tasks))
        return Decision(say("indifferent", view, number, simplest), limits, caution=caution)
    comparison = text(TEMPLATE, "comparison", view, **_compared(view))
    return Decision(say("recommendation", view), comparison + limits, _context(view), caution)


def limits_met(view: View) -> str:
    """Return how often the deadline and the budget are met; nothing where there are none."""
    return limits_sentence(view.choice, view.measure)


def precision(view: View) -> str:
    """Return how many replications were simulated, what they show, and how well they know what decides."""
    rivals = _rivals(view) if view.choice.feasible else []
    open_ = sum(other.in_best_subset for other in rivals)
    equal = sum(other.practically_equal and not other.in_best_subset for other in rivals)
    return sentence(TEMPLATE, "precision", view, len(rivals), open_, equal, view.choice.deciding)


def _rivals(view: View) -> list[Alternative]:
    """Return the alternatives that may meet the limits and differ; a queue of 1 often equals sequential."""
    return [other for other in view.choice.alternatives if not (other.identical or other.infeasible)]


def _obvious(view: View) -> list[Alternative]:
    """Return the obvious alternatives and adaptive; the best queue, if one of them is best."""
    points = [view.first(kind) for kind in _OBVIOUS]
    if view.recommended in points:
        points.append(view.best("queue", of=DEFAULTS["queue"]) or view.best("queue"))
    points.append(view.best_adaptive())
    found = [view.alternative(point) for point in points if point is not None]
    return [other for other in found if other is not None and not other.infeasible]


def _compared(view: View) -> dict[str, list[Alternative]]:
    """Return the alternatives to speak of, by how they compare."""
    obvious = _obvious(view)
    differing = [o for o in obvious if not (o.identical or o.practically_equal)]
    open_ = [other for other in differing if other.in_best_subset]
    named = [other.strategy for other in obvious]
    further = [o for o in _rivals(view) if o.in_best_subset and not o.practically_equal]
    return {
        "worse": [other for other in differing if not other.in_best_subset],
        "open": [other for other in open_ if _includes_zero(other)],
        "costlier": [other for other in open_ if other.difference.low > 0],
        "cheaper": [other for other in open_ if other.difference.high < 0],
        "identical": [other for other in obvious if other.identical],
        "equal": [other for other in _rivals(view) if other.practically_equal],
        "further": [o for o in further if _includes_zero(o) and o.strategy not in named],
    }


def _includes_zero(other: Alternative) -> bool:
    return other.difference.low <= 0 <= other.difference.high


def _context(view: View) -> tuple[str, ...]:
    """Say what is usually better and worse on average, and how bad the worst strategy is."""
    others = view.choice.alternatives
    worse = [other for other in others if not (other.in_best_subset or other.infeasible)]
    often = max(worse, key=lambda other: other.better_in, default=None)
    if often is not None and often.better_in <= 0.5:
        often = None
    worst = max(others, key=lambda other: other.estimate.mean, default=None)
    named = {view.measure.show(other.estimate.mean) for other in _obvious(view)}
    if worst is None or worst.difference.low <= 0 or view.measure.show(worst.estimate.mean) in named:
        worst = None
    # Over the replications that both have.
    best = worst.estimate.mean - worst.difference.mean if worst else 0.0
    ratio = worst.estimate.mean / best if worst and best > 0 else 0.0
    times = "" if ratio < 1.15 else "twice" if about(ratio) == "2" else f"{about(ratio)} times"
    return text(TEMPLATE, "context", view, often, worst, times)


def _caution(view: View) -> tuple[str, ...]:
    stated = view.answer.results.manifest["replications"]
    return text(TEMPLATE, "caution", view, stated, stated["needed"] > QUOTED)
