"""Cost breakdown, sensitivity and switching values on problems with known answers."""

import math
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from dispatch_sim.decide import explanation, sampling, sensitivity
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
from tests.study.pairs import NOISY, PAIRS

ROOT = Path(__file__).parents[2]
PARALLEL, SEQUENTIAL, QUEUE_OF_2 = map(parse_strategy, ("parallel", "sequential", "queue of 2"))


@cache
def source_of(text):
    return parse_source(text)


def ranges_of(source, keys):
    return [
        with_range(parameter_at(source, path), range_)
        for path, _, range_ in (each.partition("=") for each in keys)
    ]


def switching_value(text, keeping, key, replications=4, to_another="strategy"):
    """Return the switching value along a key; None where the key has no effect."""
    source = source_of(text)
    present, sampler = Sampled(make_grid_point(source, {})), Sampler(source.scenario())
    ranges = ranges_of(source, [key])
    found = find_switching_values(source, ranges, keeping, present, sampler, replications, replications)
    return next((each for each in found if each.to_another == to_another), None)


def swings_of(text, strategies, *keys, replications=2, most=2):
    source = source_of(text)
    sampler = Sampler(source.scenario())
    return find_swings(source, ranges_of(source, keys), strategies, sampler, replications, most)


@pytest.fixture
def few_keys(monkeypatch):
    """Vary only the keys whose ranges are given."""
    monkeypatch.setattr(explanation, "find_parameters", lambda source: [])


def costs_at(point, replications):
    measures = simulate_design(Design((), (point,), replications))
    return measures[:, :, MEASURES.index("cost_usd")]


DURATION = "tasks.duration=12s..1200s"


@pytest.mark.parametrize(
    ("replaced", "by", "key", "at"),
    [
        # Pairs cost $0.90, waiting for three more tasks 1/30 of a dollar a second.
        ("", "", DURATION, pytest.approx(27)),
        # 30 cents are 9 s of waiting.
        ("indifference: $0", "indifference: $0.30", DURATION, pytest.approx(18)),
        # A tenth of what sequential costs: 4 d / 90, and 2.16 cents for tokens.
        ("indifference: $0", "indifference: 10%", DURATION, pytest.approx(90 * (0.9 - 0.1 * 0.0216) / 3.4)),
        # 120 s for three more tasks are $4, which six pairs cost at 44.4K tokens; these are whole.
        ("", "", "merge.pair.tokens=1K..100K", pytest.approx(4 / 6 / 15e-6, abs=1)),
        # At 10K tokens six pairs cost $0.90, as much as 360 s of waiting at $9 an hour.
        ("", "", "values.waiting=$1/h..$400/h", pytest.approx(9)),
        # Of n tasks, n (n - 1) / 2 pairs cost 15 cents each, and waiting for n - 1 costs $1.33 each. So
        # sequential is cheaper where n exceeds 17.8.
        ("indifference: $0", "indifference: $0.01", "tasks=1..40", 18),
        # Between the present value and the range.
        ("", "", "tasks=25..40", 18),
        # Below $40, the price of output switches nothing.
        ("", "", "provider.prices.output=$1/M..$40/M", None),
        # A value that is impossible ends the range.
        (
            "limits: unlimited",
            "limits: {input_tokens: 2K/min, requests: unlimited}",
            "tasks.tokens=500..100K",
            None,
        ),
    ],
)
def test_switching_value_is_where_two_costs_are_equal(replaced, by, key, at):
    """Costs are linear, and nothing is random."""
    found = switching_value(PAIRS.replace(replaced, by), PARALLEL, key)
    assert (found.at, found.low, found.high) == (at, at, at)
    assert (found.becomes, found.resolved) == ((SEQUENTIAL, True) if found.at else (None, False))


def test_another_concurrency_differs_from_another_kind():
    text = PAIRS.replace("[sequential, parallel]", "[sequential, {queue: 2}, {queue: 3}]")
    text = text.replace("study:", "sweep: {concurrency: [2, 3]}\nstudy:").replace("count: 4", "count: 6")
    any_other, kind = (
        switching_value(text, Strategy("queue", 3), DURATION, to_another=another)
        for another in ("strategy", "kind")
    )
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
    """The best of 22 noisy means is lower than each true mean."""
    rng = np.random.default_rng(3)
    text = PAIRS.replace("count: 4", "count: 24").replace("[sequential, parallel]", "[queue]")
    text = f"{text}sweep: {{concurrency: 2..24}}\n".replace("duration: 120s", "duration: 40s")

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
    for _ in range(60):
        noise = rng.normal(size=(23, 64))
        found = switching_value(text, QUEUE_OF_2, "tasks.duration=30s..480s", replications=64)
        held += (found.low or 0) <= 120 <= (found.high or math.inf)
    assert held >= stats.binom.ppf(0.001, 60, 0.95)


