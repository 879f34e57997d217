import json
from itertools import pairwise

import pytest

from dispatch_sim.model.events import MOMENTS, Activity
from dispatch_sim.model.simulation import simulate
from dispatch_sim.model.variates import Variates
from dispatch_sim.report.figures.event_styles import EVENT_STYLES, MARKS, STRETCHES
from dispatch_sim.report.figures.gantt import timeline_figure
from dispatch_sim.report.format import dollars, duration
from dispatch_sim.report.timeline import timeline_text
from dispatch_sim.report.trace import chrome_trace, write_timeline
from dispatch_sim.scenario.loader import parse_scenario
from dispatch_sim.study.design import find_plan
from tests.report.conftest import HOSTILE, TIGHT


def simulated(strategy, tasks=None, text=TIGHT):
    scenario = parse_scenario(text)
    plan = find_plan(scenario, strategy, tasks)
    log = []
    outcome = simulate(plan, Variates(scenario, 3), log)
    return plan, log, outcome


@pytest.mark.parametrize("strategy", ["sequential", "parallel", "queue: 2", "waves: 3"])
def test_every_task_has_a_row_of_the_given_width(strategy):
    plan, log, outcome = simulated(strategy)
    text = timeline_text(plan, log, outcome, width=90)
    rows = [line for line in text.splitlines() if "│" in line]
    assert len(rows) == len(plan.tasks) + 1
    assert rows[0].startswith("coordinator")
    assert {len(row) for row in rows} == {90}
    assert all("█" in row or "P" in row for row in rows[1:])


def test_totals_are_those_of_the_outcome():
    plan, log, outcome = simulated("parallel", 9)
    text = timeline_text(plan, log, outcome)
    assert duration(outcome.makespan_s) in text
    assert f"{dollars(outcome.cost_usd)} = API {dollars(outcome.money_usd)}" in text
    assert f"{outcome.rejected_requests} rejected requests" in text
    assert outcome.rejected_requests > 0
    assert "!" in "".join(line for line in text.splitlines() if "│" in line)


def test_large_batch_has_rows_of_its_first_tasks():
    plan, log, outcome = simulated("queue: 2", 70)
    text = timeline_text(plan, log, outcome)
    assert len([line for line in text.splitlines() if "│" in line]) == 61
    assert "first 60 of 70 tasks" in text


def test_sequential_tasks_start_one_after_another():
    plan, log, outcome = simulated("sequential")
    rows = [line for line in timeline_text(plan, log, outcome).splitlines() if "│" in line][1:]
    firsts = [row.index("█") for row in rows]
    assert firsts == sorted(set(firsts))


def test_trace_has_the_stretches_and_moments_of_each_task():
    """Durations sum to those of the log, and those of a thread do not overlap."""
    plan, log, _ = simulated("waves: 3", 9)
    entries = chrome_trace(plan, log)["traceEvents"]
    names = {entry["tid"]: entry["args"]["name"] for entry in entries if entry["name"] == "thread_name"}
    assert names == {0: "coordinator"} | {i + 1: plan.name_of(i) for i in range(len(plan.tasks))}
    assert {entry["pid"] for entry in entries} == {1}
    for thread in names:
        spans = [entry for entry in entries if entry["ph"] == "X" and entry["tid"] == thread]
        spans.sort(key=lambda entry: entry["ts"])
        expected_s = sum(event.end_s - event.start_s for event in log if event.task + 1 == thread)
        assert sum(entry["dur"] for entry in spans) == pytest.approx(expected_s * 1e6, abs=1)
        for one, other in pairwise(spans):
            assert one["ts"] + one["dur"] <= other["ts"] + 0.01
    assert sum(entry["ph"] == "i" for entry in entries) == sum(event.kind in MOMENTS for event in log) > 0


def test_figure_has_a_row_for_each_of_the_first_40_tasks():
    plan, log, _ = simulated("queue: 2")
    assert len(timeline_figure(plan, log).figure.axes[0].get_yticks()) == 7
    plan, log, _ = simulated("queue: 2", 50)
    axes = timeline_figure(plan, log).figure.axes[0]
    assert len(axes.get_yticks()) == 41
    assert "first 40 of 50 tasks" in axes.get_xlabel()
    assert timeline_figure(plan, []) is None


def test_hostile_names_are_inert_in_the_files(tmp_path):
    plan, log, outcome = simulated("parallel", text=HOSTILE)
    paths = write_timeline(plan, log, tmp_path / "a")
    again = write_timeline(plan, log, tmp_path / "b")
    assert [path.name for path in paths] == ["timeline.svg", "trace.json"]
    assert [path.read_bytes() for path in paths] == [path.read_bytes() for path in again]
    picture = paths[0].read_text(encoding="utf-8")
    assert "<b>" not in picture
    assert "&lt;b&gt;" in picture
    assert json.loads(paths[1].read_text(encoding="utf-8"))["traceEvents"]
    assert "\u202e" not in timeline_text(plan, log, outcome)


def test_every_kind_of_event_has_a_style():
    assert set(EVENT_STYLES) == set(Activity) - {Activity.LAUNCH}
    assert {kind for look in MARKS for kind in look.kinds} == MOMENTS - {Activity.LAUNCH}
    assert all(look.marker for look in MARKS)
    assert not any(look.marker for look in STRETCHES)


