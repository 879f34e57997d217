"""Cost breakdown, sensitivity and switching values on problems with known answers."""

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.decide import sampling, sensitivity
from dispatch_sim.decide.cost_breakdown import cost_breakdown
from dispatch_sim.decide.explanation import explain
from dispatch_sim.decide.grid import make_grid_point, without_factors
from dispatch_sim.decide.parameters import parameter_at, with_range
from dispatch_sim.decide.sampling import Sampled, Sampler
from dispatch_sim.decide.sensitivity import find_swings
from dispatch_sim.decide.switching_values import SwitchingValue, find_switching_values
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.report.why import why_document, why_parts, write_why
from dispatch_sim.scenario.loader import load_source, parse_source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from dispatch_sim.study.design import Design
from dispatch_sim.study.runner import simulate_design
from tests.study.pairs import LEFT_OUT, NOISY, PAIRS, WIDE, pairs_border

ROOT = Path(__file__).parents[2]
PARALLEL, SEQUENTIAL, QUEUE_OF_2 = map(parse_strategy, ("parallel", "sequential", "queue of 2"))


@cache
def source_of(text):
    return parse_source(text)


def switching_values_of(text, keeping, *parameters, replications=4, to_another="strategy"):
    source = source_of(text)
    ranges = [
        with_range(parameter_at(source, path), range_)
        for path, _, range_ in (each.partition("=") for each in parameters)
    ]
    present, sampler = Sampled(make_grid_point(source, {})), Sampler(source.scenario())
    found = find_switching_values(source, ranges, keeping, present, sampler, replications, replications)
    return {each.parameter.path: each for each in found if each.to_another == to_another}


def costs_at(point, replications):
    measures = simulate_design(Design((), (point,), replications))
    return measures[:, :, MEASURES.index("cost_usd")]


def test_switching_value_is_where_two_costs_are_equal():
    """Pairs cost $0.90, waiting for three more tasks 1/30 of a dollar a second: equal at 27 s."""
    (found,) = switching_values_of(PAIRS, PARALLEL, "tasks.duration=12s..1200s").values()
    assert pairs_border(10_000) == pytest.approx(27)
    assert found.at == pytest.approx(27, rel=1e-6)  # linear, and nothing is random
    assert (found.low, found.high) == (pytest.approx(27), pytest.approx(27))
    assert (found.becomes, found.resolved) == (SEQUENTIAL, True)


def test_strategy_that_the_batch_is_too_small_for_is_a_warning(caplog):
    explain(parse_source(WIDE), ranges={"tasks.duration": "60s..70s"}, replications=2)
    assert caplog.messages == [LEFT_OUT]
    caplog.clear()
    explain(parse_source(WIDE), ranges={"tasks": "2..20"}, replications=2)
    assert caplog.messages == []


def test_switching_values_above_and_below_are_found():
    found_at = switching_values_of(
        PAIRS, PARALLEL, "merge.pair.tokens=1K..100K", "values.waiting=$1/h..$400/h"
    )
    # 120 s for three more tasks are $4; six pairs cost as much at 44.4K tokens.
    assert found_at["merge.pair.tokens"].at == pytest.approx(4 / 6 / 15e-6, abs=1)  # tokens are whole
    # And at 10K tokens $0.90, as much as 360 s of waiting at $9 an hour.
    assert found_at["values.waiting"].at == pytest.approx(9)


def test_another_concurrency_differs_from_another_kind():
    text = PAIRS.replace("[sequential, parallel]", "[sequential, {queue: 2}, {queue: 3}]")
    text = text.replace("study:", "sweep: {concurrency: [2, 3]}\nstudy:").replace("count: 4", "count: 6")
    keys = "tasks.duration=12s..1200s"
    (any_other,) = switching_values_of(text, Strategy("queue", 3), keys).values()
    (kind,) = switching_values_of(text, Strategy("queue", 3), keys, to_another="kind").values()
    assert any_other.becomes == QUEUE_OF_2
    assert kind.becomes == SEQUENTIAL
    assert kind.at < any_other.at
    source = parse_source(text)
    for found, loser in ((any_other, 3), (kind, 2)):
        costs = costs_at(make_grid_point(source, {"tasks.duration": f"{found.at}s"}), 2)
        strategies = [plan.strategy for plan in make_grid_point(source, {}).plans]
        means = dict(zip(strategies, costs.mean(axis=1), strict=True))
        assert means[Strategy("queue", loser)] == pytest.approx(means[found.becomes], abs=1e-3)


