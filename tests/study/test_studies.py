"""Whole studies: design, runner and results."""

import json

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.decide.answer import AnswerError, answer
from dispatch_sim.decide.studies import compare, sweep
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.study import columns, runner
from dispatch_sim.study.design import design_comparison, design_sweep
from dispatch_sim.study.results import folder_name, read_results, write_results

TEXT = """
name: small
tasks: [{name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [sequential, parallel, queue, {waves: 3}]
sweep: {tasks: [1, 2, 4, 6], concurrency: [1, 3]}
study: {replications: 12}
"""


def points(design):
    return [
        (plan.strategy.label, plan.concurrency, len(plan.tasks))
        for variant in design.variants
        for plan in variant.plans
    ]


def test_sweep_has_each_strategy_concurrency_and_size():
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


def test_comparison_has_the_batch_size_only():
    source = parse_source(TEXT.replace("sweep: {", "sweep: {client.retries: [0, 5], "))
    assert design_comparison(source).batch_sizes == [4]


def test_concurrency_above_the_batch_is_left_out_with_a_warning(caplog):
    """Where it is simulated at some batch size, there is none."""
    source = parse_source(TEXT.replace("{waves: 3}", "{waves: 5}"))
    compare(source)
    message = "waves of 5: left out, as the concurrency exceeds the batch of 4 tasks; write waves of 4"
    assert caplog.messages == [message]
    caplog.clear()
    sweep(source)
    assert caplog.messages == []


def test_factors_are_crossed():
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


def test_factor_levels_have_variates_of_their_own_scenario():
    """Three tasks of 1K or 9K without failures: 3K or 27K of work, in every replication."""
    source = parse_source(
        TEXT.replace("sweep: {tasks: [1, 2, 4, 6]", "sweep: {tasks: [3], tasks.tokens: [1K, 9K]").replace(
            "count: 4", "count: 4, spread: 0%"
        )
        + "failures: {crash: 0%, bad_output: 0%}\nclient: {retries: 1000}\n"
    )
    work = sweep(source).frame.groupby("tasks.tokens").tokens_work.unique()
    assert {level: list(tokens) for level, tokens in work.items()} == {"1K": [3000], "9K": [27_000]}


def test_table_has_a_row_per_point_and_replication():
    """Every row is what playing that point and replication alone gives."""
    source = parse_source(TEXT)
    frame = sweep(source).frame
    assert list(frame.columns[:4]) == ["strategy", "concurrency", "tasks", "replication"]
    assert tuple(frame.columns[4:]) == MEASURES
    assert len(frame) == 12 * design_sweep(source).points
    for row in frame.sample(20, random_state=1).itertuples():
        kind = {row.strategy: row.concurrency} if row.strategy in ("queue", "waves") else row.strategy
        plan = make_plan(source.scenario(), parse_strategy(kind), row.tasks)
        outcome = simulate(plan, Variates(source.scenario(), row.replication))
        assert outcome == tuple(getattr(row, measure) for measure in MEASURES)


def test_columns_are_in_documented_order():
    """Readers of the table rely on names: these, and others behind them."""
    frame = sweep(parse_source(TEXT.replace("sweep: {", "sweep: {client.retries: [1, 2], "))).frame
    promised = ["strategy", "concurrency", "tasks", "client.retries", "replication", "makespan_s", "tokens"]
    causes = ("work", "spawn", "return", "coordination", "merge", "wasted")
    promised += [f"tokens_{cause}" for cause in causes]
    promised += ["money_usd", "people_s", "cost_usd", "rejected_requests", "backoff_s"]
    promised += ["failed_attempts", "manual_completions"]
    assert list(frame.columns[: len(promised)]) == promised


def test_additional_points_change_no_other_row():
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


