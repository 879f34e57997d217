"""The commands check, run, compare, sweep, schema, init and profiles."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.scenario.loader import load
from dispatch_sim.study.checkpoint import Checkpoint, encode, is_unfinished
from tests.command import THREE_LINES, dispatch_sim

ROOT = Path(__file__).parents[1]


def test_help_loads_nothing_heavy():
    code = (
        "import sys, dispatch_sim.cli\n"
        "try: dispatch_sim.cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'simpy', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_check_prints_size_of_valid_scenario(scenario):
    result = dispatch_sim("check", scenario.name, cwd=scenario.parent)
    assert (result.returncode, result.stderr) == (0, "")
    assert "small.yaml: valid. Tasks: 3." in result.stdout
    assert "14 design points" in result.stdout.replace("\n", " ")
    found = json.loads(dispatch_sim("check", scenario.name, "--json", cwd=scenario.parent).stdout)
    assert (found["format_version"], found["tasks"], found["design_points"]) == (1, 3, 14)
    assert found["warnings"] == []


def test_comparison_prints_the_warnings_of_check(scenario):
    late = ("--set", "tasks.interarrival=5s")
    checked = dispatch_sim("check", scenario.name, *late, cwd=scenario.parent).stdout
    compared = dispatch_sim("compare", scenario.name, *late, "--replications", 2, cwd=scenario.parent).stderr
    assert compared.startswith("warning: tasks[0].interarrival: ")
    assert checked.startswith(compared)


@pytest.mark.parametrize("command", ["check", "run", "compare", "sweep"])
def test_every_error_of_a_scenario_has_its_place(tmp_path, command):
    path = tmp_path / "bad.yaml"
    task = "  - {name: a, toknes: 15K, tokens: 15K, duration: 60 parsecs}"
    path.write_text(f"tasks:\n{task}\nclient: {{retries: -1}}\n")
    result = dispatch_sim(command, path.name, cwd=tmp_path)
    assert result.returncode == 2
    assert result.stdout == ""
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 3
    assert lines[0].startswith(f"bad.yaml:2:{task.index('toknes') + 1}: ")
    assert "'tokens'" in lines[0]
    place = f"bad.yaml:2:{task.index('60 parsecs') + 1}: tasks[0].duration: "
    assert lines[1].startswith(f"{place}'60 parsecs'")
    assert "60s" in lines[1]
    assert lines[2].startswith("bad.yaml:3:19: client.retries: ")


def test_missing_file_and_wrong_option_exit_with_2(scenario):
    assert dispatch_sim("check", "nowhere.yaml", cwd=scenario.parent).returncode == 2
    assert dispatch_sim("sweep", scenario.name, "--jobs", "0", cwd=scenario.parent).returncode == 2
    wrong = dispatch_sim("run", scenario.name, "--strategy", "swarm: 3", cwd=scenario.parent)
    assert wrong.returncode == 2
    assert "queue" in wrong.stderr


def test_run_warns_of_a_concurrency_above_the_batch_size(scenario):
    result = dispatch_sim("run", scenario.name, "--strategy", "queue: 99", "--json", cwd=scenario.parent)
    assert result.returncode == 0
    assert result.stderr.startswith("warning: --strategy: queue of 99 starts all ")
    own = ("--set", "strategies=[{queue: 99}]")
    result = dispatch_sim("run", scenario.name, *own, "--json", cwd=scenario.parent)
    assert result.stderr.startswith("warning: strategies: queue of 99 starts all ")


def test_run_shows_one_replication(scenario):
    arguments = ("run", scenario.name, "--strategy", "queue: 2", "--replication", "3")
    shown = dispatch_sim(*arguments, "--out", "one", cwd=scenario.parent)
    assert shown.returncode == 0
    assert "research 3" in shown.stdout
    trace = json.loads((scenario.parent / "one" / "trace.json").read_text())
    assert any(event["ph"] == "X" for event in trace["traceEvents"])
    assert (scenario.parent / "one" / "timeline.svg").read_text().lstrip().startswith("<")
    outcome = json.loads(dispatch_sim(*arguments, "--json", cwd=scenario.parent).stdout)
    assert (outcome["strategy"], outcome["concurrency"], outcome["replication"]) == ("queue", 2, 3)
    assert outcome["outcome"]["makespan_s"] > 0


def test_compare_prints_every_strategy_and_writes_nothing(scenario):
    result = dispatch_sim("compare", scenario.name, "--replications", 20, cwd=scenario.parent)
    assert result.returncode == 0
    for strategy in ("sequential", "parallel", "queue of 2"):
        assert f"\n{strategy} " in result.stdout
    assert [path.name for path in scenario.parent.iterdir()] == [scenario.name]


def test_unwritable_folder_is_an_error_before_simulation(scenario):
    (scenario.parent / "taken").write_text("")
    for command in ("sweep", "compare", "map", "why", "tune"):
        out = ("--replications", 1_000_000, "--out", "taken/deeper")
        result = dispatch_sim(command, scenario.name, *out, cwd=scenario.parent)
        assert (result.returncode, result.stdout) == (2, ""), command
        assert result.stderr == "taken/deeper: cannot be written to: Not a directory\n"


def test_answer_is_printed_when_results_cannot_be_written(scenario):
    (scenario.parent / "out" / "results.parquet").mkdir(parents=True)
    arguments = ("sweep", scenario.name, "--replications", 4, "--out", "out", "--json")
    result = dispatch_sim(*arguments, cwd=scenario.parent)
    assert result.returncode == 2
    assert "out: cannot be written to" in result.stderr
    assert json.loads(result.stdout)["recommended"]
    assert is_unfinished(scenario.parent / "out")


def test_interruption_during_the_analysis_says_how_to_continue(scenario, monkeypatch):
    """Not that all is simulated: an earlier interruption may have ended that."""

    def interrupt(results):
        raise KeyboardInterrupt

    arguments = ("sweep", scenario.name, "--replications", 4, "--out", "out")
    monkeypatch.setattr("dispatch_sim.decide.answer.answer", interrupt)
    monkeypatch.setattr(sys, "argv", ["dispatch-sim", *map(str, arguments)])
    result = dispatch_sim(*arguments, cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (130, "")
    said = "Interrupted during the analysis. Continue with: dispatch-sim sweep small.yaml --replications 4"
    assert result.stderr.startswith(said)
    assert result.stderr.endswith(" --out out --resume\ninterrupted\n")


def test_init_writes_a_valid_scenario_and_never_over_a_file(tmp_path):
    assert dispatch_sim("init", "mine.yaml", cwd=tmp_path).returncode == 0
    assert dispatch_sim("check", "mine.yaml", cwd=tmp_path).returncode == 0
    again = dispatch_sim("init", "mine.yaml", cwd=tmp_path)
    assert again.returncode == 2
    assert again.stderr == "mine.yaml: already exists; choose another name\n"


def test_decide_saves_its_question_as_a_scenario(tmp_path):
    asked = ("decide", "--tasks", "3", "--tokens", "5K", "--calls", "2", "--manager", "script")
    asked += ("--harness", "claude-code", "--set", "failures.crash=3%", "--save", "mine.yaml")
    answer = json.loads(dispatch_sim(*asked, "--json", cwd=tmp_path).stdout)
    saved = load(tmp_path / "mine.yaml").scenario()
    assert json.loads(json.dumps(saved.resolved())) == answer["scenario"]
    assert dispatch_sim("check", "mine.yaml", cwd=tmp_path).stdout.startswith("mine.yaml: valid. Tasks: 3.")


@pytest.mark.parametrize(
    ("path", "problem"),
    [("here.yaml", "already exists"), ("none/mine.yaml", "cannot be written to: there is no folder")],
)
def test_decide_simulates_nothing_that_it_cannot_save(tmp_path, monkeypatch, path, problem):
    (tmp_path / "here.yaml").touch()
    monkeypatch.setattr("dispatch_sim.decide.question.ask", lambda **_: pytest.fail("simulated"))
    result = dispatch_sim("decide", "--tasks", 3, "--save", path, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"{path}: {problem}")


def test_starter_states_the_defaults():
    from dispatch_sim.scenario.loader import load_scenario, parse_scenario

    starter = load_scenario(ROOT / "sim" / "dispatch_sim" / "scenario" / "starter.yaml").model_dump()
    bare = parse_scenario("tasks: [{name: research, count: 5, tokens: 15K, duration: 60s}]").model_dump()
    for key in starter.keys() - {"name", "tasks"}:
        assert starter[key] == bare[key], key


def test_sweep_without_design_points_is_an_error(scenario):
    scenario.write_text(THREE_LINES.replace("[1, 2]", "[9]") + "strategies: [queue]\n")
    result = dispatch_sim("check", scenario.name, cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert "each concurrency exceeds the batch size" in result.stderr


def test_file_name_that_is_not_utf8_is_swept(scenario):
    odd = scenario.with_name("odd_\udcff.yaml")
    scenario.rename(odd)
    small = ("--set", "strategies=[sequential]", "--set", "sweep={tasks: [2]}", "--replications", 4)
    arguments = ("sweep", odd.name, *small, "--out", "out")
    assert dispatch_sim(*arguments, cwd=scenario.parent).returncode == 0
    assert (scenario.parent / "out" / "report.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("compare small.yaml --resume", "--resume and --restart need --out DIR"),
        ("compare small.yaml --restart", "--resume and --restart need --out DIR"),
        ("sweep small.yaml --jobs 2 --cluster local:1", "--jobs: has no effect with --cluster"),
        ("claims --data .", "--data: needs --file"),
        ("backtest . --data .", "--data: needs --scenario"),
        ("decide --tasks 2 --explain --json", "--explain: has no effect with --json"),
    ],
)
def test_option_without_effect_is_an_error(scenario, arguments, message):
    result = dispatch_sim(*arguments.split(), cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(message)


def test_report_says_how_to_resume_only_if_there_is_a_checkpoint(scenario):
    few = ("--set", "strategies=[parallel]", "--replications", 1200)
    dispatch_sim("compare", scenario.name, *few, "--out", "kept", cwd=scenario.parent)
    manifest = scenario.parent / "kept" / "manifest.json"
    said = json.loads(manifest.read_text())
    said["command"] = "sweep"
    said["interrupted"] = True
    said["replications"]["stopped"] = "interrupted"
    manifest.write_text(json.dumps(said))
    shown = dispatch_sim("report", "kept", cwd=scenario.parent).stderr
    assert "Interrupted at 1,200 of 1,200 replications.\n" in shown
    Checkpoint(scenario.parent / "kept", {}, "simpy").add(
        0, range(1), 1, encode(np.zeros((1, 1, len(MEASURES))))
    )
    shown = dispatch_sim("report", "kept", cwd=scenario.parent).stderr
    assert "Continue with: dispatch-sim sweep SCENARIO --out kept --resume\n" in shown
