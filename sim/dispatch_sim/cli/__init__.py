"""The command line.

Exit codes: 0 for success, 1 when a cluster is lost, 2 for bad input, 3 when a threshold of `--fail-on` is
violated, 130 when interrupted, 141 when the reader of a pipe closes it. Answers go to standard output,
progress and errors to standard error.
"""

from __future__ import annotations

import io
import os
import signal
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import dispatch_sim
from dispatch_sim.cli import claims, decisions, own_logs, scenarios, studies
from dispatch_sim.cli.options import flag, flattened
from dispatch_sim.cli.output import BAD_INPUT, BROKEN_PIPE, INTERRUPTED

COMMANDS: dict[str, tuple[Callable[..., None], ...]] = {
    "Decide": (
        decisions.decide,
        decisions.diff,
        decisions.map_strategies,
        decisions.why,
        decisions.tune,
    ),
    "Simulate": (studies.sweep, studies.report, studies.compare, scenarios.run, claims.claims),
    "Scenario files": (scenarios.init, scenarios.check, scenarios.profiles, scenarios.schema),
    "Your own logs": (own_logs.logs, own_logs.calibrate, own_logs.backtest, own_logs.what_if),
}
"""Every command, by its section in the help."""

_NAMES = {decisions.map_strategies: "map"}

_EXAMPLES = {
    decisions.decide: "decide --tasks 10 --limits 50/30K/8K --deadline 20m",
    decisions.diff: "diff mine.yaml --with provider.limits.scale=2",
    decisions.map_strategies: "map mine.yaml --x tasks --y provider.limits.scale=1,2,4",
    decisions.why: "why mine.yaml --vary tasks.tokens=1K..1M",
    decisions.tune: "tune mine.yaml --set objective.minimise=makespan",
    studies.sweep: "sweep mine.yaml --fail-on 'cost > $10'",
    studies.compare: "compare mine.yaml --set client.retries=5",
}
"""An example of a command, for its help."""

app = typer.Typer(
    name="dispatch-sim",
    help="Simulate how to dispatch tasks to AI sub-agents: in parallel, sequentially, or through a queue.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for section, commands in COMMANDS.items():
    for command in commands:
        example = f"Example: dispatch-sim {_EXAMPLES[command]}" if command in _EXAMPLES else None
        app.command(_NAMES.get(command), epilog=example, rich_help_panel=section)(flattened(command))


def _print_version(asked: bool) -> None:
    if asked:
        typer.echo(f"dispatch-sim {dispatch_sim.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, flag("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    """Take the options that belong to no command."""


def _interrupt(number: int, frame: object) -> None:
    """Raise KeyboardInterrupt once, so that writing what is done is not interrupted again."""
    for each in _ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise KeyboardInterrupt


_ENDING = (signal.SIGINT, signal.SIGTERM)


def _open_streams() -> None:
    """Have text in any encoding, and messages without a standard error."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:  # closed by the shell, as with 2>&-
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def main() -> None:
    """Run the command line."""
    # A shell that starts the program in the background has SIGINT ignored; it must work there too.
    for each in _ENDING:
        signal.signal(each, _interrupt)
    # A notebook sets a matplotlib backend of its own environment; writing files needs none.
    os.environ["MPLBACKEND"] = "agg"
    _open_streams()
    try:
        app()
    except KeyboardInterrupt:  # before the command is found
        sys.exit(INTERRUPTED)
    except SystemExit as ended:
        if isinstance(ended.__context__, BrokenPipeError):
            sys.exit(BROKEN_PIPE)
        raise
    except OSError as error:  # errors of files are UserErrors, so this is standard output itself
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # discards what is still to be flushed
        print(f"standard output cannot be written to: {error.strerror or error}", file=sys.stderr)
        sys.exit(BAD_INPUT)
