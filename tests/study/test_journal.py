"""What is kept of a study that is not finished, and how it is gone on with."""

import json
import logging
import os
import re
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from dispatch_sim.cli import app
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study import conduct, engines, journal, part_files, playing, results, runner, versions
from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.journal import Journal
from dispatch_sim.study.playing import Playing
from dispatch_sim.study.results import write_results

TASKS = """
name: small
tasks: [{name: a, count: 3, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
strategies: [sequential, parallel, {queue: 2}]
sweep: {tasks: [3], concurrency: [2]}
"""

ROWS = f"{TASKS}engine: simpy\nstudy: {{replications: 40}}\n"
DOUBLING = f"{TASKS}engine: compiled\nstudy: {{at_most: 4200, indifference: $0.000001}}\n"

WRITTEN = ("results.parquet", "manifest.json")


class PowerCutError(Exception):
    """Whatever ends a study."""


@pytest.fixture(autouse=True)
def _many_parts(monkeypatch):
    """Have each block be a part, and blocks be short."""
    monkeypatch.setattr(Journal, "_pause", lambda _: 0.0)
    monkeypatch.setattr(runner, "TASKS_OF_A_BLOCK", {"simpy": 40, "compiled": 4000})


def end_after(blocks, what=PowerCutError):
    """Return what ends a study when so many blocks are done."""
    done = []

    def on_progress(*_):
        done.append(1)
        if len(done) == blocks:
            raise what

    return on_progress


def begun(folder, text=ROWS, blocks=3, **options):
    """Have a study that ends before it is done, in a folder; returns that."""
    with pytest.raises(PowerCutError):
        conduct.sweep(parse_source(text), folder=folder, on_progress=end_after(blocks), **options)
    return folder


def finished(folder, text=ROWS, play=conduct.sweep, **options):
    """Play a study to its end; returns the bytes of what is written."""
    write_results(play(parse_source(text), folder=folder, **options), folder)
    return tuple((folder / name).read_bytes() for name in WRITTEN)


def resumed(folder, text=ROWS, play=conduct.sweep, **options):
    """Go on with a study to its end; returns the bytes of what is written, and nothing else may be left."""
    found = finished(folder, text, play, resume=True, **options)
    assert {path.name for path in folder.iterdir()} == set(WRITTEN)
    return found


def lines_in(folder):
    """Return the lines of a folder's journal."""
    return (folder / "unfinished" / "journal.jsonl").read_bytes().splitlines()


def put_lines(folder, lines):
    """Write a folder's journal."""
    (folder / "unfinished" / "journal.jsonl").write_bytes(b"".join(line + b"\n" for line in lines))


@pytest.mark.parametrize("text", [ROWS, DOUBLING], ids=["fixed", "doubling"])
@pytest.mark.parametrize("blocks", [1, 4, 7, 10])
def test_a_study_that_was_ended_comes_to_the_same_bytes(tmp_path, text, blocks):
    """Wherever it was ended: also when its number of replications had been doubled."""
    begun(tmp_path / "ended", text, blocks)
    whole = finished(tmp_path / "whole", text)
    assert resumed(tmp_path / "ended", text) == whole


def test_what_was_played_is_not_played_again(tmp_path):
    """Only what is missing, however it is cut into blocks."""
    begun(tmp_path, blocks=4)
    kept = [json.loads(line)["pieces"] for line in lines_in(tmp_path) if b'"part"' in line]
    played = []
    conduct.sweep(
        parse_source(ROWS), folder=tmp_path, resume=True, on_progress=lambda done, _: played.append(done)
    )
    assert played[0] > sum(count for pieces in kept for _, count in pieces) > 0
    assert played[-1] == 40


def test_a_stage_is_judged_by_its_own_replications_though_an_earlier_run_had_been_further(
    tmp_path, monkeypatch
):
    """As it would have been without that, or it might end where the whole study would not."""
    begun(tmp_path / "ended", DOUBLING, blocks=10)
    judged = []
    stopped = conduct._stopped

    def judge(results, playing, seconds):
        judged.append(results.replications)
        return stopped(results, playing, seconds)

    monkeypatch.setattr(conduct, "_stopped", judge)
    resumed(tmp_path / "ended", DOUBLING)
    after_the_end, judged[:] = judged[:], []
    finished(tmp_path / "whole", DOUBLING)
    assert after_the_end == judged
    assert judged[:3] == [256, 512, 1024]


