"""The notebooks: stored without outputs, on the public names alone, and running from top to bottom."""

import ast
import os
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import dispatch_sim
from tests.logs.synthetic import write_example

FOLDER = Path(__file__).parents[1] / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))


def code_of(notebook):
    """Return the code cells."""
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def named(path):
    """Name a notebook's test."""
    return path.stem


def test_there_is_a_notebook_on_each_subject():
    assert {path.stem for path in NOTEBOOKS} == {
        "getting-started",
        "break-even",
        "your-own-limits",
        "raw-results",
        "from-your-logs",
    }


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_notebook_is_stored_without_outputs(path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code_of(notebook))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_notebook_uses_public_names_only(path):
    """Of ours it imports the package, and takes from it what `dir` shows."""
    for cell in code_of(nbformat.read(path, as_version=4)):
        for node in ast.walk(ast.parse(cell.source)):
            if isinstance(node, ast.Import):
                assert not any(each.name.startswith("dispatch_sim.") for each in node.names)
            elif isinstance(node, ast.ImportFrom):
                assert not (node.module or "").startswith("dispatch_sim")
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert node.value.id != "dispatch_sim" or node.attr in dir(dispatch_sim)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_link_between_notebooks_leads_somewhere(path):
    text = "".join(cell.source for cell in nbformat.read(path, as_version=4).cells)
    links = [part.split(")")[0] for part in text.split("](")[1:]]
    assert all((FOLDER / link).exists() for link in links)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_a_notebook_runs_from_top_to_bottom(path, monkeypatch, tmp_path):
    """In a kernel of its own, from the folder that it is in; and it shows tables or figures."""
    monkeypatch.setenv("XDG_CACHE_HOME", os.environ.get("XDG_CACHE_HOME", os.fspath(Path.home() / ".cache")))
    monkeypatch.setenv("HOME", os.fspath(tmp_path))
    write_example(tmp_path / ".claude" / "projects")
    source = os.fspath(Path(dispatch_sim.__file__).parents[1])
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([source, os.environ.get("PYTHONPATH", "")]))
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=None, kernel_name="python3", resources={"metadata": {"path": os.fspath(FOLDER)}}
    ).execute()
    shown = [output for cell in code_of(notebook) for output in cell.outputs]
    assert any("text/html" in output.get("data", {}) for output in shown)
