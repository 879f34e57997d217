"""What was reached, and what is told beside the choice."""

import re
from dataclasses import replace

import pytest

from dispatch_sim.report.answers import answer_document
from dispatch_sim.report.decision import decide
from dispatch_sim.report.reached import MOST_FACTORS, along_factors, front, limits_kept, reached, slots
from dispatch_sim.report.view import main_view
from dispatch_sim.stats.crossings import Crossing, Region, SignChanges
from tests.report.conftest import TIGHT, answered


def limited(objective, study=""):
    """Return the view of a tight scenario with another objective."""
    return main_view(answered(f"{TIGHT}objective: {{{objective}}}\n{study}"))


def test_what_was_reached_is_always_printed(tight, factors, comparison):
    for text in (str(tight), str(factors), answer_document(comparison, compared=True).text):
        assert len(re.findall(r"Precision: [\d,]+ replications", " ".join(text.split()))) >= 1


def test_precision_says_how_well_the_nearest_rival_is_told_apart(tight, nothing):
    assert "no other is left" in reached(main_view(tight)) or "±" in reached(main_view(tight))
    assert reached(main_view(nothing)).endswith("no other is left that may be better.")


def test_a_deadline_that_all_miss_is_said_to_be_missed():
    """With the one that keeps it most often; and one that is kept names how often."""
    assert limited("deadline: 1s").choice.feasible is False
    assert limits_kept(limited("deadline: 1s")).startswith("No way keeps the deadline of 1s in 95% of")
    kept = limits_kept(limited("deadline: 20h, budget: $900"))
    assert "keeps the deadline of 20h and the budget of $900 in 100% of batches" in kept
    assert limits_kept(limited("minimise: cost")) == ""


def test_what_misses_a_deadline_is_no_alternative():
    """However cheap: nothing is said to be less than it, or why it is worse; if all miss it, that is said."""
    cheap = limited("minimise: tokens, deadline: 6m")
    missed = [other for other in cheap.choice.alternatives if other.infeasible]
    assert any(other.difference.mean < 0 for other in missed)
    text = decide(cheap).text
    assert "\N{MINUS SIGN}" not in text
    assert "Left out, as shown to miss that: " in text
    none = " ".join(str(limited("deadline: 1s").answer).split())
    assert none.startswith("No way keeps the deadline of 1s")


def test_slots_and_the_front_are_told(tight):
    view = main_view(tight)
    told = list(slots(view))
    assert len(told) == len(
        [each for each in tight.diminishing_returns if each.factors == view.choice.factors]
    )
    assert all(sentence.endswith(".") for sentence in told)
    assert front(view).startswith("Time against money")


def test_break_evens_along_factors_are_told(factors):
    told = along_factors(factors)
    assert told
    assert all(sentence.startswith("Along ") for sentence in told[:1])


def along(answered, **changes):
    """Return what is told of a break-even along a factor that has come out otherwise."""
    return along_factors(
        replace(answered, factor_break_evens=(replace(answered.factor_break_evens[0], **changes),))
    )


def test_a_factor_is_told_by_what_was_shown_of_it(factors):
    """Practically equal, one side better all along, a place between levels or at one, or none of these."""
    better = SignChanges((Region(1.0, 60.0, "queue"),), (), ())
    between = Crossing(7.0, 6.0, 8.0, "parallel", True)
    (equal,) = along(factors, practically_equal=True)
    assert equal.endswith("are practically equal.")
    (all_over,) = along(factors, practically_equal=False, changes=better)
    assert re.search(r"the best queue.* wins at every level\.$", all_over)
    (turns,) = along(factors, practically_equal=False, changes=replace(better, crossings=(between,)))
    assert re.search(r"starting all together wins above .*, between 1 and 60\.$", turns)
    (at_a_level,) = along(
        factors, practically_equal=False, changes=replace(better, crossings=(replace(between, at=60.0),))
    )
    assert ", between" not in at_a_level
    two = SignChanges(
        (Region(1.0, 9.0, "queue"), Region(20.0, 60.0, None)), (), (replace(between, resolved=False),)
    )
    (open_,) = along(factors, practically_equal=False, changes=two)
    assert open_.endswith("where the two change places is not settled.")


def test_of_many_factors_the_first_are_told_and_the_rest_are_in_the_files(factors):
    many = replace(factors, factor_break_evens=factors.factor_break_evens[:1] * (MOST_FACTORS + 2))
    told = along_factors(many)
    assert len(told) == MOST_FACTORS + 1
    assert told[-1] == "There are two more along factors, in the files."


@pytest.mark.parametrize("objective", ["minimise: p95_makespan", "minimise: p95_makespan, deadline: 1h"])
def test_p95_is_spoken_of_as_what_19_in_20_batches_keep_to(objective):
    view = main_view(
        answered(f"{TIGHT.replace('replications: 40', 'replications: 64')}objective: {{{objective}}}\n")
    )
    text = " ".join(str(view.answer).split())
    assert "or less in 19 of 20 batches" in text
    assert "a batch on average" not in text
