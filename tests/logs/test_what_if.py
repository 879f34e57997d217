"""Observed groups under other strategies."""

import json

import pytest

from dispatch_sim.cli.output import print_json
from dispatch_sim.logs.backtest.what_if import what_if
from dispatch_sim.logs.calibrate.observations import CalibrationError
from dispatch_sim.report.logs import what_if_json
from tests.logs.made_runs import GAP_S, RETURN_S, START_S, made_runs


@pytest.fixture(scope="module")
def found():
    return what_if(made_runs(20, seed=21, crash=0.0, largest=6), queue=2)


def test_parallel_takes_the_observed_time(found):
    """Launches 6 s apart and durations as observed: the wall-clock is the observed one less the return."""
    for group, outcome in zip(found.groups, found.outcomes["parallel"], strict=True):
        expected = max(
            GAP_S * place + START_S + member.duration_s for place, member in enumerate(group.members)
        )
        assert outcome.wall_s == pytest.approx(expected)
        assert outcome.wall_s == pytest.approx(group.wall_s - RETURN_S)


def test_sequential_adds_durations_starts_turns_and_briefs(found):
    """The coordinator begins its next turn when the last agent is back: 4 s, and 6 s for the brief."""
    for group, outcome in zip(found.groups, found.outcomes["sequential"], strict=True):
        work_s = group.work_s + group.size * START_S
        assert outcome.wall_s == pytest.approx(work_s + (group.size - 1) * (4.0 + GAP_S))


def test_queue_is_within_grahams_bounds(found):
    """No list schedule on two machines is shorter than half the work or the longest task."""
    for group, outcome in zip(found.groups, found.outcomes["queue of 2"], strict=True):
        longest_s = max(member.duration_s for member in group.members)
        assert outcome.wall_s >= max(group.work_s / 2, longest_s) - 1e-6
        assert outcome.wall_s <= group.work_s + group.size * (4.0 + GAP_S + START_S)


def test_strategies_differ_by_the_coordinators_tokens_only(found):
    """Only the coordinator's turns differ, by 300 tokens each."""
    for group, at_once, by_one in zip(
        found.groups, found.outcomes["parallel"], found.outcomes["sequential"], strict=True
    ):
        assert by_one.tokens - at_once.tokens == 300 * (group.size - 1)
        assert by_one.usd > 0


def test_totals_are_sums_over_the_frame(found):
    assert len(found.frame) == 3 * len(found.groups)
    by_strategy = found.frame.groupby("strategy")["usd"].sum()
    for name, total in found.totals.items():
        assert by_strategy[name] == pytest.approx(total.usd)


def test_group_of_kind_that_never_completed_is_left_out():
    tables = made_runs(20, seed=21, crash=0.0, kinds=("Explore", "Plan"))
    of_plan = tables.runs["kind"] == "Plan"
    tables.runs.loc[of_plan, "outcome"] = "failed"
    found = what_if(tables)
    assert {kind for group in found.groups for kind in group.kinds} == {"Explore"}
    groups = tables.runs[of_plan & (tables.runs["group_size"] > 1)]["group"].nunique()
    assert found.left_out == {"no run of the kind of one of its agents has completed": groups}


def test_logs_with_such_groups_only_are_an_error():
    tables = made_runs(30, seed=21, crash=0.0)
    tables.runs.loc[tables.runs["group_size"] > 1, ["kind", "outcome"]] = ["Plan", "failed"]
    with pytest.raises(CalibrationError, match="no run of the kind of one of its agents has completed"):
        what_if(tables)


def test_output_states_its_assumptions(found, capsys):
    text = str(found)
    assert "sequential" in text
    assert "It does not mean one agent that does the job without sub-agents" in " ".join(text.split())
    print_json(what_if_json(found))
    answer = json.loads(capsys.readouterr().out)
    assert len(answer["groups"]) == len(found.groups)
