"""Commands on logs of the user's own agents: logs, calibrate, backtest, what-if."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dispatch_sim.cli.options import DataFolder, Json, number, output, text
from dispatch_sim.cli.output import fail, print_answer, print_written, progress

if TYPE_CHECKING:
    from dispatch_sim.logs.readers.tables import Logs

LogPaths = Annotated[
    list[Path], typer.Argument(metavar="PATH", help="Log files, or folders that contain log files.")
]


def logs(
    paths: LogPaths,
    out: Annotated[
        Path | None, output("DIR", "--out", "-o", help="Write runs.csv and groups.csv there.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Read logs of Claude Code, Codex or OpenTelemetry into agent runs and parallel groups."""
    from dispatch_sim.logs.readers.reading import read_logs
    from dispatch_sim.report.logs import logs_json, write_logs

    read = read_logs(*paths)
    if out is not None:
        print_written(write_logs(read, out))
    print_answer(read, as_json, logs_json)


def calibrate(
    paths: LogPaths,
    out: Annotated[Path | None, output("FILE", "--out", "-o", help="Write the scenario to FILE.")] = None,
    as_json: Json = False,
) -> None:
    """Fit a scenario to logs. Each figure has its source; defaults are marked as such."""
    from dispatch_sim.logs.calibrate.calibration import calibrate as fit
    from dispatch_sim.report.logs import calibration_json

    fitted = fit(_read_logs(paths))
    if out is not None:
        from dispatch_sim.study.files import write_texts

        print_written(write_texts({out.name: fitted.text}, out.parent))
    print_answer(fitted if as_json or out is not None else fitted.text, as_json, calibration_json)


def backtest(
    paths: LogPaths,
    scenario: Annotated[
        Path | None,
        text("SCENARIO", help="Forecast with this scenario. Default: a fit to the other sessions."),
    ] = None,
    data: DataFolder = None,
    replications: Annotated[int | None, number(20, 100_000, help="Replications per forecast.")] = None,
    out: Annotated[Path | None, output("DIR", help="Write backtest.md and its figure to DIR.")] = None,
    as_json: Json = False,
) -> None:
    """Compare the model's predictions with the parallel groups in logs."""
    from dispatch_sim.logs.backtest.backtest import backtest as predict
    from dispatch_sim.report.backtest import backtest_json, write_backtest
    from dispatch_sim.scenario.loader import load

    if data is not None and scenario is None:
        fail("--data: needs --scenario, whose csv files it is for")
    given = None if scenario is None else load(scenario, data).scenario()
    read = _read_logs(paths)
    with progress("groups") as on_progress:
        tested = predict(read, given, replications, on_progress)
    if out is not None:
        print_written(write_backtest(tested, out))
    print_answer(tested, as_json, backtest_json)


def what_if(
    paths: LogPaths,
    queue: Annotated[int, number(1, 1000, help="Concurrency of the queue.")] = 3,
    as_json: Json = False,
) -> None:
    """Simulate the parallel groups in logs in parallel, sequentially and through a queue."""
    from dispatch_sim.logs.backtest.what_if import what_if as dispatch_again
    from dispatch_sim.report.logs import what_if_json

    print_answer(dispatch_again(_read_logs(paths), queue), as_json, what_if_json)


def _read_logs(paths: list[Path]) -> Logs:
    """Read logs, and print what was skipped."""
    from dispatch_sim.logs.readers.reading import read_logs

    read = read_logs(*paths)
    for reason, skipped in read.tally.skipped.items():
        first = f" (first: {skipped.first})" if skipped.first else ""
        typer.echo(f"skipped: {skipped.count:,} x {reason}{first}", err=True)
    return read
