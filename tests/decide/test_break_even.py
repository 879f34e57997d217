"""Break-evens of parallel and queues, from the results of a study."""

import json
from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.decide.break_even import find_break_even, find_factor_break_even
from dispatch_sim.stats.crossings import Crossing, Region
from dispatch_sim.stats.estimates import quantile_estimate
from tests.study.tables import table


def study(sizes, cost, labels=("parallel", "queue"), replications=40, noise=0.3):
    """Return results of parallel and of all queues narrower than it, at `cost(kind, concurrency, tasks)`."""
    rng = np.random.default_rng(2)
    rows = []
    for tasks in sizes:
        for label in labels:
            kind = label.split()[0]
            for concurrency in [tasks] if kind == "parallel" else range(1, tasks):
                errors = rng.normal(size=replications) * noise
                rows += [
                    (label, concurrency, tasks, r, cost(kind, concurrency, tasks) + errors[r])
                    for r in range(replications)
                ]
    return pd.DataFrame(rows, columns=["strategy", "concurrency", "tasks", "replication", "cost_usd"])


def square(kind, concurrency, tasks):
    """Parallel costs T^2; queue: N costs 4T + 6N, so N = 1 is best and D(T) = T^2 - 4T - 6N."""
    return tasks**2 if kind == "parallel" else 4 * tasks + 6 * concurrency


def test_break_evens_come_in_order():
    answers = find_break_even(study(range(1, 6), square), concurrencies=(1, 2, 3, 4))
    assert [(a.axis, a.against, a.tasks, a.range) for a in answers] == [
        ("tasks", "best queue", None, (2, 5)),
        ("tasks", "queue of 1", None, (2, 5)),
        ("tasks", "queue of 2", None, (3, 5)),
        ("tasks", "queue of 3", None, (4, 5)),
        ("tasks", "queue of 4", None, (5, 5)),
        ("concurrency", "queue", 2, (1, 1)),
        ("concurrency", "queue", 3, (1, 2)),
        ("concurrency", "queue", 4, (1, 3)),
        ("concurrency", "queue", 5, (1, 4)),
    ]
    assert [a.against for a in find_break_even(study(range(1, 6), square)) if a.axis == "tasks"] == [
        "best queue"
    ]
    assert find_break_even(study([1], square)) == find_break_even(study([2], square).iloc[:0]) == []


def test_known_break_even_is_found():
    """D(5) = -1, D(6) = 6 for the best queue: it wins from 6 tasks."""
    results = study(range(1, 10), square)
    best, one, two = find_break_even(results, concurrencies=(1, 2))[:3]
    (crossing,) = best.crossings
    assert crossing.low < 5 + 1 / 7 < crossing.high
    assert best.crossings == one.crossings
    assert (best.status, crossing.favours_above, best.starts(crossing)) == ("crossing", "queue", 6)
    assert two.crossings[0].low < 6 < two.crossings[0].high
    shuffled = results.sample(frac=1, random_state=3)
    assert find_break_even(shuffled) == find_break_even(results)


@pytest.mark.parametrize("wider", [0, 2])
def test_queue_as_wide_as_the_batch_is_on_the_side_of_parallel(wider):
    """Against parallel alone the queue of 1 wins from 7 tasks, against the wide queue never."""
    narrow = study(
        range(2, 12), lambda kind, concurrency, tasks: tasks**2 if kind == "parallel" else 6.5 * tasks
    )
    wide = study(range(2, 12), lambda *_: 0.0, ["queue"], noise=0.0).query("concurrency == 1")
    wide = wide.assign(concurrency=wide["tasks"] + wider, cost_usd=wide["tasks"])
    assert find_break_even(narrow)[0].status == "crossing"
    with_wide = find_break_even(pd.concat([narrow, wide]))[0]
    assert (with_wide.status, with_wide.favours) == ("none_in_range", "parallel")
    assert with_wide.differences[-1].mean == pytest.approx(11 - 6.5 * 11, abs=0.3)


