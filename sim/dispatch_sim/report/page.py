"""A study's report: one page to read, in HTML and in Markdown, with its figures."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from dispatch_sim.report import captions, combinations, tables
from dispatch_sim.report.assumptions import NOT_SIMULATED, assumptions
from dispatch_sim.report.breaking import break_even_sentences
from dispatch_sim.report.decision import decide
from dispatch_sim.report.naming import option_sentences, plainly_named, reading
from dispatch_sim.report.reasons import why
from dispatch_sim.report.view import View, main_view, views
from dispatch_sim.report.words import clean, factors_words
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.study.answer import Answer
from dispatch_sim.study.results import write_texts


def write_report(answer: Answer, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `report.html`, which stands alone, `report.md` and the figures that it shows, as SVG.

    Parameters
    ----------
    answer : what the study comes to.
    folder : made where it is not there; files of the same names are replaced.

    Returns
    -------
    The files written, the HTML page first. The same answer gives the same bytes.

    Raises
    ------
    ResultsError
        Where the folder cannot be written to.
    """
    content = _content(answer)
    files = {"report.html": html_page(content), "report.md": markdown_page(content)}
    files |= {f"{shown.name}.svg": shown.svg for shown in content["figures"].values() if shown is not None}
    return write_texts(files, Path(folder))


def _content(answer: Answer) -> dict[str, Any]:
    """Return all that a report says, for a template to set."""
    scenario, options = answer.scenario, option_sentences(answer)
    terms, answer = reading(answer), plainly_named(answer)
    view, found = main_view(answer), views(answer)
    return {
        "name": clean(_name(answer), 80),
        "description": clean(scenario["description"], 600),
        "view": view,
        "decision": decide(view),
        "decision_for": factors_words(view.choice.factors),
        "over_all": combinations.over_all(found),
        "factors_read": combinations.how_to_read(found),
        "terms": terms,
        "why": why(view),
        "break_evens": break_even_sentences(view),
        "main": tables.main_table(view),
        "factors": combinations.by_factors(found),
        "fixed": tables.fixed_queues(view),
        "points": tables.all_points(view),
        "assumptions": assumptions(scenario, options),
        "how": how_it_was_made(view),
        "not_simulated": "; ".join(NOT_SIMULATED),
        "figures": {
            "difference": captions.difference_figure(view),
            "tasks": captions.tasks_figure(view),
            "concurrency": captions.concurrency_figure(view),
            "parts": captions.parts_figure(view),
            "factors": captions.factors_figure(answer),
        },
    }


def _name(answer: Answer) -> str:
    """Return the scenario's name; without one of its own, that of its file."""
    name, file = answer.scenario["name"], answer.results.manifest["scenario"]["file"]
    return str(name if name != Scenario.model_fields["name"].default else Path(file).stem)


def how_it_was_made(view: View) -> list[str]:
    """Return how sure the figures are and how they were made, a sentence each."""
    manifest = view.answer.results.manifest
    played, asked = view.choice.replications, manifest["replications"]["asked"]
    confidence = f"{100 * view.choice.confidence:g}%"
    return [
        f"Each way was simulated {played:,} times"
        + (f" of the {asked:,} asked for" if played < asked else "")
        + ", "
        "with the same luck for all: in one replication a task is as long, and crashes as easily, whichever "
        "way it is "
        "dispatched. So differences are taken replication by replication, and are surer than the figures "
        "by themselves.",
        f"A {confidence} interval says how far the mean may be off because the number of replications is "
        "finite. The "
        "intervals of the differences hold all together. They say nothing about whether the assumptions "
        "fit your case.",
        f"A {confidence} confidence set of a break-even holds every size at which the two are not told "
        "apart. The best "
        "queue is chosen on one half of the replications and judged on the other, so that it is not "
        "flattered.",
        f"Seed {manifest['seed']}, scenario "
        f"{manifest['scenario']['sha256'][:12]}, "
        f"dispatch-sim {manifest['dispatch_sim'] or 'from source'}: the same seed gives the same figures.",
    ]


def html_page(content: dict[str, Any]) -> str:
    """Set a report as a page that stands alone: no script, nothing that is fetched."""
    environment = _environment(autoescape=True)
    environment.filters["inline"] = lambda shown: Markup(shown.inline)
    return environment.get_template("report.html").render(content)


def markdown_page(content: dict[str, Any]) -> str:
    """Set a report as Markdown, which refers to the figures' files."""
    environment = _environment(autoescape=False)
    environment.filters["md"] = markdown
    environment.filters["rule"] = _rule
    page = environment.get_template("report.md").render(content)
    return re.sub(r"\n{3,}", "\n\n", page).strip() + "\n"


def _environment(*, autoescape: bool) -> Environment:
    return Environment(
        loader=PackageLoader("dispatch_sim.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def markdown(text: str) -> str:
    """Return a text that is nothing but text in Markdown: no markup, HTML, link, table cell or formula."""
    escaped = re.sub(r"([\\`*_\[\]<>|~#$&!{}])", r"\\\1", text)
    escaped = escaped.replace("://", ":\\//").replace("@", "\\@")
    escaped = re.sub(r"(?i)\b(www)\.", r"\1\\.", escaped)
    # What begins a list or underlines a heading, where it stands at the beginning of a line.
    escaped = re.sub(r"^(\s*)([-+=])(?=[-=\s]|$)", r"\1\\\2", escaped)
    return re.sub(r"^(\s*\d+)([.)])(?=\s|$)", r"\1\\\2", escaped)


def _rule(table: tables.Table) -> str:
    align = "---:" if table.numbers else "---"
    return " | ".join(["---", *[align] * (len(table.heads) - 1)])
