"""Whole studies: design, runner and results."""

import json
import multiprocessing
import signal
import threading

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.dispatch.plan import make_plan
from dispatch_sim.interruption import processes_uninterrupted
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.study import runner, workers
from dispatch_sim.study.answer import AnswerError, answer
from dispatch_sim.study.conduct import compare, sweep
from dispatch_sim.study.design import DesignError, design_comparison, design_sweep
from dispatch_sim.study.results import ResultsError, folder_name, read_results, write_results
from dispatch_sim.study.workers import WorkerError

TEXT = """
name: small
tasks: [{name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [sequential, parallel, queue, {waves: 3}]
sweep: {tasks: [1, 2, 4, 6], concurrency: [1, 3]}
study: {replications: 12}
"""


MANY = TEXT.replace("replications: 12", "replications: 600")
"""Enough rows that workers are started."""


def points(design):
    """Return the design's points as (strategy, width, tasks)."""
    return [
        (plan.strategy.label, plan.width, len(plan.tasks))
        for variant in design.variants
        for plan in variant.plans
    ]


def test_a_sweep_plays_every_strategy_at_every_width_and_size():
    """A queue or waves with a number at that, others at those of the sweep, up to the size of the batch."""
    found = points(design_sweep(parse_source(TEXT)))
    assert len(found) == len(set(found))
    at_four = [(strategy, width) for strategy, width, tasks in found if tasks == 4]
    assert at_four == [
        ("sequential", 1),
        ("parallel", 4),
        ("queue", 1),
        ("queue", 3),
        ("waves", 3),
    ]
    assert {width for strategy, width, tasks in found if strategy == "queue" and tasks == 2} == {1}


def test_a_comparison_plays_the_batch_as_it_is():
    """One size only, and no further factors."""
    source = parse_source(TEXT.replace("sweep: {", "sweep: {client.retries: [0, 5], "))
    assert {tasks for _, _, tasks in points(design_comparison(source))} == {4}


def test_further_factors_are_crossed_and_put_in_by_their_path():
    """Two factors of two levels are four scenarios, each with its levels in it."""
    source = parse_source(
        TEXT.replace("sweep: {", "sweep: {provider.limits.scale: [1, 2.5], client.retries: [0, 5], ")
    )
    design = design_sweep(source)
    assert design.factors == ("provider.limits.scale", "client.retries")
    levels = [
        (variant.scenario.provider.limits.scale, variant.scenario.client.retries)
        for variant in design.variants
    ]
    assert levels == [(1, 0), (1, 5), (2.5, 0), (2.5, 5)] == [variant.levels for variant in design.variants]


def test_each_level_of_a_factor_is_played_with_draws_of_its_own_scenario():
    """Three tasks of 1K or 9K without failures: 3K or 27K of work, in every replication."""
    source = parse_source(
        TEXT.replace("sweep: {tasks: [1, 2, 4, 6]", "sweep: {tasks: [3], tasks.tokens: [1K, 9K]")
        + "failures: {crash: 0%, bad_output: 0%}\nclient: {retries: 1000}\n"
    )
    work = sweep(source).frame.groupby("tasks.tokens").tokens_work.unique()
    assert {level: list(tokens) for level, tokens in work.items()} == {"1K": [3000], "9K": [27_000]}


def test_a_study_beyond_memory_is_refused():
    """Rows are held in memory, so their number is bounded."""
    with pytest.raises(DesignError, match="fewer replications"):
        design_sweep(parse_source(TEXT.replace("replications: 12", "replications: 10000000")))


def test_a_factor_that_does_not_fit_is_an_error_at_its_place():
    """What a level would make of the scenario is checked like a file."""
    with pytest.raises(ScenarioError, match=r"client\.retries"):
        sweep(parse_source(TEXT.replace("sweep: {", "sweep: {client.retries: [-1], ")))


def test_the_table_holds_one_row_a_point_and_replication_with_its_own_outcome():
    """Every row is what playing that point and replication alone gives."""
    source = parse_source(TEXT)
    frame = sweep(source).frame
    assert list(frame.columns[:4]) == ["strategy", "concurrency", "tasks", "replication"]
    assert tuple(frame.columns[4:]) == MEASURES
    assert len(frame) == 12 * len(points(design_sweep(source)))
    for row in frame.sample(20, random_state=1).itertuples():
        kind = {row.strategy: row.concurrency} if row.strategy in ("queue", "waves") else row.strategy
        plan = make_plan(source.scenario(), parse_strategy(kind), row.tasks)
        outcome = play(plan, Luck(source.scenario(), row.replication))
        assert outcome == tuple(getattr(row, measure) for measure in MEASURES)


