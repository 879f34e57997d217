"""The csv files of a scenario are in its own folder, or in the folder of --data."""

import inspect

import pytest
from typer.testing import CliRunner

from dispatch_sim.cli import app
from dispatch_sim.scenario.loader import load, parse_scenario
from tests.claims.texts import CLAIMS
from tests.logs.synthetic import make_runs, write_codex

SCENARIO = """\
tasks:
  - {name: all-kinds, count: 2, tokens: 15K, duration: {empirical: {csv: CSV, column: seconds}}}
strategies: [sequential, parallel]
sweep: {tasks: [2], concurrency: [1, 2]}
study: {replications: 20}
"""
COMMANDS = [
    "check mine.yaml",
    "run mine.yaml",
    "compare mine.yaml",
    "sweep mine.yaml --no-report --out swept",
    "map mine.yaml --x tasks.tokens=10K,20K --y client.retries=1,2 --replications 2 --out mapped",
    "why mine.yaml --replications 2 --out why",
    "tune mine.yaml --replications 2 --out tuned",
    "diff mine.yaml --with client.retries=3",
    "backtest logs --scenario mine.yaml --replications 20",
    "claims --file claims.yaml --out claims --replications 20",
]


@pytest.fixture
def home(tmp_path, monkeypatch):
    (tmp_path / "home").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "runs.csv").write_text("seconds\n30\n60\n90\n")
    (tmp_path / "home" / "mine.yaml").write_text(SCENARIO.replace("CSV", "runs.csv"))
    (tmp_path / "home" / "claims.yaml").write_text(CLAIMS)
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def run(*arguments):
    done = CliRunner().invoke(app, list(map(str, arguments)))
    return done.exit_code, done.output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_on_a_scenario_reads_csv_files_from_data(home, command):
    write_codex(make_runs(3), home / "logs")
    arguments = command.split()
    code, said = run(*arguments)
    assert (code, "there is no file 'runs.csv' in the scenario's folder" in said) == (2, True)
    code, said = run(*arguments, "--data", "../data")
    assert (code, "Traceback" in said) == (0, False), said


def test_every_command_that_takes_a_scenario_has_data():
    for command in app.registered_commands:
        names = set(inspect.signature(command.callback).parameters)
        assert "data" in names or not names & {"scenario", "file"}, command.callback.__name__


def test_report_reads_csv_files_from_data(home):
    swept = ["sweep", "mine.yaml", "--data", "../data", "--out", "swept"]
    assert run(*swept)[0] == 0
    before = (home / "swept" / "report.html").read_bytes()
    code, said = run("report", "swept")
    assert (code, "--data DIR" in said) == (2, True)
    assert run("report", "swept", "--data", "../data")[0] == 0
    assert (home / "swept" / "report.html").read_bytes() == before


@pytest.mark.parametrize("name", ["../data/runs.csv", "ABSOLUTE"])
def test_csv_file_outside_the_folder_needs_data(home, name):
    name = name.replace("ABSOLUTE", str(home.parent / "data" / "runs.csv"))
    (home / "mine.yaml").write_text(SCENARIO.replace("CSV", name))
    code, said = run("check", "mine.yaml")
    assert code == 2
    assert "is outside the scenario's folder; move it there, or allow its folder: --data DIR" in said
    assert run("check", "mine.yaml", "--data", "../data")[0] == 0
    assert run("check", "mine.yaml", "--data", "../home")[0] == 2


def test_link_out_of_the_data_folder_is_refused(home):
    (home.parent / "secret.csv").write_text("seconds\n1\n")
    (home.parent / "data" / "link.csv").symlink_to(home.parent / "secret.csv")
    (home / "mine.yaml").write_text(SCENARIO.replace("CSV", "link.csv"))
    code, said = run("check", "mine.yaml", "--data", "../data")
    assert (code, "is outside the scenario's folder" in said) == (2, True)


def test_csv_file_in_the_scenarios_folder_comes_first(home):
    (home / "runs.csv").write_text("seconds\n1\n")
    found = load("mine.yaml", data="../data").scenario()
    assert found.tasks[0].duration.mean == 1


def test_python_functions_take_the_data_folder(home):
    source = load("mine.yaml", data="../data")
    assert source.scenario().tasks[0].duration.mean == 60
    assert source.replaced({"tasks.count": 5}).scenario().tasks[0].duration.mean == 60
    text = (home / "mine.yaml").read_text()
    assert parse_scenario(text, folder=home.parent / "data").tasks[0].duration.mean == 60


def test_claim_reads_scenarios_from_its_own_folder_only(home):
    (home.parent / "other.yaml").write_text(SCENARIO.replace("CSV", "runs.csv"))
    (home / "zero.yaml").symlink_to("/dev/zero")
    for name in ("../other.yaml", str(home.parent / "other.yaml"), "zero.yaml", "none.yaml", "a\\0b"):
        (home / "claims.yaml").write_text(CLAIMS.replace("mine.yaml", f'"{name}"'))
        code, said = run("claims", "--file", "claims.yaml", "--data", "../data")
        assert (code, "next to this file" in said or "cannot be read" in said) == (2, True)
