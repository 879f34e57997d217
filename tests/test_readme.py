"""The README's snippet runs, its commands exist, and its figures are those of the model."""

import re
from pathlib import Path

import typer

from dispatch_sim.cli import app
from dispatch_sim.scenario.loader import load

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUOTED = " ".join(line.removeprefix("> ") for line in README.splitlines() if line.startswith("> "))


def test_snippet_runs_as_written(tmp_path, monkeypatch, capsys):
    [snippet] = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "README.md", "exec"), {})
    assert "queue of 2" in capsys.readouterr().out
    assert (tmp_path / "reports" / "mine" / "report.html").exists()


def test_every_command_is_named():
    for name in typer.main.get_command(app).commands:
        assert re.search(rf"(`|dispatch-sim ){name}\b", README), name


def test_quoted_break_even_and_figure_are_those_of_the_stored_report():
    stored = ROOT / "reports" / "ten-sources"
    page = (stored / "report.md").read_text(encoding="utf-8")
    assert "(reports/ten-sources/break-even.svg)" in README
    assert (stored / "break-even.svg").exists()
    assert load(ROOT / "scenarios" / "ten-sources.yaml").scenario().fingerprint[:12] in page
    form = r"[Ww]ith\s+(\d+)\s+or more tasks[^.]*?with (\d+ to \d+), parallel"
    assert re.findall(form, QUOTED) == re.findall(form, page)[:1]