def test_interrupted_study_keeps_completed_chunks(monkeypatch):
    """After Ctrl-C the finished blocks are whole replications of every point, and the manifest says so."""
    monkeypatch.setitem(runner.TASKS_OF_A_CHUNK, "compiled", 1)

    def stop_after_five(done, total):
        if done == 5 * 5:  # design points
            raise KeyboardInterrupt

    results = compare(parse_source(TEXT), on_progress=stop_after_five)
    assert results.manifest["interrupted"]
    counts = {"asked": 12, "simulated": 5, "at_most": 12, "stopped": "interrupted"}
    assert counts.items() <= results.manifest["replications"].items()
    assert (results.frame.groupby(["strategy", "concurrency"]).size() == 5).all()
    assert answer(results).choices[0].replications == 5


def test_one_replication_has_no_answer(monkeypatch):
    monkeypatch.setitem(runner.TASKS_OF_A_CHUNK, "compiled", 1)

    def stop_after_one(done, total):
        raise KeyboardInterrupt

    with pytest.raises(AnswerError, match="fewer than two"):
        answer(compare(parse_source(TEXT), on_progress=stop_after_one))


def test_results_are_read_as_they_were_written(tmp_path, monkeypatch):
    """In any number of row groups, from memory as from the file; some measures as all of them."""
    results = compare(parse_source(TEXT))
    before, manifest = results.frame, results.manifest
    for rows in (10_000, 20, 1):
        monkeypatch.setattr(columns, "ROWS_OF_A_GROUP", rows)
        folder = tmp_path / str(rows)
        write_results(results, folder)
        again = read_results(folder)
        pd.testing.assert_frame_equal(again.frame, before, check_dtype=True)
        keys = ["strategy", "concurrency", "tasks", "replication"]
        for found in (results, again):
            pd.testing.assert_frame_equal(found.table(["cost_usd"]), before[[*keys, "cost_usd"]])
        assert again.manifest == json.loads(json.dumps(manifest))
        assert sorted(path.name for path in folder.iterdir()) == ["manifest.json", "results.parquet"]


def test_counts_beyond_whole_numbers_are_stored_as_floats(tmp_path):
    """From 2^53 on a double does not tell a whole number exactly: here 10,000 tasks of 1e12 tokens."""
    text = """
tasks: [{name: a, count: 10000, tokens: 1e12, duration: 1s}]
provider: {limits: unlimited}
strategies: [parallel]
"""
    results = compare(parse_source(text), replications=2)
    write_results(results, tmp_path)
    types = read_results(tmp_path).frame.dtypes
    assert (types["tokens"], types["failed_attempts"]) == (np.float64, np.int64)


def test_manifest_states_scenario_seed_engine_and_versions():
    source = parse_source(TEXT)
    manifest = compare(source, seed=5).manifest
    assert manifest["seed"] == 5
    assert manifest["engine"] == "compiled"
    assert manifest["scenario"]["resolved"]["dispatch"]["spawn"]["tokens"] == 3000
    assert manifest["scenario"]["sha256"] == source.replaced({"study.seed": 5}).scenario().fingerprint
    assert {"simpy", "numpy", "pandas"} <= set(manifest["versions"])
    assert {"python", "system", "processor", "cores"} == set(manifest["machine"])


def test_fingerprint_ignores_how_a_scenario_is_written():
    """Defaults written out and units changed leave it; another figure does not."""
    short = parse_source("tasks: [{name: a, tokens: 15K, duration: 60s}]").scenario()
    same = parse_source(
        "tasks: [{name: a, tokens: 15000, duration: 1m, count: 1}]\nclient: {retries: 2}"
    ).scenario()
    other = parse_source("tasks: [{name: a, tokens: 15K, duration: 61s}]").scenario()
    assert short.fingerprint == same.fingerprint != other.fingerprint


def test_folder_name_has_safe_characters_only():
    assert folder_name("ten-sources") == "ten-sources"
    assert folder_name("../../etc/passwd") == "etc-passwd"
    assert folder_name("..") == "unnamed"
