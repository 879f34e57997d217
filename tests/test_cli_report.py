"""The command report, and --fail-on."""

import csv
import json
import shutil
from pathlib import Path

import pytest

from tests.command import THREE_LINES, dispatch_sim


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    """Return a folder with a scenario and the report of its sweep, and how the sweep ended."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "small.yaml").write_text(THREE_LINES)
    return folder, dispatch_sim("sweep", "small.yaml", "--replications", 20, cwd=folder)


@pytest.fixture
def reports(swept, tmp_path):
    """Return a copy of the report's folder."""
    return shutil.copytree(swept[0] / "reports" / "small", tmp_path / "small")


def test_sweep_writes_results_manifest_and_report(swept):
    folder, result = swept
    assert result.returncode == 0
    for name in ("results.parquet", "manifest.json", "report.md", "report.html"):
        assert (folder / "reports" / "small" / name).stat().st_size > 0
        assert name in result.stderr
    assert str(Path("reports", "small")) in result.stderr


def test_report_rebuilds_the_same_pages_from_the_folder_alone(swept, reports):
    pages = {path.name: path.read_bytes() for path in reports.iterdir()}
    (reports / "report.html").unlink()
    again = dispatch_sim("report", "small", cwd=reports.parent)
    assert (again.returncode, again.stdout) == (0, swept[1].stdout)
    assert {path.name: path.read_bytes() for path in reports.iterdir()} == pages


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


def test_violated_threshold_exits_with_3(scenario):
    few = (scenario.name, "--replications", 20)
    good = dispatch_sim("compare", *few, "--fail-on", "cost > $1000", cwd=scenario.parent)
    assert good.returncode == 0
    assert "--fail-on cost > $1000: passed; " in good.stderr
    both = ("--fail-on", "cost > $1000", "--fail-on", "makespan > 1s", "--out", "out", "--json")
    bad = dispatch_sim("sweep", *few, *both, cwd=scenario.parent)
    assert bad.returncode == 3
    assert [each["violated"] for each in json.loads(bad.stdout)["fail_on"]] == [False, True]
    assert (scenario.parent / "out" / "report.html").exists()


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


def test_report_is_printed_in_a_format_with_its_thresholds_checked_and_writes_nothing(reports):
    pages = {path.name: path.read_bytes() for path in reports.iterdir()}
    for name in ("report.md", "report.html"):
        (reports / name).unlink()

    def printed(*options):
        threshold = ("--fail-on", "makespan > 1s")
        result = dispatch_sim("report", "small", *options, *threshold, cwd=reports.parent)
        assert result.returncode == 3
        assert result.stderr.startswith("--fail-on makespan > 1s: violated; ")
        assert result.stderr.count("\n") == 1
        return result.stdout

    assert printed("--format", "md").encode() == pages["report.md"]
    assert printed("--format", "html").encode() == pages["report.html"]
    answer = printed("--format", "json")
    rows = list(csv.DictReader(printed("--format", "csv").splitlines()))
    plain = dispatch_sim("report", "small", "--format", "csv", cwd=reports.parent)
    assert (plain.returncode, plain.stderr) == (0, "")
    points = json.loads(answer)["points"]
    for row in rows:
        point = (row["strategy"], int(row["concurrency"]), int(row["tasks"]))
        (of,) = (each for each in points if (each["strategy"], each["concurrency"], each["tasks"]) == point)
        low = of["measures"][row["measure"]]["low"]
        assert row["low"] == ("" if low is None else str(low))
    assert len(rows) == sum(len(point["measures"]) for point in points)
    assert not (reports / "report.md").exists()
    assert json.loads(answer)["recommended"]["tasks"] == 3
    page = dispatch_sim("report", "small", "--json", "--fail-on", "makespan > 1s", cwd=reports.parent)
    assert (page.returncode, page.stdout) == (3, answer)
    assert (reports / "report.md").exists()


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


def test_no_report_removes_the_report_of_earlier_results(scenario, reports):
    """What `map` wrote stays, though the report shows it as well."""
    for name in ("map.svg", "notes.md"):
        (reports / name).write_text("mine")
    with (reports / "report.md").open("a") as page:
        page.write("![map](map.svg)\n")
    arguments = ("sweep", scenario.name, "--replications", 20, "--seed", 5, "--no-report", "--out", "small")
    result = dispatch_sim(*arguments, cwd=scenario.parent)
    assert result.returncode == 0
    assert "removed the report of the earlier results from small: report.html, report.md, " in result.stderr
    left = {path.name for path in reports.iterdir()}
    assert left == {"results.parquet", "manifest.json", "notes.md", "map.svg"}
    assert "removed" not in dispatch_sim(*arguments, cwd=scenario.parent).stderr
