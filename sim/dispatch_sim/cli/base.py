"""What all commands share: the application, its exit codes, options, and how they say things."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from dispatch_sim.scenario.loader import Source
    from dispatch_sim.study.runner import OnProgress

FAILED = 1

BAD_INPUT = 2

VIOLATED = 3

INTERRUPTED = 130


ScenarioFile = Annotated[Path, typer.Argument(metavar="SCENARIO", help="A scenario file (YAML).")]

DataFolder = Annotated[
    Path | None,
    typer.Option(
        "--data", metavar="DIR", help="Where csv files of the scenario may lie, besides its own folder."
    ),
]

Seed = Annotated[
    int | None, typer.Option(min=0, max=2**64 - 1, help="Random seed, in place of the scenario's.")
]

Replications = Annotated[
    int | None, typer.Option(min=2, max=1_000_000_000, help="Replications of every design point.")
]

Jobs = Annotated[
    int | None, typer.Option(min=1, max=1024, help="Threads of the compiled engine. Default: one a core.")
]

Json = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]

Resume = Annotated[
    bool | None,
    typer.Option(
        "--resume/--restart",
        help="Continue the study that an earlier run has left unfinished there, or discard it. Default: "
        "discard it, but end with an error where it took more than a minute.",
        show_default=False,
    ),
]

ClusterAt = Annotated[
    str | None,
    typer.Option(
        "--cluster",
        metavar="ADDRESS",
        help="Simulate on a Dask cluster of your own: tcp://HOST:PORT of its scheduler, or local:N threads.",
    ),
]

FailOn = Annotated[
    list[str] | None,
    typer.Option(
        metavar="THRESHOLD",
        help="Exit with 3 where the recommended way's estimate is so: 'p95_makespan_s > 20m', 'cost > $10'. "
        "May be given several times.",
    ),
]

OutFolder = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="Where to write. Default: reports/NAME, as the file is called."),
]


def read_source(path: Path, data: Path | None) -> Source:
    """Read a scenario's file, whose csv files may lie in its own folder and in `data`."""
    from dispatch_sim.scenario.loader import load_source

    return load_source(path, data)


def folder_of(scenario: Path) -> Path:
    """Return where what is made of a scenario's file is written."""
    from dispatch_sim.study.results import folder_name

    return Path("reports") / folder_name(scenario.stem)


def writable(folder: Path) -> Path:
    """Return a folder that can be written to, as far as can be told before anything is played for it."""
    from dispatch_sim.study.files import check_folder

    check_folder(folder)
    return folder


def alone(folder: Path | None) -> AbstractContextManager[None]:
    """Hold a folder, if there is one, so that no other run writes there meanwhile."""
    from dispatch_sim.study.files import alone_in

    return nullcontext() if folder is None else alone_in(folder)


def workers(asked: int | None) -> int:
    """Return how many workers to use: as many as were asked for, or one for each core."""
    from dispatch_sim.study.runner import all_cores

    return asked or all_cores()


def say_written(paths: list[Path]) -> None:
    """Say which files were written, and where."""
    names = ", ".join(path.name for path in paths)
    typer.echo(f"wrote to {paths[0].parent}: {names}", err=True)


def print_json(answer: dict[str, Any]) -> None:
    """Print an answer for programs."""
    typer.echo(json.dumps(answer, indent=2, ensure_ascii=False, allow_nan=False))


def fail(message: str) -> None:
    """Say what is wrong with what was given, and end."""
    typer.echo(message, err=True)
    raise typer.Exit(BAD_INPUT)


@contextmanager
def errors_in_words() -> Iterator[None]:
    """Turn what the layers below raise for the user into a message and an exit code."""
    from dispatch_sim.scenario.problems import UserError
    from dispatch_sim.study.runner import WorkerError

    try:
        yield
    except UserError as error:
        fail(str(error))
    except WorkerError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(FAILED) from error
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def progress(what: str = "replications") -> Iterator[OnProgress | None]:
    """Show progress on standard error where that is a terminal."""
    if not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
