"""`report` and `--fail-on`, as a user and as CI run them."""

import json

import pytest

from tests.command import dispatch_sim
from tests.test_cli import scenario

__all__ = ["scenario"]


def test_report_writes_the_same_pages_and_says_the_same(scenario):
    """From the folder alone: the scenario's file is not looked at."""
    first = dispatch_sim("sweep", scenario.name, cwd=scenario.parent)
    folder = scenario.parent / "reports" / "small"
    pages = {path.name: path.read_bytes() for path in folder.iterdir()}
    scenario.unlink()
    (folder / "report.html").unlink()
    again = dispatch_sim("report", "reports/small", cwd=scenario.parent)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == pages
    found = json.loads(dispatch_sim("report", "reports/small", "--json", cwd=scenario.parent).stdout)
    assert found["recommended"]["tasks"] == 3


def test_a_map_and_reasons_become_part_of_the_page(scenario):
    """Of the same scenario; of another they do not."""
    sizes = ("--cells", 2, "--replications", 8)
    dispatch_sim("map", scenario.name, "--y", "values.waiting", *sizes, cwd=scenario.parent)
    dispatch_sim("why", scenario.name, "--replications", 8, cwd=scenario.parent)
    assert dispatch_sim("sweep", scenario.name, cwd=scenario.parent).returncode == 0
    folder = scenario.parent / "reports" / "small"
    figures = {name: (folder / name).read_bytes() for name in ("map.svg", "tornado.svg")}
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Cheapest by more than chance" in page or "Nowhere is one way shown" in page
    assert "By cause and by parameter" in page
    assert "What would flip it to another kind of way" in page
    dispatch_sim("map", scenario.name, "--y", "values.waiting", *sizes, cwd=scenario.parent)
    assert (folder / "map.svg").read_bytes() == figures["map.svg"]
    dispatch_sim("sweep", scenario.name, "--seed", 5, cwd=scenario.parent)
    assert "No map of this scenario" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("command", ["sweep", "compare"])
def test_a_violated_threshold_ends_with_exit_code_3(scenario, command):
    """After all is written and printed; a good one with 0, and both are told."""
    good = dispatch_sim(command, scenario.name, "--fail-on", "cost > $1000", cwd=scenario.parent)
    assert good.returncode == 0
    assert "--fail-on cost > $1000: good; " in good.stderr
    both = ("--fail-on", "cost > $1000", "--fail-on", "makespan > 1s", "--out", "out", "--json")
    bad = dispatch_sim(command, scenario.name, *both, cwd=scenario.parent)
    assert bad.returncode == 3
    assert [each["violated"] for each in json.loads(bad.stdout)["fail_on"]] == [False, True]
    assert (scenario.parent / "out" / "report.html").exists()
    again = dispatch_sim("report", "out", "--fail-on", "makespan > 1s", cwd=scenario.parent)
    assert again.returncode == 3
    assert "--fail-on makespan > 1s: violated; " in again.stderr


def test_a_threshold_that_cannot_be_read_is_an_error_before_anything_is_played(scenario):
    """Exit code 2, with the measures there are; nothing is written."""
    result = dispatch_sim("sweep", scenario.name, "--fail-on", "speed > 3", cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert "p95_makespan" in result.stderr
    assert not (scenario.parent / "reports").exists()


def test_a_folder_without_results_is_an_error_in_words(tmp_path):
    """Exit code 2, one line."""
    result = dispatch_sim("report", "nowhere", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "name a folder into which a sweep was written" in result.stderr
