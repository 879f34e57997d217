"""What is kept of a study that is not finished, and how it is resumed."""

import json
import logging
import re
import sqlite3
import subprocess
import sys
from contextlib import closing
from functools import cache

import numpy as np
import pytest
from typer.testing import CliRunner

from dispatch_sim.cli import app
from dispatch_sim.decide import studies
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study import checkpoint, engines, run_study, runner, versions
from dispatch_sim.study.checkpoint import CHECKPOINT_FILE, Checkpoint
from dispatch_sim.study.columns import CheckpointColumns
from dispatch_sim.study.design import Stage
from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.results import read_results, write_results
from dispatch_sim.study.stored import stored_design, stored_source

TASKS = """
name: small
tasks: [{name: a, count: 3, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
strategies: [sequential, parallel, {queue: 2}]
sweep: {tasks: [3], concurrency: [2]}
"""

FIXED = f"{TASKS}engine: compiled\nstudy: {{replications: 40}}\n"

WRITTEN = ("results.parquet", "manifest.json")


class PowerCutError(Exception):
    """Whatever ends a study."""


@pytest.fixture(autouse=True)
def _short_chunks(monkeypatch):
    monkeypatch.setattr(runner, "TASKS_OF_A_CHUNK", {"simpy": 40, "compiled": 40})


def end_after(chunks, what=PowerCutError):
    done = []

    def on_progress(*_):
        done.append(1)
        if len(done) == chunks:
            raise what

    return on_progress


def begun(folder, text=FIXED, chunks=3, **options):
    with pytest.raises(PowerCutError):
        studies.sweep(parse_source(text), folder=folder, on_progress=end_after(chunks), **options)
    return folder


def finished(folder, text=FIXED, play=studies.sweep, **options):
    write_results(play(parse_source(text), folder=folder, **options), folder)
    return tuple((folder / name).read_bytes() for name in WRITTEN)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return cache(lambda text=FIXED: finished(tmp_path_factory.mktemp("whole"), text))


def resumed(folder, text=FIXED, play=studies.sweep, **options):
    found = finished(folder, text, play, resume=True, **options)
    assert {path.name for path in folder.iterdir()} == set(WRITTEN)
    return found


def execute(folder, statement, *values):
    with closing(sqlite3.connect(folder / CHECKPOINT_FILE)) as db, db:
        return db.execute(statement, values).fetchone()