def test_interval_covers_switching_value_with_many_similar_rivals(monkeypatch):
    """The best of 46 noisy means is lower than each true mean."""
    rng = np.random.default_rng(3)
    text = PAIRS.replace("count: 4", "count: 64").replace("[sequential, parallel]", "[queue]")
    text = f"{text}sweep: {{concurrency: 2..48}}\n".replace("duration: 120s", "duration: 40s")

    def simulate(blocks, engine, jobs, keep):
        for number, block in enumerate(blocks):
            beyond = (block.variant.scenario.tasks[0].duration.mean - 120) / 60
            part = block.replications
            measures = np.zeros((len(block.variant.plans), len(part), len(MEASURES)))
            for row, plan in zip(measures, block.variant.plans, strict=True):
                kept = plan.strategy == QUEUE_OF_2
                costs = noise[plan.strategy.concurrency - 2, part.start : part.stop]
                row[:, MEASURES.index("cost_usd")] = costs + (beyond if kept else 0.0)
            keep(number, part, measures)

    monkeypatch.setattr(sampling, "simulate_blocks", simulate)
    held = 0
    for _ in range(100):
        noise = rng.normal(size=(47, 64))
        keys = "tasks.duration=30s..480s"
        (found,) = switching_values_of(text, QUEUE_OF_2, keys, replications=64).values()
        held += (found.low or 0) <= 120 <= (found.high or math.inf)
    assert held >= stats.binom.ppf(0.001, 100, 0.95)


def test_indifference_threshold_moves_switching_value():
    """30 cents are 9 s of waiting: 27 s less 9 s."""
    text = PAIRS.replace("indifference: $0", "indifference: $0.30")
    (found,) = switching_values_of(text, PARALLEL, "tasks.duration=12s..1200s").values()
    assert found.at == pytest.approx(18)


def test_indifference_threshold_that_is_a_share_is_one_of_the_costs_at_the_switch():
    """Sequential costs 4 d / 90 and a rest; parallel d / 90, six pairs and the rest, 10% more there."""
    text = PAIRS.replace("indifference: $0", "indifference: 10%")
    (found,) = switching_values_of(text, PARALLEL, "tasks.duration=12s..1200s").values()
    point = make_grid_point(parse_source(PAIRS), {})
    number = [plan.strategy for plan in point.plans].index(SEQUENTIAL)
    rest = costs_at(point, 1)[number, 0] - 4 * 120 / 90
    assert found.at == pytest.approx(90 * (0.9 - 0.1 * rest) / (3 + 0.1 * 4))


def test_key_without_switching_value_differs_from_key_without_effect():
    """Below $40 the price of output switches nothing; a backoff that never comes is left out."""
    found_at = switching_values_of(
        PAIRS, PARALLEL, "provider.prices.output=$1/M..$40/M", "client.initial=0.1s..5s"
    )
    assert list(found_at) == ["provider.prices.output"]
    assert found_at["provider.prices.output"].at is None


def test_whole_numbers_switch_at_whole_numbers():
    """Of n tasks: n (n - 1) / 2 pairs for 15 cents each, and n - 1 tasks to wait for, at $1.33 each."""
    text = PAIRS.replace("indifference: $0", "indifference: $0.01")
    (found,) = switching_values_of(text, PARALLEL, "tasks=1..40").values()
    # 0.075 n > 1.3333 from n = 17.8 on.
    assert (found.at, found.becomes) == (18, SEQUENTIAL)


def test_interval_covers_switching_value_with_noise():
    """The sum less the maximum of four lognormal durations, at $40 an hour, is worth $0.90."""
    (found,) = switching_values_of(NOISY, PARALLEL, "tasks.duration=12s..1200s", replications=200).values()
    sigma = math.sqrt(math.log(1.25))
    sample = np.random.default_rng(0).lognormal(-(sigma**2) / 2, sigma, size=(400_000, 4))
    waits = float((sample.sum(axis=1) - sample.max(axis=1)).mean())
    expected = 0.9 * 90 / waits
    assert found.resolved
    assert found.low < expected < found.high
    assert found.low < found.at < found.high


def test_impossible_value_ends_the_range():
    text = PAIRS.replace("limits: unlimited", "limits: {input_tokens: 2K/min, requests: unlimited}")
    (found,) = switching_values_of(text, PARALLEL, "tasks.tokens=500..100K").values()
    assert found.at is None


def test_range_beside_the_present_value_is_stated_as_it_is_searched():
    """Below 27 s sequential is cheaper, and parallel above; nothing between 60 s and 120 s is simulated."""
    text = PAIRS.replace("duration: 120s", "duration: 60s")
    (found,) = switching_values_of(text, PARALLEL, "tasks.duration=2m..4m").values()
    assert (found.at, found.parameter.low, found.parameter.high) == (None, 120, 240)