@pytest.mark.parametrize(
    ("options", "text", "told"),
    [
        ({"seed": 7}, ROWS, "scenario.study.seed was 1, is 7"),
        ({"replications": 44}, ROWS, "scenario.study.replications was 40, is 44"),
        ({}, ROWS.replace("60s", "61s"), "scenario.tasks[0].duration.exponential.mean was 60.0, is 61.0"),
        ({}, ROWS.replace("queue: 2", "queue: 1"), 'strategies[2] was "queue of 2", is "queue of 1"'),
    ],
    ids=["seed", "replications", "scenario", "points"],
)  # fmt: skip
def test_another_study_is_not_gone_on_with(tmp_path, options, text, told):
    """It is said by path and values what differs; what lies there stays."""
    begun(tmp_path)
    before = lines_in(tmp_path)
    with pytest.raises(ResultsError, match="is of another study") as error:
        conduct.sweep(parse_source(text), folder=tmp_path, resume=True, **options)
    assert told in str(error.value)
    assert "sha256" not in str(error.value)  # which says nothing to anybody
    assert "undo that, throw it away by --restart" in str(error.value)
    assert lines_in(tmp_path) == before


def test_a_folder_with_nothing_but_parts_is_said_to_be_unfinished(tmp_path):
    """Who wants the report of a sweep that was killed is told how to have results."""
    begun(tmp_path)
    with pytest.raises(ResultsError, match=r"not finished, and no results yet; go on with it by .*--resume"):
        results.read_results(tmp_path)


def test_nothing_is_made_before_the_first_part_is_written(tmp_path):
    """So a study that ends before leaves no folder in which there is nothing to go on with."""
    of_study = Journal(tmp_path, {}, 1, 10)
    of_study.begin(anew=False)
    of_study.stage(0, "simpy")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("package", "path"), [("dispatch-sim", "dispatch_sim"), ("numpy", "versions.numpy")])
def test_a_study_of_another_version_is_not_gone_on_with(tmp_path, monkeypatch, package, path):
    """Its numbers may be others."""
    begun(tmp_path)
    version = results.package_version
    monkeypatch.setattr(results, "package_version", lambda name: "99.9" if name == package else version(name))
    with pytest.raises(ResultsError, match=re.escape(f'{path} was "{version(package)}", is "99.9"')):
        conduct.sweep(parse_source(ROWS), folder=tmp_path, resume=True)


@pytest.mark.parametrize("what", ["sources of dispatch-sim", "arithmetic", "llvmlite"])
def test_a_study_that_was_played_with_something_else_is_not_gone_on_with(tmp_path, monkeypatch, what):
    """Sources may be changed without a new version, and a folder may be taken to another machine."""
    begun(tmp_path)
    here = versions.playing_with()
    monkeypatch.setattr(results, "playing_with", lambda: here | {what: "99.9"})
    with pytest.raises(ResultsError, match=re.escape(f'{what} was "{here[what]}", is "99.9"')):
        conduct.sweep(parse_source(ROWS), folder=tmp_path, resume=True)


RUN = """
import sys
from pathlib import Path
from dispatch_sim.scenario.loader import load_source
from dispatch_sim.study.conduct import sweep
from dispatch_sim.study.journal import Journal
import time
Journal._pause = lambda journal: 0.0
folder = Path(sys.argv[2])
def on_progress(done, of):
    if (folder / "unfinished" / "journal.jsonl").exists():
        print("played", flush=True)
        time.sleep(60)
sweep(load_source(sys.argv[1]), folder=folder, on_progress=on_progress)
"""


