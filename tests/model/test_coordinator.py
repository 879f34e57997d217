"""The coordinator's own context: the cost of reading it again, and its compaction."""

import gc

import pytest

from dispatch_sim.model.plan import make_plan
from dispatch_sim.model.simulation import Simulation
from dispatch_sim.model.strategies import dispatch
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.strategy import parse_strategy
from tests.model.helpers import NO_FAILURES, NO_MERGE, scenario_of, simulate_one

PRICES = "prices: {input: $3/M, cache_write: $4/M, cache_read: $1/M, output: $10/M}"


def batch(count: int, context: str, *, cache: str = "warm", limits: str = "unlimited", merge: str = NO_MERGE):
    """Return tasks that return 1,000 tokens each, and turns that write 500."""
    return scenario_of(
        f"tasks: [{{name: a, count: {count}, calls: 1, tokens: 0, duration: 100s}}]",
        f"dispatch: {{spawn: {{tokens: 0, time: 0s}}, return: {{tokens: 1000, time: 0s}},"
        f" brief: {{tokens: 200, time: 0s}}, turn: {{tokens: 300, time: 0s}}, context: {context}}}",
        f"provider: {{limits: {limits}, cache: {cache}, {PRICES}}}",
        NO_FAILURES,
        merge,
    )


def test_every_turn_reads_the_whole_context_again():
    """Three turns. The context is 10,000, then + 500 + 1,000 a task: 10,000, 11,500, 13,000."""
    outcome, _ = simulate_one(batch(3, "{start: 10K}"), "sequential")
    assert outcome.money_context_usd == pytest.approx((10_000 + 11_500 + 13_000) * 1e-6)
    assert outcome.money_coordination_usd == pytest.approx(3 * 500 * 10e-6)
    # A result is written to the cache as the coordinator reads it.
    assert outcome.money_return_usd == pytest.approx(3 * 1000 * 4e-6)
    assert outcome.tokens == 3 * 500 + 3 * 1000
    # Parallel is one turn.
    outcome, _ = simulate_one(batch(3, "{start: 10K}"), "parallel")
    assert outcome.money_context_usd == pytest.approx(10_000 * 1e-6)


def test_merge_reads_the_context_too():
    """Each merge of 100 tokens reads what has come by then: all three returns, and the merges before it."""
    merge = "merge: {structured: {tokens: 100, time: 1s}}"
    outcome, _ = simulate_one(batch(3, "{start: 10K}", merge=merge), "parallel")
    first_merge = 10_000 + 300 + 3 * 200 + 3 * 1000
    reads = 10_000 + first_merge + (first_merge + 100) + (first_merge + 200)
    assert outcome.money_context_usd == pytest.approx(reads * 1e-6)


def test_lapsed_context_is_written_anew():
    """With entries of 60 s and turns 100 s apart, each but the first writes all of it."""
    outcome, _ = simulate_one(batch(3, "{start: 10K}", cache="{ttl: 60s}"), "sequential")
    assert outcome.money_context_usd == pytest.approx((10_000 * 1 + 11_500 * 4 + 13_000 * 4) * 1e-6)
    assert outcome.quota_input_tokens == 3 * 1000 + 11_500 + 13_000


def test_cached_context_writes_only_new_tokens():
    """What the coordinator wrote itself, 500 a turn, is sent anew by the next; results were before."""
    outcome, _ = simulate_one(batch(3, "{start: 10K}", cache="{ttl: 1h}"), "sequential")
    reads = 10_000 + (10_000 + 1000) + (11_500 + 1000)
    assert outcome.money_context_usd == pytest.approx((reads * 1 + 2 * 500 * 4) * 1e-6)


@pytest.mark.parametrize("window", ["11500", "12K"])
def test_context_over_its_window_is_compacted_first(window):
    """The second turn has 11,500, which fits; with 13,000 the third compacts it to 10,000 + 400, in 60 s.

    The call reads 13,000 and writes 400; the turn then reads the 10,400. Nothing is compacted before that.
    """
    context = f"{{start: 10K, window: {window}, compaction: {{tokens: 400, time: 60s}}}}"
    outcome, log = simulate_one(batch(3, context), "sequential")
    assert outcome.compactions == 1
    assert [(event.start_s, event.end_s) for event in log if event.kind == "compaction"] == [(200, 260)]
    assert outcome.makespan_s == 360
    reads = 10_000 + 11_500 + 13_000 + 10_400
    assert outcome.money_context_usd == pytest.approx(reads * 1e-6 + 400 * 10e-6)
    assert outcome.tokens_context == 400


def test_compaction_is_not_booked_after_an_aborted_run():
    """The run is aborted during the compaction of the test above; what is left of it is then collected."""
    context = "{start: 10K, window: 12K, compaction: {tokens: 400, time: 60s}}"
    scenario = batch(3, context)
    log = []
    plan = make_plan(scenario, parse_strategy("sequential"))
    simulation = Simulation(plan, Variates(scenario, 0), log)
    ledger = simulation.ledger
    simulation.env.process(dispatch(simulation))
    simulation.env.run(until=230)
    del simulation
    gc.collect()
    assert ledger.compactions == 0
    assert "compaction" not in {event.kind for event in log}


def test_context_larger_than_the_bucket_takes_all_of_it():
    """20K to send where a full bucket holds 10K: the turn waits for a full one, and the batch ends."""
    limits = "{requests: unlimited, input_tokens: 10K/min, output_tokens: unlimited}"
    outcome, _ = simulate_one(batch(2, "{start: 20K}", cache="{ttl: 50s}", limits=limits), "sequential")
    assert outcome.quota_input_tokens == 10_000 + 2 * 1000
    assert outcome.manual_completions == 0


def test_script_reads_no_context():
    """Without turns, and with nothing to merge, the context is never read."""
    outcome, _ = simulate_one(batch(3, "{start: 10K}"), {"queue": 2, "manager": "script"})
    assert outcome.money_context_usd == 0
