"""Time against money: who is on the front, and who may be."""

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.decide.pareto import pareto_points
from dispatch_sim.scenario.strategy import parse_strategy


def study(ways, replications=200, noise=0.1):
    """Return results of ways (text -> makespan, money, people) with noise of their own."""
    rng = np.random.default_rng(4)

    def column(mean):
        return mean + noise * rng.normal(size=replications)

    return pd.concat(
        pd.DataFrame(
            {
                **parse_strategy(text).to_json(9),
                "tasks": 9,
                "replication": range(replications),
                "makespan_s": column(time),
                "money_usd": column(money),
                "cost_people_usd": people,
            }
        )
        for text, (time, money, people) in ways.items()
    )


def test_the_front_holds_what_nothing_beats_in_both():
    """A queue of 3 is beaten by parallel; money is the bill and people's time."""
    ways = {"parallel": (1, 5, 1), "sequential": (9, 2, 0), "queue of 2": (4, 3, 0), "queue of 3": (2, 1, 8)}
    found = {str(point.strategy): point for point in pareto_points(study(ways))}
    assert {text: point.status for text, point in found.items()} == {
        "parallel": "optimal",
        "queue of 2": "optimal",
        "sequential": "optimal",
        "queue of 3": "dominated",
    }
    assert list(found) == ["parallel", "queue of 3", "queue of 2", "sequential"]
    assert found["parallel"].spent_usd.mean == pytest.approx(6, abs=0.05)
    assert [point.by_means for point in found.values()] == [True, False, True, True]


def test_what_cannot_be_told_apart_may_be_on_the_front():
    """Two that are alike but for noise: by the means one may look beaten, and is not shown to be."""
    found = pareto_points(study({"queue of 1": (1, 5, 0), "queue of 2": (1, 5, 0), "parallel": (2, 6, 0)}))
    assert {str(point.strategy): point.status for point in found} == {
        "queue of 1": "undecided",
        "queue of 2": "undecided",
        "parallel": "dominated",
    }


def test_what_is_the_same_in_one_measure_is_told_apart_by_the_other():
    """Equal time to the last bit, and more money: off the front; equal in both: neither beats the other."""
    one = study({"queue of 1": (1, 5, 0)})
    dearer = one.assign(concurrency=2, money_usd=one["money_usd"] + 1)
    twin = one.assign(concurrency=3)
    found = pareto_points(pd.concat([one, dearer, twin]))
    assert {str(point.strategy): point.status for point in found} == {
        "queue of 1": "optimal",
        "queue of 3": "optimal",
        "queue of 2": "dominated",
    }


def test_the_truly_best_are_rarely_said_to_be_off():
    """Five on a line of equal sums in 200 studies: none is thrown off in at least 95% of them."""
    rng = np.random.default_rng(7)
    ways = {f"queue of {i + 1}": (i * 0.01, -i * 0.01, 0.0) for i in range(5)}
    base = study(ways, replications=60, noise=0.0)
    wrong = 0
    for _ in range(200):
        noisy = base.assign(
            makespan_s=base["makespan_s"] + rng.normal(size=len(base)),
            money_usd=base["money_usd"] + rng.normal(size=len(base)),
        )
        wrong += any(point.status == "dominated" for point in pareto_points(noisy))
    assert wrong <= 0.05 * 200
