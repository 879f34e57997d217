"""The notebooks are stored without outputs, use public names only, and run from top to bottom."""

import ast
import os
from pathlib import Path

import matplotlib
import nbformat
import pytest
from matplotlib import pyplot as plt

import dispatch_sim
from tests.logs.synthetic import make_runs, write_claude_code

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_of(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def named(path):
    return path.stem


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_of(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_uses_public_names_only(path):
    for cell in code_of(nbformat.read(path, as_version=4)):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                assert not any(each.name.startswith("dispatch_sim.") for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("dispatch_sim")
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "dispatch_sim" or node.attr in dir(dispatch_sim)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_links_between_notebooks_lead_somewhere(path):
    text = "".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert all((FOLDER / link).exists() for link in links)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_runs_from_top_to_bottom(path, tmp_path, monkeypatch):
    """In this process, which has loaded most of what it needs.

    A cell shows the value of its last line, and its figures.
    """
    write_claude_code(make_runs(8, 0), tmp_path / ".claude" / "projects")
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", os.fspath(Path.home() / ".cache")))
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    monkeypatch.chdir(FOLDER)
    plt.switch_backend("agg")
    names, pages = {}, []
    try:
        with matplotlib.rc_context():
            for cell in code_of(nbformat.read(path, as_version=4)):
                tree = ast.parse(cell.source)
                last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
                exec(compile(tree, path.name, "exec"), names)
                if last is not None:
                    value = eval(compile(ast.Expression(last.value), path.name, "eval"), names)
                    if hasattr(value, "_repr_html_"):
                        pages.append(value._repr_html_())
                    else:
                        repr(value)
                for number in plt.get_fignums():
                    plt.figure(number).canvas.draw()
    finally:
        plt.close("all")
    assert any(pages)