def test_key_without_effect_has_no_switching_value():
    """A backoff that never comes."""
    assert switching_value(PAIRS, PARALLEL, "client.initial=0.1s..5s") is None


def test_interval_covers_switching_value_with_noise():
    """The sum less the maximum of four lognormal durations, at $40 an hour, is worth $0.90."""
    found = switching_value(NOISY, PARALLEL, DURATION, replications=200)
    sigma = math.sqrt(math.log(1.25))
    sample = np.random.default_rng(0).lognormal(-(sigma**2) / 2, sigma, size=(400_000, 4))
    waits = float((sample.sum(axis=1) - sample.max(axis=1)).mean())
    expected = 0.9 * 90 / waits
    assert found.resolved
    assert found.low < expected < found.high
    assert found.low < found.at < found.high


def test_range_beside_the_present_value_is_stated_as_it_is_searched():
    """Below 27 s sequential is cheaper, and parallel above; nothing between 60 s and 120 s is simulated."""
    text = PAIRS.replace("duration: 120s", "duration: 60s")
    found = switching_value(text, PARALLEL, "tasks.duration=2m..4m")
    assert (found.at, found.parameter.low, found.parameter.high) == (None, 120, 240)


def test_tornado_is_the_difference_at_both_ends():
    """A key without effect is left out."""
    keys = "merge.pair.tokens=5K..20K", "tasks.duration=60s..240s", "client.initial=0.1s..1s"
    duration, tokens = swings_of(PAIRS, (PARALLEL, SEQUENTIAL), *keys)
    assert [each.parameter.path for each in (duration, tokens)] == ["tasks.duration", "merge.pair.tokens"]
    assert (duration.low.mean, duration.high.mean) == (pytest.approx(2 - 0.9), pytest.approx(8 - 0.9))
    assert duration.swing == pytest.approx(6)
    assert (tokens.low.mean, tokens.high.mean) == (pytest.approx(4 - 0.45), pytest.approx(4 - 1.8))


def test_key_without_effect_is_left_out_of_a_tornado_although_others_have_more_replications(monkeypatch):
    monkeypatch.setattr(sensitivity, "LARGEST", 1)
    keys, count = ("client.initial=0.1s..1s", "tasks.duration=60s..240s"), 2 * sampling.FIRST
    (swing,) = swings_of(NOISY, (PARALLEL, SEQUENTIAL), *keys, replications=count, most=count)
    assert (swing.parameter.path, swing.low.n) == ("tasks.duration", count)


def test_intervals_of_a_tornado_have_more_replications_where_rare_events_need_them():
    """At 1% few attempts crash, and each costs hours: 128 replications are too few for such skewness."""
    recovery = "failures: {crash: 5%, bad_output: 0%}\nrecovery: {people: 10h}\n"
    text = PAIRS.replace("failures: {crash: 0%, bad_output: 0%}\n", recovery)
    keys = "failures.crash=1%..5%", "provider.prices.output=$14/M..$15/M"
    found = swings_of(text, (PARALLEL, SEQUENTIAL), *keys, replications=128, most=512)
    assert found[0].parameter.path == "failures.crash"
    assert {(each.low.n, each.high.n) for each in found} == {(512, 512)}


@pytest.mark.usefixtures("few_keys")
def test_why_has_its_replications_at_other_values_although_a_study_may_have_fewer():
    ranges = {"tasks.duration": "60s..240s"}
    found = explain(NOISY.replace("replications: 60", "at_most: 100"), ranges=ranges)
    assert (found.searched, found.most_searched) == (1024, 1024)
    assert {end.n for swing in found.swings for end in (swing.low, swing.high)} == {1024}


def test_queue_of_more_than_all_tasks_is_the_queue_of_all_tasks_in_a_tornado():
    """Two tasks at the same time save $4/3 of waiting and merge one pair for 15 cents."""
    [swing] = swings_of(PAIRS, (Strategy("queue", 4), SEQUENTIAL), "tasks=2..8")
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


@pytest.mark.usefixtures("few_keys")
def test_explanation_is_printed_and_written(tmp_path):
    ranges = {"tasks.duration": "60s..240s", "merge.pair.tokens": "1K..100K"}
    found = explain(parse_source(PAIRS), ranges=ranges)
    page = why_document(found)
    assert str(found) == page.text
    assert page.text.splitlines()[2].startswith("Use parallel for four tasks: ")
    for title in ("Cost breakdown", "Sensitivity", "Switching values to another kind of strategy"):
        assert title in page.text
    assert "## Switching values" in page.markdown
    # Both strategies have four replications.
    assert "Strategies that are significantly worse may have fewer." in " ".join(page.text.split())
    written = write_why(found, tmp_path / "one")
    write_why(explain(parse_source(PAIRS), ranges=ranges), tmp_path / "two")
    assert {path.name for path in written} == {"why.md", "why.json", "tornado.svg"}
    for path in written:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()


