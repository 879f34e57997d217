"""The command report."""

from __future__ import annotations

import math
import shlex
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch_sim.cli.options import DataFolder, FailOn, Json, text
from dispatch_sim.cli.output import fail, print_written
from dispatch_sim.cli.studies import exit_by, print_checks, print_study, read_thresholds

if TYPE_CHECKING:
    from dispatch_sim.decide.answer import Answer

FORMATS = ("md", "html", "json", "csv")
"""Of a report on standard output."""


def report(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Output folder of a sweep: reports/NAME.")],
    data: DataFolder = None,
    fail_on: FailOn = None,
    form: Annotated[
        str | None,
        text(
            "FORMAT",
            "--format",
            help="Print the report as md or html, its answer as json, or its estimates as csv, and write no "
            "file. Default: write the report, and print the answer.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the report of a sweep again from its stored results, with a map and reasons stored there."""
    from dispatch_sim.decide.thresholds import check
    from dispatch_sim.report.page import stored_answer, write_report
    from dispatch_sim.study.checkpoint import is_unfinished
    from dispatch_sim.study.files import alone_in

    thresholds = read_thresholds(fail_on)
    if form is not None and form not in FORMATS:
        from dispatch_sim.scenario.wording import unknown

        fail(f"--format: {unknown('format', form, FORMATS)}")
    if form is not None and as_json:
        fail("--json: has no effect with --format; leave one out")
    if form is None:
        with alone_in(folder) if folder.is_dir() else nullcontext():
            answer = stored_answer(folder, data)
            print_written(write_report(answer, folder))
    else:
        answer = stored_answer(folder, data)
    checks = check(answer, thresholds)
    if form in ("md", "html", "csv"):
        typer.echo(_report_text(answer, folder, form), nl=False)
        print_checks(checks)
    else:
        print_study(answer, checks, as_json or form == "json")
    command = answer.results.manifest["command"]
    resume = f"dispatch-sim {command} SCENARIO --out {shlex.quote(str(folder))} --resume"
    exit_by(answer, checks, resume if is_unfinished(folder) else None)


def _report_text(answer: Answer, folder: Path, form: str) -> str:
    """Return a report in a format, for standard output."""
    from dispatch_sim.report.page import report_document
    from dispatch_sim.report.render import page

    if form == "csv":
        return answer.estimates.replace([math.inf, -math.inf], math.nan).to_csv(index=False)
    shown, title = report_document(answer, folder)
    return page(shown, title) if form == "html" else shown.markdown