def test_switching_value_between_the_present_value_and_the_range_is_found():
    """With four tasks at present, sequential is cheaper from 18 on: 0.075 n (n - 1) > 1.3333 (n - 1)."""
    (found,) = switching_values_of(PAIRS, PARALLEL, "tasks=25..40").values()
    assert (found.at, found.becomes) == (18, SEQUENTIAL)


def test_tornado_is_the_difference_at_both_ends():
    source = parse_source(PAIRS)
    parameters = [
        with_range(parameter_at(source, "merge.pair.tokens"), "5K..20K"),
        with_range(parameter_at(source, "tasks.duration"), "60s..240s"),
        with_range(parameter_at(source, "client.initial"), "0.1s..1s"),
    ]
    point = make_grid_point(source, {})
    strategies = tuple(plan.strategy for plan in reversed(point.plans))
    swings = find_swings(source, parameters, strategies, Sampler(source.scenario()), 2, 2)
    assert [swing.parameter.path for swing in swings] == ["tasks.duration", "merge.pair.tokens"]
    duration, tokens = swings
    assert (duration.low.mean, duration.high.mean) == (pytest.approx(2 - 0.9), pytest.approx(8 - 0.9))
    assert duration.swing == pytest.approx(6)
    assert (tokens.low.mean, tokens.high.mean) == (pytest.approx(4 - 0.45), pytest.approx(4 - 1.8))


def test_key_without_effect_is_left_out_of_a_tornado_although_others_have_more_replications(monkeypatch):
    monkeypatch.setattr(sensitivity, "LARGEST", 1)
    source = parse_source(NOISY)
    parameters = [
        with_range(parameter_at(source, "client.initial"), "0.1s..1s"),
        with_range(parameter_at(source, "tasks.duration"), "60s..240s"),
    ]
    sampler, count = Sampler(source.scenario()), 2 * sampling.FIRST
    (swing,) = find_swings(source, parameters, (PARALLEL, SEQUENTIAL), sampler, count, count)
    assert (swing.parameter.path, swing.low.n) == ("tasks.duration", 2 * sampling.FIRST)


def test_intervals_of_a_tornado_have_more_replications_where_rare_events_need_them():
    """At 1% few attempts crash, and each costs hours: 128 replications are too few for such skewness."""
    recovery = "failures: {crash: 5%, bad_output: 0%}\nrecovery: {people: 10h}\n"
    source = parse_source(PAIRS.replace("failures: {crash: 0%, bad_output: 0%}\n", recovery))
    crash = with_range(parameter_at(source, "failures.crash"), "1%..5%")
    price = with_range(parameter_at(source, "provider.prices.output"), "$14/M..$15/M")
    sampler, strategies = Sampler(source.scenario()), (PARALLEL, SEQUENTIAL)
    found = find_swings(source, [crash, price], strategies, sampler, 128, 512)
    assert found[0].parameter == crash
    assert {(each.low.n, each.high.n) for each in found} == {(512, 512)}


def test_why_has_its_replications_at_other_values_although_a_study_may_have_fewer():
    found = explain(NOISY.replace("replications: 60", "at_most: 100"))
    assert (found.searched, found.most_searched) == (1024, 1024)
    assert {end.n for swing in found.swings for end in (swing.low, swing.high)} == {1024}


def test_queue_of_more_than_all_tasks_is_the_queue_of_all_tasks_in_a_tornado():
    """Two tasks at the same time save $4/3 of waiting and merge one pair for 15 cents."""
    source = parse_source(PAIRS)
    size = with_range(parameter_at(source, "tasks"), "2..8")
    both = Strategy("queue", 4), SEQUENTIAL
    [swing] = find_swings(source, [size], both, Sampler(source.scenario()), 2, 2)
    assert swing.low.mean == pytest.approx(4 / 3 - 0.15)


MIXED = """\
tasks:
  - {name: a, count: 5, tokens: 15K, duration: {lognormal: {mean: 60s, cv: 0.5}}, output: prose, writes: [x]}
  - {name: b, count: 2, tokens: 5K, duration: 30s, coupling: 50%}
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}, cache: {ttl: 60s}}
failures: {crash: 10%, bad_output: 5%}
review: {every: 3}
study: {replications: 30}
engine: compiled
"""


@pytest.mark.parametrize("objective", ["cost_usd", "money_usd", "tokens", "people_s", "makespan_s"])
def test_components_sum_to_the_difference(objective):
    scenario = parse_source(MIXED).scenario()
    point = make_grid_point(parse_source(MIXED), {}, scenario.strategies[:2])
    measures = simulate_design(Design((), (point,), 12))
    parts = cost_breakdown(scenario, objective, measures, 0.95)
    one, other = measures[:, :, MEASURES.index(objective)].mean(axis=1)
    assert sum(part.difference.mean for part in parts) == pytest.approx(other - one)
    assert len(parts) >= (1 if objective == "makespan_s" else 2)