def test_the_promised_columns_come_in_their_order():
    """Readers of the table rely on names: these, and others behind them."""
    frame = sweep(parse_source(TEXT.replace("sweep: {", "sweep: {client.retries: [1, 2], "))).frame
    promised = ["strategy", "concurrency", "tasks", "client.retries", "replication", "makespan_s", "tokens"]
    causes = ("work", "spawn", "return", "coordination", "merge", "wasted")
    promised += [f"tokens_{cause}" for cause in causes]
    promised += ["money_usd", "people_s", "cost_usd", "rejected_tries", "backoff_s"]
    promised += ["failed_attempts", "recovered_tasks"]
    assert list(frame.columns[: len(promised)]) == promised


def test_results_are_the_same_bytes_for_any_number_of_workers_and_any_blocks(tmp_path, monkeypatch):
    """One process, two processes and blocks of one replication write identical files."""
    monkeypatch.setattr(runner, "WORTH_A_POOL", 0)
    source = parse_source(TEXT)
    contents = []
    for name, jobs, tasks in (("one", 1, 1000), ("two", 2, 1000), ("small", 2, 1)):
        monkeypatch.setitem(runner.TASKS_OF_A_BLOCK, "simpy", tasks)
        write_results(sweep(source, jobs=jobs), tmp_path / name)
        contents.append((tmp_path / name / "results.parquet").read_bytes())
    assert contents[0] == contents[1] == contents[2]


def test_another_size_strategy_or_factor_changes_no_other_row():
    """Common random numbers: rows of points that both studies have are equal."""
    narrow = sweep(parse_source(TEXT)).frame
    wide = sweep(
        parse_source(
            TEXT.replace("[1, 2, 4, 6]", "[1, 2, 3, 4, 5, 6]").replace(
                "[sequential, parallel", "[{queue: 5, manager: script}, sequential, parallel"
            )
        )
    ).frame
    keys = ["strategy", "concurrency", "tasks", "replication"]
    both = narrow.merge(wide, on=keys, suffixes=("", "_wide"))
    assert len(both) == len(narrow)
    for measure in MEASURES:
        assert (both[measure] == both[f"{measure}_wide"]).all(), measure


def test_more_replications_extend_fewer():
    """Replication 7 is the same whether 12 or 20 are played; another seed is another world."""
    source = parse_source(TEXT)
    few, many = compare(source).frame, compare(source, replications=20).frame
    shared = many[many["replication"] < 12].reset_index(drop=True)
    pd.testing.assert_frame_equal(few, shared)
    assert not np.array_equal(few["makespan_s"], compare(source, seed=99).frame["makespan_s"])


def test_an_interrupted_study_keeps_what_is_done(monkeypatch):
    """After Ctrl-C the finished blocks are whole replications of every point, and the manifest says so."""
    monkeypatch.setitem(runner.TASKS_OF_A_BLOCK, "simpy", 1)

    def stop_after_five(done, total):
        if done == 5:
            raise KeyboardInterrupt

    results = compare(parse_source(TEXT), on_progress=stop_after_five)
    assert results.manifest["interrupted"]
    counts = {"asked": 12, "played": 5, "at_most": 12, "stopped": "interrupted"}
    assert results.manifest["replications"] == counts
    assert (results.frame.groupby(["strategy", "concurrency"]).size() == 5).all()
    assert answer(results).choices[0].replications == 5


def test_nothing_is_concluded_from_one_replication(monkeypatch):
    """One replication says nothing of its own noise."""
    monkeypatch.setitem(runner.TASKS_OF_A_BLOCK, "simpy", 1)

    def stop_after_one(done, total):
        raise KeyboardInterrupt

    with pytest.raises(AnswerError, match="fewer than two"):
        answer(compare(parse_source(TEXT), on_progress=stop_after_one))


def test_the_blocks_of_a_worker_that_is_killed_are_played_by_another(monkeypatch):
    """Every row is there, once."""
    monkeypatch.setattr(runner, "WORTH_A_POOL", 0)
    monkeypatch.setitem(runner.TASKS_OF_A_BLOCK, "simpy", 1)
    source = parse_source(TEXT + "engine: simpy\n")
    killed = []

    def kill_a_worker(done, total):
        if len(killed) < 2 and done > 10 * len(killed):
            killed.append(multiprocessing.active_children()[0])
            killed[-1].kill()

    found = sweep(source, replications=40, jobs=2, on_progress=kill_a_worker)
    assert [process.exitcode for process in killed] == [-signal.SIGKILL] * 2
    assert found.frame.equals(sweep(source, replications=40).frame)