def test_each_sign_and_marker_is_that_of_one_style():
    signs = [look.sign for look in (*STRETCHES, *MARKS)]
    assert len(signs) == len(set(signs))
    markers = [look.marker for look in MARKS]
    assert len(markers) == len(set(markers))
    shared = {look.sign for look in STRETCHES if sum(o.colour == look.colour for o in STRETCHES) > 1}
    assert shared == {"s", "t", "r"}


TROUBLE = """\
tasks:
  - {name: write, count: 3, calls: 2, tokens: 10K, duration: 60s, writes: [file]}
  - {name: check, count: 1, calls: 2, tokens: 10K, duration: 60s, after: [write]}
failures: {crash: 0%, bad_output: 0%}
provider: {limits: unlimited}
conflicts: {probability: 100%}
harness: {cap: 2, over: refuse}
review: {every: 4, people: 1m}
"""


def drawn(text):
    above, _, below = text.partition("┘")
    return above, below.partition("\n\n")[2].partition("\n\n")[0]


def test_legend_names_only_what_is_drawn():
    rows, legend = drawn(timeline_text(*simulated("parallel", text=TROUBLE)))
    signs = {sign for row in rows.splitlines() if "│" in row for sign in row.split("│")[1]} - {" "}
    entries = [entry for line in legend.splitlines() for entry in line.split("   ")]
    assert {entry[0] for entry in entries} == signs
    assert all(entry[1] == " " for entry in entries)
    assert "P person: clean-up, review" in legend
    assert "! rejected: by the harness" in legend
    assert "? output lost: overwritten" in legend
    assert "dependencies" in legend
    assert "429" not in legend
    assert "backoff" not in legend
    assert "hangs" not in legend


def test_batch_without_failures_has_short_legend_and_totals():
    text = "tasks: [{name: a, count: 2, tokens: 10K, duration: 60s}]\nfailures: {crash: 0%, bad_output: 0%}\n"
    shown = timeline_text(*simulated("sequential", text=text))
    assert len(drawn(shown)[1].splitlines()) == 1
    assert "People's time  0s\n" in shown
    assert "0 rejected requests, 0 failed attempts, 0 of 2 tasks completed manually" in shown
    for word in ("hung", "review", "conflicts", "rework", "compaction", "harness"):
        assert word not in shown


def parts_of(text, head):
    line = text.partition(f"{head} ")[2].partition("\nFailures")[0].replace("\n               ", " ")
    whole, _, parts = line.partition("\n")[0].partition(": ")
    return whole.strip(), dict(part.rsplit(" ", 1) for part in parts.partition(";")[0].split(", "))


def test_components_of_api_cost_sum_to_the_total():
    text = TROUBLE.replace("calls: 2,", "calls: 2, coupling: 50%,") + "conflicts: {probability: 0%}\n"
    text = text.replace("conflicts: {probability: 100%}\n", "")
    plan, log, outcome = simulated("queue: 3", text=text)
    whole, parts = parts_of(timeline_text(plan, log, outcome, 400), "API cost")
    assert {"context", "rework"} <= parts.keys()
    assert whole == dollars(outcome.money_usd)
    assert sum(float(part[1:]) for part in parts.values()) == pytest.approx(outcome.money_usd, abs=0.04)


def test_totals_name_failures_and_peoples_time():
    plan, log, outcome = simulated("parallel", text=TROUBLE)
    text = timeline_text(plan, log, outcome, 400)
    cleaning = text.partition("People's time")[2].partition("\n")[0]
    assert f"conflicts {duration(outcome.people_conflicts_s)}" in cleaning
    assert f"review {duration(outcome.people_review_s)}" in cleaning
    assert "merge" not in cleaning
    assert f"{outcome.overwritten_attempts} overwritten" in text
    assert outcome.refused_launches == 1
    assert "1 launch refused by the harness" in text
    assert "merge and conflicts" in text.partition("Tasks' time")[2].partition("\n")[0]
    assert "dependencies" in text.partition("Tasks' time")[2].partition("\n")[0]


def test_hang_and_its_timeout_are_drawn():
    hang = "tasks: [{name: a, count: 1, calls: 2, tokens: 10K, duration: 60s}]\n"
    hang += "failures: {crash: 0%, bad_output: 0%, hang: 100%}\ntimeouts: {hard: 10m}\n"
    plan, log, outcome = simulated("sequential", text=hang)
    text = timeline_text(plan, log, outcome)
    rows, legend = drawn(text)
    assert "~~~~" in rows
    assert "k timeout" in legend
    assert "2 failed attempts (2 hung)" in text
    names = [entry.get_text() for entry in timeline_figure(plan, log).figure.legends[0].get_texts()]
    assert {"hangs", "timeout"} <= set(names)
    assert "crash" not in names


def test_figure_legend_has_an_entry_for_each_colour():
    plan, log, _ = simulated("parallel", text=TROUBLE)
    names = [entry.get_text() for entry in timeline_figure(plan, log).figure.legends[0].get_texts()]
    assert len(names) == len(set(names))
    assert "spawn, return" in names
    assert "person: clean-up, review" in names
    assert "output lost: overwritten" in names
