"""Scenarios that are well formed and yet impossible, or hardly what their author meant."""

import pytest

from dispatch_sim.scenario.checks import most_requests
from dispatch_sim.scenario.loader import parse_scenario, parse_source
from dispatch_sim.scenario.problems import ScenarioError
from dispatch_sim.scenario.warnings import warnings
from tests.scenario.texts import SHORT

TEN = SHORT.replace("60s", "60s, count: 10")
SMALL = "tasks: [{name: a, tokens: 1K, duration: 1s, writes: [notes]}, {name: b, tokens: 1K, duration: 1s}]\n"
EXPONENTIAL = SHORT.replace("15K", "{exponential: {mean: 10K}}, calls: 1")
COUPLED = SHORT.replace("60s", "60s, coupling: 20%")
COMMON = SHORT.replace("60s", "60s, common: 20%") + "strategies: "
DRAINED = SHORT + "strategies: [{queue: 3, retry_when: after_drain}]"
CONCURRENCY = TEN + "sweep: {concurrency: 1..4}\nstrategies: "
CAP = f"{TEN}harness: {{cap: 4, over: refuse}}\nstrategies: "
LIMIT = f"{TEN}provider: {{limits: {{input_tokens: 30K/min}}, "
LAPSING = "cache: {ttl: 5m}}"
ROUNDS = f"{SHORT}review: {{every: round}}\nstrategies: "
TALKS = "strategies: [queue, {queue: 3, communication: blackboard}]"
CONTEXT = "dispatch.context: the coordinator's context grows to about 42.4K, and the bucket holds 30K"
NO_CASCADE = "retry: {policy: none}\n"
CASCADE = "retry: {policy: cascade, max_attempts: 2}\n"


@pytest.mark.parametrize(
    ("addition", "requests"),
    [
        # 50 calls are made once without retries, and three times with three attempts.
        ("retry: {policy: none, max_attempts: 3}", 50),
        ("retry: {policy: failed-only, max_attempts: 3}", 150),
        ("retry: {policy: resume, max_attempts: 3}", 150),
        # A round of ten passes with probability q^10, so it fails 1/q^10 - 1 times; no task more than it may.
        (CASCADE + "failures: {crash: 0%, bad_output: 0%}", 50),
        (CASCADE + "failures: {crash: 10%, bad_output: 0%}", 50 / 0.9**10),
        (CASCADE + "failures: {crash: 50%, bad_output: 50%}", 50 * (1 + 10)),
        # All is done twice in two rounds, whoever asks for them, and by wrong instructions.
        (NO_CASCADE + "communication: rounds", 100),
        (NO_CASCADE + "strategies: [{queue: 2, communication: rounds}]", 100),
        (NO_CASCADE + "communication: rounds\nfailures: {bad_brief: 1%}", 200),
        (NO_CASCADE + "communication: rounds\nstrategies: [{queue: 2, communication: none}]", 50),
    ],
)
def test_effort_counts_request_attempts_of_a_replication(addition: str, requests: float) -> None:
    scenario = parse_scenario(f"{TEN}client: {{retries: 0}}\n{addition}")
    assert most_requests(scenario) == pytest.approx(requests)


WORK = "{mixture: [{weight: 50%, of: {uniform: {low: 10K, high: 20K}}}, {weight: 50%, of: 15K}]}"
SHARED = "provider: {cache: {ttl: 5m}}\ndispatch: {spawn: {shared: 2.5K}}"
CALLS = "{mixture: [{weight: 50%, of: {uniform: {low: 2, high: 3}}}, {weight: 50%, of: 1}]}"


@pytest.mark.parametrize(
    ("task", "others", "least"),
    [
        # 3K to spawn, and 80% of 15K in one call.
        ("", "", "15K"),
        ("", "dispatch: {spawn: {tokens: {uniform: {low: 2K, high: 4K}}}}", "14K"),
        ("", "dispatch: {spawn: {tokens: {exponential: {mean: 2K}}}}", "12K"),
        # The common fifth is the coordinator's, with whose context agents start.
        ("common: 20%", "", "15K"),
        ("common: 20%", "dispatch: {spawn: {fork: true}}", "12.6K"),
        # Another agent may have written the shared part of the 3K.
        ("", SHARED, "12.5K"),
        ("", SHARED.replace("5m}", "5m}, accounting: {cache_reads: true}"), "15K"),
        # The least of the work in the most calls, of which an attempt makes 10,000.
        ("tokens: {exponential: {mean: 15K}}", "", "3K"),
        ("tokens: {empirical: [15K, 5K]}", "", "7K"),
        (f"tokens: {WORK}", "", "11K"),
        ("calls: {uniform: {low: 1, high: 4}}", "", "6K"),
        ("calls: {empirical: [2, 1]}", "", "9K"),
        (f"calls: {CALLS}", "", "7K"),
        ("tokens: 1M, calls: {gamma: {mean: 3, cv: 0.5}}", "", "3.08K"),
    ],
)
def test_first_call_that_never_fits_needs_the_least_of_each_draw(task: str, others: str, least: str) -> None:
    keys = {"name": "a", "tokens": "15K", "calls": 1, "duration": "60s", "spread": "0%"}
    keys |= parse_source(f"{{{task}}}").raw
    source = parse_source(others).replaced({"tasks": [keys], "provider.limits.input_tokens": "1K/min"})
    with pytest.raises(ScenarioError, match=f"needs at least {least} input tokens at once, and the bucket"):
        source.scenario()


