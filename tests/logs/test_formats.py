"""The readers return the known figures of synthetic logs in every format."""

import math
from itertools import groupby
from pathlib import Path

import pytest

from dispatch_sim.logs.readers.reading import read_logs
from dispatch_sim.logs.readers.tables import make_tables
from tests.logs.synthetic import (
    VERSIONS,
    make_runs,
    write_claude_code,
    write_codex,
    write_example,
    write_otel,
)

RUNS = make_runs(12, seed=5)


def _tokens(run, of):
    return sum(getattr(call, of) for call in run.calls)


def _truth(run, first_call_us):
    first, last = run.calls[0], run.calls[-1]
    return {
        "position": run.position,
        "called_at_s": (run.called_us - first_call_us) / 1e6,
        "started_at_s": (run.started_us - first_call_us) / 1e6,
        "calls": len(run.calls),
        "input_tokens": _tokens(run, "input"),
        "cache_write_tokens": _tokens(run, "cache_write"),
        "cache_read_tokens": _tokens(run, "cache_read"),
        "output_tokens": _tokens(run, "output"),
        "output_estimated": 0,
        "first_context_tokens": first.context,
        "first_cached_share": first.cache_read / first.context,
        "final_context_tokens": last.context + last.output,
        "tool_uses": len(run.calls) - 1,
    }


def _pairs(found, runs=RUNS):
    rows = iter(found.itertuples())
    for _, session in groupby(runs, key=lambda run: run.session):
        of = list(session)
        for run in of:
            yield run, next(rows), (_truth(run, of[0].called_us) if run.calls else {})
    assert next(rows, None) is None


def _same(row, expected):
    got = {name: getattr(row, name) for name in expected}
    assert got == pytest.approx(expected, rel=1e-12, abs=1e-9)


@pytest.mark.parametrize("layout", [layout for layout in VERSIONS if layout != "main"])
def test_every_layout_of_claude_code_is_read(tmp_path, layout):
    write_claude_code(RUNS, tmp_path, layout)
    logs = read_logs(tmp_path)
    assert logs.tally.skipped == {}
    for run, row, expected in _pairs(logs.runs):
        if layout == "progress":
            # Output is what stood there as a call began; it is estimated, and at least that.
            assert run.outcome == "rejected" or row.output_tokens >= expected.pop("output_tokens")
            assert run.outcome == "rejected" or 0 < row.output_estimated <= 1
            expected.pop("output_estimated", None)
            if run.outcome != "completed":  # the harness has no figure of its own
                expected.pop("final_context_tokens", None)
        _same(row, expected)
        assert row.outcome == run.outcome
        assert row.background == run.background or run.outcome != "completed"
        assert row.duration_measured == (run.outcome in ("completed", "failed_silent"))


def test_main_transcript_alone_has_durations(tmp_path):
    write_claude_code(RUNS, tmp_path, "main")
    for run, row, _ in _pairs(read_logs(tmp_path).runs):
        assert math.isnan(row.calls)
        assert math.isnan(row.cache_read_tokens)
        if run.outcome == "completed":
            assert row.duration_s * 1000 == pytest.approx(run.duration_ms, abs=1e-6)
            last = run.calls[-1]
            assert row.final_context_tokens == last.context + last.output
            assert row.return_tokens == pytest.approx(run.return_tokens, abs=1)
            assert row.spawn_tokens == pytest.approx(run.prompt_tokens, abs=2)


def test_codex_rollouts_are_read(tmp_path):
    """The input that Codex counts includes what was cached; nothing is written to a cache there."""
    write_codex(RUNS, tmp_path)
    outcomes = {"rejected": "unavailable", "failed_silent": "failed"}
    for run, row, expected in _pairs(read_logs(tmp_path).runs):
        assert row.outcome == outcomes.get(run.outcome, run.outcome)
        assert row.background
        if expected:
            expected["input_tokens"] += expected["cache_write_tokens"]
            expected["cache_write_tokens"] = 0
            _same(row, expected)
        if run.outcome == "completed":
            assert row.duration_s * 1000 == pytest.approx(run.duration_ms, abs=1e-6)
            assert (row.duration_measured, row.model) == (True, "gpt-5.1-codex")


def test_opentelemetry_traces_are_read(tmp_path):
    runs = [run for run in RUNS if run.outcome != "rejected"]
    write_otel(runs, tmp_path)
    outcomes = {"failed_silent": "failed"}
    for run, row, expected in _pairs(read_logs(tmp_path).runs, runs):
        first = next(each.started_us for each in runs if each.session == run.session)
        del expected["position"]  # what was rejected left no span
        expected["called_at_s"] = expected["started_at_s"] = (run.started_us - first) / 1e6
        if run.outcome != "unfinished":
            expected["duration_s"] = run.duration_ms / 1e3
        _same(row, expected)
        assert row.outcome == outcomes.get(run.outcome, run.outcome)


@pytest.mark.parametrize("write", [write_claude_code, write_codex])
def test_calls_of_one_message_are_a_group(tmp_path, write):
    write(RUNS, tmp_path)
    logs = read_logs(tmp_path)
    made = [list(of) for _, of in groupby(RUNS, key=lambda run: (run.session, run.group))]
    assert logs.groups["size"].tolist() == [len(of) for of in made if len(of) > 1]
    for (_, group), of in zip(logs.groups.iterrows(), (of for of in made if len(of) > 1), strict=True):
        started = [run for run in of if run.outcome != "rejected"]
        assert group["not_started"] == len(of) - len(started)
        if started and all(run.outcome == "completed" for run in started):
            wall = (max(run.ended_us for run in started) - of[0].called_us) / 1e6
            assert group["wall_s"] == pytest.approx(wall, abs=0.05)
            assert group["slowest_s"] == max(run.duration_ms for run in started) / 1e3


def test_logs_of_all_formats_are_read_together(tmp_path):
    write_example(tmp_path)
    logs = read_logs(tmp_path)
    assert set(logs.runs["source"]) == {"claude-code", "codex", "otel"}
    assert logs.tally.formats.keys() == {"claude-code", "codex", "otel"}
    assert logs.runs.groupby("group")["source"].nunique().max() == 1
    assert (logs.runs.groupby("group").size() == logs.runs.groupby("group")["group_size"].first()).all()


def test_reading_twice_gives_same_and_copies_count_once(tmp_path):
    write_claude_code(RUNS, tmp_path / "one")
    once = read_logs(tmp_path / "one")
    write_claude_code(RUNS, tmp_path / "two")
    assert read_logs(tmp_path).runs.equals(once.runs)
    assert read_logs(tmp_path / "one", tmp_path / "one").runs.equals(once.runs)


def test_every_column_is_explained():
    page = (Path(__file__).parents[2] / "docs" / "logs.md").read_text()
    tables = make_tables([])
    assert [name for name in (*tables.runs, *tables.groups) if f"`{name}`" not in page] == []
