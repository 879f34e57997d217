"""The commands map, why, tune, diff and decide."""

import json
import subprocess
import sys

import pytest

from tests.command import dispatch_sim

SMALL = """\
engine: compiled
name: Small
tasks: [{name: research, count: 4, calls: 2, tokens: 15K, duration: 60s}]
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [sequential, parallel, {queue: 2}]
study: {replications: 20}
"""


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


def test_map_prints_a_grid_and_writes_files(folder):
    arguments = ("map", "small.yaml", "--x", "tasks.tokens=1K,100K", "--y", "provider.limits.scale=1,10")
    arguments += ("--replications", 8)
    result = dispatch_sim(*arguments, cwd=folder)
    assert result.returncode == 0, result.stderr
    rows = [line.split()[0] for line in result.stdout.splitlines() if line.split()[:1] in (["10"], ["1"])]
    assert rows == ["10", "1"]
    assert "Cheapest" in result.stdout
    assert (folder / "reports" / "small" / "map.svg").read_text().startswith("<?xml")
    found = json.loads(dispatch_sim(*arguments, "--json", cwd=folder).stdout)
    assert [(cell["x"], cell["y"]) for cell in found["cells"]] == [(1e3, 1), (1e5, 1), (1e3, 10), (1e5, 10)]


def test_wrong_key_of_a_map_is_bad_input(folder):
    result = dispatch_sim("map", "small.yaml", "--x", "tasks.tokns", cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert result.stderr.startswith(
        "--x tasks.tokns: unknown key 'tasks.tokns'; did you mean 'tasks.tokens'?"
    )
    assert not (folder / "reports").exists()


def test_why_prints_cost_breakdown_and_switching_values(folder):
    text = SMALL.replace("[sequential, parallel, {queue: 2}]", "[sequential, parallel]")
    (folder / "small.yaml").write_text(text)
    arguments = ("why", "small.yaml", "--replications", 4, "--vary", "tasks.tokens=2K..100K")
    result = dispatch_sim(*arguments, "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    for way in found["comparisons"]:
        parts = [part["difference"]["mean"] for part in way["components"]]
        assert sum(parts) == pytest.approx(way["difference"]["mean"])
    ranges = {(each["to_another"], each["path"]): each["range"] for each in found["switching_values"]}
    assert len(ranges) == len(found["switching_values"])  # a key with a stated range is searched once
    assert ranges["kind", "tasks.tokens"] == [2000, 100_000]
    assert {path.name for path in (folder / "reports" / "small").iterdir()} == {
        "why.md",
        "why.json",
        "tornado.svg",
    }
    wrong = dispatch_sim("why", "small.yaml", "--vary", "tasks.tokens", cwd=folder)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "tasks.tokens=1K..1M" in wrong.stderr
    wrong = dispatch_sim("why", "small.yaml", "--vary", "retries=1..2", cwd=folder)
    assert wrong.stderr == "--vary retries: unknown key 'retries'; did you mean 'client.retries'?\n"


def test_decide_answers_in_a_line_and_loads_nothing_heavy(tmp_path):
    result = dispatch_sim("decide", "--tasks", 6, "--limits", "anthropic-start", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    answered, table, assumed, binding, hint = result.stdout.split("\n\n")
    assert "six tasks" in answered
    assert "\nsolo " in table
    assert assumed.startswith("Assumed: the client retries a rejected request up to two times (--client);")
    assert "binds" in binding
    assert "--manager script: about $" in hint
    assert not list(tmp_path.iterdir())
    code = (
        "import sys, dispatch_sim.cli\n"
        "try: dispatch_sim.cli.app(['decide', '--tasks', '6', '--explain'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'matplotlib', 'pyarrow', 'numba', 'scipy'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_decide_prints_json_and_one_line_per_error(tmp_path):
    found = json.loads(dispatch_sim("decide", "--tasks", 4, "--json", cwd=tmp_path).stdout)
    assert found["strategy"] == found["strategies"][0]["strategy"]
    assert found["scenario"]["tasks"][0]["count"] == 4
    for wrong in (
        ("--tokens", "many"),
        ("--set", "client.retries"),
        ("--limits", "nobody"),
        ("--limits", "50/30/8"),
        ("--limits", "openai-like"),
        ("--deadline", "5"),
    ):
        result = dispatch_sim("decide", "--tasks", 4, *wrong, cwd=tmp_path)
        assert (result.returncode, result.stdout, result.stderr.count("\n")) == (2, "", 1)
        assert result.stderr.startswith(wrong[0])


def test_tune_prints_best_and_equivalent_values(folder):
    result = dispatch_sim("tune", "small.yaml", "--replications", 6, "--json", cwd=folder)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert [each["path"] for each in found["decision_variables"]][:2] == ["concurrency", "retry.max_attempts"]
    assert all(each["best"] in each["best_subset"] for each in found["decision_variables"])
    assert {path.name for path in (folder / "reports" / "small").iterdir()} == {"tuning.md", "tuning.json"}


def test_diff_compares_two_files_or_a_change(folder):
    (folder / "more.yaml").write_text(SMALL.replace("30K/min", "60K/min"))
    for second in (["more.yaml"], ["--with", "provider.limits.input_tokens=60K/min"]):
        arguments = ("diff", "small.yaml", *second, "--set", "tasks.count=3", "--json")
        result = dispatch_sim(*arguments, cwd=folder)
        assert result.returncode == 0, result.stderr
        found = json.loads(result.stdout)
        assert (found["a"]["tasks"], found["b"]["tasks"]) == (3, 3)
        assert found["changes"] == [{"path": "provider.limits.input_tokens", "a": "30K/min", "b": "60K/min"}]
        assert found["recommended"]["makespan_s"]["difference"]["n"] == 20
    assert [path.name for path in folder.iterdir()] == ["small.yaml", "more.yaml"]


def test_diff_prints_the_warnings_of_both_scenarios_once(folder):
    wide = ("--set", "harness.cap=2", "--with", "tasks.tokens=50")
    result = dispatch_sim("diff", "small.yaml", *wide, "--json", cwd=folder)
    lines = [line for line in result.stderr.splitlines() if line.startswith("warning: ")]
    assert len(lines) == len(set(lines))
    assert any("a task has 50 tokens on average" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "diff: needs a second scenario file, or --with KEY=VALUE for a change of the first\n"),
        (["none.yaml"], "none.yaml: cannot be read: "),
        (
            ["--with", "client.retris=3"],
            "--with client.retris=3: unknown key 'retris'; did you mean 'retries'?\n",
        ),
        (["--with", "client.retries"], "--with: 'client.retries' is not KEY=VALUE; write client.retries=5\n"),
        (["--with", "sweep.a.b=[1]"], "--with sweep.a.b=[1]: unknown key 'a'"),
        (["--set", "tasks=[]", "--with", "client.retries=3"], "--set tasks=[]: "),
    ],
)
def test_wrong_second_scenario_is_bad_input(folder, arguments, message):
    result = dispatch_sim("diff", "small.yaml", *arguments, cwd=folder)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(message)
