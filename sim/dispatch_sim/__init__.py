"""Simulates how to dispatch work to AI sub-agents: all at once, one by one, or through a queue of k.

A scenario says what a batch looks like (`load_source`, `parse_source`). A study plays it many times each way
(`compare`, `sweep`) and keeps every replication (`Results`). An answer says what follows (`answer`): which
way to take, where the break-evens are, how sure that is.

>>> import dispatch_sim
>>> results = dispatch_sim.sweep("scenarios/ten-sources.yaml")    # doctest: +SKIP
>>> print(dispatch_sim.answer(results))                           # doctest: +SKIP

Beyond that: where each way wins (`map_winners`), why, and what would flip it (`explain`), the best settings
(`tune`), an answer in a second (`ask`), and a scenario from your own logs (`read_logs`, `calibrate`,
`backtest`, `what_if`). What they return prints in words, and shows itself with tables and figures in a
notebook. What is wrong with your input is a `UserError`, whose message says where and what to do.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from dispatch_sim.display import Displayed, Rendered

if TYPE_CHECKING:
    __version__: str
    from dispatch_sim.decide.answer import Answer, answer
    from dispatch_sim.decide.break_even import find_break_even
    from dispatch_sim.decide.choice import choose
    from dispatch_sim.decide.explanation import explain
    from dispatch_sim.decide.quick import Question, ask
    from dispatch_sim.decide.studies import compare, sweep
    from dispatch_sim.decide.tuning import tune
    from dispatch_sim.decide.winner_map import map_winners
    from dispatch_sim.logs.backtest.backtest import backtest
    from dispatch_sim.logs.backtest.conclusions import judge_backtest
    from dispatch_sim.logs.backtest.what_if import what_if
    from dispatch_sim.logs.calibrate.calibration import calibrate
    from dispatch_sim.logs.readers.reading import read_logs
    from dispatch_sim.report.backtest import write_backtest
    from dispatch_sim.report.page import write_report
    from dispatch_sim.scenario.loader import (
        Source,
        load_scenario,
        load_source,
        parse_scenario,
        parse_source,
    )
    from dispatch_sim.scenario.problems import ScenarioError, UserError
    from dispatch_sim.scenario.profiles import profiles
    from dispatch_sim.study.results import Results, read_results, write_results

_HOMES = {
    "Answer": "decide.answer",
    "Question": "decide.quick",
    "Results": "study.results",
    "ScenarioError": "scenario.problems",
    "Source": "scenario.loader",
    "UserError": "scenario.problems",
    "answer": "decide.answer",
    "ask": "decide.quick",
    "backtest": "logs.backtest.backtest",
    "calibrate": "logs.calibrate.calibration",
    "choose": "decide.choice",
    "compare": "decide.studies",
    "explain": "decide.explanation",
    "find_break_even": "decide.break_even",
    "judge_backtest": "logs.backtest.conclusions",
    "load_scenario": "scenario.loader",
    "load_source": "scenario.loader",
    "map_winners": "decide.winner_map",
    "parse_scenario": "scenario.loader",
    "parse_source": "scenario.loader",
    "profiles": "scenario.profiles",
    "read_logs": "logs.readers.reading",
    "read_results": "study.results",
    "sweep": "decide.studies",
    "tune": "decide.tuning",
    "what_if": "logs.backtest.what_if",
    "write_backtest": "report.backtest",
    "write_report": "report.page",
    "write_results": "study.results",
}

__all__ = [
    "Answer",
    "Question",
    "Results",
    "ScenarioError",
    "Source",
    "UserError",
    "answer",
    "ask",
    "backtest",
    "calibrate",
    "choose",
    "compare",
    "explain",
    "find_break_even",
    "judge_backtest",
    "load_scenario",
    "load_source",
    "map_winners",
    "parse_scenario",
    "parse_source",
    "profiles",
    "read_logs",
    "read_results",
    "sweep",
    "tune",
    "what_if",
    "write_backtest",
    "write_report",
    "write_results",
]


def __getattr__(name: str) -> Any:
    """Import a name when it is first used: the command line must answer before pandas is loaded."""
    if name == "__version__":
        from importlib import metadata

        return metadata.version("dispatch-sim")
    if name not in _HOMES:
        raise AttributeError(f"module 'dispatch_sim' has no attribute {name!r}")
    return getattr(import_module(f"dispatch_sim.{_HOMES[name]}"), name)


def _rendered(shown: object, pictures: bool) -> Rendered:
    from dispatch_sim.report.documents import document_of

    return document_of(shown, pictures=pictures)


# Results show themselves through reports, which are imported when something is shown.
Displayed.render = staticmethod(_rendered)


def __dir__() -> list[str]:
    return __all__
