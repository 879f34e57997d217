"""A replication as text, as a picture and as a trace shows what the event log holds."""

import json
from itertools import pairwise

import pytest

from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.log import MOMENTS, EventKind
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.report import gantt as picture
from dispatch_sim.report import timeline as text
from dispatch_sim.report.gantt import gantt
from dispatch_sim.report.timeline import chrome_trace, timeline_text, write_timeline
from dispatch_sim.report.words import dollars, duration
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.study.design import find_plan
from tests.report.conftest import HOSTILE, TIGHT


def played(strategy, tasks=None, text=TIGHT):
    """Play one replication; returns plan, log and outcome."""
    scenario = parse_scenario(text)
    plan = find_plan(scenario, strategy, tasks)
    log = []
    outcome = play(plan, Luck(scenario, 3), log)
    return plan, log, outcome


@pytest.mark.parametrize("strategy", ["sequential", "parallel", "queue: 2", "waves: 3"])
def test_every_task_has_a_row_of_the_asked_width(strategy):
    """And the coordinator one above them."""
    plan, log, outcome = played(strategy)
    text = timeline_text(plan, log, outcome, width=90)
    rows = [line for line in text.splitlines() if "│" in line]
    assert len(rows) == len(plan.tasks) + 1
    assert rows[0].startswith("coordinator")
    assert {len(row) for row in rows} == {90}
    assert all("█" in row or "P" in row for row in rows[1:])


def test_the_sums_below_are_those_of_the_outcome():
    """Makespan, cost, and how many tries were refused."""
    plan, log, outcome = played("parallel", 9)
    text = timeline_text(plan, log, outcome)
    assert duration(outcome.makespan_s) in text
    assert f"{dollars(outcome.cost_usd)} = API {dollars(outcome.money_usd)}" in text
    assert f"{outcome.rejected_tries} refused tries" in text
    assert outcome.rejected_tries > 0
    assert "!" in "".join(line for line in text.splitlines() if "│" in line)


def test_a_large_batch_is_cut_and_says_so():
    """Sixty rows."""
    plan, log, outcome = played("queue: 2", 70)
    text = timeline_text(plan, log, outcome)
    assert len([line for line in text.splitlines() if "│" in line]) == 61
    assert "first 60 of 70 tasks" in text


def test_a_sequential_task_begins_when_the_last_has_ended():
    """Along the axis the rows follow each other."""
    plan, log, outcome = played("sequential")
    rows = [line for line in timeline_text(plan, log, outcome).splitlines() if "│" in line][1:]
    firsts = [row.index("█") for row in rows]
    assert firsts == sorted(set(firsts))


def test_the_durations_of_a_trace_add_up_to_those_of_the_log():
    """For each thread; and every moment of the log is an instant."""
    plan, log, _ = played("parallel", 9)
    trace = chrome_trace(plan, log)["traceEvents"]
    for thread in range(len(plan.tasks) + 1):
        spent = sum(entry["dur"] for entry in trace if entry["ph"] == "X" and entry["tid"] == thread)
        expected = sum(event.end_s - event.start_s for event in log if event.task + 1 == thread)
        assert spent == pytest.approx(expected * 1e6, abs=1)
    moments = [event for event in log if event.kind in MOMENTS]
    assert sum(entry["ph"] == "i" for entry in trace) == len(moments)


def test_a_trace_names_its_threads():
    """The coordinator first, then the tasks."""
    plan, log, _ = played("queue: 2")
    entries = chrome_trace(plan, log)["traceEvents"]
    names = {entry["tid"]: entry["args"]["name"] for entry in entries if entry["name"] == "thread_name"}
    assert names == {0: "coordinator"} | {i + 1: plan.name_of(i) for i in range(len(plan.tasks))}
    assert {entry["pid"] for entry in entries} == {1}


def test_a_thread_of_a_trace_never_overlaps_itself():
    """A viewer would drop what does."""
    plan, log, _ = played("waves: 3", 9)
    for thread in range(len(plan.tasks) + 1):
        spans = [e for e in chrome_trace(plan, log)["traceEvents"] if e["ph"] == "X" and e["tid"] == thread]
        spans.sort(key=lambda entry: entry["ts"])
        for one, other in pairwise(spans):
            assert one["ts"] + one["dur"] <= other["ts"] + 0.01


def test_the_picture_has_a_row_a_task_up_to_forty():
    """And a note about the others."""
    plan, log, _ = played("queue: 2")
    assert len(gantt(plan, log).axes[0].get_yticks()) == 7
    plan, log, _ = played("queue: 2", 50)
    axes = gantt(plan, log).axes[0]
    assert len(axes.get_yticks()) == 41
    assert "first 40 of 50 tasks" in axes.get_xlabel()
    assert gantt(plan, []) is None


def test_files_are_written_and_hostile_names_are_inert_in_them(tmp_path):
    """The same bytes each time."""
    plan, log, outcome = played("parallel", text=HOSTILE)
    paths = write_timeline(plan, log, tmp_path / "a")
    again = write_timeline(plan, log, tmp_path / "b")
    assert [path.name for path in paths] == ["timeline.svg", "trace.json"]
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    picture = paths[0].read_text(encoding="utf-8")
    assert "<b>" not in picture
    assert "&lt;b&gt;" in picture
    assert json.loads(paths[1].read_text(encoding="utf-8"))["traceEvents"]
    assert "\u202e" not in timeline_text(plan, log, outcome)


def test_every_kind_of_event_has_a_look():
    """A kind that the engine learns must be drawn, in picture and text; a launch shows by itself."""
    drawn = set(EventKind) - {EventKind.LAUNCH}
    assert set(picture._LOOKS) | set(picture._MARKS) == drawn
    assert set(text._SIGNS) | set(text._MARKS) == drawn
