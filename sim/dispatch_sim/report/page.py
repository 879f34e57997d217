"""A study's report: one page to read, in HTML and in Markdown, with its figures.

What a reader with two minutes wants comes first: what to do, how sure that is, what it saves. A page shows
the answer, and a map and an explanation of the same scenario where they are stored in its folder.
"""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

from dispatch_sim.decide.answer import Answer
from dispatch_sim.decide.answer import answer as answered
from dispatch_sim.decide.explanation import Explanation
from dispatch_sim.decide.grid import without_factors
from dispatch_sim.decide.winner_map import StrategyMap
from dispatch_sim.report import attachments
from dispatch_sim.report.answers import study_content
from dispatch_sim.report.assumptions import NOT_SIMULATED, assumed
from dispatch_sim.report.figures.break_even import break_even_by_factors, paired_difference
from dispatch_sim.report.figures.cost_breakdown import cost_breakdown
from dispatch_sim.report.figures.curves import along_concurrency, along_tasks
from dispatch_sim.report.figures.styles import Picture
from dispatch_sim.report.format import clean
from dispatch_sim.report.maps import map_parts
from dispatch_sim.report.render import Document, anchor, document, page
from dispatch_sim.report.runs import two_runs
from dispatch_sim.report.tables import all_points, main_table
from dispatch_sim.report.why import why_parts
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.study.files import ResultsError, write_texts
from dispatch_sim.study.results import read_results
from dispatch_sim.study.stored import stored_source


def write_report(answer: Answer, folder: str | os.PathLike[str]) -> list[Path]:
    """Write `report.html`, which stands alone, `report.md` and the figures that it shows, as SVG.

    Parameters
    ----------
    answer : of a study.
    folder : created where it does not exist; files of the same names are replaced. A map and an explanation
        of the same scenario in it, as `map` and `why` write them, become part of the page.

    Returns
    -------
    The files written, the HTML page first. The same answer, map and explanation give the same bytes.
    """
    shown, title = report_document(answer, Path(folder))
    return write_texts({"report.html": page(shown, title)} | shown.files("report"), Path(folder))


def stored_answer(folder: str | os.PathLike[str], data: str | os.PathLike[str] | None = None) -> Answer:
    """Return the answer of a study from its stored results alone.

    Its report has the same bytes as the one that `write_report` wrote after the simulation.

    In `data`, another folder, csv files of the scenario may be. Raises ResultsError or AnswerError where the
    folder has no results, or not those of a complete study.
    """
    results = read_results(folder)
    if stored_source(results, Path(folder), None if data is None else Path(data)) is None:
        raise ResultsError(
            f"{folder}: the scenario in manifest.json resolves to other values than are stored there; if it "
            "takes values from a csv file, copy that into the folder, or name its folder with --data DIR; "
            "results of another version of dispatch-sim need a new sweep"
        )
    return answered(results)


def report_document(answer: Answer, folder: Path) -> tuple[Document, str]:
    """Return a report and its title, with a map and an explanation of the same scenario in a folder."""
    content = _content(answer, folder)
    return _with_contents(document("report.md", _pictures(content), **content)), content["title"]


def _with_contents(shown: Document) -> Document:
    """Return a page with links to its sections before the first one."""
    headings = re.findall(r"^##+ (.+)$", shown.markdown, re.MULTILINE)
    links = " · ".join(f"[{heading}](#{anchor(heading)})" for heading in headings)
    head, mark, body = shown.markdown.partition("\n## ")
    return replace(shown, markdown=f"{head}\nContents: {links}\n{mark}{body}")


def _content(answer: Answer, folder: Path) -> dict[str, Any]:
    """Return what the template of a report reads."""
    source = stored_source(answer.results, folder)
    hashes = {answer.results.manifest["scenario"]["sha256"]}
    hashes |= {without_factors(source).scenario().fingerprint} if source is not None else set()
    mapped = attachments.read(folder / attachments.MAP_FILE, StrategyMap, hashes)
    explained = attachments.read(folder / attachments.WHY_FILE, Explanation, hashes)
    content = study_content(answer)
    view = content["view"]
    return content | {
        "title": clean(_name(answer), 80),
        "main": main_table(view),
        "points": all_points(view),
        "map": None if mapped is None else map_parts(mapped),
        "explanation": None if explained is None else why_parts(explained),
        "runs": two_runs(view, source),
        **assumed(answer.scenario),
        "manifest": answer.results.manifest,
        "not_simulated": NOT_SIMULATED,
        "figures": {
            "difference": paired_difference(view),
            "tasks": along_tasks(view),
            "concurrency": along_concurrency(view),
            "parts": cost_breakdown(view),
            "factors": break_even_by_factors(answer),
        },
    }


def _pictures(content: dict[str, Any]) -> list[Picture | None]:
    shown = [*content["figures"].values(), *content["runs"].pictures]
    shown += [content["map"]["figure"]] if content["map"] else []
    return [*shown, content["explanation"]["tornado"]] if content["explanation"] else shown


def _name(answer: Answer) -> str:
    """Return the scenario's name; without one of its own, that of its file."""
    name, file = answer.scenario["name"], answer.results.manifest["scenario"]["file"]
    return str(name if name != Scenario.model_fields["name"].default else Path(file).stem)
