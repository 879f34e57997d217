"""A report says what a scenario assumes, and is silent about what it does not use."""

import re

import pytest

from dispatch_sim.report.assumptions import NOT_SIMULATED
from dispatch_sim.report.assumptions import assumed as assumed_of
from dispatch_sim.report.render import document
from dispatch_sim.scenario.loader import parse_scenario

PLAIN = "tasks: [{name: read, count: 2, tokens: 15K, duration: 60s}]\n"
TWO = """\
tasks:
  - {name: code, count: 4, tokens: 15K, duration: 60s, writes: [module, tests], coupling: 25%}
  - {name: check, tokens: 5K, duration: 30s, after: [code], variance: {batch: 50%, task: 50%, attempt: 0%}}
"""


def assumed(text):
    """Return what a scenario assumes, by subject."""
    scenario = parse_scenario(text).model_dump(mode="json", by_alias=True)
    page = document("assumptions.md", **assumed_of(scenario)).markdown
    rows = re.findall(r"^\| (.*?) \| (.*) \|$", re.sub(r"\\(.)", r"\1", page), re.MULTILINE)[2:]
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_what_is_not_used_is_not_spoken_of():
    assert list(assumed(PLAIN)) == [
        "Tasks “read”",
        "Spawning an agent",
        "Dispatch",
        "Coordinator's context",
        "Rate limits",
        "Client",
        "Failures",
        "After a failure",
        "Merging",
        "Prices",
        "Value of time",
    ]
    assert "Coordinator's context" not in assumed(PLAIN + "dispatch: {context: none}\n")


@pytest.mark.parametrize(
    ("more", "subject", "words"),
    [
        ("", "Coordinator's context", ["20K tokens at the start", "above 200K", "to 5K in 1m 20s"]),
        ("harness: {cap: 6}", "Harness", ["at most six agents", "waits for a slot"]),
        ("harness: {cap: 6, over: refuse}", "Harness", ["a further one is refused"]),
        ("harness: {pace: {calls: 30}}", "Harness", ["after 30 calls in 1m all agents wait for another 1m"]),
        ("timeouts: {soft: 5m}", "Timeouts", ["asked to stop after 5m, and 90% of them do so"]),
        ("timeouts: {hard: 9m}", "Timeouts", ["after 9m an attempt is ended, whether it works or hangs"]),
        ("failures: {hang: 2%}\ntimeouts: {hard: 9m}", "Failures", ["2% of attempts hang"]),
        ("failures: {bad_brief: 5%}", "Failures", ["in 5% of batches", "when all is merged"]),
        ("failures: {bad_brief: 5%}\nreview: {every: 2}", "Failures", ["at the first review"]),
        ("provider: {overloaded: 1%}", "Failures", ["1% of calls", "529"]),
        ("retry: {policy: resume}", "After a failure", ["from the call that failed", "after two failed"]),
        ("retry: {policy: cascade}", "After a failure", ["all of its round that is not merged yet"]),
        ("retry: {policy: none}", "After a failure", ["no second attempt: a person"]),
        (
            "retry: {policy: abort, max_attempts: 1}",
            "After a failure",
            [
                "no second attempt: all other attempts are cancelled",
                "a person completes each task that is not merged in",
            ],
        ),
        ("retry: {policy: abort}", "After a failure", ["after two failed attempts all other"]),
        ("review: {every: round, each: 30s}", "Reviews", ["after each round", "2m and 30s for each result"]),
        ("review: {every: 1}", "Reviews", ["reviews each merged result", "nothing is dispatched"]),
        ("provider: {cache: {ttl: 1h}}", "Prompt cache", ["for 1h after its last use", "1,024 tokens"]),
        (
            "provider: {cache: {ttl: 5m}}\ndispatch: {spawn: {shared: 2K}}",
            "Prompt cache",
            ["2K tokens are the same for all agents"],
        ),
        (
            "client: {retry_after: {up_to: 60s}}",
            "Client",
            ["as asked up to 1m, otherwise 500ms growing to 8s; then"],
        ),
        (
            "client: {profile: claude-code}",
            "Client",
            [
                "as asked up to 1m and up to 25% longer, and no less than its own backoff (asked for more",
                "otherwise 500ms growing to 32s and up to 25% longer; then",
            ],
        ),
        ("client: {profile: litellm-router}", "Client", ["every pause is up to 750ms longer; then"]),
        ("provider: {retry_after: 30s}", "Rate limits", ["always with a retry-after of 30s"]),
        ("provider: {accounting: {cache_reads: true}}", "Rate limits", ["2M input tokens"]),
        ("provider: {accounting: {output: reserved}}", "Rate limits", ["reserves 4.1K output tokens"]),
        ("provider: {accounting: {failed_requests: true}}", "Rate limits", ["rate-limited call counts as"]),
    ],
)
def test_what_is_used_is_said(more, subject, words):
    text = assumed(f"{PLAIN}{more}\n")[subject]
    for word in words:
        assert word in text


def test_a_distribution_is_its_mean_and_a_range_of_four_in_five_values():
    """A gamma distribution of such a cv has nearly all its values at zero."""
    text = PLAIN.replace("duration: 60s", "duration: {gamma: {mean: 60s, cv: 20}}")
    assert "and 1m (10th to 90th percentile: 0s to " in assumed(text)["Tasks “read”"]


def test_ties_between_tasks_are_said_with_the_group():
    found = assumed(TWO)
    assert "each writes “module” and “tests”" in found["Tasks “code”"]
    assert "25% of the work depends on what the others of the group do" in found["Tasks “code”"]
    assert "they start when all of “code” are done" in found["Tasks “check”"]
    assert "50% of the variance is common to all tasks of a batch" in found["Tasks “check”"]
    assert found["Communication"].startswith("without communication, what a task did")


def test_conflicts_and_communication_are_said_for_each_way_that_is_played():
    found = assumed(TWO + "strategies: [parallel, {queue: 2, isolation: locks, communication: rounds}]\n")
    assert "50% of pairs; on shared files the earlier work is lost" in found["Same files"]
    assert "under locks an agent waits" in found["Same files"]
    assert "worktree" not in found["Same files"]
    assert "without communication, what a task did" in found["Communication"]
    assert "a brief of 2K tokens in 32s" in found["Communication"]
    assert "blackboard" not in found["Communication"]
    assert assumed(TWO + "conflicts: {isolation: locks}\n")["Same files"].startswith("under locks")


def test_the_time_of_a_call_is_said_where_it_is_computed():
    text = "tasks: [{name: read, count: 2, tokens: 15K}]\nprovider: {latency: {base: 2s}}\n"
    assert assumed(text)["Time of a call"].startswith("2s, and 15.7ms for each output token")


def test_what_is_simulated_is_not_said_to_be_left_out():
    text = " ".join(NOT_SIMULATED)
    for word in ("timeout", "conflict", "depend", "review", "cache"):
        assert word not in text
