"""The notebooks are stored without outputs, use public names only, and run from top to bottom."""

import ast
import os
from pathlib import Path

import nbformat
import pytest
from jupyter_client import KernelManager
from nbclient import NotebookClient

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


@pytest.fixture(scope="module")
def kernel(tmp_path_factory):
    """Return a kernel for all notebooks, in a home with logs of its own."""
    home = tmp_path_factory.mktemp("home")
    write_claude_code(make_runs(8, 0), home / ".claude" / "projects")
    environment = {"HOME": os.fspath(home), "PYTHONPATH": os.fspath(Path(dispatch_sim.__file__).parents[1])}
    environment["XDG_CACHE_HOME"] = os.environ.get("XDG_CACHE_HOME", os.fspath(Path.home() / ".cache"))
    manager = KernelManager(kernel_name="python3")
    manager.start_kernel(cwd=os.fspath(FOLDER), env=os.environ | environment)
    yield manager
    manager.shutdown_kernel(now=True)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=named)
def test_notebook_runs_from_top_to_bottom(kernel, path):
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell("%reset -f"))  # of names that others have defined
    client = NotebookClient(notebook, km=kernel, timeout=None)
    client.execute(cleanup_kc=False)
    client.kc.stop_channels()
    shown = [output for cell in code_of(notebook) for output in cell.outputs]
    assert any("text/html" in output.get("data", {}) for output in shown)
