"""The command report, and --fail-on."""

import csv
import json

import pytest

from tests.command import dispatch_sim


def test_report_rebuilds_the_same_pages_from_the_folder_alone(scenario):
    first = dispatch_sim("sweep", scenario.name, "--replications", 20, cwd=scenario.parent)
    folder = scenario.parent / "reports" / "small"
    pages = {path.name: path.read_bytes() for path in folder.iterdir()}
    scenario.unlink()
    (folder / "report.html").unlink()
    again = dispatch_sim("report", "reports/small", cwd=scenario.parent)
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == pages
    found = json.loads(dispatch_sim("report", "reports/small", "--json", cwd=scenario.parent).stdout)
    assert found["recommended"]["tasks"] == 3


def test_report_includes_map_and_reasons_of_the_same_scenario(scenario):
    with scenario.open("a") as file:
        file.write("study: {replications: 8}\nstrategies: [sequential, parallel]\n")
    dispatch_sim("map", scenario.name, "--y", "values.waiting", "--cells", 2, cwd=scenario.parent)
    dispatch_sim("why", scenario.name, cwd=scenario.parent)
    assert dispatch_sim("sweep", scenario.name, cwd=scenario.parent).returncode == 0
    page = scenario.parent / "reports" / "small" / "report.md"
    figures = {"map.svg", "tornado.svg"}
    assert all(f"({figure})" in page.read_text(encoding="utf-8") for figure in figures)
    dispatch_sim("sweep", scenario.name, "--seed", 5, cwd=scenario.parent)
    assert not any(f"({figure})" in page.read_text(encoding="utf-8") for figure in figures)


@pytest.mark.parametrize("command", ["sweep", "compare"])
def test_violated_threshold_exits_with_3(scenario, command):
    few = (scenario.name, "--replications", 20)
    good = dispatch_sim(command, *few, "--fail-on", "cost > $1000", cwd=scenario.parent)
    assert good.returncode == 0
    assert "--fail-on cost > $1000: met; " in good.stderr
    both = ("--fail-on", "cost > $1000", "--fail-on", "makespan > 1s", "--out", "out", "--json")
    bad = dispatch_sim(command, *few, *both, cwd=scenario.parent)
    assert bad.returncode == 3
    assert [each["violated"] for each in json.loads(bad.stdout)["fail_on"]] == [False, True]
    assert (scenario.parent / "out" / "report.html").exists()
    again = dispatch_sim("report", "out", "--fail-on", "makespan > 1s", cwd=scenario.parent)
    assert again.returncode == 3
    assert "--fail-on makespan > 1s: violated; " in again.stderr


def test_invalid_threshold_is_an_error_before_simulation(scenario):
    result = dispatch_sim("sweep", scenario.name, "--fail-on", "speed > 3", cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert "p95_makespan" in result.stderr
    assert not (scenario.parent / "reports").exists()


def test_folder_without_results_is_bad_input(tmp_path):
    result = dispatch_sim("report", "nowhere", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert "name the folder of a sweep's results" in result.stderr


def test_report_is_printed_in_a_format_and_writes_nothing(scenario):
    answer = dispatch_sim("sweep", scenario.name, "--replications", 20, "--json", cwd=scenario.parent).stdout
    folder = scenario.parent / "reports" / "small"
    pages = {path.name: path.read_bytes() for path in folder.iterdir()}
    for name in ("report.md", "report.html"):
        (folder / name).unlink()

    def printed(form):
        result = dispatch_sim("report", "reports/small", "--format", form, cwd=scenario.parent)
        assert (result.returncode, result.stderr) == (0, "")
        return result.stdout

    assert printed("md").encode() == pages["report.md"]
    assert printed("html").encode() == pages["report.html"]
    assert printed("json") == answer
    rows = list(csv.DictReader(printed("csv").splitlines()))
    points = json.loads(answer)["points"]
    for row in rows:
        point = (row["strategy"], int(row["concurrency"]), int(row["tasks"]))
        (of,) = (each for each in points if (each["strategy"], each["concurrency"], each["tasks"]) == point)
        low = of["measures"][row["measure"]]["low"]
        assert row["low"] == ("" if low is None else str(low))
    assert len(rows) == sum(len(point["measures"]) for point in points)
    assert not (folder / "report.md").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--format", "pdf"], "--format: unknown format 'pdf'; there are md, html, json and csv\n"),
        (["--format", "JSON"], "--format: unknown format 'JSON'; did you mean 'json'?\n"),
        (["--format", "csv", "--json"], "--json: has no effect with --format; leave one out\n"),
    ],
)
def test_wrong_format_is_bad_input(tmp_path, options, message):
    result = dispatch_sim("report", "nowhere", *options, cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (2, "", message)


def test_threshold_is_checked_in_every_format(scenario):
    dispatch_sim("sweep", scenario.name, "--replications", 20, cwd=scenario.parent)
    for form in ("md", "html", "json", "csv"):
        arguments = ("report", "reports/small", "--format", form, "--fail-on", "makespan > 1s")
        result = dispatch_sim(*arguments, cwd=scenario.parent)
        assert result.returncode == 3
        assert "violated" in result.stderr


def test_no_report_removes_the_report_of_earlier_results(scenario):
    few = (scenario.name, "--replications", 20)
    dispatch_sim("map", *few, "--y", "values.waiting", "--cells", 2, cwd=scenario.parent)
    dispatch_sim("sweep", *few, cwd=scenario.parent)
    folder = scenario.parent / "reports" / "small"
    (folder / "notes.md").write_text("mine")
    result = dispatch_sim("sweep", *few, "--seed", 5, "--no-report", cwd=scenario.parent)
    assert result.returncode == 0
    assert (
        "removed the report of the earlier results from reports/small: report.html, report.md, "
        in result.stderr
    )
    left = {path.name for path in folder.iterdir()}
    assert {name for name in left if not name.startswith("map.")} == {
        "results.parquet",
        "manifest.json",
        "notes.md",
    }
    assert "map.svg" in left
    again = dispatch_sim("sweep", *few, "--seed", 5, "--no-report", cwd=scenario.parent)
    assert "removed" not in again.stderr