def test_median_time_adds_up_what_calls_do() -> None:
    """By hand, with everything at its median.

    4 s around it; 2 calls of 1 s; 2K written at 10 ms; 3K + 8K sent anew at 1 s a thousand, 3K + 5K read at
    half of that; once 7 s of tools.
    """
    text = "tasks: [{name: a, tokens: 10K, calls: 2, tool_time: 7s, spread: 0%}]\n"
    text += "provider: {latency: {base: 1s, "
    text += "per_output_token: 10ms, per_uncached_ktoken: 1s, per_cached_ktoken: 500ms}}"
    scenario = parse_scenario(text)
    assert scenario.median_time(scenario.tasks[0]) == pytest.approx(4 + 2 + 20 + 11 + 4 + 7)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        (
            SHORT + "timeouts: {soft: 15m, hard: 15m}",
            "timeouts.soft: has no effect: the hard timeout ends attempts at 15m",
        ),
        # Half of the attempts take more than 2 s to spawn, 60 s of work and 2 s to return.
        (
            SHORT.replace("60s", "60s, spread: 0%") + "timeouts: {hard: 63s}",
            "timeouts.hard: ends most attempts that would succeed: one of 'research' that never waits",
        ),
        (SHORT + "timeouts: {hard: 15m, obeyed: 50%}", "timeouts.obeyed: has no effect without a soft"),
        (COMMON + "[queue, parallel]", "tasks[0].common: has no effect: each sub-agent does the common work"),
        (
            SHORT + "client: {pacing: {margin: 90%}}\nstrategies: [queue, solo]",
            "client.pacing: has no effect, as no strategy is paced",
        ),
        (
            SHORT + "dispatch: {spawn: {shared: 3001}}",
            "dispatch.spawn.shared: is more than an agent's context at its start, whose median is 3K; write",
        ),
        *(
            (f"{DRAINED}\nretry: {{{once}}}", "strategies[0].retry_when: has no effect: retry allows one")
            for once in ("policy: none", "max_attempts: 1")
        ),
        (
            DRAINED.replace("queue", "waves"),
            "strategies[0].retry_when: has no effect: waves retries with its next wave",
        ),
        (
            DRAINED.replace("queue: 3", "sequential: 1"),
            "strategies[0].retry_when: has no effect: sequential retries a failed task before it starts",
        ),
        (
            SHORT + "strategies: [queue, {queue: 3, isolation: worktree}]",
            "strategies[1].isolation: no task writes anything, so this has no effect",
        ),
        (SMALL, "tasks[0].writes: only one task writes 'notes'"),
        (
            SHORT + "conflicts: {isolation: worktree, setup: 9s}",
            "conflicts.isolation: no task writes anything, so this has no effect",
        ),
        *((f"{ROUNDS}[{each}, waves]", "review.every: ") for each in ("queue", "{adaptive: 3}")),
        (ROUNDS + "[{parallel: all, merge: as-completed}, waves]", "review.every: "),
        (SHORT + TALKS, "strategies[1].communication: no task has coupling"),
        (SHORT + "communication: rounds", "communication: no task has coupling"),
        (
            CAP + "[parallel]",
            "harness.cap: parallel asks for more than 4 agents at once, and the harness refuses launches"
            " above its cap; compare queues of at most 4 instead, or write a larger cap",
        ),
        (
            CAP.replace("refuse", "queue") + "[parallel]",
            "harness.cap: parallel asks for more than 4 agents at once, and the harness lets those above its"
            " cap wait; a queue of 4 asks for no more than run",
        ),
        *(
            (f"{CAP}[{each}]", f"harness.cap: {each.strip('{').partition(':')[0]} asks for more than 4")
            for each in ("queue", "{queue: 5}", "{waves: 9}", "adaptive", "{adaptive: 5}")
        ),
        # 20K and ten times a brief of 240 and a return of 2K are 42.4K.
        (
            LIMIT + LAPSING,
            CONTEXT + " input tokens (30K/min x scale 1 x burst 1m): a turn then takes all of it, when its"
            " cache has lapsed",
        ),
        (
            LIMIT + "accounting: {cache_reads: true}}",
            CONTEXT + " input tokens (30K/min x scale 1 x burst 1m): a turn then takes all of it, and agents",
        ),
        (
            SHORT + "provider: {overloaded: 5%, on_limit: wait}",
            "provider.overloaded: has no effect with on_limit: wait",
        ),
        (
            CONCURRENCY + "[parallel, {queue: 2}, {queue: 3}]",
            "sweep.concurrency: has no effect, as queue has a number of its own; write queue without",
        ),
        (CONCURRENCY + "[parallel]", "sweep.concurrency: has no effect, as neither a queue nor waves are"),
        (
            TEN + "sweep: {concurrency: 21..30}\nstrategies: [parallel, queue, {waves: 2}]",
            "sweep.concurrency: the sweep leaves out queue: no value is at most 20, its largest batch size",
        ),
        (
            SHORT.replace("15K", "15"),
            "tasks[0].tokens: a task has 15 tokens on average; for thousands write 15K",
        ),
        # One call, 3K to spawn and W exponential of mean 10K: P(3K + 0.8 W > 19K) = exp(-2), 14%.
        (
            EXPONENTIAL + "provider: {limits: {input_tokens: 19K/min}}",
            "tasks[0].tokens: in 14% of its attempts the first call of 'research' needs more input tokens",
        ),
        # A task of no tokens would fit, so this is no error.
        (
            EXPONENTIAL + "provider: {limits: {input_tokens: 3K/min}}",
            "tasks[0].tokens: in 100% of its attempts the first call of 'research' needs more input tokens",
        ),
        (SHORT + "failures: {crash: 100%}", "failures.crash: is 100%: hardly any"),
        (
            SHORT + "timeouts: {hard: 5m}\nfailures: {hang: 80%, crash: 60%}",
            "failures.hang: is 80%: hardly any",
        ),
    ],
)
def test_likely_mistakes_are_warned_about(text: str, start: str) -> None:
    [warning] = warnings(parse_scenario(text))
    assert str(warning).startswith(start)