def test_workers_that_die_one_after_another_end_the_study_in_words(monkeypatch):
    """What kills each worker would kill the next: the study says so, and neither hangs nor goes on."""
    monkeypatch.setattr(runner, "WORTH_A_POOL", 0)
    ended = threading.Event()

    def kill_all_workers():
        while not ended.wait(0.01):
            for child in multiprocessing.active_children():
                child.kill()

    killing = threading.Thread(target=kill_all_workers)
    killing.start()
    try:
        with pytest.raises(WorkerError, match="--jobs"):
            sweep(parse_source(TEXT + "engine: simpy\n"), replications=200, jobs=2)
    finally:
        ended.set()
        killing.join()


def test_a_machine_that_starts_no_more_processes_is_told_in_words(monkeypatch):
    """As where a user may have only so many; those that were started are ended."""
    started = []

    class Worker(workers._Worker):
        def __init__(self, context):
            if started:
                raise BlockingIOError(11, "Resource temporarily unavailable")
            super().__init__(context)
            started.append(self.process)

    monkeypatch.setattr(workers, "_Worker", Worker)
    monkeypatch.setattr(runner, "WORTH_A_POOL", 0)
    with pytest.raises(WorkerError, match=r"unavailable\. Try fewer --jobs"):
        sweep(parse_source(TEXT + "engine: simpy\n"), replications=200, jobs=2)
    started[0].join(10)
    assert started[0].exitcode == -signal.SIGKILL


def test_processes_are_started_deaf_to_ctrl_c_and_this_one_hears_it_afterwards():
    """It waits, and is not lost."""
    reached = []

    def interrupted():
        with processes_uninterrupted():
            signal.raise_signal(signal.SIGINT)
            reached.append(signal.pthread_sigmask(signal.SIG_BLOCK, []))

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert signal.SIGINT in reached[0]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, [])


def test_results_are_read_as_they_were_written(tmp_path):
    """A round trip through the folder changes nothing."""
    results = compare(parse_source(TEXT))
    write_results(results, tmp_path / "r")
    again = read_results(tmp_path / "r")
    pd.testing.assert_frame_equal(results.frame, again.frame, check_dtype=True)
    assert again.manifest == json.loads(json.dumps(results.manifest))
    assert sorted(path.name for path in (tmp_path / "r").iterdir()) == ["manifest.json", "results.parquet"]


def test_a_folder_without_results_is_an_error_in_words(tmp_path):
    """As `tests/report/test_stored.py` tests of each kind of damage."""
    with pytest.raises(ResultsError, match=r"has no manifest\.json"):
        read_results(tmp_path)
    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(ResultsError, match="cannot be written"):
        write_results(compare(parse_source(TEXT)), blocked / "r")


def test_the_manifest_says_what_was_played():
    """Resolved scenario and its hash, seed, engine, versions, machine."""
    source = parse_source(TEXT)
    manifest = compare(source, seed=5).manifest
    assert manifest["seed"] == 5
    assert manifest["engine"] == "simpy"
    assert manifest["scenario"]["resolved"]["dispatch"]["spawn"]["tokens"] == 3000
    assert manifest["scenario"]["sha256"] == source.replaced({"study.seed": 5}).scenario().fingerprint
    assert {"simpy", "numpy", "pandas"} <= set(manifest["versions"])
    assert {"python", "system", "processor", "cores"} == set(manifest["machine"])


def test_the_hash_of_a_scenario_is_of_what_it_says_not_of_how_it_is_written():
    """Defaults written out and units changed leave it; another figure does not."""
    short = parse_source("tasks: [{name: a, tokens: 15K, duration: 60s}]").scenario()
    same = parse_source(
        "tasks: [{name: a, tokens: 15000, duration: 1m, count: 1}]\nclient: {retries: 2}"
    ).scenario()
    other = parse_source("tasks: [{name: a, tokens: 15K, duration: 61s}]").scenario()
    assert short.fingerprint == same.fingerprint != other.fingerprint


def test_a_folder_is_named_without_what_a_path_may_not_hold():
    """Names come from files, and files are called anything."""
    assert folder_name("ten-sources") == "ten-sources"
    assert folder_name("../../etc/passwd") == "etc-passwd"
    assert folder_name("..") == "unnamed"


def test_a_sweep_of_millions_of_combinations_is_refused_before_they_are_made():
    """Four axes of 47 levels, two replications each: few enough rows, and four hours to read them all."""
    levels = list(range(1, 48))
    sweep = {"client.retries": levels, "provider.limits.scale": levels, "retry.max_attempts": levels}
    sweep |= {"tasks.calls": levels}
    text = "tasks: [{name: a, tokens: 15K, duration: 60s}]\nstrategies: [parallel]\nstudy: {replications: 2}"
    source = parse_source(text + f"\nsweep: {json.dumps({'tasks': [1], **sweep})}")
    with pytest.raises(DesignError, match="4,879,681 combinations of the levels of its axes; at most 10,000"):
        design_sweep(source)
