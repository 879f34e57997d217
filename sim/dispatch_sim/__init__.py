"""Simulates how to dispatch work to AI sub-agents: all at once, one by one, or through a queue of k.

>>> import dispatch_sim
>>> results = dispatch_sim.sweep("scenarios/ten-sources.yaml")    # doctest: +SKIP
>>> dispatch_sim.answer(results).break_evens[0].text              # doctest: +SKIP
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dispatch_sim.report.page import write_report
    from dispatch_sim.scenario.loader import load_scenario, load_source
    from dispatch_sim.scenario.problems import ScenarioError
    from dispatch_sim.study.answer import answer
    from dispatch_sim.study.break_even import find_break_even
    from dispatch_sim.study.choice import choose
    from dispatch_sim.study.conduct import compare, sweep
    from dispatch_sim.study.explanation import explain
    from dispatch_sim.study.quick import Question, ask
    from dispatch_sim.study.results import read_results, write_results
    from dispatch_sim.study.tuning import tune
    from dispatch_sim.study.two_factor_map import map_winners

_HOMES = {
    "Question": "study.quick",
    "ScenarioError": "scenario.problems",
    "answer": "study.answer",
    "ask": "study.quick",
    "choose": "study.choice",
    "compare": "study.conduct",
    "explain": "study.explanation",
    "find_break_even": "study.break_even",
    "load_scenario": "scenario.loader",
    "load_source": "scenario.loader",
    "map_winners": "study.two_factor_map",
    "read_results": "study.results",
    "sweep": "study.conduct",
    "tune": "study.tuning",
    "write_report": "report.page",
    "write_results": "study.results",
}

__all__ = [
    "Question",
    "ScenarioError",
    "answer",
    "ask",
    "choose",
    "compare",
    "explain",
    "find_break_even",
    "load_scenario",
    "load_source",
    "map_winners",
    "read_results",
    "sweep",
    "tune",
    "write_report",
    "write_results",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the command line must answer before pandas is loaded."""
    if name not in _HOMES:
        raise AttributeError(f"module 'dispatch_sim' has no attribute {name!r}")
    return getattr(import_module(f"dispatch_sim.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
