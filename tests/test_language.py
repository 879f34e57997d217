"""No private phrase is in help, documentation, notebooks, reports, scenarios or messages.

A reader who knows the field must not learn a second language. Each phrase has a term of the field next to it.
"""

import ast
import json
import re
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


def files(*patterns):
    paths = sorted(path for pattern in patterns for path in ROOT.glob(pattern))
    assert paths
    return pytest.mark.parametrize("path", paths, ids=lambda path: path.relative_to(ROOT).as_posix())


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help(command):
    shown = CliRunner().invoke(app, [*command.split(), "--help"]).stdout
    assert "0<=x" not in shown
    assert not private(shown.replace("│", ""))


@files("*.md", "docs/**/*.md")
def test_documentation(path):
    assert not private(path.read_text(encoding="utf-8"))


@files("notebooks/*.ipynb")
def test_notebooks(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert not private("\n".join("".join(cell["source"]) for cell in cells))


@files("reports/**/*.md")
def test_stored_reports(path):
    assert not private(path.read_text(encoding="utf-8"))


@files("scenarios/**/*.yaml", "sim/dispatch_sim/**/*.yaml", "sim/dispatch_sim/report/templates/*")
def test_scenarios_and_templates(path):
    assert not private(path.read_text(encoding="utf-8"))


def texts(tree):
    """Return the strings of a module that are no docstrings, with f-strings joined."""
    docstrings = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(part.value if isinstance(part, ast.Constant) else "_" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.value


@files("sim/dispatch_sim/**/*.py")
def test_messages_and_sentences(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert not [text for text in texts(tree) if " " in text and private(text)]
