"""The commands, and nothing else.

Exit codes: 0; 1 when a cluster was lost; 2 for bad input; 3 when a threshold of --fail-on is violated;
130 when interrupted. What a command answers goes to standard output, progress and errors to standard error.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from typing import Annotated

import typer

import dispatch_sim
from dispatch_sim.cli import decisions, own_logs, scenarios, studies
from dispatch_sim.cli.base import BAD_INPUT

app = typer.Typer(
    name="dispatch-sim",
    help="Simulate how to dispatch work to AI sub-agents: all at once, one by one, or through a queue of k.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for part in (scenarios, studies, decisions, own_logs):
    app.add_typer(part.app)


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dispatch-sim {dispatch_sim.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


def _interrupt(number: int, frame: object) -> None:
    """End the study, once: what is done is written then, and must not be interrupted again."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


_ENDING = (signal.SIGINT, signal.SIGTERM)


def main() -> None:
    """Run the command line."""
    # A shell that starts us in the background has SIGINT ignored; an interruption is to work there too.
    for each in _ENDING:
        signal.signal(each, _interrupt)
    # A notebook names a backend of its own environment for matplotlib; files need none.
    os.environ["MPLBACKEND"] = "agg"
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except OSError as error:  # files are in words before it comes here: what is left is output itself
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be flushed has nowhere to go
        print(f"standard output cannot be written to: {error.strerror or error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
