"""Simulates how to dispatch tasks to AI sub-agents: in parallel, sequentially, or through a queue.

A scenario describes a batch of tasks (`load`). A study simulates it many times with each strategy (`compare`,
`sweep`) and stores every replication (`Results`). An answer (`answer`) has the recommended strategy, the
break-evens, and their confidence intervals.

>>> import dispatch_sim
>>> results = dispatch_sim.sweep("scenarios/ten-sources.yaml")    # doctest: +SKIP
>>> dispatch_sim.answer(results).recommended                      # doctest: +SKIP

There are also maps of the winning strategy (`map_winners`), the reasons for a decision (`explain`), the best
settings (`tune`), two scenarios side by side (`diff`), an answer in a second (`ask`), and scenarios from your
own logs (`read_logs`, `calibrate`, `backtest`, `what_if`). A scenario is given as a file, YAML text, a dict
or a `Source`. Results print as text, and show tables and figures in a notebook. Errors in your input are
`UserError`s; the message says where, and what to write.
"""

from __future__ import annotations

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

from dispatch_sim.display import Displayed, Rendered

if TYPE_CHECKING:
    __version__: str
    from dispatch_sim.decide.answer import Answer as Answer
    from dispatch_sim.decide.answer import answer as answer
    from dispatch_sim.decide.break_even import find_break_even as find_break_even
    from dispatch_sim.decide.choice import choose as choose
    from dispatch_sim.decide.diff import diff as diff
    from dispatch_sim.decide.explanation import explain as explain
    from dispatch_sim.decide.question import ask as ask
    from dispatch_sim.decide.studies import compare as compare
    from dispatch_sim.decide.studies import sweep as sweep
    from dispatch_sim.decide.tuning import tune as tune
    from dispatch_sim.decide.winner_map import map_winners as map_winners
    from dispatch_sim.logs.backtest.backtest import backtest as backtest
    from dispatch_sim.logs.backtest.conclusions import judge_backtest as judge_backtest
    from dispatch_sim.logs.backtest.what_if import what_if as what_if
    from dispatch_sim.logs.calibrate.calibration import calibrate as calibrate
    from dispatch_sim.logs.readers.reading import read_logs as read_logs
    from dispatch_sim.report.backtest import write_backtest as write_backtest
    from dispatch_sim.report.page import write_report as write_report
    from dispatch_sim.scenario.loader import Source as Source
    from dispatch_sim.scenario.loader import load as load
    from dispatch_sim.scenario.problems import ScenarioError as ScenarioError
    from dispatch_sim.scenario.problems import UserError as UserError
    from dispatch_sim.scenario.profiles import profiles as profiles
    from dispatch_sim.study.results import Results as Results
    from dispatch_sim.study.results import read_results as read_results
    from dispatch_sim.study.results import write_results as write_results

_HOMES = {
    "Answer": "decide.answer",
    "Results": "study.results",
    "ScenarioError": "scenario.problems",
    "Source": "scenario.loader",
    "UserError": "scenario.problems",
    "answer": "decide.answer",
    "ask": "decide.question",
    "backtest": "logs.backtest.backtest",
    "calibrate": "logs.calibrate.calibration",
    "choose": "decide.choice",
    "compare": "decide.studies",
    "diff": "decide.diff",
    "explain": "decide.explanation",
    "find_break_even": "decide.break_even",
    "judge_backtest": "logs.backtest.conclusions",
    "load": "scenario.loader",
    "map_winners": "decide.winner_map",
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

__all__ = sorted(_HOMES)

# Until 0.3.0.
_RENAMED = {
    "Question": "ask(tasks=...)",
    "load_scenario": "load(...).scenario()",
    "load_source": "load",
    "parse_scenario": "load(...).scenario()",
    "parse_source": "load",
}


def __getattr__(name: str) -> Any:
    """Import a name when it is first used, so that `--help` answers before pandas is loaded."""
    if name == "__version__":
        from importlib import metadata

        return metadata.version("dispatch-sim")
    if name in _RENAMED:
        warnings.warn(
            f"dispatch_sim.{name} is deprecated; use dispatch_sim.{_RENAMED[name]}",
            DeprecationWarning,
            stacklevel=2,
        )
        return dict if name == "Question" else getattr(import_module("dispatch_sim.scenario.loader"), name)
    if name not in _HOMES:
        raise AttributeError(f"module 'dispatch_sim' has no attribute {name!r}")
    return getattr(import_module(f"dispatch_sim.{_HOMES[name]}"), name)


def _rendered(shown: object, pictures: bool) -> Rendered:
    from dispatch_sim.report.documents import document_of

    return document_of(shown, pictures=pictures)


# Reports are imported when a result is shown.
Displayed.render = staticmethod(_rendered)


def __dir__() -> list[str]:
    return __all__
