"""`dispatch-sim logs`, as a user runs it."""

import json

import pandas as pd
import pytest

from dispatch_sim.logs.tables import AgentRun, ParallelGroup, columns
from tests.command import dispatch_sim
from tests.logs.synthetic import write_example


def logs(*arguments, cwd):
    return dispatch_sim("logs", *arguments, cwd=cwd)


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    """Write the made-up logs once."""
    folder = tmp_path_factory.mktemp("example")
    write_example(folder / "mine")
    return folder


def test_it_shows_kinds_and_groups(example):
    """What was read, how many runs and groups, and a row for each kind and size."""
    result = logs("mine", cwd=example)
    assert (result.returncode, result.stderr) == (0, "")
    assert "(files: Claude Code" in result.stdout
    assert "general-purpose" in result.stdout
    assert "Speed-up" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 110


def test_tables_as_csv_and_as_json_are_the_same(example):
    """Both have the columns of the tables; what was not seen is empty in the one and null in the other."""
    result = logs("mine", "-o", "tables", "--json", cwd=example)
    assert (result.returncode, result.stderr) == (0, "wrote to tables: runs.csv, groups.csv\n")
    found = json.loads(result.stdout)
    for name, table in (("runs", AgentRun), ("groups", ParallelGroup)):
        written = pd.read_csv(example / "tables" / f"{name}.csv")
        assert list(written.columns) == list(columns(table))
        told = pd.DataFrame(found[name]).astype(written.dtypes)
        pd.testing.assert_frame_equal(written, told)
    assert found["read"]["skipped"] == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["missing"], "missing: cannot be read: No such file or directory"),
        (["/dev/null"], "/dev/null: is neither a file nor a folder"),
        (["empty"], "empty: no log of a known format (no file)"),
        (["mine", "-o", "file"], "file: cannot be written to"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(example, arguments, said):
    """Exit code 2, and what to do."""
    (example / "empty").mkdir(exist_ok=True)
    (example / "file").write_text("")
    result = logs(*arguments, cwd=example)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == 1


def test_logs_without_agents_are_no_error(tmp_path):
    """They were read, and say so."""
    line = {"type": "user", "sessionId": "s", "message": {"content": "..."}}
    (tmp_path / "main.jsonl").write_text(json.dumps(line) + "\n")
    result = logs("main.jsonl", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "No sub-agent is called in them." in result.stdout
