"""A break-even is told with its point, its interval and its sides, and no more than is shown."""

import re
from dataclasses import replace

import numpy as np
import pytest

from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.axis_comparison import SIDES
from dispatch_sim.decide.break_even import BreakEven
from dispatch_sim.decide.studies import sweep
from dispatch_sim.report.break_evens import break_even_cell, break_even_sentence, break_even_sentences
from dispatch_sim.report.findings import MOST_FACTORS, along_factors
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.stats.crossings import Crossing, Region, SignChanges, sign_changes
from tests.report.conftest import TIGHT


def break_even(x, differences, **more):
    values = {
        "axis": "tasks",
        "parallel": parse_strategy("parallel"),
        "queue": parse_strategy("queue"),
        "tasks": None,
    }
    return BreakEven(
        **(values | more),
        objective="cost_usd",
        confidence=0.95,
        factors={},
        values=tuple(x),
        replications=np.shape(differences)[1],
        changes=sign_changes(x, differences, sides=SIDES),
    )


def around(means, spread, replications=50):
    noise = np.random.default_rng(3).normal(size=(len(means), replications)) * spread
    return np.asarray(means)[:, None] + noise - noise.mean(axis=1, keepdims=True)


def test_a_crossing_is_told_with_its_interval_and_the_first_whole_size():
    """Zero of the mean at 3.5: with 4 or more tasks; with more noise, or a zero at 4, 4 is undecided."""
    found = break_even([2, 3, 4, 5], around([-3, -1, 1, 3], 0.5))
    assert break_even_sentence(found) == (
        "With 4 or more tasks, the best narrower queue is cheaper than parallel; with 2 to 3, parallel is."
    )
    assert break_even_cell(found) == "from 4 on"
    found = break_even([2, 3, 4, 5], around([-3, -2, 0.01, 3], 0.5))
    assert break_even_sentence(found) == (
        "With 5 or more tasks, the best narrower queue is cheaper than parallel; with 2 to 3, parallel is; "
        "it is undecided with 4."
    )
    assert break_even_cell(found) == "from 5 on, undecided at 4"
    found = break_even([2, 8], around([-3, 3], 0.01))
    assert break_even_cell(found) == "from about 6 on, undecided at 5"


def test_a_crossing_in_favour_of_parallel_names_it():
    found = break_even([2, 3, 4, 5], around([3, 1, -1, -3], 0.5))
    assert break_even_cell(found) == "parallel at 4 or more; the best narrower queue at 2 to 3"
    found = break_even([2, 3, 4, 5], around([-3, 3, 3, -3], 0.1))
    assert break_even_cell(found) == "the best narrower queue at 3 to 4; parallel at 2 and 5 or more"
    assert break_even_sentence(found) == (
        "With 3 to 4 tasks, the best narrower queue is cheaper than parallel; with 2 and 5 or more, parallel "
        "is."
    )


def test_a_side_is_better_only_where_that_is_shown():
    """Both ends are undecided, and between them parallel is better, then the queue."""
    found = break_even([1, 2, 3, 4, 5, 6], around([0.0, -3, -3, 3, 3, 0.0], 0.5))
    assert break_even_sentence(found) == (
        "With 4 to 5 tasks, the best narrower queue is cheaper than parallel; with 2 to 3, parallel is; it "
        "is undecided with 1 and 6."
    )
    assert break_even_cell(found) == (
        "the best narrower queue at 4 to 5; parallel at 2 to 3, undecided at 1 and 6"
    )


def test_sign_changes_that_look_alike_are_told_once():
    found = break_even([2, 3, 4], around([-3, 0.1, 0.2], 5))
    crossings = tuple(Crossing(at, None, None, "queue", False) for at in (2.9, 2.9004, 3.5))
    text = break_even_sentence(replace(found, changes=replace(found.changes, crossings=crossings)))
    assert text.endswith("The mean difference changes sign near 2.9 and 3.5.")


def test_none_in_range_is_told_as_such():
    found = break_even([2, 8], around([1, 2], 0.1))
    assert break_even_sentence(found) == (
        "There is no break-even point with 2 to 8 tasks: the best narrower queue is always cheaper than "
        "parallel."
    )
    assert break_even_cell(found) == "none: the best narrower queue is cheaper"


def test_an_unresolved_break_even_names_no_winner():
    found = break_even([2, 8], around([-0.1, 0.1], 5))
    text = break_even_sentence(found)
    assert (
        "is not resolved by 50 replications. The difference is not statistically significant anywhere."
        in text
    )
    assert "5 or more" not in text
    assert break_even_cell(found) == "unresolved"


def test_an_unresolved_break_even_names_only_sizes_that_were_simulated():
    """Parallel at 2, as far as is known; not up to some 2.9, as nobody has that many tasks."""
    found = break_even([2, 3, 4], around([-3, 0.01, 0.02], 1))
    assert found.status == "unresolved"
    assert found.decided[0].low < found.decided[0].high < 3
    assert "Parallel is significantly cheaper with 2 tasks." in break_even_sentence(found)
    assert break_even_cell(found) == "unresolved; parallel is cheaper at 2"


def test_a_single_point_and_equal_strategies_are_told_as_such():
    point = break_even([6], around([1.0], 0.1))
    assert (
        break_even_sentence(point)
        == "With 6 tasks, the only point simulated, the best narrower queue is cheaper."
    )
    equal = replace(break_even([2, 8], around([1, 2], 0.1)), practically_equal=True)
    assert break_even_sentence(equal).startswith(
        "Parallel and the best narrower queue are practically equal with 2 to 8"
    )
    assert break_even_cell(equal) == "practically equal"


