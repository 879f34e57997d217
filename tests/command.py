"""Runs the command line for tests, in this process or in one of its own."""

import contextlib
import logging
import subprocess
import sys
from unittest import mock

from typer.testing import CliRunner

from dispatch_sim.cli import app, output

THREE_LINES = """tasks:
  - {name: research, count: 3, tokens: 15K, duration: 60s}
sweep: {tasks: [2, 3], concurrency: [1, 2]}
"""


def dispatch_sim(*arguments, cwd):
    """Run a command in this process; returns its exit code and output as a finished process has them."""
    words = [*map(str, arguments)]
    # Without pytest's handlers, log messages go to standard error, as they do for a user. A slow
    # machine prints no more than a fast one.
    logged = mock.patch.object(logging.getLogger(), "handlers", [])
    with contextlib.chdir(cwd), logged, mock.patch.object(output, "LONG_S", 3600):
        result = CliRunner().invoke(app, words, catch_exceptions=False)
    return subprocess.CompletedProcess(words, result.exit_code, result.stdout, result.stderr)


def start(*arguments, cwd, **options):
    """Start a command in a process of its own; the options are those of `subprocess.Popen`."""
    return subprocess.Popen([sys.executable, "-m", "dispatch_sim", *map(str, arguments)], cwd=cwd, **options)
