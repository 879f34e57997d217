"""Options of the command line other than --set."""

import json
import os
import signal
import subprocess
import sys

import numpy as np
import pytest

from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.study.checkpoint import Checkpoint, encode
from tests.command import dispatch_sim, start


@pytest.mark.parametrize(
    "command",
    ["sweep small.yaml", "compare small.yaml", "run small.yaml", "map small.yaml", "claims", "logs .",
     "calibrate .", "backtest ."],
)  # fmt: skip
def test_empty_out_is_an_error(scenario, command):
    result = dispatch_sim(*command.split(), "--out", "", cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert "'' is not a path" in result.stderr
    assert [path.name for path in scenario.parent.iterdir()] == [scenario.name]


def test_report_of_an_unfinished_study_names_its_folder(tmp_path):
    (tmp_path / "my study").mkdir()
    Checkpoint(tmp_path / "my study", {}, "simpy").add(
        0, range(1), 1, encode(np.zeros((1, 1, len(MEASURES))))
    )
    result = dispatch_sim("report", "my study", cwd=tmp_path)
    assert result.returncode == 2
    assert "continue it with: dispatch-sim sweep SCENARIO --out 'my study' --resume\n" in result.stderr


def test_compare_without_files_refers_to_none(scenario):
    many = ("--set", "tasks.count=30", "--set", "sweep.concurrency=1..30", "--set", "strategies=[queue]")
    result = dispatch_sim("compare", scenario.name, *many, "--replications", 2, cwd=scenario.parent)
    assert "And 10 more strategies.\n" in result.stdout


@pytest.mark.parametrize(
    ("option", "setting"),
    [
        ("--tasks 12", "tasks.count=5"),
        ("--tokens 15K", "tasks.tokens=5K"),
        ("--duration 2m", "tasks.duration=5m"),
        ("--client claude-code", "client={retries: 5}"),
        ("--concurrency 3", "sweep.concurrency=2"),
        ("--limits anthropic-start", "provider.profile=anthropic-build"),
        ("--limits 50/30K/8K", "provider.limits=unlimited"),
        ("--deadline 2h", "objective.deadline=1h"),
    ],
)
def test_setting_that_replaces_an_option_of_decide_is_an_error(tmp_path, option, setting):
    tasks = () if "--tasks" in option else ("--tasks", 12)
    result = dispatch_sim("decide", *tasks, *option.split(), "--set", setting, cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"--set {setting}: replaces {option}; leave one out\n"


def test_limits_of_decide_are_those_of_a_profile_that_states_none(tmp_path):
    given = ("--limits", "500/200K/200K", "--model", "gpt-5", "--set", "provider.profile=openai-like")
    provider = json.loads(dispatch_sim("decide", "--tasks", 3, *given, "--json", cwd=tmp_path).stdout)
    provider = provider["scenario"]["provider"]
    assert (provider["limits"]["requests"], provider["accounting"]["output"]) == (500, "reserved")


def test_decide_takes_a_distribution_in_place_of_the_default_tokens(tmp_path):
    setting = "tasks.tokens={lognormal: {mean: 15K, cv: 0.5}}"
    assert dispatch_sim("decide", "--tasks", 3, "--set", setting, cwd=tmp_path).returncode == 0


def test_interruption_while_loading_prints_no_traceback(tmp_path):
    interrupt = "import os, signal, time\nos.kill(os.getpid(), signal.SIGINT)\ntime.sleep(60)\n"
    (tmp_path / "typer.py").write_text(interrupt)
    folders = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": folders}
    process = start("profiles", cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True)
    assert process.communicate() == (None, "")
    assert process.returncode == -signal.SIGINT


def test_interruption_before_the_command_is_found_exits_with_130():
    code = (
        "import os, signal, dispatch_sim.cli as cli\n"
        "cli.app = lambda: os.kill(os.getpid(), signal.SIGINT)\n"
        "cli.main()"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (result.returncode, result.stderr) == (130, "")
