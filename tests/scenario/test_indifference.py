"""The indifference zone is read in the unit of what is minimised, or as a share."""

import pytest
from pydantic_core import PydanticCustomError

from dispatch_sim.scenario.indifference import USUAL, USUAL_SHARE, Zone, parse_indifference, zone_for


@pytest.mark.parametrize(
    ("written", "zone"),
    [
        (0.05, Zone(0.05, "dollars")),
        ("$1.50", Zone(1.5, "dollars")),
        ("2%", Zone(0.02, "share")),
        ("1m30s", Zone(90, "seconds")),
        ("1K tokens", Zone(1000, "tokens")),
        ("250 tokens", Zone(250, "tokens")),
        (0, Zone(0, "dollars")),
    ],
)
def test_a_zone_is_read_by_its_unit_and_kept_so_that_it_can_be_read_again(written, zone):
    """A bare number is dollars."""
    assert parse_indifference(written) == zone
    assert parse_indifference(zone.to_json()) == zone


@pytest.mark.parametrize(
    ("written", "message"),
    [
        ("a little", "is not a difference; write"),
        ("-2%", "negative"),
        ("101%", "whole"),
        (True, "not a difference"),
    ],
)
def test_what_is_no_difference_is_refused(written, message):
    """With the forms that there are."""
    with pytest.raises(PydanticCustomError, match=message):
        parse_indifference(written)


def test_a_share_is_taken_of_the_mean_and_an_amount_is_not():
    """Whatever the mean's sign."""
    assert Zone(0.02, "share").at(-50) == 1
    assert Zone(0.02, "dollars").at(-50) == 0.02


def test_where_nothing_is_said_the_zone_is_dollars_or_a_share():
    """By the unit of the objective."""
    assert zone_for(USUAL.to_json(), "cost") == USUAL
    assert zone_for(USUAL.to_json(), "p95_makespan") == USUAL_SHARE
