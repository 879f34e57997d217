"""Two scenarios compared: known differences, and common random numbers."""

from dataclasses import replace

import pytest
from scipy import stats

import dispatch_sim.decide.diff
from dispatch_sim import compare, diff, load
from dispatch_sim.scenario.changes import Change, changes
from tests.study.pairs import NOISY, PAIRS

HOUR = 40 / 3600
"""Dollars that a second of waiting costs."""


# In A, parallel waits 120 s and merges six pairs of 10K tokens at $15 a million: $1.33 + $0.90.
# Sequential waits 480 s, and merges nothing.
@pytest.mark.parametrize(
    ("change", "strategy", "cost", "money", "makespan"),
    [
        ({"tasks.duration": "60s"}, "parallel", -60 * HOUR, 0, -60),
        ({"tasks.duration": "20s"}, "sequential", (4 * 20 - 120) * HOUR - 0.90, -0.90, 4 * 20 - 120),
        ({"merge.pair.tokens": "20K"}, "parallel", 0.90, 0.90, 0),
        ({"values.waiting": "$80/h"}, "parallel", 120 * HOUR, 0, 0),
        ({"client.retries": 9}, "parallel", 0, 0, 0),
    ],
)
def test_recommendations_differ_as_computed_by_hand(change, strategy, cost, money, makespan):
    found = diff(PAIRS, load(PAIRS).replaced(change))
    assert [str(side.choice.strategy) for side in (found.a, found.b)] == ["parallel", strategy]
    expected = {"cost_usd": cost, "money_usd": money, "makespan_s": makespan, "people_s": 0}
    for name, amount in expected.items():
        of = found.recommended[name]
        same = pytest.approx(amount, abs=1e-9)
        assert (of.difference.mean, of.difference.low, of.difference.high) == (same, same, same)
        assert of.b - of.a == same
    assert found.verdict == ("identical" if cost == 0 else "b_lower" if cost < 0 else "b_higher")


def test_each_strategy_of_both_is_compared():
    other = load(PAIRS).replaced(
        {"tasks.duration": "60s", "strategies": ["queue: 2", "sequential", "parallel"]}
    )
    found = diff(PAIRS, other)
    costs = {str(each): of["cost_usd"].difference.mean for each, of in found.strategies.items()}
    assert list(costs) == ["parallel", "sequential"]
    assert costs == pytest.approx({"parallel": -60 * HOUR, "sequential": -240 * HOUR})
    assert (found.only_a, [*map(str, found.only_b)]) == ((), ["queue of 2"])


@pytest.mark.parametrize(
    ("amount", "verdict"), [("$0", "b_higher"), ("$0.05", "practically_equal"), ("1%", "practically_equal")]
)
def test_indifference_of_the_first_scenario_decides_what_matters(amount, verdict):
    text = PAIRS.replace("indifference: $0", f"indifference: {amount}")
    # Six pairs of 200 more tokens cost $0.018, of a cost of $2.25.
    assert diff(text, load(PAIRS).replaced({"merge.pair.tokens": 10_200})).verdict == verdict


def test_difference_is_paired_by_replication():
    other = load(NOISY).replaced(
        {"tasks.duration": {"lognormal": {"mean": "130s", "cv": 0.5}}, "study.seed": 9}
    )
    found = diff(NOISY, other, seed=3).strategies
    a, b = (
        compare(source, seed=3).frame.set_index(["strategy", "replication"])["makespan_s"]
        for source in (NOISY, other)
    )
    for strategy, of in found.items():
        test = stats.ttest_rel(b[str(strategy)], a[str(strategy)])
        expected = test.confidence_interval(0.95)
        interval = of["makespan_s"].difference
        assert (interval.low, interval.high) == pytest.approx(expected)
        # The durations of the second are those of the first times 13/12, so the makespans are.
        assert interval.mean == pytest.approx(a[str(strategy)].mean() / 12)


def test_means_of_strategies_are_over_the_same_replications(monkeypatch):
    """A study simulates more replications of the best strategies."""
    values = dispatch_sim.decide.diff._values
    lengths = iter([{"parallel": 60, "sequential": 20}, {"parallel": 40, "sequential": 50}])

    def shorter(results):
        of_side = next(lengths)
        return {each: rows[:, : of_side[str(each)]] for each, rows in values(results).items()}

    monkeypatch.setattr(dispatch_sim.decide.diff, "_values", shorter)
    found = diff(NOISY, NOISY)
    assert found.recommended["cost_usd"].difference.n == 40
    assert {of["cost_usd"].difference.n for of in found.strategies.values()} == {20}
    assert all(of["cost_usd"].a == of["cost_usd"].b for of in found.strategies.values())
    means = [of["cost_usd"].a for of in found.strategies.values()]
    assert means == sorted(means)


