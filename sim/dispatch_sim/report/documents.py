"""Makes the page of each kind of result, for print and for a notebook. See `dispatch_sim.display`."""

from __future__ import annotations

from functools import singledispatch

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.decide.choice import Choice
from dispatch_sim.decide.diff import Diff
from dispatch_sim.decide.explanation import Explanation
from dispatch_sim.decide.quick import QuickAnswer
from dispatch_sim.decide.tuning import Tuning
from dispatch_sim.decide.winner_map import StrategyMap
from dispatch_sim.logs.backtest.backtest import Backtest
from dispatch_sim.logs.backtest.what_if import WhatIf
from dispatch_sim.logs.calibrate.calibration import Calibration
from dispatch_sim.logs.readers.tables import Logs
from dispatch_sim.report.answers import MOST_ROWS, answer_document
from dispatch_sim.report.assumptions import assumed
from dispatch_sim.report.backtest import backtest_document
from dispatch_sim.report.break_evens import break_even_sentence, queue_name
from dispatch_sim.report.calibration import calibration_document
from dispatch_sim.report.diff import diff_document
from dispatch_sim.report.format import MEASURES, Measure, about, clean, factors_text
from dispatch_sim.report.limits import limits_sentence
from dispatch_sim.report.logs import logs_document
from dispatch_sim.report.maps import map_document
from dispatch_sim.report.quick import quick_document
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.report.tables import choice_table
from dispatch_sim.report.tuning import tuning_document
from dispatch_sim.report.what_if import what_if_document
from dispatch_sim.report.why import why_document
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.study.results import Results

_MEANS = ("cost_usd", "money_usd", "makespan_s", "tokens", "people_s")


@singledispatch
def document_of(shown: object, *, pictures: bool = True) -> Document:
    """Return the page of a result; without pictures where only its text is wanted.

    Raises
    ------
    TypeError
        Where it is no result.
    """
    raise TypeError(f"{type(shown).__name__} cannot be displayed")


document_of.register(Answer, answer_document)
document_of.register(StrategyMap, map_document)
document_of.register(Explanation, why_document)
document_of.register(Diff, diff_document)
document_of.register(Tuning, tuning_document)
document_of.register(Logs, logs_document)
document_of.register(Calibration, calibration_document)
document_of.register(Backtest, backtest_document)
document_of.register(WhatIf, what_if_document)


@document_of.register
def _source(source: Source, *, pictures: bool = True) -> Document:
    try:
        scenario = source.scenario()
    except ScenarioError as error:
        return document("source.md", mistakes=str(error).splitlines())
    resolved = scenario.resolved()
    return document("source.md", mistakes=(), **assumed(resolved, name=_name(scenario.name)))


@document_of.register
def _results(results: Results, *, pictures: bool = True) -> Document:
    points = results.points
    means = [[sample.mean() for sample in results.samples(measure)] for measure in _MEANS]
    shows = [MEASURES[measure].show for measure in _MEANS]
    rows = [
        (
            *map(clean, point),
            *(show(value) for show, value in zip(shows, row, strict=True)),
        )
        for point, *row in zip(points.to_numpy().tolist(), *means, strict=True)
    ]
    heads = (*map(clean, points.columns), *(MEASURES[measure].title for measure in _MEANS))
    return document(
        "results.md",
        name=_name(results.manifest["scenario"]["resolved"]["name"]),
        replications=results.replications,
        seed=results.manifest["seed"],
        table=Table("", heads, tuple(rows)),
        most=MOST_ROWS,
    )


@document_of.register
def _choice(choice: Choice, *, pictures: bool = True) -> Document:
    measure = _measure(choice.objective)
    return document(
        "choice.md",
        choice=choice,
        where=factors_text(choice.factors),
        limits=limits_sentence(choice.limits, choice, choice.alternatives, measure),
        measure=measure,
        table=choice_table(choice, measure),
        most=MOST_ROWS,
    )


@document_of.register
def _break_even(found: BreakEven, *, pictures: bool = True) -> Document:
    measure = _measure(found.objective)
    rows = tuple(
        (f"{value:,}", measure.difference(difference))
        for value, difference in zip(found.values, found.differences, strict=True)
    )
    heads = (found.axis.capitalize(), f"{measure.title}: {found.parallel} minus {queue_name(found)}")
    table = Table("", heads, rows)
    return document("break-even.md", text=break_even_sentence(found), table=table, most=MOST_ROWS)


@document_of.register
def _quick(found: QuickAnswer, *, pictures: bool = True) -> Document:
    return quick_document(found)


def _name(name: str) -> str:
    """Return a scenario's name; nothing where it has none of its own."""
    return "" if name == Scenario.model_fields["name"].default else clean(name)


def _measure(column: str) -> Measure:
    """Return how a measure is written; of a column that no scenario can minimise, by its name."""
    return MEASURES.get(column) or Measure(column, column, f"mean {column}", "has", "better", "best", about)
