"""Writes a quick answer: a sentence, a table of the usual strategies, and what it rests on."""

from __future__ import annotations

from functools import partial

from dispatch_sim.decide.choice import Alternative, Choice
from dispatch_sim.decide.quick import QuickAnswer
from dispatch_sim.decide.winners import MANY_FAILURES, Standing
from dispatch_sim.report.binding import binding_sentence
from dispatch_sim.report.format import MEASURES, named
from dispatch_sim.report.limits import difference_cell, first_cell, limits_sentence
from dispatch_sim.report.render import Document, document
from dispatch_sim.report.sentences import sentence
from dispatch_sim.stats.estimates import Estimate

TEMPLATE = "quick.txt"


def quick_document(found: QuickAnswer, *, explained: bool = True) -> Document:
    """Return the page of a quick answer, with the assumptions if it is to be `explained`."""
    main = [] if found.all_fail else _main_strategies(found)
    return document(
        "quick.md",
        found=found,
        answer=answer_line(found),
        main=main,
        difference=partial(_difference, found),
        failing=[each for each in main if _is_cheap_by_failing(each, found)],
        assumed=assumed_line(found),
        binding="" if found.all_fail else binding_sentence(found.binding),
        coordination=coordination_line(found),
        explanation=explanation(found) if explained else "",
    )


def answer_line(found: QuickAnswer) -> str:
    """Return what to do, what it costs and why, how far the nearest rival is behind, and what to mind."""
    if found.all_fail:
        return sentence(TEMPLATE, "all_fail", found)
    rival = found.rival
    standing = _standing(found, rival) if rival else ""
    measure = MEASURES[found.choice.objective]
    limits = limits_sentence(found.choice, measure)
    answer = sentence(TEMPLATE, "answer", found, measure, rival, standing, limits, _equal_queues(found))
    unpaced = [each for each in found.choice.as_feasible if each.strategy.pace == "none"]
    remarks = sentence("remarks.txt", "remarks", found.recommended, measure, next(iter(unpaced), None))
    return f"{answer} {remarks}".rstrip()


def assumed_line(found: QuickAnswer) -> str:
    """Return the assumptions that decide the answer, each with the option that changes it."""
    return sentence(TEMPLATE, "assumed", found)


def coordination_line(found: QuickAnswer) -> str:
    """Return how long the coordinator works, and what a script comes to; nothing where that is little."""
    if found.coordination is None or found.all_fail:
        return ""
    strategy = found.coordination.strategy.without(["script"])
    return sentence(TEMPLATE, "coordination", found, strategy if strategy != found.recommended else None)


def explanation(found: QuickAnswer) -> str:
    """Return how sure the answer is, and what is assumed, in a paragraph."""
    measure = MEASURES[found.choice.objective]
    may_be_best = [named(each) for each in found.winner.best_subset[1:]]
    best, equal = named(found.recommended), [each for each in found.rivals if each.practically_equal]
    others = len(equal) < len(found.rivals)
    same = [each.identical for each in found.choice.alternatives]
    same += [difference.low == difference.high == 0 for difference in found.dropped.values()]
    identical = "all" if same and all(same) else "some" if any(same) else ""
    names = [best, *(named(each.strategy) for each in equal)]
    compared = list(map(str, sorted(_queues(found))))
    return sentence(TEMPLATE, "explanation", found, measure, may_be_best, names, others, identical, compared)


def _queues(found: QuickAnswer) -> dict[int, Estimate]:
    """Return the differences of the queues like the recommended one from it, by concurrency."""
    best = found.recommended
    compared = {each.strategy: each.difference for each in found.choice.alternatives}
    return {
        strategy.concurrency: difference
        for strategy, difference in {best: found.no_difference, **found.dropped, **compared}.items()
        if strategy.kind == best.kind == "queue"
        and strategy.concurrency
        and strategy.at(None) == best.at(None)
    }


def _equal_queues(found: QuickAnswer) -> str:
    """Return the range of concurrencies around the recommended one within the indifference threshold.

    It returns nothing where the nearest rival is the only one, or where limits decide as well.
    """
    queues, best = _queues(found), found.recommended.concurrency
    if best not in queues or found.choice.limits is not None:
        return ""
    most = found.choice.indifference
    compared = sorted(queues)
    first = last = compared.index(best)
    while first > 0 and queues[compared[first - 1]].high <= most:
        first -= 1
    while last + 1 < len(compared) and queues[compared[last + 1]].high <= most:
        last += 1
    named_already = {best, found.rival.strategy.concurrency if found.rival else None}
    if named_already.issuperset(compared[first : last + 1]):
        return ""
    options = found.recommended.at(None).label.removeprefix("queue")
    return f"{compared[first]} to {compared[last]}{options}"


def _is_cheap_by_failing(each: Choice | Alternative, found: QuickAnswer) -> bool:
    """Whether its bill is lower because people complete more of the tasks."""
    own, reference = found.means[each.strategy], found.means[found.reference]
    bill, manual = (own[name] - reference[name] for name in ("money_usd", "manual_completions"))
    return bill < 0 and manual > MANY_FAILURES * found.tasks


def _main_strategies(found: QuickAnswer) -> list[Choice | Alternative]:
    """Return the recommended strategy, its nearest rival, the reference, and the best of each kind."""
    main = {found.recommended, found.reference, *(each.strategy for each in found.rivals[:1])}
    kinds = {(found.recommended.kind, found.recommended.pace)}
    for strategy in found.choice.strategies:
        if strategy.pace == "none" and (strategy.kind, "none") not in kinds:
            kinds.add((strategy.kind, "none"))
            main.add(strategy)
    compared: list[Choice | Alternative] = [found.choice, *found.choice.alternatives]
    return [each for each in compared if each.strategy in main]


def _difference(found: QuickAnswer, each: Choice | Alternative) -> str:
    measure = MEASURES[found.choice.objective]
    if isinstance(each, Choice):
        return first_cell(each, measure)
    return difference_cell(each, measure.excess(each.difference), _standing(found, each))


def _standing(found: QuickAnswer, other: Alternative) -> str:
    """Return what is to be said about a difference; nothing where it is significant and matters."""
    if other.practically_equal:
        return "practically equal"
    is_open = found.winner.standing is not Standing.EQUAL or other.difference.low <= 0
    return "not significant" if is_open and other.strategy in found.winner.best_subset else ""
