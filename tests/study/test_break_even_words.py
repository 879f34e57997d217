"""How a break-even is told: the sentence, and the dict for JSON, of answers that are made up."""

import json

import pytest

from dispatch_sim.study.break_even import BreakEven, decimals
from dispatch_sim.study.estimates import Estimate
from dispatch_sim.study.sign_changes import Crossing, Region, SignChanges


def told(*regions, crossings=(), values=(2, 3, 4, 5, 6, 7, 8), **others):
    """Return an answer with these regions, each of them established."""
    about = {
        "axis": "tasks",
        "against": "best queue",
        "parallel": "parallel",
        "queue": "queue",
        "objective": "cost_usd",
        "confidence": 0.95,
        "tasks": None,
        "factors": {},
        "replications": 50,
    }
    return BreakEven(
        **(about | others), values=values, changes=SignChanges(regions, regions, tuple(crossings))
    )


TURN = Crossing(4.5, 4.2, 4.8, "queue_wins_above", True)
BACK = Crossing(6.5, 6.2, 6.8, "parallel_wins_above", True)


def test_who_wins_everywhere_is_said_of_every_place_of_the_axis():
    """Of every size, of every width, and of one place alone."""
    assert told(Region(2, 8, "queue")).text == (
        "In cost, none in range: the best queue is cheaper at every size from 2 to 8 tasks."
    )
    widths = told(Region(1, 7, "parallel"), axis="concurrency", against="queue", tasks=9, values=(1, 4, 7))
    assert widths.text == (
        "In cost, at 9 tasks, none in range: parallel is cheaper at every width from 1 to 7 at once."
    )
    one = told(Region(4, 4, "queue"), values=(4,), objective="makespan_s")
    assert one.text == "In makespan, none in range: the best queue is faster at 4 tasks."


def test_where_nothing_is_shown_only_the_range_is_named():
    """Once, and not once more for its only region."""
    assert told(Region(2, 8, None)).text == (
        "In cost, unresolved from 2 to 8 tasks: neither is shown to be cheaper."
    )
    assert told(Region(4, 4, None), values=(4,), objective="tokens").text == (
        "In tokens, unresolved at 4 tasks: neither is shown to be better."
    )


def test_all_places_at_which_the_means_cross_within_the_noise_are_named():
    """Two of them."""
    noise = [Crossing(at, 2.0, None, "queue_wins_above", False) for at in (3.5, 5.25)]
    assert told(Region(2, 3, "parallel"), Region(3, 8, None), crossings=noise).text == (
        "In cost, unresolved from 2 to 8 tasks: parallel is cheaper from 2 to 3; "
        "neither is shown to be cheaper from 3 to 8; the means cross near 3.5 and 5.2, within the noise."
    )


def test_every_crossing_says_who_beats_whom_from_where():
    """There, back, and a third that is not resolved."""
    open_end = Crossing(7.5, 7.2, None, "queue_wins_above", False)
    regions = (Region(2, 4.2, "parallel"), Region(4.2, 8, None))
    assert told(*regions, crossings=[TURN, BACK, open_end]).text == (
        "In cost, the best queue beats parallel from 5 tasks (break-even 4.5, 95% set 4.2 to 4.8); "
        "parallel beats the best queue from 7 tasks (break-even 6.5, 95% set 6.2 to 6.8); "
        "unresolved near 7.5."
    )


@pytest.mark.parametrize(
    ("crossing", "values", "start"),
    [
        (TURN, (4, 5), "5 tasks"),
        (TURN, (3, 4, 6), "about 5 tasks"),
        (TURN, (3, 5, 6), "about 5 tasks"),
        (Crossing(4.5, 4.2, 6.1, "queue_wins_above", True), range(2, 9), "about 5 tasks, shown from 7"),
        (Crossing(5 - 1e-12, 4.2, 5.0, "queue_wins_above", True), range(2, 9), "6 tasks"),
        (Crossing(5 + 1e-12, 4.2, 5.0, "queue_wins_above", True), range(2, 9), "6 tasks"),
    ],
)
def test_the_first_whole_number_is_exact_where_it_and_the_one_before_were_played(crossing, values, start):
    """And shown from the first one above the set; a place that is whole but for rounding is whole."""
    found = told(Region(2, 8, None), crossings=[crossing], values=tuple(values))
    assert f"from {start} (break-even" in found.text


@pytest.mark.parametrize(
    ("against", "parallel", "name"),
    [
        ("best queue", "parallel", "the best queue"),
        ("queue: 3", "parallel", "queue: 3"),
        ("queue: 3 (script) vs parallel (as-completed)", "parallel (as-completed)", "queue: 3 (script)"),
    ],
)
def test_a_queue_is_named_by_its_width_and_options_and_not_by_what_it_is_compared_with(
    against, parallel, name
):
    """A width is a name; a kind has an article."""
    found = told(Region(2, 8, None), crossings=[TURN], against=against, parallel=parallel)
    assert found.text.startswith(f"In cost, {name} beats {parallel} from 5 tasks (")


def test_an_answer_in_json_has_all_that_the_sentence_rests_on():
    """Regions by whether they are decided, and an end that is open as null."""
    open_end = Crossing(6.5, 6.0, None, "queue_wins_above", False)
    found = told(
        Region(5, 6, "parallel"),
        Region(6, 7, None),
        crossings=[open_end],
        values=(5, 6, 7),
        factors={"client.retries": 2},
        differences=(Estimate(-1.0, -2.0, -0.5, 50),),
    )
    assert json.loads(json.dumps(found.to_json())) == {
        "axis": "tasks",
        "against": "best queue",
        "parallel": "parallel",
        "queue": "queue",
        "objective": "cost_usd",
        "confidence": 0.95,
        "tasks": None,
        "factors": {"client.retries": 2},
        "values": [5, 6, 7],
        "range": [5, 7],
        "replications": 50,
        "differences": [{"mean": -1.0, "low": -2.0, "high": -0.5, "n": 50}],
        "practically_equal": False,
        "status": "unresolved",
        "favours": None,
        "crossings": [
            {
                "at": 6.5,
                "low": 6.0,
                "high": None,
                "direction": "queue_wins_above",
                "resolved": False,
                "first": 7,
                "shown_from": None,
            }
        ],
        "decided": [{"low": 5, "high": 6, "favours": "parallel"}],
        "undecided": [{"low": 6, "high": 7}],
        "text": found.text,
    }
    everywhere = told(Region(2, 8, "queue")).to_json()
    assert everywhere["favours"] == "queue"


def test_a_place_and_the_ends_of_its_set_have_the_same_decimals():
    """And one that is not whole never looks it; one that is zero but for rounding is whole."""
    assert decimals([5.0, 5.0, 5.0]) == 0
    assert decimals([0.0, 1e-12, 2.0]) == 0
    assert decimals([7.14, 6.85, None]) == 1
    assert decimals([7.02, 6.85, 7.31]) == 2
