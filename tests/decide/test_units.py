"""Positions of levels on an axis."""

import pytest

from dispatch_sim.decide.units import axis_position, axis_unit
from dispatch_sim.scenario.problems import UserError


def test_positions_on_an_axis():
    levels = ("1m", "15K", "5%", 3, "0.5", "0%")
    assert [axis_position(level) for level in levels] == [60, 15000, 0.05, 3, 0.5, 0]
    units = [["0s", "2s"], ["15K", "2K"], ["0%", "5%"], [1, 2.5]]
    assert [axis_unit(levels) for levels in units] == ["seconds", "tokens", "percent", "number"]
    with pytest.raises(UserError, match="not a level of an axis"):
        axis_position("rounds")
