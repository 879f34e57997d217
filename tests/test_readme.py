"""The README's Python snippet runs as it is written."""

import re
from pathlib import Path

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
