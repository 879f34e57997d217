"""Commands that read logs of the user's own agents."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch_sim.cli.base import (
    DataFolder,
    Json,
    errors_in_words,
    print_json,
    progress,
    read_source,
    say_written,
)

if TYPE_CHECKING:
    from dispatch_sim.logs.readers.tables import Logs

app = typer.Typer()
_PANEL = "Your own logs"

LogPaths = Annotated[
    list[Path],
    typer.Argument(metavar="PATH...", help="Logs of agents, and folders with logs anywhere below."),
]


@app.command(rich_help_panel=_PANEL)
def calibrate(
    paths: LogPaths,
    out: Annotated[
        Path | None, typer.Option("-o", "--out", metavar="FILE", help="The scenario to write.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Fit a scenario to logs of your own agents: each figure with its source, defaults marked as such."""
    with errors_in_words():
        from dispatch_sim.logs.calibrate.calibration import calibrate as fit
        from dispatch_sim.report.calibration import calibration_json, calibration_text

        found = fit(_read_logs(paths))
        if out is not None:
            from dispatch_sim.study.files import write_texts

            say_written(write_texts({out.name: found.text}, out.parent))
        if as_json:
            print_json(calibration_json(found))
        else:
            typer.echo(calibration_text(found) if out is not None else found.text, nl=False)


@app.command(rich_help_panel=_PANEL)
def backtest(
    paths: LogPaths,
    scenario: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Forecast with this, in place of a fit to the other sessions."),
    ] = None,
    data: DataFolder = None,
    replications: Annotated[
        int | None, typer.Option(min=20, max=100_000, help="Replications of each forecast.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write backtest.md and its picture there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Show how well the model would have predicted the parallel groups in logs of your own agents."""
    with errors_in_words():
        from dispatch_sim.logs.backtest.backtest import backtest as predict
        from dispatch_sim.report.backtest import backtest_json, backtest_text, write_backtest

        given = None if scenario is None else read_source(scenario, data).scenario()
        read = _read_logs(paths)
        with progress("groups") as on_progress:
            found = predict(read, given, replications, on_progress)
        if out is not None:
            say_written(write_backtest(found, out))
        if as_json:
            print_json(backtest_json(found))
        else:
            typer.echo(backtest_text(found), nl=False)


@app.command(name="what-if", rich_help_panel=_PANEL)
def what_if(
    paths: LogPaths,
    queue: Annotated[int, typer.Option(min=1, max=1000, help="Width of the queue.")] = 3,
    as_json: Json = False,
) -> None:
    """Say what parallel groups in your logs would have taken by a queue, or with one agent after another."""
    with errors_in_words():
        from dispatch_sim.logs.backtest.what_if import what_if as other_ways
        from dispatch_sim.report.what_if import what_if_json, what_if_text

        found = other_ways(_read_logs(paths), queue)
        if as_json:
            print_json(what_if_json(found))
        else:
            typer.echo(what_if_text(found), nl=False)


@app.command(rich_help_panel=_PANEL)
def logs(
    paths: LogPaths,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="Write runs.csv and groups.csv there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read your own logs (Claude Code, Codex, OpenTelemetry): runs of agents, and parallel groups of them."""
    with errors_in_words():
        from dispatch_sim.logs.readers.reading import read_logs
        from dispatch_sim.report.logs import logs_json, logs_text, write_logs

        read = read_logs(*paths)
        if out is not None:
            say_written(write_logs(read, out))
        if as_json:
            print_json(logs_json(read))
        else:
            typer.echo(logs_text(read), nl=False)


def _read_logs(paths: list[Path]) -> Logs:
    """Read logs, and say what of them was passed over."""
    from dispatch_sim.logs.readers.reading import read_logs

    read = read_logs(*paths)
    for reason, skipped in read.tally.skipped.items():
        typer.echo(f"passed over: {skipped.count:,} x {reason} (first: {skipped.first})", err=True)
    return read