@pytest.mark.parametrize(
    "text",
    [
        SHORT.replace("15K", "0"),
        SHORT.replace("15K", "600"),
        SHORT + "timeouts: {soft: 14m, hard: 15m}",
        SHORT + "timeouts: {soft: 15m}",
        SHORT + "timeouts: {hard: 65s}",
        SMALL.replace("name: a", "name: a, count: 2"),
        SMALL.replace("name: b", "name: b, writes: [notes]"),
        TEN.replace("60s", "60s, writes: [x]") + "conflicts: {isolation: worktree}",
        SHORT + "conflicts:",
        ROUNDS + "[parallel, waves, sequential]",
        SHORT + "review: {every: 3}\nstrategies: [queue]",
        f"{COUPLED}{TALKS}\ncommunication: rounds",
        COUPLED,
        COMMON + "[queue, solo]",
        COMMON + "[queue]\ndispatch: {spawn: {fork: true}}",
        COMMON + "[queue]\nsweep: {dispatch.spawn.fork: [false, true]}",
        SHORT + "client: {pacing: {margin: 90%}}",
        SHORT + "dispatch: {spawn: {shared: 3K}}",
        SHORT + "timeouts: {obeyed: 50%}\nsweep: {timeouts.soft: [none, 10m]}",
        DRAINED,
        f"{COUPLED}retry: {{policy: none}}\nstrategies: [{{queue: 3, retry_when: after_drain}}]",
        DRAINED + "\nretry: {policy: none}\nsweep: {retry.policy: [none, resume]}",
        TEN + "sweep: {concurrency: 20..30}\nstrategies: [parallel, queue]",
        CAP + "[sequential]",
        CAP + "[{adaptive: 4}]",
        CAP + "[queue]\nsweep: {concurrency: 1..4}",
        CONCURRENCY + "[{queue: 2}, waves]",
        CAP.replace(", count: 10", "") + "[parallel]",
        LIMIT.replace("30K", "50K") + LAPSING,
        LIMIT + "cache: warm}",
        LIMIT + LAPSING + "\ndispatch: {context: none}",
        LIMIT + LAPSING + "\ndispatch: {context: {window: 25K}}",
        SHORT + "provider: {overloaded: 5%, on_limit: reject}",
        SHORT + "failures: {crash: 80%, bad_output: 0%}",
        EXPONENTIAL,
        EXPONENTIAL + "provider: {limits: unlimited}",
        # Next to what is an error in errors.txt.
        SHORT.replace("60s", "60s, calls: 10000"),
        SHORT.replace("60s", "60s, count: 9000"),
        SHORT.replace("60s", "60s, calls: 2, spread: 0%")
        + "provider: {limits: {input_tokens: 30K/min, burst: 20s}}",
        SHORT + "strategies: [{queue: 2, warm_up: stagger}]\nprovider: {cache: {ttl: 5m}}",
        SHORT + "failures: {hang: 1%}\ntimeouts: {hard: 15m}",
        "tasks: [{name: a, tokens: 1K, tool_time: 1s}]\nprovider: {latency: {base: 1s}}",
    ],
)
def test_what_makes_sense_is_not_warned_about(text: str) -> None:
    assert warnings(parse_scenario(text)) == []