def test_resume_simulates_only_missing_replications(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    begun(tmp_path, chunks=4)
    done = []
    studies.sweep(
        parse_source(FIXED), folder=tmp_path, resume=True, on_progress=lambda now, _: done.append(now)
    )
    # Chunks of 40 tasks at most: of four replications of three ways of three tasks.
    assert done == [60, 72, 84, 96, 108, 120]
    assert "resumed: each design point has at least 16 replications" in caplog.messages


def test_resume_fills_gaps_between_chunks(tmp_path, whole):
    """As threads leave them; a measure is read across chunks, and across a gap."""
    begun(tmp_path / "ended", chunks=6)
    for table in ("chunk", "measure"):
        execute(tmp_path / "ended", f"DELETE FROM {table} WHERE first IN (0, 8, 12)")
    found = Checkpoint.resume(tmp_path / "ended", json.loads(identity_in(tmp_path / "ended")))
    assert found.missing(0, range(40)) == [range(0, 4), range(8, 16), range(24, 40)]
    costs = studies.sweep(parse_source(FIXED)).columns.read(0, "cost_usd")
    assert np.array_equal(found.read(0, "cost_usd", 2, 9), costs[:, [6, 7, *range(16, 21)]])
    del found
    assert resumed(tmp_path / "ended") == whole()


def test_results_end_at_the_first_gap(tmp_path):
    """So that replication 5 of one point and of another are the same; what follows waits for --resume."""
    begun(tmp_path, chunks=6)
    for table in ("chunk", "measure"):
        execute(tmp_path, f"DELETE FROM {table} WHERE first = 8")
    found = Checkpoint.resume(tmp_path, json.loads(identity_in(tmp_path)))
    columns = CheckpointColumns(found, None, [Stage((0, 1, 2), range(40)), Stage((0, 1), range(40, 80))])
    assert columns.stages == [Stage((0, 1, 2), range(8))]
    costs = studies.sweep(parse_source(FIXED)).columns.read(0, "cost_usd")
    assert np.array_equal(columns.read(0, "cost_usd"), costs[:, :8])


def test_interrupted_analysis_keeps_what_was_simulated(monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(studies, "replications_needed", interrupted)
    found = studies.compare(parse_source(FIXED))
    assert found.manifest["replications"]["stopped"] == "interrupted"
    assert found.counts.tolist() == [40, 40, 40]


def identity_in(folder):
    return execute(folder, "SELECT identity FROM study")[0]


@pytest.mark.parametrize(
    ("options", "text", "told"),
    [
        ({"seed": 7}, FIXED, "scenario.study.seed was 1, is 7"),
        ({}, FIXED.replace("60s", "61s"), "scenario.tasks[0].duration.exponential.mean was 60.0, is 61.0"),
        ({}, FIXED.replace("tasks: [3]", "tasks: [2, 3]"), "batch_sizes was [3], is [2, 3]"),
    ],
    ids=["seed", "scenario", "points"],
)
def test_resume_rejects_another_study(tmp_path, options, text, told):
    begun(tmp_path)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    with pytest.raises(ResultsError, match="is of another study") as error:
        studies.sweep(parse_source(text), folder=tmp_path, resume=True, **options)
    assert told in str(error.value)
    assert "sha256" not in str(error.value)  # which says nothing to anybody
    assert "undo that, discard it with --restart" in str(error.value)
    assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before


def test_resume_rejects_other_versions(tmp_path, monkeypatch):
    begun(tmp_path)
    here = versions.software()
    assert {"dispatch-sim", "numpy", "sources of dispatch-sim", "arithmetic", "llvmlite"} <= here.keys()
    monkeypatch.setattr(run_study, "software", lambda: here | {"numpy": "99.9"})
    with pytest.raises(ResultsError, match=re.escape(f'software.numpy was "{here["numpy"]}", is "99.9"')):
        studies.sweep(parse_source(FIXED), folder=tmp_path, resume=True)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda path: path.write_bytes(b"no database" * 1000), "cannot be read: file is not a database"),
        (lambda path: path.write_bytes(path.read_bytes()[:20_000]), "cannot be read: database disk image is"),
        (lambda path: execute(path.parent, "PRAGMA user_version = 99"), "by another version of dispatch-sim"),
    ],
)
@pytest.mark.parametrize("resume", [True, None])
def test_unreadable_checkpoint_is_an_error(tmp_path, spoil, told, resume, whole):
    begun(tmp_path)
    spoil(tmp_path / CHECKPOINT_FILE)
    before = (tmp_path / CHECKPOINT_FILE).read_bytes()
    if resume or "another version" not in told:
        with pytest.raises(ResultsError, match=told) as error:
            studies.sweep(parse_source(FIXED), folder=tmp_path, resume=resume)
        assert "--restart" in str(error.value)
        assert (tmp_path / CHECKPOINT_FILE).read_bytes() == before
    assert finished(tmp_path, resume=False) == whole()


def test_checkpoint_without_tables_is_empty(tmp_path, caplog, whole):
    """The process was ended before its tables were there."""
    (tmp_path / CHECKPOINT_FILE).touch()
    assert resumed(tmp_path) == whole()
    assert f"{tmp_path}: holds nothing unfinished; simulating from the beginning" in caplog.messages


def test_no_file_exists_before_the_first_chunk(tmp_path):
    """So a study that ends before leaves nothing in its folder."""
    Checkpoint(tmp_path, {}, "simpy")
    assert list(tmp_path.iterdir()) == []


