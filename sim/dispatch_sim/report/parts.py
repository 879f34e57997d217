"""What is shown of each kind of result in a notebook: paragraphs, tables and figures, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import singledispatch

from dispatch_sim.logs.backtest import Backtest
from dispatch_sim.logs.calibration import Calibration
from dispatch_sim.logs.tables import Logs
from dispatch_sim.logs.what_if import WhatIf
from dispatch_sim.report import captions, combinations
from dispatch_sim.report.assumptions import assumptions
from dispatch_sim.report.backtest import backtest_blocks
from dispatch_sim.report.backtest_figure import backtest_picture
from dispatch_sim.report.breaking import break_even_sentence, break_even_sentences
from dispatch_sim.report.calibration import calibration_blocks
from dispatch_sim.report.decision import decide
from dispatch_sim.report.log_tables import Block
from dispatch_sim.report.logs import logs_blocks
from dispatch_sim.report.map_figure import map_picture
from dispatch_sim.report.maps import axis_words, cell_sign, map_sentences
from dispatch_sim.report.naming import option_sentences, plainly_named
from dispatch_sim.report.quick import answer_line, explanation
from dispatch_sim.report.svg import Picture
from dispatch_sim.report.tables import Table, main_table
from dispatch_sim.report.tuning import basis as tuning_basis
from dispatch_sim.report.tuning import knobs_table, tuning_sentences
from dispatch_sim.report.view import main_view, views
from dispatch_sim.report.what_if import what_if_blocks
from dispatch_sim.report.why import basis as why_basis
from dispatch_sim.report.why import decision_sentence, named, sections
from dispatch_sim.report.why_figure import tornado_picture
from dispatch_sim.report.words import (
    MEASURES,
    Measure,
    about,
    capital,
    clean,
    factors_words,
    percent,
    span,
    way,
)
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.study.answer import Answer
from dispatch_sim.study.break_even import BreakEven
from dispatch_sim.study.choice import Alternative, Choice
from dispatch_sim.study.estimates import Estimate, point_columns
from dispatch_sim.study.explanation import Explanation
from dispatch_sim.study.quick import QuickAnswer
from dispatch_sim.study.results import Results
from dispatch_sim.study.tuning import Tuning
from dispatch_sim.study.two_factor_map import StrategyMap

MOST_ROWS = 12
"""Rows of a table; of what follows the number is told."""

_MEANS = ("cost_usd", "money_usd", "makespan_s", "tokens", "people_s")

Part = str | Table | Picture
"""A paragraph, a table or a figure."""


@singledispatch
def parts(shown: object) -> Iterable[Part]:
    """Return what is shown of something, part by part.

    Raises
    ------
    TypeError
        Where there is nothing to show of such a thing.
    """
    raise TypeError(f"{type(shown).__name__}: there is nothing to show of such a thing")


@parts.register
def _source(source: Source) -> Iterator[Part]:
    try:
        scenario = source.scenario()
    except ScenarioError as error:
        yield from str(error).splitlines()
        return
    rows = tuple(assumptions(scenario.model_dump(mode="json", by_alias=True)))
    yield Table(_name(scenario.name), ("What", "As it is played"), rows, numbers=False)


@parts.register
def _results(results: Results) -> Iterator[Part]:
    manifest, frame = results.manifest, results.frame
    points = frame.groupby(point_columns(frame), sort=False)
    name = _name(manifest["scenario"]["resolved"]["name"])
    times = f"{results.replications:,} replication{'' if results.replications == 1 else 's'}"
    yield (
        f"{f'{name}: ' if name else ''}{times} of each of {points.ngroups:,} design points, seed "
        f"{manifest['seed']}. Means of the rows in .frame:"
    )
    means = points[list(_MEANS)].mean()
    shows = [(MEASURES[measure].title, MEASURES[measure].show) for measure in _MEANS]
    rows = [
        (
            *(clean(value) for value in (point if isinstance(point, tuple) else (point,))),
            *(show(value) for (_, show), value in zip(shows, row, strict=True)),
        )
        for point, row in zip(means.index[:MOST_ROWS], means.to_numpy()[:MOST_ROWS], strict=True)
    ]
    heads = (*(clean(name) for name in means.index.names), *(title for title, _ in shows))
    yield Table("", heads, tuple(rows))
    if len(means) > MOST_ROWS:
        yield f"And {len(means) - MOST_ROWS:,} more design points."


@parts.register
def _answer(answer: Answer) -> Iterator[Part]:
    options, answer = option_sentences(answer), plainly_named(answer)
    found, view = views(answer), main_view(answer)
    if len(found) > 1:
        yield f"Where {factors_words(view.choice.factors)}:"
    yield decide(view).text
    yield from break_even_sentences(view)
    figure = captions.difference_figure(view) or captions.concurrency_figure(view)
    if figure is not None:
        yield figure
        yield figure.says
    table = combinations.by_factors(found) or main_table(view)
    yield Table(table.caption, table.heads, table.rows[:MOST_ROWS], table.numbers)
    if len(table.rows) > MOST_ROWS:
        yield f"And {len(table.rows) - MOST_ROWS:,} more rows, which a report holds."
    yield from options


@parts.register
def _choice(choice: Choice) -> Iterator[Part]:
    measure = _measure(choice.objective)
    batch = f"{choice.tasks:,} task{'' if choice.tasks == 1 else 's'}"
    where = f", where {factors_words(choice.factors)}" if choice.factors else ""
    told = (
        f"{capital(way((choice.strategy, choice.concurrency)))} for {batch}{where}: "
        f"{_estimate(measure, choice.estimate)} {measure.typical}."
    )
    if not choice.feasible:
        told += " No way keeps the limits; this one keeps them most often."
    elif not choice.at_stake:
        told += f" All ways are practically equal: within {measure.show(choice.indifference)}."
    yield told
    confidence = f"{100 * choice.confidence:g}%"
    heads = ("Way", measure.title, "More than the recommended", "Best in", "So")
    rows = [
        (
            capital(way((choice.strategy, choice.concurrency))),
            _estimate(measure, choice.estimate),
            "",
            percent(choice.share_won),
            "recommended",
        ),
        *(
            (
                capital(way((other.strategy, other.concurrency))),
                _estimate(measure, other.estimate),
                measure.signed(other.difference.mean)
                + span(measure.signed, other.difference.low, other.difference.high),
                percent(other.share_won),
                _standing(other),
            )
            for other in choice.alternatives[: MOST_ROWS - 1]
        ),
    ]
    yield Table("", heads, tuple(rows))
    more = len(choice.alternatives) + 1 - len(rows)
    yield (
        (f"And {more:,} more ways. " if more > 0 else "")
        + f"{choice.replications:,} replications, {confidence} intervals; those of the differences hold "
        "together."
    )


def _standing(other: Alternative) -> str:
    if other.identical:
        return "the same"
    if other.kept is not None and other.kept.verdict == "missed":
        return "misses the limits"
    if other.practically_equal:
        return "practically equal"
    return "may be as good" if other.in_best_subset else "worse"


@parts.register
def _break_even(found: BreakEven) -> Iterator[Part]:
    measure = _measure(found.objective)
    yield break_even_sentence(found)
    unit = "Tasks" if found.axis == "tasks" else "At once"
    rows = tuple(
        (f"{value:,}", measure.signed(more.mean) + span(measure.signed, more.low, more.high))
        for value, more in zip(found.values, found.differences, strict=True)
    )
    if rows:
        queue = way((found.queue, 0)).replace("a queue of 0", "the queue")
        title = f"{measure.title}: {way((found.parallel, 0))} more than {queue}"
        yield Table("", (unit, title), rows[:MOST_ROWS])
    if len(rows) > MOST_ROWS:
        yield f"And {len(rows) - MOST_ROWS:,} more values."


@parts.register
def _map(found: StrategyMap) -> Iterator[Part]:
    sentences = map_sentences(found)
    yield map_picture(found, axis_words, sentences, cell_sign)
    yield " ".join(sentences)
    yield (
        f"{found.replications:,} replications of each way in each cell. A question mark or hatching is where "
        "another way may be as good. There is a row for each cell in .frame."
    )


@parts.register
def _explanation(found: Explanation) -> Iterator[Part]:
    yield decision_sentence(found)
    for title, sentence, rows in sections(found):
        yield f"{title}. {sentence}"
        if title == "One at a time" and found.swings:
            yield tornado_picture(found, named(found.rival), named(found.recommended))
        elif len(rows) > 1:
            yield _as_table("", rows[: MOST_ROWS + 1])
            if len(rows) - 1 > MOST_ROWS:
                yield f"And {len(rows) - 1 - MOST_ROWS:,} more."
    yield why_basis(found)


@parts.register
def _tuning(found: Tuning) -> Iterator[Part]:
    yield from tuning_sentences(found)
    yield _as_table("", knobs_table(found))
    yield tuning_basis(found)


@parts.register
def _quick(found: QuickAnswer) -> Iterator[Part]:
    yield answer_line(found)
    yield explanation(found)


@parts.register
def _logs(logs: Logs) -> Iterator[Part]:
    yield from _of_blocks(logs_blocks(logs))


@parts.register
def _calibration(found: Calibration) -> Iterator[Part]:
    yield from _of_blocks(calibration_blocks(found))


@parts.register
def _backtest(found: Backtest) -> Iterator[Part]:
    picture = backtest_picture(found)
    if picture is not None:
        yield picture
        yield picture.says
    yield from _of_blocks(backtest_blocks(found))


@parts.register
def _what_if(found: WhatIf) -> Iterator[Part]:
    yield from _of_blocks(what_if_blocks(found))


def _name(name: str) -> str:
    """Return a scenario's name; nothing where it has none of its own."""
    return "" if name == Scenario.model_fields["name"].default else clean(name)


def _of_blocks(blocks: Iterable[Block]) -> Iterator[Part]:
    for block in blocks:
        yield from block.sentences
        if block.rows:
            yield _as_table(block.heading, block.rows, numbers=True)


def _as_table(caption: str, rows: Sequence[Sequence[str]], *, numbers: bool = False) -> Table:
    heads, *body = [tuple(row) for row in rows]
    return Table(caption, (capital(heads[0]), *heads[1:]), tuple(body), numbers)


def _measure(column: str) -> Measure:
    """Return how a measure is spoken of; of a column that no scenario can minimise, by its name."""
    plain = Measure(column, column, "has", "less", "more", "better", "best", about)
    return MEASURES.get(column, plain)


def _estimate(measure: Measure, estimate: Estimate) -> str:
    return measure.show(estimate.mean) + span(measure.show, estimate.low, estimate.high)
