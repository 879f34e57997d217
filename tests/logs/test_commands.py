"""The commands on logs as a user runs them; no text of a log is in their output."""

import functools
import json
import re

import pandas as pd
import pytest

from dispatch_sim.logs.readers.labels import kind_label, model_family
from dispatch_sim.logs.readers.reading import read_logs
from dispatch_sim.logs.readers.tables import make_tables
from dispatch_sim.scenario.loader import load_scenario
from tests.command import dispatch_sim
from tests.logs.synthetic import make_runs, write_codex, write_example

CANARY = "CANARY"
"""Planted in every text of a log: any that reaches an output is seen there."""

_AGENT_IDS = re.compile(r"\ba\d{10}\b")
_KEPT_KEYS = frozenset({"type", "role", "status", "operation", "timestamp", "kind", "thread_source", "key"})
_KEPT = frozenset({"Agent", "Task", "spawn_agent", "invoke_agent", "chat", "execute_tool"})


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Write synthetic logs to `plain`, and to `in` with canaries in texts, keys, and names of files."""
    folder = tmp_path_factory.mktemp("commands")
    planted = folder / f"of {CANARY} Inc"
    for path in write_example(folder / "plain"):
        to = planted / path.parent.name / f"{CANARY}-{path.name}"
        to.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(_planted(json.loads(line))) for line in path.read_text().splitlines()]
        to.write_text("\n".join([*lines, f'{{"{CANARY}": "cut off {CANARY}']))
    (planted / f"{CANARY}.txt").write_text(CANARY)
    (planted / f"{CANARY}.jsonl").write_text(f"{CANARY}\n[{CANARY!r}]\n{{}}\n")
    (folder / "in").symlink_to(planted)
    (folder / "file").write_text("")
    (folder / "empty").mkdir()
    return folder


@pytest.fixture(scope="module")
def ran(folder, tmp_path_factory):
    """Return a function that runs a command on the planted logs once, and returns it and its files."""

    @functools.cache
    def run(arguments):
        below = tmp_path_factory.mktemp("ran")
        (below / "in").symlink_to(folder / "in")
        done = dispatch_sim(*arguments.split(), cwd=below)
        files = [path for path in below.rglob("*") if path.is_file() and not path.is_symlink()]
        return done, {path.name: path.read_text() for path in files}

    return run


def _planted(value, key=""):
    if isinstance(value, dict):
        return {k: _planted(v, k) for k, v in value.items()} | {f"{CANARY} key": f"{CANARY} value"}
    if isinstance(value, list):
        return [_planted(each) for each in value]
    if not isinstance(value, str) or key in _KEPT_KEYS or value in _KEPT or value.isdigit():
        return value
    if value.startswith("{"):
        return json.dumps(_planted(json.loads(value)))
    if value.startswith("<task-notification>"):
        return _AGENT_IDS.sub(lambda found: found[0] + CANARY, value.replace("...", CANARY, 1))
    return value + CANARY


@pytest.mark.parametrize(
    "arguments",
    [
        "logs in -o tables",
        "logs in --json",
        "calibrate in -o mine.yaml",
        "calibrate in --json",
        "backtest in/codex in/otel --replications 20 --out told",
        "backtest in/codex --replications 20 --json",
        "what-if in/codex",
        "what-if in/codex --json",
    ],
)
def test_texts_of_log_appear_in_no_output(ran, arguments):
    done, written = ran(arguments)
    assert done.returncode == 0
    assert bool(written) == ("-o" in arguments)
    assert all(CANARY not in text for text in (done.stdout, done.stderr, *written.values()))


def test_canaries_change_nothing_but_names_of_kinds(folder):
    """So the test above has not just lost the runs: the same are found, with the same numbers."""
    plain, planted = read_logs(folder / "plain").runs, read_logs(folder / "in").runs
    numbers = ["source", "called_at_s", "ended_at_s", "duration_s", "calls", "cache_read_tokens"]
    assert len(plain) > 200
    pd.testing.assert_frame_equal(plain[numbers], planted[numbers])


def test_error_names_file_as_given(tmp_path):
    (tmp_path / f"{CANARY}.jsonl").write_text(f"{CANARY}\n")
    result = dispatch_sim("logs", ".", cwd=tmp_path)
    assert (result.returncode, CANARY in result.stderr + result.stdout) == (2, False)
    named = dispatch_sim("logs", f"{CANARY}.jsonl", cwd=tmp_path)
    assert named.returncode == 2
    assert named.stderr.count(CANARY) == 1


@pytest.mark.parametrize(
    ("name", "family"),
    [
        ("claude-opus-4-6", "claude-opus-4-6"),
        ("claude-haiku-4-5-20251001", "claude-haiku-4-5"),
        ("claude-3-5-sonnet-20241022", "claude-3-5-sonnet"),
        ("claude-sonnet-4-5[1m]", "claude-sonnet-4-5"),
        ("us.anthropic.claude-sonnet-4-20250514-v1:0", "claude-sonnet-4"),
        ("claude-sonnet-4@20250514", "claude-sonnet-4"),
        ("openai/gpt-5.1-codex-max", "gpt-5.1-codex-max"),
        ("gpt-4o-mini-2024-07-18", "gpt-4o-mini"),
        ("o3", "o3"),
        ("gemini-2.5-pro", "gemini-2.5-pro"),
        (f"claude-opus-4-6-{CANARY}", "other"),
        (f"{CANARY.lower()}-claude-opus-4-6", "other"),
        ("acme-internal-7b", "other"),
        ("claude-opus-4-123456789", "other"),
        (None, "unknown"),
    ],
)
def test_family_of_model(name, family):
    assert model_family(name) == family


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("general-purpose", "general-purpose"),
        ("Explore", "Explore"),
        (None, "unnamed"),
        ("", "unnamed"),
        # By `openssl mac ... BLAKE2BMAC`. Another value would part saved calibrations from their logs.
        ("code-reviewer", "kind-7de83d8c"),
    ],
)
def test_label_of_kind(name, label):
    assert kind_label(name) == label


def test_logs_shows_kinds_and_groups(folder):
    result = dispatch_sim("logs", "plain", cwd=folder)
    assert (result.returncode, result.stderr) == (0, "")
    shown = " ".join(result.stdout.split())
    assert all(part in shown for part in ("(files: Claude Code", "general-purpose", "Speed-up"))
    assert max(map(len, result.stdout.splitlines())) <= 80


def test_tables_as_csv_and_as_json_are_same(folder):
    result = dispatch_sim("logs", "plain", "-o", "tables", "--json", cwd=folder)
    assert (result.returncode, result.stderr) == (0, "wrote to tables: runs.csv, groups.csv\n")
    found = json.loads(result.stdout)
    for name in ("runs", "groups"):
        written = pd.read_csv(folder / "tables" / f"{name}.csv")
        assert list(written.columns) == list(getattr(make_tables([]), name).columns)
        told = pd.DataFrame(found[name]).astype(written.dtypes)
        pd.testing.assert_frame_equal(written, told)
    assert found["read"]["skipped"] == []


def test_calibrated_file_is_the_printed_scenario(ran, tmp_path):
    _, written = ran("calibrate in -o mine.yaml")
    printed, _ = ran("calibrate in")
    assert printed.stdout == written["mine.yaml"]
    (tmp_path / "mine.yaml").write_text(printed.stdout)
    assert dispatch_sim("check", "mine.yaml", cwd=tmp_path).returncode == 0
    scenario = load_scenario(tmp_path / "mine.yaml")
    names = ("general-purpose", "Explore", "reviewer")
    assert {group.name for group in scenario.tasks} == {kind_label(name + CANARY) for name in names}
    answer = json.loads(ran("calibrate in --json")[0].stdout)
    assert answer["scenario_sha256"] == scenario.fingerprint
    assert {each["origin"] for each in answer["figures"]} >= {"measured", "default"}


def test_reason_without_a_place_is_printed_without_one(tmp_path):
    *_, session = write_codex(make_runs(1, seed=2), tmp_path / "logs")
    session.unlink()
    write_codex(make_runs(4, seed=1)[-10:], tmp_path / "logs")
    result = dispatch_sim("calibrate", "logs", cwd=tmp_path)
    assert re.fullmatch(r"skipped: [0-9]+ x agent whose call is in none of the files\n", result.stderr)


def test_backtest_is_same_each_time(folder):
    dispatch_sim("calibrate", "plain", "-o", "own.yaml", cwd=folder)
    arguments = ("backtest", "plain/codex", "--replications", 20, "--scenario", "own.yaml", "--json")
    first, again = (dispatch_sim(*arguments, cwd=folder).stdout for _ in range(2))
    assert first == again
    answer = json.loads(first)
    assert (answer["folds"], len(answer["forecast"]["baselines"])) == (0, 3)


def test_what_if_takes_concurrency_of_queue(folder):
    done = dispatch_sim("what-if", "plain/codex", "--queue", 2, "--json", cwd=folder)
    assert list(json.loads(done.stdout)["totals"]) == ["parallel", "queue of 2", "sequential"]


NO_AGENTS = (
    '{"type": "user", "sessionId": "s", "uuid": "u", "message": {"role": "user", "content": "hello"}}\n'
)


def test_logs_without_agents_are_no_error(tmp_path):
    (tmp_path / "main.jsonl").write_text(NO_AGENTS)
    result = dispatch_sim("logs", "main.jsonl", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert "The logs contain no sub-agent." in result.stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("logs missing", "missing: cannot be read: No such file or directory"),
        ("logs /dev/null", "/dev/null: is neither a file nor a folder"),
        ("logs empty", "empty: no log of a known format (no file)"),
        ("logs plain -o file", "file: cannot be written to"),
        ("calibrate plain/otel -o file/mine.yaml", "file: cannot be written to"),
        *(
            (f"{command} missing", "missing: cannot be read")
            for command in ("calibrate", "backtest", "what-if")
        ),
        ("calibrate none.jsonl", "no runs of sub-agents are in these logs"),
        ("backtest none.jsonl", "no parallel groups are in these logs"),
        ("what-if none.jsonl", "no parallel groups are in these logs"),
    ],
)
def test_errors_are_one_line(folder, arguments, said):
    (folder / "none.jsonl").write_text(NO_AGENTS)
    result = dispatch_sim(*arguments.split(), cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(said)
    assert result.stderr.count("\n") == 1
