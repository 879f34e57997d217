"""The keyed generator and the variates that it gives."""

import math
from dataclasses import replace
from itertools import pairwise, product
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dispatch_sim.model.plan import group_counts, make_plan
from dispatch_sim.model.streams import Stream, group_key, philox4x32, uniform
from dispatch_sim.model.variates import Variates, input_of, output_of
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.scenario.tasks import MAX_CALLS
from tests.model.helpers import scenario_of

NOISY = """
tasks:
  - name: a
    count: 6
    calls: {uniform: {low: 1, high: 9}}
    tokens: {lognormal: {mean: 15K, cv: 0.5}}
    duration: {lognormal: {median: 60s, log_sd: 0.8}}
    variance: {batch: 30%, task: 50%, attempt: 20%}
"""

FIVE_TWO_ONE = """
tasks: [{name: a, count: 5, tokens: 1, duration: 1s}, {name: b, count: 2, tokens: 1, duration: 1s},
        {name: c, count: 1, tokens: 1, duration: 1s}]
"""


def test_philox_gives_the_published_known_answers():
    """The three known answers that the Random123 library (1.09) ships for philox4x32-10."""
    ones = 0xFFFFFFFF
    pi = (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344), (0xA4093822, 0x299F31D0)
    assert philox4x32((0, 0, 0, 0), (0, 0)) == (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)
    assert philox4x32((ones,) * 4, (ones, ones)) == (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)
    assert philox4x32(*pi) == (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)


@given(
    key=st.integers(0, 2**64 - 1),
    replication=st.integers(0, 2**32 - 1),
    stream=st.sampled_from(Stream),
    task=st.integers(0, 2**32 - 1),
    attempt=st.integers(0, 255),
    call=st.integers(0, 2**24 - 1),
    retry=st.integers(0, 2**24 - 1),
)
def test_uniform_variate_is_strictly_between_0_and_1(key, replication, stream, task, attempt, call, retry):
    assert 0.0 < uniform(key, replication, stream, task, attempt, call, retry) < 1.0


def test_every_part_of_the_key_matters():
    base = {"key": 7, "replication": 3, "stream": 5, "task": 2, "attempt": 1, "call": 4, "retry": 1}
    draws = {uniform(**base)} | {uniform(**{**base, part: value + 1}) for part, value in base.items()}
    assert len(draws) == 8


def test_variates_are_uniform_and_uncorrelated_between_neighbouring_keys():
    """Kolmogorov-Smirnov on 20,000 draws, and the correlation of each with the next task's."""
    draws = np.array([uniform(1, 0, Stream.CRASH, task) for task in range(20_000)])
    assert stats.kstest(draws, "uniform").pvalue > 0.001
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 3.3 / math.sqrt(len(draws))


def test_groups_have_variates_of_their_own():
    assert uniform(group_key(1, "a"), 0, Stream.CRASH) != uniform(group_key(1, "b"), 0, Stream.CRASH)


def test_further_tasks_change_no_variates():
    alone = scenario_of(NOISY)
    with_more = scenario_of(
        "tasks:\n  - {name: first, count: 3, tokens: 1K, duration: 5s}"
        + NOISY.replace("\ntasks:", "").replace("count: 6", "count: 9")
    )
    for replication in range(5):
        mine, theirs = Variates(alone, replication), Variates(with_more, replication)
        for index in range(6):
            for attempt in range(2):
                assert mine.attempt(0, index, attempt) == theirs.attempt(1, index, attempt)


def test_larger_batch_holds_every_task_of_a_smaller_one():
    scenario = scenario_of(FIVE_TWO_ONE)
    batches = [set(make_plan(scenario, parse_strategy("parallel"), size).tasks) for size in range(1, 41)]
    assert all(len(batch) == size for size, batch in enumerate(batches, start=1))
    assert all(smaller < larger for smaller, larger in pairwise(batches))
    counts = [sum(key.group == group for key in batches[15]) for group in range(3)]
    assert counts == [10, 4, 2]
    # By Webster's method, the second goes to 2, as 5 / 3 is less (by D'Hondt 5 / 2 were more).
    assert group_counts(scenario, 2) == [1, 1, 0]


def test_tokens_of_an_attempt_are_whole_and_add_up():
    scenario = scenario_of("tasks: [{name: a, tokens: 15001, duration: 60s, calls: 7}]")
    variates = Variates(scenario, 0).attempt(0, 0, 0)
    assert variates.calls == 7
    new = [input_of(variates, call) for call in range(7)]
    assert sum(new) + sum(output_of(variates, call) for call in range(7)) == 15001
    assert variates.output == 3000
    assert max(new) - min(new) <= 1