def test_component_is_the_difference_of_its_column():
    rng = np.random.default_rng(1)
    measures = rng.normal(size=(2, 50, len(MEASURES)))
    scenario = parse_source(MIXED).scenario()
    parts = {part.name: part for part in cost_breakdown(scenario, "cost_usd", measures, 0.95)}
    more = measures[1] - measures[0]
    column = MEASURES.index("money_wasted_usd")
    assert parts["money_wasted"].difference.mean == pytest.approx(more[:, column].mean())
    column = MEASURES.index("people_recovery_s")
    assert parts["people_recovery"].difference.mean == pytest.approx(more[:, column].mean() * 80 / 3600)


def test_explanation_is_printed_and_written(tmp_path):
    found = explain(parse_source(PAIRS))
    page = why_document(found)
    assert str(found) == page.text
    assert page.text.splitlines()[2].startswith("Use parallel for four tasks: ")
    for title in ("Cost breakdown", "Sensitivity", "Switching values to another kind of strategy"):
        assert title in page.text
    assert "## Switching values" in page.markdown
    # Both strategies have four replications.
    assert "Strategies that are significantly worse may have fewer." in " ".join(page.text.split())
    written = write_why(found, tmp_path / "one")
    write_why(explain(parse_source(PAIRS)), tmp_path / "two")
    assert {path.name for path in written} == {"why.md", "why.json", "tornado.svg"}
    for path in written:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


def test_nearest_switching_values_include_those_to_other_pacing_of_the_same_kind():
    found = explain(parse_source(PAIRS))
    parameter = found.switching_values[0].parameter
    paced = Strategy("queue", 3, pace="limits")
    becomes = {
        "strategy": [Strategy("queue", 2), Strategy("queue", 2, pace="limits")],
        "kind": [parse_strategy("solo")],
    }
    values = tuple(
        SwitchingValue(parameter, to_another, at=parameter.value / 2, becomes=each)
        for to_another, strategies in becomes.items()
        for each in strategies
    )
    winner = replace(found.winner, strategy=paced)
    nearest = why_parts(replace(found, winner=winner, switching_values=values), pictures=False)["nearest"]
    assert [str(value.becomes) for value in nearest] == ["solo", "queue of 2"]


def test_switching_value_agrees_with_simulation_around_it():
    source = without_factors(load_source(ROOT / "scenarios" / "ten-sources.yaml"))
    source = source.replaced(
        {
            "sweep": {"concurrency": [2, 3]},
            "study.indifference": 0.05,
            "strategies": ["sequential", "parallel", "queue"],
        }
    )
    parameter = with_range(parameter_at(source, "provider.limits.scale"), "0.5..3")
    present, sampler = Sampled(make_grid_point(source, {})), Sampler(source.scenario())
    found, _ = find_switching_values(source, [parameter], QUEUE_OF_2, present, sampler, 60, 60)
    assert found.resolved
    assert found.low is not None
    assert found.high is not None
    excess = []
    for value in (found.low / 1.1, found.high * 1.1):
        point = make_grid_point(source, {parameter.path: value})
        costs = costs_at(point, 60)
        means = costs.mean(axis=1)
        number = [plan.strategy for plan in point.plans].index(QUEUE_OF_2)
        excess.append(float(means[number] - means.min()))
    assert excess[0] < 0.05 < excess[1]


def test_single_strategy_is_an_error():
    with pytest.raises(UserError, match="only one strategy"):
        explain(parse_source(PAIRS.replace("[sequential, parallel]", "[parallel]")))


def test_explanation_of_identical_strategies():
    found = explain(parse_source(PAIRS.replace("count: 4", "count: 1")))
    assert "has the same result in every replication" in " ".join(str(found).split())


def test_batch_smaller_than_both_queues_ends_the_range():
    text = PAIRS.replace("[sequential, parallel]", "['queue: 3', 'queue: 4']")
    found = explain(parse_source(f"{text}\nsweep: {{concurrency: [3, 4]}}\n"))
    assert found.recommended.kind == "queue"


def test_too_many_replications_are_an_error():
    with pytest.raises(UserError, match="18,000,000 runs or more; at most 10,000,000"):
        explain(parse_source(PAIRS), replications=9_000_000)


