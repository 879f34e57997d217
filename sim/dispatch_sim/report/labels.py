"""Strategies by their labels, and what the kinds and options that were simulated mean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dispatch_sim.decide.answer import Answer
from dispatch_sim.scenario.strategy import DEFAULTS, Strategy, parse_strategy


def simulated(answer: Answer) -> list[Strategy]:
    """Return the strategies of a study, without concurrencies, kinds in their usual order."""
    found = map(parse_strategy, answer.results.points["strategy"].unique())
    return sorted(found, key=lambda strategy: (list(DEFAULTS).index(strategy.kind), strategy.label))


def terms(strategies: Sequence[Strategy]) -> dict[str, Any]:
    """Return what `terms.md` needs to explain the labels of strategies."""
    return {
        "kinds": list(dict.fromkeys(strategy.kind for strategy in strategies)),
        "options": {option for strategy in strategies for option in strategy.options},
    }