@pytest.mark.parametrize(
    ("parallel", "queue", "noise", "indifference", "status", "favours"),
    [
        # A difference of less than a cent everywhere.
        (lambda size: (size - 5) / 1000, 0.0, 0.0001, 0.0, "crossing", None),
        (lambda size: (size - 5) / 1000, 0.0, 0.0001, 0.01, "practically_equal", None),
        (lambda size: (size - 5) / 1000, 0.0, 0.0001, 0.002, "crossing", None),
        # A difference of 100% of the cheaper side.
        (lambda size: 2.0, 4.0, 0.0, "100%", "practically_equal", "parallel"),
        (lambda size: 2.0, 4.0, 0.0, "99%", "none_in_range", "parallel"),
        (lambda size: 0.0, 5.0, 0.3, 0.0, "none_in_range", "parallel"),
        (lambda size: 1.0, 1.0, 0.0, 0.0, "practically_equal", None),
    ],
)
def test_status_depends_on_differences_and_threshold(parallel, queue, noise, indifference, status, favours):
    def cost(kind, concurrency, tasks):
        return parallel(tasks) if kind == "parallel" else queue

    found = find_break_even(study(range(2, 9), cost, noise=noise), indifference=indifference)[0]
    assert (found.status, found.favours) == (status, favours)


def test_parallel_wins_above_break_even_in_concurrency():
    """T = 8: 64 - 32 - 6N crosses between N = 5 and N = 6."""
    (answer,) = [a for a in find_break_even(study([8], square), batch_size=8) if a.axis == "concurrency"]
    assert (answer.tasks, answer.range) == (8, (1, 7))
    (crossing,) = answer.crossings
    assert (crossing.favours_above, answer.starts(crossing)) == ("parallel", 6)
    assert [a.axis for a in find_break_even(study([8], square), batch_size=9)] == ["tasks"]


def test_first_size_above_equality_is_the_next():
    """D(5) = 0 exactly."""
    linear = study(range(2, 9), lambda kind, _, tasks: tasks if kind == "parallel" else 5.0, noise=0.0)
    answer = find_break_even(linear)[0]
    (crossing,) = answer.crossings
    assert (crossing.low, crossing.at, crossing.high) == (5, 5, 5)
    assert (answer.ends(crossing), answer.starts(crossing)) == (4, 6)


def test_unresolved_break_even_has_decided_regions():
    """Equal at 2 tasks, where the range begins, and better after."""
    growing = study([2, 3, 4], lambda kind, _, tasks: (tasks - 2.0) * (kind == "parallel"), noise=0.0)
    found = find_break_even(growing)[0]
    assert found.status == "unresolved"
    assert found.decided == (Region(2, 4, "queue"),)
    assert found.undecided == (Region(2, 2, None),)


@pytest.mark.parametrize(
    ("low", "high", "ends", "starts"),
    [
        (4.2, 4.8, 4, 5),
        (3.9, 6.1, 3, 7),
        (5.0, 5.0, 4, 6),
        (5 - 1e-12, 5 + 1e-12, 4, 6),
        (None, None, None, None),
    ],
)
def test_whole_numbers_in_the_interval_are_undecided(low, high, ends, starts):
    found = find_break_even(study(range(2, 9), square))[0]
    crossing = Crossing(4.5, low, high, "queue", True)
    assert (found.ends(crossing), found.starts(crossing)) == (ends, starts)


def test_factors_and_options_have_break_evens_of_their_own():
    labels = ("parallel", "parallel (as-completed)", "queue", "queue (script)")
    one = study([3, 4], square, labels).assign(**{"limits.scale": 2})
    other = one.assign(**{"limits.scale": "none"})
    answers = find_break_even(pd.concat([other, one]), concurrencies=(1, 2, 3))
    half = len(answers) // 2
    assert [a.factors["limits.scale"] for a in answers] == [2] * half + ["none"] * half
    assert [a.against for a in answers if a.axis == "tasks"][: 4 * 4 : 4] == [
        "best queue",
        "best queue (script)",
        "best queue vs parallel (as-completed)",
        "best queue (script) vs parallel (as-completed)",
    ]
    fixed = [
        a.against for a in answers if a.queue.label == "queue (script)" and str(a.parallel) == "parallel"
    ]
    assert fixed[1:4] == ["queue of 1 (script)", "queue of 2 (script)", "queue of 3 (script)"]
    script = find_break_even(one, queue="queue (script)", parallel="parallel (as-completed)")
    assert {(a.parallel.label, a.queue.label) for a in script} == {
        ("parallel (as-completed)", "queue (script)")
    }


