"""`calibrate`, `backtest` and `what-if`, as a user runs them."""

import json

import pytest

from dispatch_sim.logs.words import kind_label
from dispatch_sim.scenario import load_scenario
from tests.command import dispatch_sim
from tests.logs.canaries import CANARY, write_planted


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Return a folder with made-up logs under `in` that have canaries in every text."""
    made = tmp_path_factory.mktemp("commands")
    (made / "in").symlink_to(write_planted(made))
    return made


def test_a_calibrated_file_is_written_checked_and_has_no_text_of_a_log(folder):
    """With `-o` the file is written and told of; without, it is printed. `check` finds it good."""
    written = dispatch_sim("calibrate", "in", "-o", "mine.yaml", cwd=folder)
    assert written.returncode == 0
    printed = dispatch_sim("calibrate", "in", cwd=folder)
    assert printed.stdout == (folder / "mine.yaml").read_text()
    assert CANARY not in printed.stdout + printed.stderr + written.stdout + written.stderr
    assert dispatch_sim("check", "mine.yaml", cwd=folder).returncode == 0
    scenario = load_scenario(folder / "mine.yaml")
    assert {group.name for group in scenario.tasks} == {
        kind_label(name + CANARY) for name in ("general-purpose", "Explore", "reviewer")
    }
    answer = json.loads(dispatch_sim("calibrate", "in", "--json", cwd=folder).stdout)
    assert answer["scenario_sha256"] == scenario.fingerprint
    assert {each["origin"] for each in answer["figures"]} >= {"measured", "default"}


def test_a_backtest_is_told_written_and_the_same_each_time(folder):
    """In words, as JSON, and as a page with a picture; by a scenario of one's own too."""
    dispatch_sim("calibrate", "in", "-o", "own.yaml", cwd=folder)
    arguments = ("backtest", "in/codex", "in/otel", "--replications", 20)
    first = dispatch_sim(*arguments, "--out", "told", cwd=folder)
    assert first.returncode == 0
    assert "Replay: error of a group's wall-clock" in first.stdout
    outputs = [first.stdout, first.stderr, *(path.read_text() for path in (folder / "told").iterdir())]
    assert len(outputs) == 4
    assert all(CANARY not in output for output in outputs)
    by_own = dispatch_sim(*arguments, "--scenario", "own.yaml", "--json", cwd=folder)
    again = dispatch_sim(*arguments, "--scenario", "own.yaml", "--json", cwd=folder)
    assert by_own.stdout == again.stdout
    answer = json.loads(by_own.stdout)
    assert answer["folds"] == 0
    assert len(answer["forecast"]["rivals"]) == 3


def test_what_if_answers_for_a_queue_of_any_width(folder):
    """Totals by way, in words and as JSON."""
    told = dispatch_sim("what-if", "in/codex", cwd=folder)
    assert told.returncode == 0
    assert "queue of 3" in told.stdout
    assert CANARY not in told.stdout + told.stderr
    answer = json.loads(dispatch_sim("what-if", "in/codex", "--queue", 2, "--json", cwd=folder).stdout)
    assert list(answer["totals"]) == ["all at once", "queue of 2", "one by one"]


@pytest.mark.parametrize("command", ["calibrate", "backtest", "what-if"])
def test_what_cannot_be_read_or_learnt_from_is_said_in_words(command, tmp_path):
    """Exit code 2, and a message: no such path, and a log without agents."""
    missing = dispatch_sim(command, "nowhere", cwd=tmp_path)
    assert (missing.returncode, missing.stdout) == (2, "")
    assert "nowhere" in missing.stderr
    (tmp_path / "log.jsonl").write_text(
        '{"type": "user", "sessionId": "s", "uuid": "u", "timestamp": "2026-01-01T00:00:00.000Z", '
        '"message": {"role": "user", "content": "hello"}}\n'
    )
    empty = dispatch_sim(command, "log.jsonl", cwd=tmp_path)
    assert empty.returncode == 2
    assert "Traceback" not in empty.stderr
    assert empty.stderr.strip()


def test_a_file_that_cannot_be_written_is_no_traceback(folder):
    """It is said which."""
    (folder / "file").write_text("")
    result = dispatch_sim("calibrate", "in", "-o", "file/mine.yaml", cwd=folder)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
