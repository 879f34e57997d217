"""What the README says is so: its snippet runs, and its main sentence is what the model comes to."""

import re
from pathlib import Path

import dispatch_sim
from dispatch_sim.report.decision import decide
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario.loader import load_scenario

ROOT = Path(__file__).parents[1]


def test_the_snippet_runs_as_written(tmp_path, monkeypatch, capsys):
    """From a folder that has the scenarios, it prints what to do and writes a report."""
    [snippet] = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), flags=re.DOTALL)
    (tmp_path / "scenarios").symlink_to(ROOT / "scenarios")
    monkeypatch.chdir(tmp_path)
    exec(compile(snippet, "README.md", "exec"), {})
    [recommended] = [line for line in capsys.readouterr().out.splitlines() if "recommended" in line]
    assert recommended.startswith("A queue of 2 ")
    assert (tmp_path / "reports" / "mine" / "report.html").exists()


def quoted(text):
    """Return the answer that the README quotes, on one line."""
    return " ".join(line.removeprefix("> ") for line in text.splitlines() if line.startswith("> "))


def test_the_main_sentence_is_what_the_main_scenario_comes_to():
    answer = dispatch_sim.answer(dispatch_sim.compare(ROOT / "scenarios" / "ten-sources.yaml"))
    told = decide(main_view(answer))
    said = quoted((ROOT / "README.md").read_text(encoding="utf-8"))
    assert said.startswith(told.headline)
    assert re.sub(r" \([^)]*\)", "", told.comparison[0]) in said


def test_the_main_figure_and_break_even_are_those_of_the_kept_report():
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    kept = ROOT / "reports" / "ten-sources"
    page = (kept / "report.md").read_text(encoding="utf-8").replace("\\", "")
    assert "(reports/ten-sources/break-even.svg)" in text
    assert (kept / "break-even.svg").exists()
    assert "(break-even.svg)" in page
    assert load_scenario(ROOT / "scenarios" / "ten-sources.yaml").fingerprint[:12] in page
    [break_even] = re.findall(r"From \d+ tasks on, .*?\)\.", page)
    assert break_even in quoted(text)
    assert quoted(text).partition(" That is ")[0] in page
