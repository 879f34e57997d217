"""The short answer of a study, for a terminal and a notebook."""

from __future__ import annotations

from typing import Any

from dispatch_sim.decide.answer import Answer
from dispatch_sim.report import findings
from dispatch_sim.report.binding import bottleneck_sentences
from dispatch_sim.report.break_evens import break_even_sentences
from dispatch_sim.report.decision import decide, precision
from dispatch_sim.report.reasons import why
from dispatch_sim.report.render import Document, document
from dispatch_sim.report.tables import by_factors, compared_table, is_paired, main_table
from dispatch_sim.report.view import main_view, replications, simulated, views

MOST_ROWS = 20
"""Rows of a table; how many more there are is said."""


def study_content(answer: Answer) -> dict[str, Any]:
    """Return what the short answer and the report of a study both say."""
    found, view = views(answer), main_view(answer)
    return {
        "view": view,
        "decision": decide(view),
        "precision": precision(view),
        "over_all": findings.over_all(found),
        "along_factors": findings.along_factors(answer),
        "factors": by_factors(found),
        "break_evens": break_even_sentences(view),
        "why": why(view),
        "bottleneck": bottleneck_sentences(view.bottleneck),
        "concurrency": list(findings.concurrency(view)),
        "pareto": findings.pareto(view),
        "strategies": simulated(answer),
    }


def answer_document(answer: Answer, *, pictures: bool = True, compared: bool = False) -> Document:
    """Return the short answer of a study, with a table of all strategies where they are `compared`."""
    content, found = study_content(answer), views(answer)
    view = content["view"]
    figure = None
    if pictures:
        # Drawing is what takes longest to load, and a terminal does without.
        from dispatch_sim.report.figures.break_even import paired_difference
        from dispatch_sim.report.figures.curves import along_concurrency

        figure = paired_difference(view) or along_concurrency(view)
    return document(
        "answer.md",
        [figure],
        **content,
        figure=figure,
        replications=replications(found),
        settled=sum(each.choice.settled for each in found),
        table=compared_table(view) if compared else main_table(view),
        is_paired=is_paired(view, view.points if compared else view.main_points()),
        most=MOST_ROWS,
    )
