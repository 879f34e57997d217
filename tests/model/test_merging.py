"""Merging outputs: pairs, bad outputs, and who is busy with it."""

from collections import Counter
from itertools import count

import pytest

from dispatch_sim.model.variates import Variates
from tests.model.helpers import PARALLEL, bare, check, script_queue, simulate_one

THREE = "tasks: [{count: 3, duration: 60s}]"
THREE_PROSE = "tasks: [{count: 3, duration: 60s, output: prose}]"


def test_retried_task_sees_outputs_merged_before_its_last_attempt():
    """Outputs pair with those of their own wave: k that return together are k (k - 1) / 2 pairs."""
    scenario = bare(
        "tasks: [{count: 40, duration: 60s, output: prose}]",
        "merge: {pair: {people: 10s}}\nfailures: {crash: 40%}\nretry: {max_attempts: 100}",
    )
    variates = Variates(scenario, 0)
    successes = Counter(
        next(attempt for attempt in count() if variates.attempt(0, index, attempt).crash_call < 0)
        for index in range(40)
    )
    assert len(successes) > 1
    check(scenario, PARALLEL, people_s=10 * sum(made * (made - 1) // 2 for made in successes.values()))


def test_output_pairs_with_all_that_its_agent_could_not_see():
    """Two slots, 5 s an output and 10 s a pair of one person's time.

    `a` is back at 10 s and merged at 15 s, without a pair. `c` was launched at 10 s, before that, and merges
    at 20 s: one pair. `b` was launched at 0 s and is back at 100 s: two pairs, though both were long done.
    """
    scenario = bare(
        "tasks: [{duration: 10s, output: prose}, {duration: 100s, output: prose},"
        " {duration: 10s, output: prose}]",
        "merge: {prose: {people: 5s}, pair: {people: 10s}}",
    )
    starts, ends = {"merge by person": [10, 20, 100]}, {"merge by person": [15, 35, 125]}
    check(scenario, script_queue(2), starts=starts, ends=ends, people_s=5 + 15 + 25)


@pytest.mark.parametrize(
    ("tasks", "merge", "expected"),
    [
        # 0 + 1 + 2 pairs of 10 tokens and 1 s; the third output waits 1 s for the second.
        (
            THREE,
            "pair: {tokens: 10, time: 1s}",
            {"tokens_merge": 30, "makespan_s": 63, "merge_s": 3, "blocked_s": 1},
        ),
        # The second waits for one other merge, the third for two.
        (THREE, "structured: {time: 5s}", {"blocked_s": 5 + 10, "merge_s": 3 * 5, "recovery_s": 0}),
        (THREE_PROSE, "prose: {people: 3m}", {"blocked_s": 180 + 360, "merge_s": 3 * 180}),
    ],
)
def test_outputs_are_blocked_while_another_is_merged(tasks, merge, expected):
    check(bare(tasks, f"merge: {{{merge}}}"), PARALLEL, **expected)


def test_bad_output_wastes_its_merge_and_pays_for_no_pairs():
    """Three prose outputs and a structured one, all bad: the person merges 3 x 3 min, without a pair.

    Each attempt used 1,000 tokens, 100 to spawn and 200 to return; the structured merge 500.
    """
    scenario = bare(
        THREE_PROSE.replace("}]", "}, {duration: 60s}]"),
        "dispatch: {spawn: {tokens: 100}, return: {tokens: 200}}\nfailures: {bad_output: 100%}",
        "merge: {structured: {tokens: 500, time: 5s}, prose: {people: 3m}, pair: {people: 10s}}",
        "retry: {policy: none}",
    )
    used = 4 * 1300 + 500
    check(scenario, PARALLEL, bad_outputs=4, people_merge_s=3 * 180, tokens=used, tokens_wasted=used)


@pytest.mark.parametrize(
    ("on_limit", "rejected", "backoff_s", "blocked_s"), [("reject", 2, 60, 54), ("wait", 0, 0, 60 + 54)]
)
def test_coordinators_calls_are_counted_billed_and_waited_for(on_limit, rejected, backoff_s, blocked_s):
    """One request a minute. The turn takes that of 0 s, the call that of 60 s, the merge that of 120 s.

    The agent waits 60 s, in backoff or in line. Its call ends at 66 s, and its output waits 54 s for the
    coordinator's call to be admitted, then 5 s for the merge. Counted: 800 tokens of input; 200 of output and
    500 of the merge, which cost $15/M.
    """
    scenario = bare(
        "tasks: [{duration: 6s}]",
        "merge: {structured: {tokens: 500, time: 5s}}",
        f"provider: {{limits: {{requests: 1/min}}, on_limit: {on_limit}, prices: {{output: $15/M}}}}",
    )
    check(
        scenario,
        "parallel",
        makespan_s=125,
        quota_requests=3,
        rejected_requests=rejected,
        quota_input_tokens=800,
        quota_output_tokens=700,
        backoff_s=backoff_s,
        service_s=6,
        blocked_s=blocked_s,
        merge_s=5,
    )
    assert simulate_one(scenario, "parallel")[0].money_merge_usd == pytest.approx(500 * 15 / 1e6)


def test_throughput_follows_the_universal_scalability_law_and_peaks_where_it_says():
    """Work of 890 s, 10 s to merge each output and 18 s each pair: sigma = 10/900, kappa = 9/900.

    n agents at once take 890 + 10 n + 18 n (n - 1) / 2, which is 900 (1 + sigma (n - 1) + kappa n (n - 1)).
    Gunther's peak, sqrt((1 - sigma) / kappa), is at 9.94: ten agents get most done in an hour.
    """
    throughput = {}
    for n in range(1, 21):
        scenario = bare(
            f"tasks: [{{count: {n}, duration: 890s}}]", "merge: {structured: {time: 10s}, pair: {time: 18s}}"
        )
        makespan_s = simulate_one(scenario, PARALLEL)[0].makespan_s
        assert makespan_s == pytest.approx(890 + 10 * n + 18 * n * (n - 1) / 2)
        throughput[n] = n / makespan_s
    assert max(throughput, key=throughput.get) == 10
