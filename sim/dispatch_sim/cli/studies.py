"""Commands that play: one replication, a comparison, a sweep, claims; and the report of what was played."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Any

import typer

from dispatch_sim.cli.base import (
    INTERRUPTED,
    VIOLATED,
    ClusterAt,
    DataFolder,
    FailOn,
    Jobs,
    Json,
    Replications,
    Resume,
    ScenarioFile,
    Seed,
    alone,
    errors_in_words,
    fail,
    folder_of,
    print_json,
    progress,
    read_source,
    say_written,
    workers,
    writable,
)

if TYPE_CHECKING:
    from dispatch_sim.decide.answer import Answer
    from dispatch_sim.decide.thresholds import Threshold
    from dispatch_sim.study.results import Results

app = typer.Typer()
_PANEL = "Play"


@app.command(rich_help_panel=_PANEL)
def run(
    scenario: ScenarioFile,
    strategy: Annotated[
        str | None,
        typer.Option(
            help="parallel, or 'queue: 3', with the options of the scenario's strategy of that kind; or with "
            "others, '{queue: 3, manager: script}'. Default: the scenario's first."
        ),
    ] = None,
    tasks: Annotated[int | None, typer.Option(min=1, max=100_000, help="Size of the batch.")] = None,
    replication: Annotated[int, typer.Option(min=0, max=2**32 - 1, help="Which replication to play.")] = 0,
    seed: Seed = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Write timeline.svg and trace.json (Chrome trace) there."),
    ] = None,
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Play one replication and show its timeline."""
    with errors_in_words():
        from dispatch_sim.study.design import find_plan
        from dispatch_sim.study.engines import play_one
        from dispatch_sim.study.run_study import with_study

        checked = with_study(read_source(scenario, data), seed, None).scenario()
        plan = find_plan(checked, strategy, tasks)
        outcome, log = play_one(plan, replication)
        if as_json:
            print_json(
                {
                    "scenario": checked.name,
                    "strategy": plan.strategy.label,
                    "concurrency": plan.width,
                    "tasks": len(plan.tasks),
                    "seed": checked.study.seed,
                    "replication": replication,
                    "outcome": outcome._asdict(),
                }
            )
        else:
            from dispatch_sim.report.timeline import timeline_text

            typer.echo(timeline_text(plan, log, outcome), nl=False)
        if out is not None:
            from dispatch_sim.report.timeline import write_timeline

            say_written(write_timeline(plan, log, out))


@app.command(rich_help_panel=_PANEL)
def compare(
    scenario: ScenarioFile,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="Write results and report there.")] = None,
    resume: Resume = None,
    cluster: ClusterAt = None,
    fail_on: FailOn = None,
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Compare the strategies side by side at the batch's own size, paired by replication."""
    with errors_in_words():
        from dispatch_sim.decide.studies import compare as play

        thresholds = _thresholds(fail_on)
        if out is not None:
            writable(out)
        elif resume is not None:
            fail("--resume and --restart need --out DIR: without a folder nothing is kept")
        with alone(out):
            with progress() as on_progress:
                results = play(
                    read_source(scenario, data),
                    seed=seed,
                    replications=replications,
                    jobs=workers(jobs),
                    on_progress=on_progress,
                    folder=out,
                    resume=resume,
                    cluster=cluster,
                )
            _answer(results, out, as_json, thresholds, compared=True)