def test_each_recommendation_has_its_own_objective_and_limits():
    fastest = load(PAIRS.replace(", indifference: $0", "")).replaced({"merge.pair.tokens": "60K"})
    # Cost: sequential $5.33, parallel $1.33 + $5.40. Makespan: parallel.
    found = diff(fastest, fastest.replaced({"objective.minimise": "makespan"}))
    assert [str(side.choice.strategy) for side in (found.a, found.b)] == ["sequential", "parallel"]
    assert found.objective == "cost_usd"
    assert found.difference.mean == pytest.approx(5.40 - 360 * HOUR)
    assert "The strategy of B minimises makespan." in str(found)
    late = diff(fastest, fastest.replaced({"objective.deadline": "1m"}))
    assert (late.a.choice.feasible, late.b.choice.feasible) == (True, False)
    assert "No strategy meets its limits." in " ".join(str(late).split())


def test_interruption_ends_it_without_a_difference():
    studies = []

    def interrupt(done, of):
        studies.append(of)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        diff(PAIRS, PAIRS, on_progress=interrupt)
    assert len(studies) == 1


def test_scenarios_without_a_common_strategy_have_no_table_of_them():
    found = diff(PAIRS, load(PAIRS).replaced({"strategies": ["queue: 2", "queue: 3"]}))
    assert found.strategies == {}
    text = " ".join(str(found).split())
    assert "The same strategy in both scenarios" not in text
    assert "Simulated in A only: parallel and sequential." in text
    assert "Simulated in B only: queue of 2 and queue of 3." in text


def test_text_states_the_saving_the_amounts_and_the_changes():
    text = str(diff(PAIRS, load(PAIRS).replaced({"tasks.duration": "20s"})))
    assert text.startswith(
        "B saves $1.34 of cost a batch. B's API cost is $0.90 lower, its makespan is 40s\n"
        "lower and its people's time is the same.\n"
    )
    assert "Use parallel for four tasks." in text
    assert "Use sequential for four tasks." in text
    assert "tasks.one.duration  120s  20s\n" in text


def test_too_few_replications_are_stated():
    found = diff(PAIRS, load(PAIRS).replaced({"tasks.duration": "20s"}))
    cost = found.recommended["cost_usd"]
    few = replace(cost, difference=replace(cost.difference, n=40, needed=4096))
    text = " ".join(str(replace(found, recommended={**found.recommended, "cost_usd": few})).split())
    assert "Preliminary: about 4,096 replications are needed for valid intervals; 40 were simulated." in text
    assert "Preliminary" not in str(found)


def test_unequal_batches_values_and_groups_are_stated():
    other = load(PAIRS.replace("name: one", "name: other")).replaced(
        {"tasks.count": 3, "values.waiting": "$9/h"}
    )
    text = " ".join(str(diff(PAIRS, other)).split())
    assert "The batches have four and three tasks" in text
    assert "A and B value time differently" in text
    assert "independent random variates" in text
    same = str(diff(PAIRS, PAIRS))
    assert "No key differs." in same
    assert "A and B have the same cost in every replication (mean cost per batch: $2.25)." in " ".join(
        same.split()
    )


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"client.retries": 9}, [Change("client.retries", 2, 9)]),
        ({"provider.limits.requests": "unlimited"}, []),
        ({"provider.limits.requests": "50/min"}, [Change("provider.limits.requests", "unlimited", "50/min")]),
        ({"tasks.duration": {"constant": "2m"}}, []),
        ({"tasks.spread": "20%"}, [Change("tasks.one.spread", "0%", "20%")]),
        ({"tasks.duration": "3m"}, [Change("tasks.one.duration", "120s", "3m")]),
        ({"name": "Other", "strategies": ["solo"], "study.seed": 4, "engine": "simpy"}, []),
        ({"objective.deadline": "5m"}, [Change("objective.deadline", None, "5m")]),
        # Each key of a section that is off in one scenario; those that are not written have their defaults.
        (
            {"review": {"people": "5m", "each": "1m"}},
            [
                Change("review.every", None, 1),
                Change("review.blocking", None, True),
                Change("review.people", None, "5m"),
                Change("review.each", None, "1m"),
            ],
        ),
    ],
)
def test_changes_are_listed_by_path_as_written(values, expected):
    limits = "{requests: unlimited, input_tokens: unlimited, output_tokens: unlimited}"
    source = load(
        PAIRS.replace("context: none", "context: {}").replace("limits: unlimited", f"limits: {limits}")
    )
    assert changes(source, source.replaced(values)) == expected
    back = [Change(change.path, change.b, change.a) for change in expected]
    assert changes(source.replaced(values), source) == back


def test_spread_that_is_written_as_distributions_is_no_change():
    plain = load(PAIRS).replaced({"tasks.spread": "50%"})
    spread = {"tasks.duration": "120s", "tasks.tokens": 1000}
    written = {key: {"lognormal": {"mean": mean, "cv": 0.5}} for key, mean in spread.items()}
    assert changes(plain, load(PAIRS).replaced(written)) == []


def test_values_are_written_as_yaml():
    other = load(PAIRS).replaced({"tasks.duration": {"lognormal": {"mean": "20s", "cv": 0.5}}})
    assert "{lognormal: {mean: 20s, cv: 0.5}}" in " ".join(str(diff(PAIRS, other)).split())


def test_values_of_a_profile_are_changes():
    found = changes(load(PAIRS), load(PAIRS).replaced({"client": {"profile": "claude-code"}}))
    assert Change("client.retry_after.up_to", "unlimited", "60s") in found
