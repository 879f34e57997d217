"""Output of all commands: answers, messages, progress and exit codes."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from operator import methodcaller
from pathlib import Path
from threading import Timer
from typing import TYPE_CHECKING, Any, NoReturn

import typer

if TYPE_CHECKING:
    from dispatch_sim.study.runner import OnProgress

# Exit codes.
FAILED = 1
"""A cluster is lost."""
BAD_INPUT = 2
"""The input is wrong, or the output cannot be written to."""
VIOLATED = 3
"""A threshold of `--fail-on` is violated."""
INTERRUPTED = 130
"""As shells report a process that ends by SIGINT."""
BROKEN_PIPE = 141
"""As shells report a process that ends by SIGPIPE."""

LONG_S = 2.0
"""Seconds after which a command that shows no progress prints that it simulates."""

FORMAT_VERSION = 1
"""Of all JSON output: it rises when a key is removed, renamed, or has another meaning."""


def print_answer(
    answer: Any, as_json: bool, to_json: Callable[[Any], dict[str, Any]] = methodcaller("to_json")
) -> None:
    """Print an answer as JSON, or its text for a terminal."""
    if as_json:
        print_json(to_json(answer))
    else:
        typer.echo(str(answer), nl=False)


def print_json(answer: dict[str, Any]) -> None:
    """Print an answer for programs: dataclasses as objects, and null for a number that is not finite."""
    from pydantic_core import from_json, to_json

    plain = from_json(to_json({"format_version": FORMAT_VERSION, **answer}, inf_nan_mode="null"))
    typer.echo(json.dumps(plain, indent=2, ensure_ascii=False))


def print_written(paths: list[Path]) -> None:
    """Print which files were written, and where."""
    names = ", ".join(path.name for path in paths)
    typer.echo(f"wrote to {paths[0].parent}: {names}", err=True)


def check_new(path: Path) -> None:
    """Check that there is no file yet at a path, but a folder for it."""
    if path.exists():
        fail(f"{path}: already exists; choose another name")
    if not path.parent.is_dir():
        fail(f"{path}: cannot be written to: there is no folder {path.parent}")


def write_new(path: Path, text: str) -> None:
    """Write a text to a file that does not exist."""
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        fail(f"{path}: already exists; choose another name")
    except OSError as error:
        fail(f"{path}: cannot be written to: {error.strerror or error}")


def fail(message: str) -> NoReturn:
    """Print what is wrong with the input, and exit."""
    typer.echo(message, err=True)
    raise typer.Exit(BAD_INPUT)


@contextmanager
def exit_codes() -> Iterator[None]:
    """Turn errors for the user into their message and an exit code."""
    from dispatch_sim.scenario.problems import UserError

    try:
        yield
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(BAD_INPUT if error.is_bad_input else FAILED) from error
    except KeyboardInterrupt:
        typer.echo("interrupted", err=True)
        raise typer.Exit(INTERRUPTED) from None


@contextmanager
def progress(what: str) -> Iterator[OnProgress | None]:
    """Show progress on standard error if that is a terminal, or else a line if it takes long."""
    if not sys.stderr.isatty():
        with _line_if_long() as on_progress:
            yield on_progress
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(what), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _line_if_long() -> Iterator[OnProgress]:
    """Print one line on how far it is after `LONG_S` seconds."""
    done = ""

    def on_progress(so_far: int, total: int) -> None:
        nonlocal done
        done = f": {100 * so_far // total}% done"

    line = "simulating, which takes more than"
    timer = Timer(LONG_S, lambda: typer.echo(f"{line} {LONG_S:g} seconds{done}", err=True))
    timer.daemon = True
    timer.start()
    try:
        yield on_progress
    finally:
        timer.cancel()
