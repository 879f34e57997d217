"""Time against money: the Pareto status of strategies."""

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.decide.pareto import pareto_points
from tests.study.tables import table


def study(given, replications=200, noise=0.1):
    """Return results of strategies (text -> makespan, money, people) with noise of their own."""
    rng = np.random.default_rng(4)

    def column(mean):
        return mean + noise * rng.normal(size=replications)

    return table(
        {
            text: {"makespan_s": column(time), "money_usd": column(money), "cost_people_usd": people}
            for text, (time, money, people) in given.items()
        },
        9,
    )


def test_dominated_strategy_is_worse_in_both_measures():
    """Parallel dominates a queue of 3; money is API charges and people's time."""
    given = {"parallel": (1, 5, 1), "sequential": (9, 2, 0), "queue of 2": (4, 3, 0), "queue of 3": (2, 1, 8)}
    found = {str(point.strategy): point for point in pareto_points(study(given))}
    assert {text: point.status for text, point in found.items()} == {
        "parallel": "optimal",
        "queue of 2": "optimal",
        "sequential": "optimal",
        "queue of 3": "dominated",
    }
    assert list(found) == ["parallel", "queue of 3", "queue of 2", "sequential"]
    assert found["parallel"].spent_usd.mean == pytest.approx(6, abs=0.05)


def test_status_of_similar_strategies_is_undecided():
    found = pareto_points(study({"queue of 1": (1, 5, 0), "queue of 2": (1, 5, 0), "parallel": (2, 6, 0)}))
    assert {str(point.strategy): point.status for point in found} == {
        "queue of 1": "undecided",
        "queue of 2": "undecided",
        "parallel": "dominated",
    }


def test_equal_measure_leaves_the_other_to_decide():
    one = study({"queue of 1": (1, 5, 0)})
    dearer = one.assign(concurrency=2, money_usd=one["money_usd"] + 1)
    twin = one.assign(concurrency=3)
    found = pareto_points(pd.concat([one, dearer, twin]))
    assert {str(point.strategy): point.status for point in found} == {
        "queue of 1": "optimal",
        "queue of 3": "optimal",
        "queue of 2": "dominated",
    }
