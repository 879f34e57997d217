"""What was reached, and what is told beside the choice."""

import re

import pytest

from dispatch_sim.report.reached import along_factors, front, limits_kept, reached, slots
from dispatch_sim.report.terminal import comparison_text, sweep_text
from dispatch_sim.report.view import main_view
from tests.report.conftest import TIGHT, answered


def limited(objective, study=""):
    """Return the view of a tight scenario with another objective."""
    return main_view(answered(f"{TIGHT}objective: {{{objective}}}\n{study}"))


def test_what_was_reached_is_always_printed(tight, factors, comparison):
    """After a sweep, one over factors, and a comparison."""
    for text in (sweep_text(tight), sweep_text(factors), comparison_text(comparison)):
        assert len(re.findall(r"Precision: [\d,]+ replications", " ".join(text.split()))) >= 1


def test_precision_says_how_well_the_nearest_rival_is_told_apart(tight, nothing):
    """Or that there is none left."""
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
    missed = [other for other in cheap.choice.alternatives if other.misses]
    assert any(other.difference.mean < 0 for other in missed)
    text = " ".join(sweep_text(cheap.answer).split())
    assert "\N{MINUS SIGN}" not in text
    assert "Left out, as shown to miss that: " in text
    none = " ".join(sweep_text(limited("deadline: 1s").answer).split())
    assert none.startswith("No way keeps the deadline of 1s")


def test_slots_and_the_front_are_told(tight):
    """One sentence a label, and one on time against money."""
    view = main_view(tight)
    told = list(slots(view))
    assert len(told) == len([each for each in tight.returns if each.factors == view.choice.factors])
    assert all(sentence.endswith(".") for sentence in told)
    assert front(view).startswith("Time against money")


def test_break_evens_along_factors_are_told(factors):
    """Each by the path of its factor."""
    told = along_factors(factors)
    assert told
    assert all(sentence.startswith("Along ") for sentence in told[:1])


@pytest.mark.parametrize("objective", ["minimise: p95_makespan", "minimise: p95_makespan, deadline: 1h"])
def test_p95_is_spoken_of_as_what_19_in_20_batches_keep_to(objective):
    """Not as a mean."""
    view = main_view(
        answered(f"{TIGHT.replace('replications: 40', 'replications: 64')}objective: {{{objective}}}\n")
    )
    text = " ".join(sweep_text(view.answer).split())
    assert "or less in 19 of 20 batches" in text
    assert "a batch on average" not in text
