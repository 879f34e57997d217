"""Break-evens along a swept factor: one, two, none, or nothing at stake."""

import json

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.study.factor_break_even import find_factor_break_even


def study(levels, parallel, tasks=6, factor="provider.limits.scale", noise=0.2, replications=60):
    """Return results in which parallel costs `parallel(place)` and queues of 1, 2 cost 6 and 5."""
    rng = np.random.default_rng(5)
    parts = []
    for place, level in levels.items():
        batch = rng.lognormal(size=replications)
        for label, width, mean in (
            ("parallel", tasks, parallel(place)),
            ("queue", 1, 6.0),
            ("queue", 2, 5.0),
        ):
            parts.append(
                pd.DataFrame(
                    {
                        "strategy": label,
                        "concurrency": width,
                        "tasks": tasks,
                        factor: level,
                        "replication": range(replications),
                        "cost_usd": mean + batch + noise * rng.normal(size=replications),
                    }
                )
            )
    return pd.concat(parts)


NUMBERS = {float(level): level for level in range(1, 8)}


def test_a_crossing_is_found_where_it_is():
    """10 - x against 5: the queue wins below 5, all at once above."""
    (found,) = find_factor_break_even(study(NUMBERS, lambda x: 10 - x), 6)
    (crossing,) = found.crossings
    assert found.status == "crossing"
    assert crossing.direction == "parallel_wins_above"
    assert crossing.low < 5 < crossing.high
    assert (found.factor, found.levels, found.tasks) == ("provider.limits.scale", tuple(range(1, 8)), 6)
    assert json.loads(json.dumps(found.to_json(), allow_nan=False))["crossings"][0]["resolved"]


def test_two_crossings_are_two():
    """A parabola: dear at both ends."""
    (found,) = find_factor_break_even(study(NUMBERS, lambda x: 3 + (x - 4) ** 2), 6)
    assert [c.direction for c in found.crossings if c.resolved] == ["parallel_wins_above", "queue_wins_above"]
    assert [c.at for c in found.crossings] == pytest.approx([4 - 1.4, 4 + 1.4], abs=0.2)


def test_a_flat_difference_is_practically_equal_and_an_open_end_unresolved():
    """Within a dollar all along; and a crossing at the edge of the range."""
    flat = study(NUMBERS, lambda x: 5.1)
    assert find_factor_break_even(flat, 6, zone=lambda _: 1.0)[0].status == "practically_equal"
    (edge,) = find_factor_break_even(study(NUMBERS, lambda x: 12 - x, noise=1.0), 6)
    assert edge.status == "unresolved"


def test_levels_stand_at_their_places_whatever_their_order_and_form():
    """`90s` before `2m`; the place is in seconds. What has no order is no axis."""
    written = {120.0: "2m", 30.0: "30s", 90.0: "90s"}
    (found,) = find_factor_break_even(study(written, lambda x: 10 - x / 20, factor="timeouts.hard"), 6)
    assert found.levels == ("30s", "90s", "2m")
    assert found.places == (30, 90, 120)
    assert found.crossings[0].at == pytest.approx(100, abs=5)
    words = {1.0: "reject", 2.0: "wait"}
    assert find_factor_break_even(study(words, lambda x: x, factor="provider.on_limit"), 6) == []


def test_the_other_factors_are_held():
    """One answer for each of their combinations."""
    one = study(NUMBERS, lambda x: 10 - x).assign(**{"client.retries": 2})
    other = study(NUMBERS, lambda x: 1.0).assign(**{"client.retries": 9})
    found = find_factor_break_even(pd.concat([one, other]), 6)
    along = {tuple(f.factors.items()): f.status for f in found if f.factor == "provider.limits.scale"}
    assert along == {(("client.retries", 2),): "crossing", (("client.retries", 9),): "none_in_range"}
    assert len([f for f in found if f.factor == "client.retries"]) == 7


def test_a_queue_as_wide_as_the_batch_stands_beside_parallel():
    """It costs 4 at every level: all together wins all along."""
    results = study(NUMBERS, lambda x: 10 - x)
    wide = results[results["concurrency"] == 2].assign(concurrency=6)
    wide["cost_usd"] -= 1
    (found,) = find_factor_break_even(pd.concat([results, wide]), 6)
    assert (found.status, found.changes.favours) == ("none_in_range", "parallel")
