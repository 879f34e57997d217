"""Public names are documented, have an example, and are imported lazily."""

import inspect
import re
from pathlib import Path

import pytest

import dispatch_sim
from tests.logs.synthetic import make_runs, write_otel

ROOT = Path(__file__).parents[1]
GUIDE = (ROOT / "docs" / "python.md").read_text()


def test_dir_lists_the_public_names():
    assert dir(dispatch_sim) == sorted(dispatch_sim.__all__)


@pytest.mark.parametrize("name", dispatch_sim.__all__)
def test_public_name_has_a_docstring_and_a_place_in_the_guide(name):
    public = getattr(dispatch_sim, name)
    assert inspect.getdoc(public)
    assert re.search(rf"^### .*`{name}`", GUIDE, flags=re.MULTILINE)
    assert any(f"dispatch_sim.{name}" in example for example in examples())


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="has no attribute 'simulate'"):
        dispatch_sim.simulate  # noqa: B018


def test_old_name_is_accepted_with_a_warning():
    text = "tasks: [{name: one, tokens: 1K, duration: 60s}]"
    with pytest.warns(
        DeprecationWarning, match="^dispatch_sim.parse_source is deprecated; use dispatch_sim.load$"
    ):
        assert dispatch_sim.parse_source(text) == dispatch_sim.parse_source(text)
    with pytest.warns(DeprecationWarning, match=r"load\(...\).scenario\(\)"):
        assert dispatch_sim.parse_scenario(text) == dispatch_sim.load(text).scenario()
    with pytest.warns(DeprecationWarning, match=r"use dispatch_sim.ask\(tasks=...\)$"):
        question = dispatch_sim.Question(tasks=2, tokens="1K")
    assert dispatch_sim.ask(question).to_json() == dispatch_sim.ask(tasks=2, tokens="1K").to_json()


def test_results_have_a_short_repr():
    source = dispatch_sim.load("tasks: [{name: one, count: 2, tokens: 1K, duration: 60s}]")
    results = dispatch_sim.compare(source, replications=2)
    assert repr(source) == "<Source: <string>>"
    assert repr(results) == "<Results: 7 design points, 14 replications>"
    assert re.fullmatch(r"<Answer: .* for 2 tasks of .*>", repr(dispatch_sim.answer(results)))
    assert re.fullmatch(r"<QuickAnswer: .* for 2 tasks>", repr(dispatch_sim.ask(tasks=2)))


def test_examples_of_the_guide_run_as_written(tmp_path, monkeypatch, capsys):
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    write_otel(make_runs(5, 2), tmp_path / "my-logs")
    monkeypatch.chdir(tmp_path)
    namespace: dict[str, object] = {}
    for number, example in enumerate(examples()):
        exec(compile(example, f"docs/python.md, example {number}", "exec"), namespace)
    assert capsys.readouterr().out


def examples():
    return re.findall(r"```python\n(.*?)```", GUIDE, flags=re.DOTALL)