def test_along_concurrency_the_batch_is_named():
    found = break_even([1, 2, 3, 4], around([3, 1, -1, -3], 0.1), axis="concurrency", tasks=10)
    text = break_even_sentence(found)
    assert text == (
        "With 10 tasks, queues of 1 to 2 are cheaper than parallel, and parallel is cheaper than queues of 3 "
        "to 4."
    )


def test_along_concurrency_the_pacing_and_options_of_the_queues_are_named():
    """The queue of 2 is undecided, as its difference is zero."""
    queue = parse_strategy("queue (script)")
    differences = around([3, 0, -1, -3], 0.1)
    found = break_even([1, 2, 3, 4], differences, axis="concurrency", tasks=10, queue=queue)
    assert break_even_sentence(found, unpaced=True) == (
        "With 10 tasks, unpaced queues of 1 (script) are cheaper than parallel, and parallel is cheaper than "
        "unpaced queues of 3 to 4 (script); it is undecided at 2."
    )


def test_each_pair_of_variants_has_its_break_even(variants):
    view = main_view(variants)
    assert len(view.along("tasks")) == 4
    assert "parallel (as-completed, script)" in " ".join(break_even_sentences(view))


def test_a_concurrency_without_a_difference_is_not_one_at_which_a_side_is_better(tight):
    """An undecided region includes its ends: a point at which the difference is zero to the cent."""
    found = main_view(tight).along("concurrency")[0]
    first, *_, before, last = found.values
    regions = (Region(first, last, "queue"), Region(last, last, None))
    changes = replace(found.changes, regions=regions, established=regions, crossings=())
    text = break_even_sentence(replace(found, changes=changes))
    assert f"cheaper with 6 tasks and a concurrency of {first} to {before}." in text


def along(answered, **changes):
    """Return the sentence on a break-even along a factor that has come out otherwise."""
    [found] = along_factors(
        replace(answered, factor_break_evens=(replace(answered.factor_break_evens[0], **changes),))
    )
    return found


BETWEEN = Crossing(7.0, 6.0, 8.0, "parallel", True)
BETTER = SignChanges((Region(1.0, 60.0, "queue"),), (), ())
OPEN = SignChanges(
    (Region(1.0, 9.0, "queue"), Region(20.0, 60.0, None)), (), (replace(BETWEEN, resolved=False),)
)


@pytest.mark.parametrize(
    ("changes", "pattern"),
    [
        ({"practically_equal": True}, "are practically equal at every level."),
        ({"changes": BETTER}, "the best narrower queue is cheaper at every level."),
        (
            {"changes": replace(OPEN, crossings=(BETWEEN,))},
            r"starting all tasks together is cheaper above 7 \(95% confidence interval 6 to 8\), "
            "interpolated between 1 and 60.",
        ),
        (
            {"changes": replace(OPEN, crossings=(replace(BETWEEN, at=60.0),))},
            r"starting all tasks together is cheaper above 60 \(95% confidence interval 6 to 8\).",
        ),
        ({"changes": OPEN}, "the break-even point is not resolved."),
    ],
)
def test_along_a_factor_only_what_is_shown_is_told(factors, changes, pattern):
    text = along(factors, **({"practically_equal": False} | changes))
    assert re.fullmatch(rf"Along provider.limits.scale from 1 to 60 \(six tasks\): .*{pattern}", text)


@pytest.mark.parametrize(
    ("levels", "positions", "ends"),
    [
        (("1m", "10m"), (60.0, 600.0), "above 1m 40s (95% confidence interval 1m 30s to 2m), interp"),
        (("1%", "5%"), (0.01, 0.05), "above 3.12% (95% confidence interval 3% to 3.33%), interp"),
        ((0.5, 2), (0.5, 2.0), "above 1.25 (95% confidence interval 1 to 1.5), interp"),
        ((2000, 5000), (2000.0, 5000.0), "above 3,012 (95% confidence interval 2,588 to 3,740), interp"),
    ],
)
def test_break_even_along_a_factor_has_its_unit(factors, levels, positions, ends):
    at, low, high = {
        60.0: (100, 90, 120),
        0.01: (0.0312, 0.03, 0.0333),
        0.5: (1.25, 1, 1.5),
        2000.0: (3012.4, 2587.6, 3740.0),
    }[positions[0]]
    changes = replace(OPEN, crossings=(Crossing(at, low, high, "parallel", True),))
    more = {"levels": levels, "positions": positions, "practically_equal": False}
    assert ends in along(factors, changes=changes, **more)


def test_of_many_factors_the_first_are_told_and_the_rest_are_in_the_files(factors):
    found = along_factors(
        replace(factors, factor_break_evens=factors.factor_break_evens[:1] * (MOST_FACTORS + 2))
    )
    assert len(found) == MOST_FACTORS + 1
    assert found[-1] == "The files have 2 more along factors."


def test_break_even_of_a_study_that_reached_its_most_replications_is_not_preliminary():
    study = parse_source(TIGHT.replace("replications: 40", "at_most: 20, indifference: $0.00001"))
    found = answer(sweep(study))
    assert found.stopped == "at_most"
    sentences = break_even_sentences(main_view(found))
    assert sentences
    assert "preliminary" not in " ".join(sentences)
