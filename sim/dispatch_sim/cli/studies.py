"""Commands on studies: sweep, compare, report."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch_sim.cli.options import DataFolder, FailOn, Json, ReportOptions, StudyOptions, flag, output, text
from dispatch_sim.cli.output import INTERRUPTED, VIOLATED, fail, print_json, print_written

if TYPE_CHECKING:
    from dispatch_sim.decide.answer import Answer
    from dispatch_sim.decide.thresholds import Check
    from dispatch_sim.study.results import Results

FORMATS = ("md", "html", "json", "csv")
"""Of a report on standard output."""


@dataclass(frozen=True)
class RunOptions:
    """Where a study runs, whether it continues an earlier one, and when it fails."""

    resume: Annotated[
        bool | None,
        typer.Option(
            "--resume/--restart",
            metavar="",
            help="Continue an interrupted study in the output folder, or replace what is there. Default: "
            "replace it, but stop with an error if it took more than a minute, or if it is a larger study of "
            "the scenario.",
            show_default=False,
        ),
    ] = None
    cluster: Annotated[
        str | None,
        text(
            "ADDRESS",
            help="Simulate on a Dask cluster: its scheduler's tcp://HOST:PORT, or local:N threads.",
        ),
    ] = None
    fail_on: FailOn = None


def sweep(
    study: ReportOptions,
    options: RunOptions,
    no_report: Annotated[bool, flag("--no-report", help="Write results only, no pages and figures.")] = False,
    as_json: Json = False,
) -> None:
    """Simulate all batch sizes and concurrencies, and report the best strategy and the break-evens."""
    from dispatch_sim.decide.studies import sweep as simulate

    _simulate(simulate, study, options, study.folder, as_json, pages=not no_report)


def compare(
    study: StudyOptions,
    options: RunOptions,
    out: Annotated[Path | None, output("DIR", help="Write results and report to DIR.")] = None,
    as_json: Json = False,
) -> None:
    """Compare the strategies at the scenario's own batch size, paired by replication."""
    from dispatch_sim.decide.studies import compare as simulate
    from dispatch_sim.study.files import check_folder

    if out is not None:
        check_folder(out)
    elif options.resume is not None:
        fail("--resume and --restart need --out DIR: without it nothing is stored")
    _simulate(simulate, study, options, out, as_json, compared=True)


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
    from dispatch_sim.decide.thresholds import check, parse_threshold
    from dispatch_sim.report.page import stored_answer, write_report
    from dispatch_sim.study.checkpoint import is_unfinished
    from dispatch_sim.study.files import alone_in

    thresholds = [parse_threshold(each) for each in fail_on or ()]
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
        _print_checks(checks)
    else:
        _print_study(answer, checks, as_json or form == "json")
    command = answer.results.manifest["command"]
    resume = f"dispatch-sim {command} SCENARIO --out {shlex.quote(str(folder))} --resume"
    _exit_by(answer, checks, resume if is_unfinished(folder) else None)


def _simulate(
    simulate: Callable[..., Results],
    study: StudyOptions,
    options: RunOptions,
    folder: Path | None,
    as_json: bool,
    *,
    pages: bool = True,
    compared: bool = False,
) -> None:
    """Simulate a study, write its results if there is a folder, print its answer, and exit by it.

    The report is written first, because standard output may be closed. If it cannot be written, the answer is
    printed all the same.
    """
    from dispatch_sim.decide.answer import answer
    from dispatch_sim.decide.thresholds import check, parse_threshold
    from dispatch_sim.study.checkpoint import is_unfinished
    from dispatch_sim.study.files import alone_in

    if study.jobs is not None and options.cluster is not None:
        fail("--jobs: has no effect with --cluster; leave one out")
    thresholds = [parse_threshold(each) for each in options.fail_on or ()]
    with alone_in(folder) if folder is not None else nullcontext():
        with study.simulating("replications") as how:
            source = study.source(study.seed)
            results = simulate(source, folder=folder, resume=options.resume, cluster=options.cluster, **how)
        _exit_if_too_few(results, folder)
        try:
            answered = answer(results)
        except KeyboardInterrupt:
            if folder is not None and is_unfinished(folder):
                typer.echo(f"Interrupted during the analysis. Continue with: {_resuming()}", err=True)
            raise
        checks = check(answered, thresholds)
        try:
            if folder is not None:
                _write(answered, folder, pages=pages)
        finally:
            _print_study(answered, checks, as_json, compared=compared)
    _exit_by(answered, checks, None if folder is None else _resuming())


def _exit_if_too_few(results: Results, folder: Path | None) -> None:
    """Exit without writing anything if a study is interrupted before two replications are done."""
    from dispatch_sim.study.checkpoint import is_unfinished

    if not results.manifest["interrupted"] or results.replications >= 2:
        return
    is_stored = folder is not None and is_unfinished(folder)
    more = f"Continue with: {_resuming()}" if is_stored else "Nothing was written."
    typer.echo(f"Interrupted before two replications. {more}", err=True)
    raise typer.Exit(INTERRUPTED)


def _write(answer: Answer, folder: Path, *, pages: bool) -> None:
    from dispatch_sim.report.attachments import remove_report
    from dispatch_sim.study.results import write_results

    written = write_results(answer.results, folder)
    if not written:  # what the folder holds stays, with its report
        return
    if pages:
        # Imported here because matplotlib takes long to load.
        from dispatch_sim.report.page import write_report

        written = write_report(answer, folder) + written
    elif removed := remove_report(folder):
        names = ", ".join(path.name for path in removed)
        typer.echo(f"removed the report of the earlier results from {folder}: {names}", err=True)
    print_written(written)


def _print_study(answer: Answer, checks: Sequence[Check], as_json: bool, *, compared: bool = False) -> None:
    """Print an answer, and the result of each threshold."""
    from dispatch_sim.report.answers import answer_document

    if as_json:
        checked = {"fail_on": [each.to_json() for each in checks]} if checks else {}
        print_json({**answer.to_json(), **checked})
    else:
        typer.echo(answer_document(answer, pictures=False, compared=compared).text, nl=False)
    _print_checks(checks)


def _print_checks(checks: Sequence[Check]) -> None:
    """Print the result of each threshold."""
    from dispatch_sim.report.findings import check_line

    for each in checks:
        typer.echo(check_line(each), err=True)


def _exit_by(answer: Answer, checks: Sequence[Check], resume: str | None) -> None:
    """Exit with the code for an interrupted study or a violated threshold, if there is one.

    `resume` is the command that continues an interrupted study.
    """
    manifest = answer.results.manifest
    if manifest["interrupted"]:
        done = manifest["replications"]
        message = f"Interrupted at {done['simulated']:,} of {done['asked']:,} replications."
        typer.echo(message if resume is None else f"{message} Continue with: {resume}", err=True)
        raise typer.Exit(INTERRUPTED)
    if any(each.violated for each in checks):
        raise typer.Exit(VIOLATED)


def _resuming() -> str:
    """Return this command with `--resume`."""
    given = [each for each in sys.argv[1:] if each not in ("--resume", "--restart")]
    return f"dispatch-sim {shlex.join(given)} --resume"


def _report_text(answer: Answer, folder: Path, form: str) -> str:
    """Return a report in a format, for standard output."""
    from dispatch_sim.report.page import report_document
    from dispatch_sim.report.render import page

    if form == "csv":
        return answer.estimates.replace([math.inf, -math.inf], math.nan).to_csv(index=False)
    shown, title = report_document(answer, folder)
    return page(shown, title) if form == "html" else shown.markdown
