"""The guides of the model and of the compiled engine name the code that they describe."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import dispatch_sim

ROOT = Path(__file__).parents[2]
NAMES = [
    name
    for page in ("docs/model.md", "docs/statistics.md")
    for line in re.findall("^Code: (.*)$", (ROOT / page).read_text(), re.MULTILINE)
    for name in re.findall("`(.+?)`", line)
]

[ENGINE] = re.findall(
    "^## The compiled engine$(.*?)^## ", (ROOT / "docs/architecture.md").read_text(), re.MULTILINE | re.DOTALL
)
MOVED = [
    (package, name)
    for row in re.findall(r"^\| (?!---|`model/`)(.*) \| (.*) \|$", ENGINE, re.MULTILINE)
    for package, cell in zip(("model", "engine"), row, strict=True)
    for name in re.findall("`(.+?)`", cell)
]


@pytest.mark.parametrize("name", NAMES)
def test_guide_names_existing_code(name):
    if "/" in name:
        assert (Path(dispatch_sim.__file__).parent / name).exists()
        return
    look_up("model", name)


@pytest.mark.parametrize(("package", "name"), MOVED)
def test_architecture_names_existing_code_of_both_engines(package, name):
    look_up(package, name)


def look_up(package, name):
    module, *attributes = name.split(".")
    value = import_module(f"dispatch_sim.{package}.{module}")
    for attribute in attributes:
        value = getattr(value, attribute)


def test_every_module_of_the_model_is_in_its_guide():
    modules = {path.stem for path in (ROOT / "sim/dispatch_sim/model").glob("[a-z]*.py")}
    named = {name.partition(".")[0] for name in NAMES}
    assert modules - named == {"events", "failures", "outcome", "plan", "simulation"}
