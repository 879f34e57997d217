"""Time against money: who is on the front, and who may be."""

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.study.pareto import pareto_front


def study(ways, replications=200, noise=0.1):
    """Return results of ways (label -> makespan, money, people) with noise of their own."""
    rng = np.random.default_rng(4)

    def column(mean):
        return mean + noise * rng.normal(size=replications)

    return pd.concat(
        pd.DataFrame(
            {
                "strategy": label,
                "concurrency": 1,
                "tasks": 4,
                "replication": range(replications),
                "makespan_s": column(time),
                "money_usd": column(money),
                "cost_people_usd": people,
            }
        )
        for label, (time, money, people) in ways.items()
    )


def test_the_front_holds_what_nothing_beats_in_both():
    """`dear` is beaten by `fast`; money is the bill and people's time."""
    ways = {"fast": (1, 5, 1), "slow": (9, 2, 0), "between": (4, 3, 0), "dear": (2, 1, 8)}
    found = {point.strategy: point for point in pareto_front(study(ways))}
    assert {label: point.front for label, point in found.items()} == {
        "fast": "on",
        "between": "on",
        "slow": "on",
        "dear": "off",
    }
    assert list(found) == ["fast", "dear", "between", "slow"]
    assert found["fast"].spent_usd.mean == pytest.approx(6, abs=0.05)
    assert [point.by_means for point in found.values()] == [True, False, True, True]


def test_what_cannot_be_told_apart_may_be_on_the_front():
    """Two that are alike but for noise: by the means one may look beaten, and is not shown to be."""
    found = pareto_front(study({"one": (1, 5, 0), "other": (1, 5, 0), "worse": (2, 6, 0)}))
    assert {point.strategy: point.front for point in found} == {
        "one": "may_be",
        "other": "may_be",
        "worse": "off",
    }


def test_what_is_the_same_in_one_measure_is_told_apart_by_the_other():
    """Equal time to the last bit, and more money: off the front; equal in both: neither beats the other."""
    one = study({"one": (1, 5, 0)})
    dearer = one.assign(strategy="dearer", money_usd=one["money_usd"] + 1)
    twin = one.assign(strategy="twin")
    found = pareto_front(pd.concat([one, dearer, twin]))
    assert {point.strategy: point.front for point in found} == {"one": "on", "twin": "on", "dearer": "off"}


def test_the_truly_best_are_rarely_said_to_be_off():
    """Five on a line of equal sums in 200 studies: none is thrown off in at least 95% of them."""
    rng = np.random.default_rng(7)
    ways = {f"w{i}": (i * 0.01, -i * 0.01, 0.0) for i in range(5)}
    base = study(ways, replications=60, noise=0.0)
    wrong = 0
    for _ in range(200):
        noisy = base.assign(
            makespan_s=base["makespan_s"] + rng.normal(size=len(base)),
            money_usd=base["money_usd"] + rng.normal(size=len(base)),
        )
        wrong += any(point.front == "off" for point in pareto_front(noisy))
    assert wrong <= 0.05 * 200