def test_two_runs_never_write_to_one_folder_and_a_killed_one_holds_it_no_longer(tmp_path):
    """The second is refused in words, while the first is alone there."""
    scenario, folder = tmp_path / "small.yaml", tmp_path / "out"
    scenario.write_text(ROWS)
    whole = finished(tmp_path / "whole")
    command = [sys.executable, "-c", RUN, str(scenario), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as first:
        assert first.stdout.readline() == "played\n"
        for options in ([], ["--resume"], ["--restart"]):
            command = ["sweep", str(scenario), "--out", str(folder), "--no-report", *options]
            second = CliRunner().invoke(app, command)
            assert second.exit_code == 2
            assert "another run is writing there" in second.stderr
        first.send_signal(signal.SIGKILL)
    assert resumed(folder) == whole


def test_a_study_of_more_than_a_minute_is_not_thrown_away_unasked(tmp_path):
    """A shorter one is; and each, where that is asked for."""
    begun(tmp_path)
    lines = lines_in(tmp_path)
    longer = [re.sub(rb'"seconds":[0-9.]+', b'"seconds":61.0', line) for line in lines]
    put_lines(tmp_path, longer)
    with pytest.raises(ResultsError, match="not finished; go on with it by --resume, or throw it away by"):
        conduct.sweep(parse_source(ROWS), folder=tmp_path)
    assert lines_in(tmp_path) == longer
    put_lines(tmp_path, lines)
    whole = finished(tmp_path / "whole")
    assert finished(tmp_path) == whole
    put = begun(tmp_path / "other")
    put_lines(put, longer)
    assert finished(put, resume=False) == whole
    assert not (put / "unfinished").exists()


def test_what_others_have_put_beside_parts_is_not_thrown_away(tmp_path):
    """A folder may be called `unfinished` for other reasons."""
    kept = tmp_path / "unfinished" / "novel.txt"
    kept.parent.mkdir()
    kept.write_text("It was a dark and stormy night")
    finished(tmp_path)
    assert kept.read_text() == "It was a dark and stormy night"
    assert [path.name for path in kept.parent.iterdir()] == ["novel.txt"]


def test_where_nothing_is_unfinished_it_is_played_from_the_beginning_and_that_is_said(tmp_path, caplog):
    """Nobody is to wait for what they think is done."""
    assert resumed(tmp_path / "new") == finished(tmp_path / "whole")
    assert f"{tmp_path / 'new'}: holds nothing unfinished; playing from the beginning" in caplog.messages


def test_what_is_finished_is_not_played_again(tmp_path, monkeypatch, caplog):
    """So that a job that is started again and again needs no other command; of another seed, it is played."""
    before = finished(tmp_path)
    play, played = playing.play_blocks, []
    monkeypatch.setattr(playing, "play_blocks", lambda *each: played.append(each) or play(*each))
    assert resumed(tmp_path) == before
    assert (caplog.messages, played) == ([f"{tmp_path}: holds this study, finished; nothing is played"], [])
    resumed(tmp_path, seed=2)
    assert len(played) == 1


def _torn(folder):
    *lines, last = lines_in(folder)
    put_lines(folder, lines)
    with (folder / "unfinished" / "journal.jsonl").open("ab") as file:
        file.write(last[: len(last) // 2])


def _zeros(folder):
    with (folder / "unfinished" / "journal.jsonl").open("ab") as file:
        file.write(bytes(300))


def _torn_and_gone_on(folder):
    lines = lines_in(folder)
    put_lines(folder, [*lines[:-2], lines[-2][:20] + lines[-1]])


def _missing(folder):
    (folder / "unfinished" / "part-000002.parquet").unlink()


def _flipped(folder):
    path = folder / "unfinished" / "part-000002.parquet"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def _longer(folder):
    with (folder / "unfinished" / "part-000002.parquet").open("ab") as file:
        file.write(bytes(10_000_000))


def _flipped_line(folder):
    lines = lines_in(folder)
    lines[3] = b"x" + lines[3][1:]
    put_lines(folder, lines)


def _pipe_for_a_part(folder):
    (folder / "unfinished" / "part-000001.parquet").unlink()
    os.mkfifo(folder / "unfinished" / "part-000001.parquet")


def _orphan(folder):
    (folder / "unfinished" / "part-000077.parquet").write_bytes(b"PAR1")


def _left_over(folder):
    (folder / "unfinished" / ".part-000004.parquet.new.1.partial").write_bytes(b"PAR1")
    (folder / ".results.parquet.new.1.partial").write_bytes(b"PAR1")
    (folder / ".manifest.json.old.1.partial").write_bytes(b"{")


@pytest.mark.parametrize(
    "damage",
    [
        _torn,
        _zeros,
        _torn_and_gone_on,
        _missing,
        _flipped,
        _longer,
        _flipped_line,
        _pipe_for_a_part,
        _orphan,
        _left_over,
    ],
)
def test_what_is_not_whole_is_played_again(tmp_path, damage):
    """As after a crash or with a failing disk; what is whole is kept."""
    begun(tmp_path / "ended", blocks=5)
    whole = finished(tmp_path / "whole")
    damage(tmp_path / "ended")
    first = []
    found = resumed(tmp_path / "ended", on_progress=lambda done, _: first.append(done))
    assert found == whole
    assert first[0] >= 16  # of five parts of four replications three at least are whole, and one is played


def test_an_interrupted_study_keeps_its_results_so_far_and_is_gone_on_with(tmp_path):
    """Ctrl-C: what is done is written, as results of fewer replications; resumed, it comes to the same."""
    whole = finished(tmp_path / "whole")
    folder = tmp_path / "out"
    some = conduct.sweep(parse_source(ROWS), folder=folder, on_progress=end_after(3, what=KeyboardInterrupt))
    write_results(some, folder)
    played = json.loads((folder / "manifest.json").read_text())["replications"]
    assert played["stopped"] == "interrupted"
    assert 0 < played["played"] < 40
    assert resumed(folder) == whole


def test_interrupted_results_replace_no_fuller_ones(tmp_path, monkeypatch, caplog):
    """Nor their pages; that is said. Of another scenario they do, and where they are fuller themselves."""
    scenario, folder = tmp_path / "small.yaml", tmp_path / "out"
    scenario.write_text(ROWS)
    command = ["sweep", str(scenario), "--jobs", "1", "--out", str(folder)]

    def interrupted_after(blocks, *more):
        take, end = Playing._take, end_after(blocks, KeyboardInterrupt)
        with monkeypatch.context() as patch:
            patch.setattr(Playing, "_take", lambda *taken: (take(*taken), end())[0])
            return CliRunner().invoke(app, [*command, *more])

    def played():
        return json.loads((folder / "manifest.json").read_text())["replications"]["played"]

    assert interrupted_after(3).exit_code == 130
    few = played()
    assert CliRunner().invoke(app, command).exit_code == 0
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for more in ((), ("--replications", "1000")):
        interrupted = interrupted_after(3, *more)
        assert interrupted.exit_code == 130
        assert "are done and kept" in interrupted.stderr
        assert f"{folder}: has this study with 40 replications; it stays" in caplog.text
        left = {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}
        assert left == before
        assert (folder / "unfinished" / "journal.jsonl").exists()
        caplog.clear()
    interrupted_after(3, "--seed", "7")
    assert played() == few
    interrupted_after(4, "--seed", "7", "--restart")
    assert played() > few


@pytest.mark.parametrize("compiled_at_first", [True, False])
def test_the_engine_of_a_stage_stays_though_the_compiled_one_comes_or_goes(
    tmp_path, monkeypatch, compiled_at_first
):
    """`engine: auto` is decided once; so the manifest is the same."""
    text = ROWS.replace("engine: simpy", "engine: auto")
    monkeypatch.setattr(engines, "LOADING_S", 0.0)
    monkeypatch.setattr(engines.store, "is_compiled", lambda: compiled_at_first)
    begun(tmp_path / "ended", text)
    whole = finished(tmp_path / "whole", text)
    assert json.loads(whole[1])["engine"] == ("compiled" if compiled_at_first else "simpy")
    monkeypatch.setattr(engines.store, "is_compiled", lambda: not compiled_at_first)
    assert resumed(tmp_path / "ended", text) == whole


def test_a_comparison_is_gone_on_with_too(tmp_path):
    """`compare --out`; a sweep of the same scenario is another study."""
    folder = tmp_path / "out"
    with pytest.raises(PowerCutError):
        conduct.compare(parse_source(ROWS), folder=folder, on_progress=end_after(3))
    text = ROWS.replace("tasks: [3]", "tasks: [2, 3]")
    with pytest.raises(ResultsError, match="design_points was 3"):
        conduct.sweep(parse_source(text), folder=folder, resume=True)
    whole = finished(tmp_path / "whole", play=conduct.compare)
    assert resumed(folder, play=conduct.compare) == whole


def test_a_part_that_may_not_be_read_is_not_taken_for_a_broken_one(tmp_path, monkeypatch):
    """It would be played again, and removed, for nothing."""
    begun(tmp_path)

    def refuse(path, most):
        if path.name.startswith("part-"):
            raise PermissionError(13, "Permission denied")
        return read(path, most)

    read = part_files.read_file
    monkeypatch.setattr(part_files, "read_file", refuse)
    with pytest.raises(ResultsError, match=r"part-000001.parquet that cannot be read: Permission denied"):
        conduct.sweep(parse_source(ROWS), folder=tmp_path, resume=True)
    assert (tmp_path / "unfinished" / "part-000001.parquet").exists()


def test_a_stage_that_cannot_be_noted_is_told_in_words_and_gone_on_with(tmp_path, monkeypatch):
    """As where the disk is full when replications are doubled: what is wrong, and what to do."""

    def refuse(path, line):
        if '"stage"' in line:
            raise OSError(28, "No space left on device")
        append(path, line)

    append = journal.append_line
    with monkeypatch.context() as patch:
        patch.setattr(journal, "append_line", refuse)
        with pytest.raises(ResultsError, match=r"cannot be written to: No space left .* by --resume"):
            conduct.sweep(parse_source(DOUBLING), folder=tmp_path / "full")
    assert resumed(tmp_path / "full", DOUBLING) == finished(tmp_path / "whole", DOUBLING)


def test_resuming_says_how_much_is_done(tmp_path, caplog):
    """Replications of each way."""
    caplog.set_level(logging.WARNING)
    begun(tmp_path, blocks=4)
    resumed(tmp_path)
    # Four blocks of at most 40 tasks: of four replications of three ways of three tasks.
    assert "resumed: 16 replications of each way are done" in caplog.messages