@app.command(rich_help_panel=_PANEL)
def sweep(
    scenario: ScenarioFile,
    seed: Seed = None,
    replications: Replications = None,
    jobs: Jobs = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Where to write. Default: reports/NAME, as the file is called."),
    ] = None,
    no_report: Annotated[
        bool, typer.Option("--no-report", help="Write the results only, not the pages and figures.")
    ] = False,
    resume: Resume = None,
    cluster: ClusterAt = None,
    fail_on: FailOn = None,
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Sweep tasks and concurrency: the break-even, the choice, and a report."""
    with errors_in_words():
        from dispatch_sim.decide.studies import sweep as play

        thresholds = _thresholds(fail_on)
        folder = writable(out or folder_of(scenario))
        with alone(folder):
            with progress() as on_progress:
                results = play(
                    read_source(scenario, data),
                    seed=seed,
                    replications=replications,
                    jobs=workers(jobs),
                    on_progress=on_progress,
                    folder=folder,
                    resume=resume,
                    cluster=cluster,
                )
            _answer(results, folder, as_json, thresholds, pages=not no_report)


@app.command(rich_help_panel=_PANEL)
def report(
    folder: Annotated[
        Path, typer.Argument(metavar="FOLDER", help="Where a sweep was written: reports/NAME.")
    ],
    data: DataFolder = None,
    fail_on: FailOn = None,
    as_json: Json = False,
) -> None:
    """Write the report of a sweep once more, from its stored results, and a map and reasons beside them."""
    with errors_in_words():
        from dispatch_sim.report.page import rebuild_report
        from dispatch_sim.study.checkpoint import is_unfinished

        thresholds = _thresholds(fail_on)
        with alone(folder if folder.is_dir() else None):
            answered, written = rebuild_report(folder, data)
        say_written(written)
        _end(answered, as_json, thresholds, kept=is_unfinished(folder), by="sweep --resume")


@app.command(rich_help_panel=_PANEL)
def claims(
    only: Annotated[
        str | None, typer.Option(metavar="NUMBERS", help="Only these claims, such as 7,9. Default: all.")
    ] = None,
    replications: Replications = None,
    jobs: Jobs = None,
    file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A file of claims. Default: the eighteen that ship.")
    ] = None,
    out: Annotated[Path, typer.Option(metavar="DIR", help="Where to write.")] = Path("reports/claims"),
    data: DataFolder = None,
    as_json: Json = False,
) -> None:
    """Test claims by simulation: simulate the scenarios of each claim, and report a verdict on it."""
    with errors_in_words():
        from dispatch_sim.claims.judge import judge_claims
        from dispatch_sim.claims.statements import SHIPPED, load_claims
        from dispatch_sim.report.claims import verdicts_text, write_claims_report

        numbers = _numbers(only)
        read = load_claims(file or SHIPPED, data)
        writable(out)
        with progress("scenarios") as on_progress:
            findings = judge_claims(
                read,
                only=numbers,
                replications=replications,
                jobs=workers(jobs),
                on_progress=on_progress,
            )
        say_written(write_claims_report(findings, out))
        if as_json:
            print_json(findings.to_json())
        else:
            typer.echo(verdicts_text(findings), nl=False)


def _answer(
    results: Results,
    folder: Path | None,
    as_json: bool,
    thresholds: list[Threshold],
    *,
    pages: bool = True,
    compared: bool = False,
) -> None:
    """Write what a study came to, if anywhere, print what it answers, and end as it did.

    Interrupted too early to say anything it ends at once, and leaves earlier results as they are. The
    report is written before the answer is printed: nobody may read that. Where it cannot be written, the
    answer is printed all the same.
    """
    from dispatch_sim.decide.answer import answer
    from dispatch_sim.scenario.problems import UserError
    from dispatch_sim.study.checkpoint import is_unfinished

    interrupted = results.manifest["interrupted"]
    if interrupted and results.replications < 2:
        if folder is not None and is_unfinished(folder):
            typer.echo("interrupted before two replications were done; continue with --resume", err=True)
        else:
            typer.echo("interrupted before anything was done; nothing is written", err=True)
        raise typer.Exit(INTERRUPTED)
    answered = answer(results)
    if folder is not None:
        try:
            _write(answered, folder, pages=pages)
        except UserError as error:
            _print(answered, as_json, compared=compared)
            fail(str(error))
    _end(answered, as_json, thresholds, kept=folder is not None, compared=compared)


def _write(answered: Answer, folder: Path, *, pages: bool) -> None:
    from dispatch_sim.study.results import write_results

    written = write_results(answered.results, folder)
    if not written:  # what lies there says more, and so do its pages
        return
    if pages:
        # Imported here: drawing is what takes longest to load, and one may do without.
        from dispatch_sim.report.page import write_report

        written = write_report(answered, folder) + written
    say_written(written)


def _end(
    answered: Answer,
    as_json: bool,
    thresholds: list[Threshold],
    *,
    kept: bool,
    by: str = "--resume",
    compared: bool = False,
) -> None:
    """Print an answer and how its thresholds came out, and end: interrupted, violated, or well.

    Parameters
    ----------
    kept : whether an interrupted study can be resumed.
    by : what resumes it.
    """
    from dispatch_sim.decide.thresholds import check
    from dispatch_sim.report.thresholds import check_line

    checks = check(answered, thresholds)
    checked = {"fail_on": [each.to_json() for each in checks]} if checks else {}
    _print(answered, as_json, checked, compared=compared)
    for each in checks:
        typer.echo(check_line(each), err=True)
    manifest = answered.results.manifest
    if manifest["interrupted"]:
        played = manifest["replications"]
        done = f"interrupted at {played['played']:,} of {played['asked']:,} replications"
        typer.echo(f"{done}; continue with {by}" if kept else done, err=True)
        raise typer.Exit(INTERRUPTED)
    if any(each.violated for each in checks):
        raise typer.Exit(VIOLATED)


def _print(
    answered: Answer,
    as_json: bool,
    more: Mapping[str, Any] = MappingProxyType({}),
    *,
    compared: bool = False,
) -> None:
    if as_json:
        print_json({**answered.to_json(), **more})
        return
    from dispatch_sim.report.answers import answer_document

    typer.echo(answer_document(answered, pictures=False, compared=compared).text, nl=False)


def _thresholds(given: list[str] | None) -> list[Threshold]:
    """Read thresholds, before anything is played for them."""
    if not given:
        return []
    from dispatch_sim.decide.thresholds import parse_threshold

    return [parse_threshold(text) for text in given]


def _numbers(only: str | None) -> tuple[int, ...]:
    """Read the numbers of claims: `7,9`."""
    parts = [part.strip() for part in only.split(",")] if only else []
    wrong = next((part for part in parts if not (part.isascii() and part.isdigit())), None)
    if wrong is not None:
        fail(f"--only: {wrong!r} is not the number of a claim; write numbers such as 7,9")
    return tuple(map(int, parts))