def test_duration_follows_its_three_normal_scores():
    """60 s x exp(0.8 z), with z the scores of batch, task and attempt weighted by the roots of their shares.

    The draws of durations are activities 7, 8 and 9; the batch's is keyed by the seed, the others by group.
    """
    scenario = scenario_of(NOISY.replace("{uniform: {low: 1, high: 9}}", "1"), "study: {seed: 9}")
    score = NormalDist().inv_cdf
    key = group_key(9, "a")
    for replication in range(5):
        of_batch = score(uniform(9, replication, 7))
        of_task = score(uniform(key, replication, 8, 2))
        of_attempt = score(uniform(key, replication, 9, 2, 1))
        z = math.sqrt(0.3) * of_batch + math.sqrt(0.5) * of_task + math.sqrt(0.2) * of_attempt
        drawn_s = Variates(scenario, replication).attempt(0, 2, 1).call_s
        assert drawn_s == pytest.approx(60 * math.exp(0.8 * z))


def test_variates_of_an_attempt_are_independent():
    """Calls, tokens, duration, crash and bad output of 2,000 attempts: no correlation beyond five errors."""
    scenario = scenario_of(
        NOISY.replace("count: 6", "count: 2000").replace("batch: 30%, task: 50%", "batch: 0%, task: 80%"),
        "failures: {crash: 50%, bad_output: 50%}",
    )
    variates = Variates(scenario, 0)
    attempts = [variates.attempt(0, index, 0) for index in range(2000)]
    met = [
        [attempt.calls for attempt in attempts],
        [math.log(attempt.new_input + attempt.output) for attempt in attempts],
        [math.log(attempt.call_s * attempt.calls) for attempt in attempts],
        [attempt.crash_call >= 0 for attempt in attempts],
        [attempt.bad_output for attempt in attempts],
    ]
    off_diagonal = np.corrcoef(met)[np.triu_indices(5, k=1)]
    assert np.abs(off_diagonal).max() < 5 / math.sqrt(2000)


def test_recoveries_vary_by_task_and_spawns_by_attempt():
    scenario = scenario_of(
        NOISY,
        "dispatch: {spawn: {tokens: {uniform: {low: 1, high: 9K}}}}",
        "recovery: {people: {exponential: {mean: 10m}}}",
    )
    variates = Variates(scenario, 0)
    assert len({variates.recovery_s(0, index) for index in range(6)}) == 6
    keys = product(range(6), range(2))
    assert len({variates.attempt(0, index, attempt).spawn_tokens for index, attempt in keys}) > 9


def test_jitter_varies_by_attempt_call_and_retry():
    variates = Variates(scenario_of(NOISY), 0)
    assert len({variates.of_request(Stream.JITTER, 0, *key) for key in product((0, 1), repeat=4)}) == 16


def test_calls_are_cut_to_their_maximum():
    """A draw of more than 10,000 calls is cut to that, and its tokens are shared out over those."""
    calls = "{lognormal: {median: 9000, log_sd: 0.5}}"
    scenario = scenario_of(f"tasks: [{{name: a, tokens: 20K, calls: {calls}, duration: 1s}}]")
    attempts = [Variates(scenario, replication).attempt(0, 0, 0) for replication in range(20)]
    assert max(attempt.calls for attempt in attempts) == MAX_CALLS == 10_000
    assert all(attempt.new_input + attempt.output == 20_000 for attempt in attempts)


@pytest.mark.parametrize(
    "mechanism",
    [
        "dispatch: {context: {start: 5K}}",
        "failures: {hang: 50%}\ntimeouts: {hard: 1d}",
        "timeouts: {soft: 1s}",
        "failures: {bad_brief: 50%}",
        "retry: {policy: resume}",
        "retry: {policy: cascade}",
        "conflicts: {probability: 100%}",
        "communication: rounds",
        "communication: blackboard",
        "review: {every: 2}",
        "harness: {cap: 2, over: refuse, pace: {calls: 3}}",
    ],
)
def test_mechanism_changes_no_other_variate(mechanism):
    tasks = (
        "tasks: [{name: a, count: 3, tokens: {lognormal: {mean: 15K, cv: 1}}, duration:"
        " {lognormal: {mean: 60s, cv: 1}}, calls: {uniform: {low: 2, high: 9}}, interarrival:"
        " {exponential: {mean: 9s}}, writes: [x], coupling: 50%}]"
    )
    plain, other = scenario_of(tasks), scenario_of(tasks, mechanism)
    for replication in range(20):
        one, two = Variates(plain, replication), Variates(other, replication)
        for index in range(3):
            assert one.recovery_s(0, index) == two.recovery_s(0, index)
            assert one.arrival_s(0, index) == two.arrival_s(0, index)
            for number in range(3):
                request = (Stream.JITTER, 0, index, number, 1, 2)
                assert one.of_request(*request) == two.of_request(*request)
                # Whether an attempt hangs and obeys a timeout is what some of the mechanisms say.
                own = {"hang_call": -1, "obeys": True}
                assert replace(one.attempt(0, index, number), **own) == replace(
                    two.attempt(0, index, number), **own
                )
