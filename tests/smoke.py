"""Runs every command of an installed dispatch-sim on tiny inputs; `make wheel-test` runs this on the wheel.

It runs in the environment of the wheel, so it imports only the standard library, what the wheel brings, and
what makes logs up.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import typer

import dispatch_sim
from dispatch_sim.cli import app

sys.path.append(str(Path(__file__).parents[1]))
from tests.logs.synthetic import write_example

SCENARIO = """\
name: Tiny
tasks: [{name: read, count: 3, tokens: 15K, duration: 60s}]
sweep: {tasks: [2, 3], concurrency: [2]}
study: {replications: 20}
engine: compiled
"""

COMMANDS = (
    "profiles anthropic-start",
    "schema",
    "init first.yaml",
    "check first.yaml",
    "run tiny.yaml --strategy queue:2 --out run",
    "compare tiny.yaml",
    "sweep tiny.yaml --out swept",
    "report swept",
    "map tiny.yaml --x tasks.tokens=1K,100K --y provider.limits.scale=1,10",
    "why tiny.yaml --vary tasks.tokens=2K..100K",
    "tune tiny.yaml",
    "diff tiny.yaml --with provider.limits.scale=2",
    "decide --tasks 3",
    "claims --only 1,2 --replications 20",
    "logs logs",
    "calibrate logs -o fitted.yaml",
    "backtest logs --replications 20",
    "what-if logs",
)


def main() -> None:
    """Run the commands in an empty folder; ends with an error when one fails or is not in the list."""
    assert Path(dispatch_sim.__file__).is_relative_to(sys.prefix), f"not installed: {dispatch_sim.__file__}"
    listed = {command.split()[0] for command in COMMANDS}
    missing = set(typer.main.get_command(app).commands) - listed
    assert not missing, f"add to COMMANDS: {missing}"
    program = Path(sys.prefix) / "bin" / "dispatch-sim"
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "XDG_CACHE_HOME": folder, "PYTHONPATH": ""}
        (Path(folder) / "tiny.yaml").write_text(SCENARIO)
        write_example(Path(folder) / "logs")
        for command in ("--version", *COMMANDS):
            arguments = [program, *command.split()]
            subprocess.run(arguments, cwd=folder, env=environment, check=True, stdout=subprocess.DEVNULL)
    print(f"{len(COMMANDS)} commands of dispatch-sim {dispatch_sim.__version__} run")


if __name__ == "__main__":
    main()