def test_key_without_a_value_is_an_error():
    with pytest.raises(UserError, match=r"provider\.limits\.requests: the scenario has no value there"):
        explain(parse_source(PAIRS), ranges={"provider.limits.requests": "10..50"})


EIGHT_HOURS = "{mixture: [{weight: 99.9%, of: 60s}, {weight: 0.1%, of: 8h}]}"

RARE = f"""\
name: Rare
tasks: [{{name: one, count: 4, tokens: 1000, duration: {EIGHT_HOURS}}}]
provider: {{limits: unlimited}}
failures: {{crash: 0%, bad_output: 0%}}
strategies: [sequential, parallel]
study: {{at_most: 4096}}
engine: compiled
"""


def test_difference_at_the_scenario_is_preliminary_only_where_batches_are_rare_and_expensive():
    """A batch in 250 takes eight hours, so 25 of them take 6,250 replications."""
    keys = {"values.waiting": "$20/h..$60/h"}
    texts = RARE, RARE.replace(EIGHT_HOURS, "{lognormal: {mean: 60s, cv: 0.5}}")
    rare, usual = (explain(parse_source(text), ranges=keys) for text in texts)
    assert (rare.difference.n, usual.difference.n) == (4096, 4096)
    assert (rare.is_preliminary, usual.is_preliminary) == (True, False)
    assert rare.needed >= 6240
    assert "Preliminary: about" in str(rare)
    assert "Preliminary" not in str(usual)


def test_quoted_difference_has_as_many_replications_as_its_interval_needs():
    keys = {"values.waiting": "$20/h..$60/h"}
    found = explain(parse_source(RARE.replace("at_most: 4096", "at_most: 16384")), ranges=keys)
    assert found.difference.n >= 6250
    assert not found.to_json()["preliminary"]


def test_components_that_are_not_stated_apart_are_summed_as_other():
    rng = np.random.default_rng(1)
    measures = rng.normal(size=(2, 50, len(MEASURES)))
    column = MEASURES.index("cost_waiting_usd")
    measures[1, :, column] += 20
    scenario = parse_source(MIXED).scenario()
    every = cost_breakdown(scenario, "cost_usd", measures, 0.95)
    some = cost_breakdown(scenario, "cost_usd", measures, 0.95, {"waiting"})
    assert [part.name for part in some] == ["waiting", "other"]
    assert some[1].difference.mean == pytest.approx(sum(part.difference.mean for part in every[1:]))


def test_component_that_is_the_whole_difference_has_its_interval():
    source = parse_source(NOISY.replace("[sequential, parallel]", "[sequential, parallel, 'queue: 3']"))
    source = source.replaced({"objective.minimise": "makespan", "study.indifference": "0s"})
    found = explain(source, ranges={"tasks.duration": "60s..90s"})
    for each in found.comparisons:
        (waiting,) = each.components
        assert waiting.difference.low == pytest.approx(each.difference.low)


def test_equal_costs_are_preliminary_where_a_failure_is_possible():
    """One attempt in 1,000 crashes; in four batches of one task, none did."""
    keys = {"tasks.duration": "60s..90s"}
    source = parse_source(PAIRS.replace("count: 4", "count: 1"))
    certain, possible = (
        explain(each, ranges=keys) for each in (source, source.replaced({"failures.crash": 1e-3}))
    )
    assert possible.difference.half_width == certain.difference.half_width == 0
    assert (possible.is_preliminary, certain.is_preliminary) == (True, False)


def test_rival_costs_more_whatever_the_order_of_the_strategies():
    for strategies in ("[sequential, parallel]", "[parallel, sequential]"):
        source = parse_source(NOISY.replace("[sequential, parallel]", strategies))
        found = explain(source, ranges={"values.waiting": "$20/h..$60/h"})
        assert found.difference.mean > 0
        assert found.recommended == PARALLEL
        waiting = next(swing for swing in found.swings if swing.parameter.path == "values.waiting")
        assert waiting.low.mean < found.difference.mean < waiting.high.mean


def test_component_below_the_threshold_in_all_comparisons_is_part_of_other():
    source = parse_source(f"{MIXED}strategies: [sequential, parallel, 'queue: 3']\n")
    found = explain(source.replaced({"study.indifference": 0.3}), ranges={"values.waiting": "$20/h..$60/h"})
    sizes: dict[str, float] = {}
    for comparison in found.comparisons:
        parts = {part.name: part.difference.mean for part in comparison.components}
        assert sum(parts.values()) == pytest.approx(comparison.difference.mean)
        for name, mean in parts.items():
            sizes[name] = max(sizes.get(name, 0.0), abs(mean))
    assert "other" in sizes
    assert all(size >= 0.3 for name, size in sizes.items() if name != "other")