@pytest.mark.usefixtures("few_keys")
def test_nearest_switching_values_include_those_to_other_pacing_of_the_same_kind():
    found = explain(parse_source(PAIRS), ranges={"tasks.duration": "60s..240s"})
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
    [parameter] = ranges_of(source, ["provider.limits.scale=0.5..3"])
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


@pytest.mark.usefixtures("few_keys")
def test_explanation_of_identical_strategies():
    found = explain(parse_source(PAIRS.replace("count: 4", "count: 1")))
    assert "has the same result in every replication" in " ".join(str(found).split())


@pytest.mark.usefixtures("few_keys")
def test_batch_smaller_than_both_queues_ends_the_range():
    text = PAIRS.replace("[sequential, parallel]", "['queue: 3', 'queue: 4']")
    found = explain(f"{text}\nsweep: {{concurrency: [3, 4]}}\n", ranges={"tasks": "1..16"})
    assert min(each.parameter.low for each in found.switching_values) == 3


@pytest.mark.parametrize(
    ("strategies", "options", "message"),
    [
        ("[parallel]", {}, "only one strategy"),
        (
            "[sequential, parallel]",
            {"replications": 9_000_000},
            "18,000,000 runs or more; at most 10,000,000 ",
        ),
        (
            "[sequential, parallel]",
            {"ranges": {"provider.limits.requests": "10..50"}},
            r"provider\.limits\.requests: the scenario has no value there",
        ),
    ],
)
def test_impossible_explanation_is_an_error(strategies, options, message):
    with pytest.raises(UserError, match=message):
        explain(parse_source(PAIRS.replace("[sequential, parallel]", strategies)), **options)


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


@pytest.mark.usefixtures("few_keys")
def test_difference_at_the_scenario_is_preliminary_where_rare_batches_need_more_than_a_study_may_have():
    """A batch in 250 takes eight hours, so 25 of them take 6,250 replications."""
    usual = RARE.replace(EIGHT_HOURS, "{lognormal: {mean: 60s, cv: 0.5}}")
    few, enough, usual = map(explain, (RARE, RARE.replace("at_most: 4096", "at_most: 16384"), usual))
    assert (few.difference.n, usual.difference.n) == (4096, 4096)
    assert [each.is_preliminary for each in (few, enough, usual)] == [True, False, False]
    assert few.needed >= 6240
    assert enough.difference.n >= 6250
    assert "Preliminary: about" in str(few)
    assert "Preliminary" not in str(usual)


@pytest.mark.usefixtures("few_keys")
def test_component_that_is_the_whole_difference_has_its_interval():
    source = parse_source(NOISY.replace("[sequential, parallel]", "[sequential, parallel, 'queue: 3']"))
    source = source.replaced({"objective.minimise": "makespan", "study.indifference": "0s"})
    found = explain(source, ranges={"tasks.duration": "60s..90s"})
    for each in found.comparisons:
        (waiting,) = each.components
        assert waiting.difference.low == pytest.approx(each.difference.low)


@pytest.mark.usefixtures("few_keys")
def test_equal_costs_are_preliminary_where_a_failure_is_possible():
    """One attempt in 1,000 crashes; in four batches of one task, none did."""
    keys = {"tasks.duration": "60s..90s"}
    source = parse_source(PAIRS.replace("count: 4", "count: 1"))
    certain, possible = (
        explain(each, ranges=keys) for each in (source, source.replaced({"failures.crash": 1e-3}))
    )
    assert possible.difference.half_width == certain.difference.half_width == 0
    assert (possible.is_preliminary, certain.is_preliminary) == (True, False)


@pytest.mark.usefixtures("few_keys")
def test_rival_costs_more_whatever_the_order_of_the_strategies():
    for strategies in ("[sequential, parallel]", "[parallel, sequential]"):
        source = parse_source(NOISY.replace("[sequential, parallel]", strategies))
        found = explain(source, ranges={"values.waiting": "$20/h..$60/h"})
        assert found.difference.mean > 0
        assert found.recommended == PARALLEL
        waiting = next(swing for swing in found.swings if swing.parameter.path == "values.waiting")
        assert waiting.low.mean < found.difference.mean < waiting.high.mean


@pytest.mark.usefixtures("few_keys")
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
