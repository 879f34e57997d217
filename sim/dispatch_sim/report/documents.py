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
from dispatch_sim.report.diff import diff_document
from dispatch_sim.report.format import MEASURES, clean, measure_of
from dispatch_sim.report.limits import first_cell, limits_sentence
from dispatch_sim.report.logs import calibration_document, logs_document, what_if_document
from dispatch_sim.report.maps import map_document
from dispatch_sim.report.quick import quick_document
from dispatch_sim.report.render import Document, Table, document
from dispatch_sim.report.tuning import tuning_document
from dispatch_sim.report.why import why_document
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.study.results import Results

_MEANS = [MEASURES[measure] for measure in ("cost_usd", "money_usd", "makespan_s", "tokens", "people_s")]


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
document_of.register(QuickAnswer, lambda found, *, pictures=True: quick_document(found))


@document_of.register
def _source(source: Source, *, pictures: bool = True) -> Document:
    try:
        scenario = source.scenario()
    except ScenarioError as error:
        return document("source.md", mistakes=str(error).splitlines())
    return document("source.md", mistakes=(), **assumed(scenario.resolved(), name=_name(scenario.name)))


@document_of.register
def _results(results: Results, *, pictures: bool = True) -> Document:
    columns = [
        [measure.show(sample.mean()) for sample in results.samples(measure.column)] for measure in _MEANS
    ]
    points = results.points.to_numpy().tolist()
    heads = (*map(clean, results.points.columns), *(measure.title for measure in _MEANS))
    rows = tuple((*map(clean, point), *means) for point, *means in zip(points, *columns, strict=True))
    return document(
        "results.md",
        name=_name(results.manifest["scenario"]["resolved"]["name"]),
        results=results,
        table=Table("", heads, rows),
        most=MOST_ROWS,
    )


@document_of.register
def _choice(choice: Choice, *, pictures: bool = True) -> Document:
    measure = measure_of(choice.objective)
    return document(
        "choice.md",
        choice=choice,
        measure=measure,
        limits=limits_sentence(choice, measure),
        first=first_cell(choice, measure),
        most=MOST_ROWS,
    )


@document_of.register
def _break_even(found: BreakEven, *, pictures: bool = True) -> Document:
    text, queue = break_even_sentence(found), queue_name(found)
    return document("break-even.md", found=found, text=text, queue=queue, most=MOST_ROWS)


def _name(name: str) -> str:
    """Return a scenario's name; nothing where it has none of its own."""
    return "" if name == Scenario.model_fields["name"].default else clean(name)