HOLD = """
import sys, time
from pathlib import Path
from dispatch_sim.study.files import alone_in
with alone_in(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_second_run_is_rejected_until_the_first_is_killed(tmp_path, whole):
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "held\n"
        with pytest.raises(ResultsError, match="another run is writing there"):
            studies.sweep(parse_source(FIXED), folder=tmp_path, resume=False)
        first.kill()
    assert resumed(tmp_path) == whole()


def test_long_study_is_discarded_only_on_request(tmp_path, whole):
    begun(tmp_path)
    execute(tmp_path, "UPDATE study SET seconds = 61")
    with pytest.raises(ResultsError, match=r"1 minute and is not finished; continue it with --resume, or "):
        studies.sweep(parse_source(FIXED), folder=tmp_path)
    assert execute(tmp_path, "SELECT count(*) FROM chunk") == (3,)
    assert finished(tmp_path, resume=False) == whole()
    assert finished(begun(tmp_path / "short")) == whole()


def test_resume_of_finished_study_simulates_nothing(tmp_path, monkeypatch, caplog):
    """So that a job that is started again needs no other command; with another seed, it is simulated."""
    before = finished(tmp_path)
    simulate, simulated = run_study.simulate, []
    monkeypatch.setattr(run_study, "simulate", lambda *each: simulated.append(each) or simulate(*each))
    assert resumed(tmp_path) == before
    assert caplog.messages == [f"{tmp_path}: holds this study, finished; nothing is simulated"]
    assert simulated == []
    resumed(tmp_path, seed=2)
    assert len(simulated) == 1


def test_writing_results_keeps_checkpoint_of_another_study(tmp_path, whole):
    begun(tmp_path)
    write_results(studies.sweep(parse_source(FIXED.replace("60s", "61s"))), tmp_path)
    assert resumed(tmp_path) == whole()


def test_interrupted_results_do_not_replace_more_replications(tmp_path, monkeypatch, caplog):
    scenario, folder = tmp_path / "small.yaml", tmp_path / "out"
    scenario.write_text(FIXED)
    # One thread ends its chunks in order: of what is beyond a gap there are no results.
    command = ["sweep", str(scenario), "--no-report", "--out", str(folder), "--jobs", "1"]

    def interrupted_after(chunks, *more):
        add, left = Checkpoint.add, iter(range(chunks))

        def interrupting(*chunk):
            if next(left, None) is None:
                raise KeyboardInterrupt
            add(*chunk)

        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "add", interrupting)
            return CliRunner().invoke(app, [*command, *more])

    def played():
        return json.loads((folder / "manifest.json").read_text())["replications"]["simulated"]

    assert interrupted_after(3).exit_code == 130
    assert played() < 40
    assert CliRunner().invoke(app, command).exit_code == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for more in ((), ("--replications", "1000")):
        interrupted = interrupted_after(3, *more)
        assert interrupted.exit_code == 130
        assert "replications. Continue with: dispatch-sim " in interrupted.stderr
        assert f"{folder}: has this study with 40 replications; it stays" in caplog.text
        left = {path.name: path.read_bytes() for path in folder.iterdir() if path.name != CHECKPOINT_FILE}
        assert left == before
        assert (folder / CHECKPOINT_FILE).exists()
        caplog.clear()
    for more in ((), ("--restart",)):
        interrupted_after(3, "--seed", "7", *more)
        assert f"{folder}: has another study, which is finished; it stays" in caplog.text
        assert played() == 40
        caplog.clear()
    assert "Nothing was written." in interrupted_after(0, "--restart").stderr
    monkeypatch.setitem(runner.TASKS_OF_A_CHUNK, "compiled", 1)
    assert "Interrupted before two replications. Continue with: " in interrupted_after(1).stderr
    assert played() == 40


def test_interrupted_results_replace_fewer_or_those_of_another_interrupted_study(tmp_path, whole):
    def written(chunks, **options):
        end = end_after(chunks, KeyboardInterrupt)
        write_results(
            studies.sweep(parse_source(FIXED), folder=tmp_path, on_progress=end, **options), tmp_path
        )
        manifest = json.loads((tmp_path / "manifest.json").read_text())
        return manifest["seed"], manifest["replications"]["simulated"]

    assert written(2, seed=7) == (7, 8)
    assert written(2) == (1, 8)
    assert written(3) == (1, 12)
    assert resumed(tmp_path) == whole()


TWO_SIZES = FIXED.replace("tasks: [3]", "tasks: [2, 3]")
LARGER = (
    "larger study of this scenario, with 40 replications of {} design points; this one has at most {} of 3."
)


@pytest.mark.parametrize(
    ("text", "study", "options", "message"),
    [
        (FIXED, studies.sweep, {"replications": 39}, LARGER.format(3, 39)),
        (FIXED, studies.sweep, {"replications": 39, "resume": True}, LARGER.format(3, 39)),
        (FIXED, studies.sweep, {"replications": 40}, None),
        (FIXED, studies.sweep, {"replications": 41}, None),
        (FIXED, studies.sweep, {"replications": 39, "resume": False}, None),
        (FIXED, studies.sweep, {"replications": 39, "seed": 7}, None),
        (FIXED, studies.compare, {"replications": 39}, LARGER.format(3, 39)),
        (TWO_SIZES, studies.compare, {"replications": 400}, LARGER.format(6, 400)),
    ],
)
def test_finished_study_is_replaced_by_a_smaller_one_only_on_request(tmp_path, text, study, options, message):
    before = finished(tmp_path, text)
    if message is None:
        finished(tmp_path, text, study, **options)
        return
    with pytest.raises(ResultsError) as error:
        study(parse_source(text), folder=tmp_path, **options)
    assert message in str(error.value)
    assert str(error.value).endswith(" Replace it with --restart, or name another folder with --out")
    assert tuple((tmp_path / name).read_bytes() for name in WRITTEN) == before


def test_sweep_replaces_the_comparison_of_its_scenario(tmp_path):
    """It has more design points."""
    finished(tmp_path, TWO_SIZES, studies.compare)
    finished(tmp_path, TWO_SIZES)
    assert finished_batches(tmp_path) == [2, 3]


def test_comparison_and_sweep_of_as_many_points_are_two_studies(tmp_path):
    """Of three tasks and of two: neither is resumed as the other, nor taken for its result."""
    text = FIXED.replace("tasks: [3]", "tasks: [2]")
    with pytest.raises(PowerCutError):
        studies.compare(parse_source(text), folder=tmp_path, on_progress=end_after(3))
    with pytest.raises(ResultsError, match=r"batch_sizes\[0\] was 3, is 2"):
        studies.sweep(parse_source(text), folder=tmp_path, resume=True)
    resumed(tmp_path, text, studies.compare)
    assert finished_batches(tmp_path) == [3]
    finished(tmp_path, text, resume=True)
    assert finished_batches(tmp_path) == [2]


def finished_batches(folder):
    results = read_results(folder)
    design = stored_design(stored_source(results), results)
    assert design.batch_sizes == sorted(set(results.points["tasks"]))
    return design.batch_sizes


@pytest.mark.parametrize("compiled_at_first", [True, False])
def test_resume_keeps_the_engine(tmp_path, monkeypatch, compiled_at_first):
    """`engine: auto` is decided once; so the manifest is the same."""
    text = FIXED.replace("engine: compiled", "engine: auto")
    monkeypatch.setattr(engines, "COMPILING_S", 10.0)
    monkeypatch.setattr(engines.store, "is_compiled", lambda: compiled_at_first)
    begun(tmp_path / "ended", text)
    whole = finished(tmp_path / "whole", text)
    assert json.loads(whole[1])["engine"] == ("compiled" if compiled_at_first else "simpy")
    monkeypatch.setattr(engines.store, "is_compiled", lambda: not compiled_at_first)
    assert resumed(tmp_path / "ended", text) == whole


def test_full_disk_is_an_error_that_names_resume(tmp_path, monkeypatch, whole):
    """Here the database may have no more pages; only where something is kept it is said to be."""

    def small(pages):
        connect = checkpoint._connect

        def connected(path):
            db = connect(path)
            db.execute(f"PRAGMA max_page_count = {pages}")
            return db

        return connected

    for pages, kept in ((3, False), (10, True)):
        folder = tmp_path / str(pages)
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "_connect", small(pages))
            with pytest.raises(ResultsError, match="cannot be written to: database or disk is full") as error:
                studies.sweep(parse_source(FIXED), folder=folder)
        assert ("continue with --resume" in str(error.value)) == kept
        assert resumed(folder) == whole()