def test_paced_queue_is_not_compared_with_unpaced_parallel():
    labels = ("parallel", "queue", "queue (paced)")
    assert {a.queue.label for a in find_break_even(study([3, 4], square, labels))} == {"queue"}
    labels = ("parallel (paced)", "queue", "queue (paced)")
    assert {a.queue.label for a in find_break_even(study([3, 4], square, labels))} == {"queue (paced)"}


def test_points_without_replications_are_left_out():
    results = study(range(1, 8), square)
    wide = results[(results["tasks"] == 4) & (results["strategy"] == "parallel")].assign(strategy="queue")
    results = pd.concat([results, wide])
    gone = (
        ((results["tasks"] == 6) & (results["concurrency"] == 2))
        | ((results["tasks"] == 4) & (results["strategy"] == "parallel"))
        | ((results["tasks"] == 7) & (results["replication"] >= 10))
    )
    answers = find_break_even(results[~gone], concurrencies=(2,))
    assert answers[0].values == (2, 3, 5, 6, 7)
    assert next(a for a in answers if a.against == "queue of 2").values == (3, 5, 7)
    assert next(a for a in answers if a.tasks == 7).replications == 10
    assert 4 not in {a.tasks for a in answers}


def test_size_counts_although_parallel_has_fewer_replications_than_the_wide_queue():
    """A study simulates more of the best of each side, at the sizes that bracket the break-even at 5 1/7."""
    results = study(range(2, 9), square)
    bracket = results["tasks"].isin([5, 6]) & (results["strategy"] == "parallel")
    wide = results[bracket].assign(strategy="queue")
    worse = results.assign(cost_usd=results["cost_usd"] + bracket)[~bracket | (results["replication"] < 10)]
    found = find_break_even(pd.concat([worse, wide]))[0]
    assert (found.values, found.replications) == (tuple(range(2, 9)), 40)
    assert found.crossings == find_break_even(results)[0].crossings


def test_concurrency_of_parallel_is_not_read():
    results = study(range(2, 8), square)
    unlimited = results["concurrency"].mask(results["strategy"] == "parallel", 0)
    assert find_break_even(results.assign(concurrency=unlimited)) == find_break_even(results)


def test_break_even_of_a_percentile_compares_percentiles():
    rng = np.random.default_rng(4)
    times = {
        (label, concurrency, tasks): rng.exponential(mean, size=100)
        for tasks in (3, 4)
        for label, concurrency, mean in (("parallel", tasks, 3.0), ("queue", 1, 5.0))
    }
    results = pd.DataFrame(
        [(*point, r, time) for point, sample in times.items() for r, time in enumerate(sample)],
        columns=["strategy", "concurrency", "tasks", "replication", "makespan_s"],
    )
    found = find_break_even(results, "p95_makespan_s")[0]
    for tasks, difference in zip((3, 4), found.differences, strict=True):
        parallel, queue = times["parallel", tasks, tasks], times["queue", 1, tasks]
        expected = quantile_estimate(parallel).mean - quantile_estimate(queue).mean
        assert difference.mean == pytest.approx(expected)


def test_results_that_cannot_be_compared_are_an_error():
    results = study([3], square)
    with pytest.raises(ValueError, match="at least 2 replications"):
        find_break_even(results[results["replication"] == 0])
    with pytest.raises(ValueError, match="no column 'price'"):
        find_break_even(results, "price")
    with pytest.raises(ValueError, match="confidence"):
        find_break_even(results, confidence=95)


def test_break_even_is_written_as_json():
    results = study(range(4, 9), square).assign(**{"limits.scale": np.float64(0.5)})
    found = find_break_even(results)[0]
    (crossing,) = found.crossings
    assert json.loads(json.dumps(found.to_json(), allow_nan=False)) == {
        "axis": "tasks",
        "against": "best queue",
        "parallel": "parallel",
        "queue": "queue",
        "objective": "cost_usd",
        "confidence": 0.95,
        "tasks": None,
        "factors": {"limits.scale": 0.5},
        "values": [4, 5, 6, 7, 8],
        "range": [4, 8],
        "replications": 40,
        "differences": [difference.to_json() for difference in found.differences],
        "practically_equal": False,
        "status": "crossing",
        "favours": None,
        "crossings": [asdict(crossing) | {"starts": 6, "ends": 5}],
        "decided": [
            {"low": 4, "high": crossing.low, "favours": "parallel"},
            {"low": crossing.high, "high": 8, "favours": "queue"},
        ],
        "undecided": [{"low": crossing.low, "high": crossing.high}],
    }


