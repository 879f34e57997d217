"""The commands, as a user runs them: in a process of their own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.model.accounting import MEASURES
from dispatch_sim.study.checkpoint import Checkpoint, encode, is_unfinished
from tests.command import dispatch_sim, start

ROOT = Path(__file__).parents[1]
THREE_LINES = """tasks:
  - {name: research, count: 3, tokens: 15K, duration: 60s}
sweep: {tasks: [2, 3], concurrency: [1, 2]}
"""


def wait_for(so, process):
    """Wait until something is so while a process runs, however long this machine takes for that."""
    while not so():
        assert process.poll() is None, f"ended with {process.returncode} before that"
        time.sleep(0.02)


@pytest.fixture
def scenario(tmp_path):
    """Return a small scenario's file, in a folder of its own."""
    path = tmp_path / "small.yaml"
    path.write_text(THREE_LINES)
    return path


def test_help_names_every_command_and_loads_nothing_heavy(tmp_path):
    """It answers before pandas, matplotlib or simpy are imported."""
    result = dispatch_sim("--help", cwd=tmp_path)
    assert result.returncode == 0
    for command in ("check", "run", "compare", "sweep", "schema", "init"):
        assert command in result.stdout
    code = (
        "import sys, dispatch_sim.cli\n"
        "try: dispatch_sim.cli.app(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'pandas', 'numpy', 'matplotlib', 'simpy', 'scipy', 'pydantic'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)


def test_check_says_what_is_good_and_how_large_it_is(scenario):
    """Exit code 0, one line; as JSON for programs."""
    result = dispatch_sim("check", scenario.name, cwd=scenario.parent)
    assert (result.returncode, result.stderr) == (0, "")
    assert "good" in result.stdout
    found = json.loads(dispatch_sim("check", scenario.name, "--json", cwd=scenario.parent).stdout)
    assert (found["tasks"], found["design_points"], found["warnings"]) == (3, 8, [])


@pytest.mark.parametrize("command", ["check", "run", "compare", "sweep"])
def test_bad_input_is_an_error_with_its_place_and_exit_code_2(tmp_path, command):
    """Several at once, each with file, line and column, what was found and what to write."""
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


@pytest.mark.parametrize(
    ("content", "about"),
    [
        (b"", "empty"),
        (bytes(range(256)) * 8, "UTF-8"),
        (b"tasks: []\ntasks: []\n", "tasks"),
        (b"tasks: [{name: a, tokens: 50K, duration: 1s, calls: 1}]\n"
         b"provider: {limits: {input_tokens: 10K/min}}", "hold"),
        (b"tasks: [{name: a, tokens: 1K, duration: 1s, after: [a]}]\n", "a -> a"),
    ],
    ids=["empty", "binary", "duplicate key", "too large a call", "cycle"],
)  # fmt: skip
def test_what_cannot_be_played_is_refused_in_words(tmp_path, content, about):
    """The file, and what is the matter with it."""
    path = tmp_path / "scenario.yaml"
    path.write_bytes(content)
    result = dispatch_sim("sweep", path.name, cwd=tmp_path)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "scenario.yaml" in result.stderr
    assert about in result.stderr


def test_a_missing_file_and_a_wrong_option_are_bad_input_too(scenario):
    """Exit code 2, and a message."""
    assert dispatch_sim("check", "nowhere.yaml", cwd=scenario.parent).returncode == 2
    assert dispatch_sim("sweep", scenario.name, "--jobs", "0", cwd=scenario.parent).returncode == 2
    wrong = dispatch_sim("run", scenario.name, "--strategy", "swarm: 3", cwd=scenario.parent)
    assert wrong.returncode == 2
    assert "queue" in wrong.stderr
    assert dispatch_sim("run", scenario.name, "--strategy", "queue", cwd=scenario.parent).returncode == 2


def test_run_shows_one_replication(scenario):
    """A timeline as text; with --out a picture and a Chrome trace; as JSON the outcome."""
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


def test_compare_puts_strategies_side_by_side(scenario):
    """Every strategy is in the table, and in the JSON; nothing is written unless asked for."""
    result = dispatch_sim("compare", scenario.name, "--replications", 20, cwd=scenario.parent)
    assert result.returncode == 0
    for way in ("One by one", "All at once", "A queue of 2"):
        assert way in result.stdout
    assert [path.name for path in scenario.parent.iterdir()] == [scenario.name]
    compared = json.loads(
        dispatch_sim("compare", scenario.name, "--replications", 20, "--json", cwd=scenario.parent).stdout
    )
    assert {point["tasks"] for point in compared["points"]} == {3}


def test_sweep_writes_results_manifest_figures_and_report(scenario):
    """Into reports/NAME, and says where; the answer's JSON has what programs rely on."""
    result = dispatch_sim("sweep", scenario.name, "--replications", 10, "--json", cwd=scenario.parent)
    assert result.returncode == 0
    folder = scenario.parent / "reports" / "small"
    for name in ("results.parquet", "manifest.json", "report.md", "report.html"):
        assert (folder / name).stat().st_size > 0
        assert name in result.stderr
    assert str(Path("reports", "small")) in result.stderr
    swept = json.loads(result.stdout)
    for asked in swept["break_even"]:
        assert {"axis", "against", "status", "crossings"} <= set(asked)
        assert asked["status"] in ("crossing", "none_in_range", "unresolved")
    assert {"strategy", "concurrency"} <= set(swept["recommended"])
    frame = pd.read_parquet(folder / "results.parquet")
    for point in swept["points"]:
        rows = frame[
            (frame["strategy"] == point["strategy"])
            & (frame["concurrency"] == point["concurrency"])
            & (frame["tasks"] == point["tasks"])
        ]
        cost = point["measures"]["cost_usd"]
        assert cost["mean"] == pytest.approx(rows["cost_usd"].mean())
        assert cost["low"] <= cost["mean"] <= cost["high"]


def test_the_same_seed_gives_the_same_files_for_any_jobs(scenario):
    """Results and report, byte for byte."""
    for name, jobs in (("one", 1), ("two", 2)):
        dispatch_sim(
            "sweep", scenario.name, "--replications", 600, "--jobs", jobs, "--out", name, cwd=scenario.parent
        )
    for name in ("results.parquet", "manifest.json", "report.md", "report.html"):
        one, two = ((scenario.parent / folder / name).read_bytes() for folder in ("one", "two"))
        assert one == two, name


@pytest.mark.parametrize(("engine", "replications"), [("simpy", 20_000), ("compiled", 50_000)])
def test_ctrl_c_keeps_what_is_done_and_exits_with_130(tmp_path, engine, replications):
    """Finished replications are written, with their report; the manifest says that there were to be more."""
    # Chunks are short and many, so that some are done, and not all, whatever else the machine does.
    (tmp_path / "long.yaml").write_text(
        "tasks: [{name: a, count: 100, tokens: 15K, duration: 60s}]\n"
        f"sweep: {{tasks: [100], concurrency: [1, 2, 3, 4]}}\nengine: {engine}\n"
    )
    dispatch_sim("compare", "long.yaml", "--replications", 2, cwd=tmp_path)  # so that it is compiled
    arguments = ("sweep", "long.yaml", "--replications", replications, "--jobs", 2)
    process = start(*arguments, cwd=tmp_path, stderr=subprocess.PIPE, text=True, start_new_session=True)
    wait_for(lambda: is_unfinished(tmp_path / "reports" / "long"), process)
    os.killpg(process.pid, signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert re.search(
        rf"interrupted at [0-9,]+ of {replications:,} replications; continue with --resume", errors
    )
    manifest = json.loads((tmp_path / "reports" / "long" / "manifest.json").read_text())
    assert (manifest["interrupted"], manifest["engine"]) == (True, engine)
    assert 2 <= manifest["replications"]["played"] < replications
    assert (tmp_path / "reports" / "long" / "report.html").exists()


def test_an_output_folder_that_cannot_be_written_is_bad_input(scenario):
    """A file is in the way."""
    (scenario.parent / "taken").write_text("")
    result = dispatch_sim("sweep", scenario.name, "--replications", 4, "--out", "taken", cwd=scenario.parent)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert "taken" in result.stderr


def test_a_folder_that_cannot_be_written_is_found_out_before_anything_is_played(scenario):
    """No minutes are lost for it, and nothing is made."""
    (scenario.parent / "taken").write_text("")
    for command in ("sweep", "compare", "map", "why", "tune"):
        out = ("--replications", 1_000_000, "--out", "taken/deeper")
        result = dispatch_sim(command, scenario.name, *out, cwd=scenario.parent)
        assert (result.returncode, result.stdout) == (2, ""), command
        assert result.stderr == "taken/deeper: cannot be written to: Not a directory\n"


def test_an_answer_that_cannot_be_written_is_printed_all_the_same(scenario):
    """As where the disk is full, which shows at the end only."""
    (scenario.parent / "out" / "results.parquet").mkdir(parents=True)
    arguments = ("sweep", scenario.name, "--replications", 4, "--out", "out", "--json")
    result = dispatch_sim(*arguments, cwd=scenario.parent)
    assert result.returncode == 2
    assert "out: cannot be written to" in result.stderr
    assert json.loads(result.stdout)["recommended"]
    assert is_unfinished(scenario.parent / "out")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_output_that_cannot_be_written_is_said_in_words(scenario):
    """Bad input, as a folder would be; no traceback."""
    with open("/dev/full", "w") as full:
        process = start(
            "check", scenario.name, cwd=scenario.parent, stdout=full, stderr=subprocess.PIPE, text=True
        )
        _, errors = process.communicate()
    assert process.returncode == 2
    assert errors == "standard output cannot be written to: No space left on device\n"


def test_schema_is_the_committed_one(tmp_path):
    """Editors read it from docs/."""
    printed = dispatch_sim("schema", cwd=tmp_path).stdout
    assert printed == (ROOT / "docs" / "scenario.schema.json").read_text()


def test_init_writes_a_scenario_of_defaults_and_never_over_a_file(tmp_path):
    """What it writes is sound, says what the defaults are, and is not written twice."""
    assert dispatch_sim("init", "mine.yaml", cwd=tmp_path).returncode == 0
    assert dispatch_sim("check", "mine.yaml", cwd=tmp_path).returncode == 0
    again = dispatch_sim("init", "mine.yaml", cwd=tmp_path)
    assert again.returncode == 2
    assert "there already" in again.stderr


def test_the_starter_states_the_defaults():
    """Every value in it is what a scenario without it has, but for the name and the tasks."""
    from dispatch_sim.scenario.loader import load_scenario, parse_scenario

    starter = load_scenario(ROOT / "sim" / "dispatch_sim" / "scenario" / "starter.yaml").model_dump()
    bare = parse_scenario("tasks: [{name: research, count: 5, tokens: 15K, duration: 60s}]").model_dump()
    for key in starter.keys() - {"name", "tasks"}:
        assert starter[key] == bare[key], key


def test_profiles_are_listed_and_shown_with_their_sources(tmp_path):
    """By kind and title; one in full; a misspelt name gets a suggestion."""
    listed = dispatch_sim("profiles", cwd=tmp_path).stdout
    assert "provider: {profile: anthropic-start}" in listed
    assert "client: {profile: claude-code}" in listed
    shown = dispatch_sim("profiles", "anthropic-tier-1", cwd=tmp_path).stdout
    assert "requests: 50/min" in shown
    assert "sources:" in shown
    wrong = dispatch_sim("profiles", "antropic-start", cwd=tmp_path)
    assert wrong.returncode == 2
    assert "anthropic-start" in wrong.stderr
    as_json = json.loads(dispatch_sim("profiles", "openai-sdk", "--json", cwd=tmp_path).stdout)
    assert as_json["profiles"][0]["values"]["retry_after"]["above"] == "give_up"


def test_a_study_too_large_to_hold_is_refused_at_once(scenario):
    """Before its points are made: 10,000 sizes of up to 10,000 tasks."""
    scenario.write_text(THREE_LINES.replace("tasks: [2, 3]", "tasks: 1..10000"))
    result = dispatch_sim("check", scenario.name, cwd=scenario.parent)
    assert result.returncode == 2
    assert "shorten an axis" in result.stderr


def test_a_sweep_without_points_is_refused(scenario):
    """Every width is beyond every batch, and there is no other strategy."""
    scenario.write_text(THREE_LINES.replace("[1, 2]", "[9]") + "strategies: [queue]\n")
    result = dispatch_sim("check", scenario.name, cwd=scenario.parent)
    assert (result.returncode, result.stdout) == (2, "")
    assert "nothing to play" in result.stderr


def test_a_replication_without_end_is_refused(scenario):
    """Ten thousand calls, a hundred attempts and a thousand retries of each are more than one waits for."""
    scenario.write_text(
        "tasks: [{name: a, count: 20, tokens: 15K, calls: 10000, duration: 60s}]\n"
        "retry: {max_attempts: 100}\nclient: {retries: 1000}\n"
    )
    result = dispatch_sim("check", scenario.name, cwd=scenario.parent)
    assert result.returncode == 2
    assert "client.retries" in result.stderr


def test_what_is_read_by_one_set_of_parameters_and_kept_by_another_is_reported(scenario):
    """A gamma of cv 20 is kept as a shape that may not be written; the report shows it all the same."""
    scenario.write_text(THREE_LINES.replace("duration: 60s", "duration: {gamma: {mean: 60s, cv: 20}}"))
    result = dispatch_sim("sweep", scenario.name, "--replications", 4, cwd=scenario.parent)
    assert result.returncode == 0, result.stderr
    assert (scenario.parent / "reports" / "small" / "report.html").exists()


def test_calls_that_take_what_they_do_are_reported(scenario):
    """A scenario with latency has no durations, and the report says how long calls are instead."""
    scenario.write_text(
        THREE_LINES.replace(", duration: 60s", ", tool_time: 3s") + "provider: {latency: {base: 1s}}\n"
    )
    result = dispatch_sim("sweep", scenario.name, "--replications", 4, cwd=scenario.parent)
    assert result.returncode == 0, result.stderr
    report = (scenario.parent / "reports" / "small" / "report.md").read_text()
    assert "calls whose time follows from their tokens" in report


def test_output_that_nobody_reads_loses_no_report(scenario):
    """The report is written before the answer is printed."""
    read, write = os.pipe()
    os.close(read)
    arguments = ("sweep", scenario.name, "--replications", 4)
    start(*arguments, cwd=scenario.parent, stdout=write, stderr=subprocess.DEVNULL).wait()
    os.close(write)
    assert (scenario.parent / "reports" / "small" / "report.html").exists()


def test_a_file_whose_name_is_no_text_is_swept_like_any_other(scenario):
    """Names of files are bytes; results and report are written all the same."""
    odd = scenario.with_name("odd_\udcff.yaml")
    scenario.rename(odd)
    arguments = ("sweep", odd.name, "--replications", 4, "--out", "out")
    assert start(*arguments, cwd=scenario.parent).wait() == 0
    assert (scenario.parent / "out" / "report.html").exists()


@pytest.mark.parametrize("option", ["--resume", "--restart"])
def test_what_is_kept_nowhere_cannot_be_gone_on_with(scenario, option):
    """`compare` keeps nothing without `--out`; somebody who asks to go on believes that it does."""
    result = dispatch_sim("compare", scenario.name, option, cwd=scenario.parent)
    assert result.returncode == 2
    assert "need --out DIR" in result.stderr
    assert result.stdout == ""


def test_a_report_says_that_a_study_is_kept_only_where_it_is(scenario):
    """And by which command it is gone on with: `report` has no `--resume`."""
    dispatch_sim("sweep", scenario.name, "--replications", 1200, "--out", "kept", cwd=scenario.parent)
    manifest = scenario.parent / "kept" / "manifest.json"
    said = json.loads(manifest.read_text())
    said["interrupted"] = True
    said["replications"]["stopped"] = "interrupted"
    manifest.write_text(json.dumps(said))
    told = dispatch_sim("report", "kept", cwd=scenario.parent).stderr
    assert "interrupted at 1,200 of 1,200 replications\n" in told
    Checkpoint(scenario.parent / "kept", {}, 1, "simpy").add(
        range(1), encode(np.zeros((1, 1, len(MEASURES))))
    )
    told = dispatch_sim("report", "kept", cwd=scenario.parent).stderr
    assert "1,200 of 1,200 replications; continue with sweep --resume\n" in told


def test_an_early_ctrl_c_leaves_earlier_results_as_they_are(scenario):
    """Interrupted before two replications were played there is nothing to write."""
    dispatch_sim("sweep", scenario.name, "--replications", 4, "--out", "kept", cwd=scenario.parent)
    before = (scenario.parent / "kept" / "results.parquet").read_bytes()
    scenario.write_text(
        THREE_LINES.replace("[2, 3]", "[400]").replace("[1, 2]", "1..400") + "engine: simpy\n"
    )
    arguments = ("sweep", scenario.name, "--replications", 200, "--jobs", 1, "--out", "kept")
    process = start(*arguments, cwd=scenario.parent, stderr=subprocess.PIPE, text=True)
    wait_for((scenario.parent / "kept" / ".dispatch-sim.lock").exists, process)  # while it is simulated
    time.sleep(2)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate()
    assert process.returncode == 130
    assert "nothing is written" in errors
    assert (scenario.parent / "kept" / "results.parquet").read_bytes() == before


def test_a_sweep_without_pages_answers_all_the_same(scenario):
    """`--no-report`: the results and the answer, and nothing drawn."""
    result = dispatch_sim("sweep", scenario.name, "--replications", 4, "--no-report", cwd=scenario.parent)
    assert result.returncode == 0
    assert "Break-even" in result.stdout
    written = {path.name for path in (scenario.parent / "reports" / "small").iterdir()}
    assert written == {"results.parquet", "manifest.json"}
