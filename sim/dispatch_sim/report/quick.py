"""Writes a quick answer in a line, and in a paragraph: how sure it is, and what is assumed."""

from __future__ import annotations

from dispatch_sim.decide.quick import Candidate, QuickAnswer
from dispatch_sim.decide.winners import Standing
from dispatch_sim.report.format import MEASURES, named
from dispatch_sim.report.sentences import sentence

TEMPLATE = "quick.txt"


def answer_line(found: QuickAnswer) -> str:
    """Return what to do, what it costs, how far the others are behind, and what to mind, in a line."""
    others = [(other, _is_equal(found, other), _is_open(found, other)) for other in _best_of_kinds(found)]
    answer = sentence(TEMPLATE, "answer", found, MEASURES[found.objective], others)
    return f"{answer} {sentence('decision.txt', 'remarks', found.recommended)}".rstrip()


def coordination_line(found: QuickAnswer) -> str:
    """Return how long the coordinator works, and what a script comes to; nothing where that is little."""
    return sentence(TEMPLATE, "coordination", found) if found.coordination else ""


def explanation(found: QuickAnswer) -> str:
    """Return how sure the answer is, and what is assumed, in a paragraph."""
    may_be_best = [named(each.strategy) for each in found.candidates[1:] if _is_open(found, each)]
    return sentence(TEMPLATE, "explanation", found, may_be_best)


def _best_of_kinds(found: QuickAnswer) -> list[Candidate]:
    """Return the best strategy without pacing of each kind; of the recommended kind only if that is paced."""
    best = found.winner.strategy
    kinds: dict[str, Candidate] = {}
    for each in found.candidates:
        if each.strategy.pace == "none" and (each.strategy.kind, "none") != (best.kind, best.pace):
            kinds.setdefault(each.strategy.kind, each)
    return list(kinds.values())


def _is_open(found: QuickAnswer, other: Candidate) -> bool:
    return other.strategy in found.winner.best_subset


def _is_equal(found: QuickAnswer, other: Candidate) -> bool:
    if _is_open(found, other):
        return found.winner.standing is Standing.EQUAL
    return other.difference <= found.scenario.threshold.at(found.winner.mean)