# Along a factor.


def factor_study(levels, parallel, tasks=6, factor="provider.limits.scale", noise=0.2, replications=60):
    """Return results in which parallel costs `parallel(position)` and queues of 1, 2 cost 6 and 5."""
    rng = np.random.default_rng(5)
    parts = []
    for position, level in levels.items():
        batch = rng.lognormal(size=replications)
        means = {"parallel": parallel(position), "queue of 1": 6.0, "queue of 2": 5.0}
        costs = {text: mean + batch + noise * rng.normal(size=replications) for text, mean in means.items()}
        parts.append(table(costs, tasks).assign(**{factor: level}))
    return pd.concat(parts)


NUMBERS = {float(level): level for level in range(1, 8)}


def test_crossing_along_a_factor_is_found():
    """10 - x against 5: parallel is cheaper above 5."""
    (found,) = find_factor_break_even(factor_study(NUMBERS, lambda x: 10 - x), 6)
    (crossing,) = found.crossings
    assert found.status == "crossing"
    assert crossing.favours_above == "parallel"
    assert crossing.low < 5 < crossing.high
    assert (found.factor, found.levels, found.tasks) == ("provider.limits.scale", tuple(range(1, 8)), 6)
    assert (str(found.parallel), str(found.queue), found.objective) == ("parallel", "queue", "cost_usd")
    read = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert read["crossings"] == [asdict(crossing)]
    assert [region["favours"] for region in read["regions"]] == ["queue", None, "parallel"]


def test_two_crossings_along_a_factor_are_found():
    (found,) = find_factor_break_even(factor_study(NUMBERS, lambda x: 3 + (x - 4) ** 2), 6)
    assert [c.favours_above for c in found.crossings if c.resolved] == ["parallel", "queue"]
    assert [c.at for c in found.crossings] == pytest.approx([4 - 1.4, 4 + 1.4], abs=0.2)


def test_flat_difference_is_practically_equal_and_open_end_unresolved():
    flat = factor_study(NUMBERS, lambda x: 5.1)
    assert find_factor_break_even(flat, 6, indifference=1.0)[0].status == "practically_equal"
    (edge,) = find_factor_break_even(factor_study(NUMBERS, lambda x: 12 - x, noise=1.0), 6)
    assert edge.status == "unresolved"


def test_levels_are_ordered_by_their_values():
    """`90s` before `2m`; positions are in seconds. Levels without an order have none."""
    written = {120.0: "2m", 30.0: 30, 90.0: "90s"}
    (found,) = find_factor_break_even(factor_study(written, lambda x: 10 - x / 20, factor="timeouts.hard"), 6)
    assert found.levels == (30, "90s", "2m")
    assert found.positions == (30, 90, 120)
    assert found.crossings[0].at == pytest.approx(100, abs=5)
    words = {1.0: "reject", 2.0: "wait"}
    assert find_factor_break_even(factor_study(words, lambda x: x, factor="provider.on_limit"), 6) == []


def test_other_factors_are_held():
    one = factor_study(NUMBERS, lambda x: 10 - x).assign(**{"client.retries": 2})
    other = factor_study(NUMBERS, lambda x: 1.0).assign(**{"client.retries": 9})
    found = find_factor_break_even(pd.concat([one, other]), 6)
    along = {tuple(f.factors.items()): f.status for f in found if f.factor == "provider.limits.scale"}
    assert along == {(("client.retries", 2),): "crossing", (("client.retries", 9),): "none_in_range"}
    assert len([f for f in found if f.factor == "client.retries"]) == 7


def test_wide_queue_along_a_factor_is_on_the_side_of_parallel():
    """It costs 4 at every level, the queues 6 and 5."""
    results = factor_study(NUMBERS, lambda x: 10 - x)
    wide = results[results["concurrency"] == 2].assign(concurrency=6)
    wide["cost_usd"] -= 1
    (found,) = find_factor_break_even(pd.concat([results, wide]), 6)
    assert (found.status, found.changes.favours) == ("none_in_range", "parallel")
