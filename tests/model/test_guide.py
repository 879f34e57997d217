"""The model's guide names the code that it describes."""

import re
from importlib import import_module
from pathlib import Path

import pytest

import dispatch_sim

ROOT = Path(__file__).parents[2]
NAMES = [
    name
    for line in re.findall("^Code: (.*)$", (ROOT / "docs/model.md").read_text(), re.MULTILINE)
    for name in re.findall("`(.+?)`", line)
]


@pytest.mark.parametrize("name", NAMES)
def test_model_guide_names_existing_code(name):
    if "/" in name:
        assert (Path(dispatch_sim.__file__).parent / name).exists()
        return
    module, *attributes = name.split(".")
    value = import_module(f"dispatch_sim.model.{module}")
    for attribute in attributes:
        value = getattr(value, attribute)


def test_every_module_of_the_model_is_in_its_guide():
    modules = {path.stem for path in (ROOT / "sim/dispatch_sim/model").glob("[a-z]*.py")}
    named = {name.partition(".")[0] for name in NAMES}
    assert modules - named == {"events", "failures", "outcome", "plan", "simulation"}
