"""No private phrase is in help, documentation, notebooks, reports, scenarios or messages.

A reader who knows the field must not learn a second language. Each phrase has a term of the field next to it.
"""

import ast
import json
import re
import shlex
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from dispatch_sim.cli import app

ROOT = Path(__file__).parents[1]

PHRASES = {
    r"all at once": "parallel",
    r"one by one": "sequential",
    r"ways": "strategies",
    r"(recommended|best|cheapest|worst|each|kind of|which) way|ways? (to|of) dispatch\w*": "strategy",
    r"plays?|played": "simulates, runs",
    r"luck": "random variates; common random numbers",
    r"person's desk|left to a person": "manual completion",
    r"19 (in|of) 20|8 in 10": "p95; 10th to 90th percentile",
    r"on the front": "Pareto-optimal",
    r"chang\w+ places": "break-even point",
    r"(no|any)(body|one) would act on|indifference zone": "indifference threshold",
    r"strangers?|stranger's": "untrusted",
    r"hand(s|ed|ing)? (them |it |tasks |work )?out": "dispatch",
    r"to be small": "metric to minimise",
    r"confidence set": "confidence interval",
    r"widths?( of (the|a) queue)": "concurrency",
    r"more than chance": "statistically significant",
    r"may be as good|is as good|are as good": "not significantly different",
    r"flips?": "switching value",
    r"knobs?": "decision variable",
    r"dearer|so dear": "more expensive",
    r"(is|are) told": "is shown, is notified",
    r"the books": "cost breakdown",
}
PATTERN = re.compile(rf"\b({'|'.join(PHRASES)})\b", re.IGNORECASE)

COMMANDS = typer.main.get_command(app).commands


def private(text):
    """Return the private phrases in a text, without code."""
    prose = " ".join(re.sub(r"`[^`]*`", "", text).split())
    return sorted({match[0] for match in PATTERN.finditer(prose)})


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"]).stdout
    assert "0<=x" not in shown
    assert not private(shown.replace("│", ""))


@pytest.mark.parametrize("command", [name for name, command in COMMANDS.items() if command.epilog])
def test_example_of_a_command_is_a_command_line(command):
    program, name, *arguments = shlex.split(COMMANDS[command].epilog.removeprefix("Example: "))
    assert (program, name) == ("dispatch-sim", command)
    assert COMMANDS[command].make_context(command, arguments).params


def texts(tree):
    """Return the strings of a module that are no docstrings, with f-strings joined."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "_" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


PATTERNS = ["*.md", "docs/**/*.md", "reports/**/*.md", "notebooks/*.ipynb", "scenarios/**/*.yaml"]
PATTERNS += [f"sim/dispatch_sim/{each}" for each in ("**/*.yaml", "report/templates/*", "**/*.py")]


def said(path):
    """Return what a file says: of a notebook its cells, of a module its sentences."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".ipynb":
        return ["\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])]
    return [each for each in texts(ast.parse(text)) if " " in each] if path.suffix == ".py" else [text]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_files(pattern):
    found = {path.relative_to(ROOT): private(" | ".join(said(path))) for path in ROOT.glob(pattern)}
    assert found
    assert not {path: phrases for path, phrases in found.items() if phrases}
