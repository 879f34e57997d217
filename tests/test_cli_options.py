"""Options of the command line other than --set."""

import numpy as np
import pytest

from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.study.checkpoint import Checkpoint, encode
from tests.command import dispatch_sim
from tests.test_cli import scenario

__all__ = ["scenario"]


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


@pytest.mark.parametrize("kind", ["queue", "waves", "paced"])
def test_strategy_without_concurrency_says_how_to_write_it(scenario, kind):
    result = dispatch_sim("run", scenario.name, "--strategy", kind, cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr == f"--strategy: {kind} needs a concurrency here; write '{kind}: 3'\n"


def test_report_of_an_unfinished_study_names_its_folder(tmp_path):
    (tmp_path / "my study").mkdir()
    Checkpoint(tmp_path / "my study", {}, 1, "simpy").add(range(1), encode(np.zeros((1, 1, len(MEASURES)))))
    result = dispatch_sim("report", "my study", cwd=tmp_path)
    assert result.returncode == 2
    assert "continue it with: dispatch-sim sweep SCENARIO --out 'my study' --resume\n" in result.stderr


def test_compare_without_files_refers_to_none(scenario):
    many = ("--set", "tasks.count=30", "--set", "sweep.concurrency=1..30", "--set", "strategies=[queue]")
    result = dispatch_sim("compare", scenario.name, *many, "--replications", 2, cwd=scenario.parent)
    assert "And 10 more strategies that are worse.\n" in result.stdout
