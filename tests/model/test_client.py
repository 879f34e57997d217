"""The rate-limited client: its pauses, and the time that they take."""

from itertools import product

import pytest

from dispatch_sim.model.streams import Stream
from dispatch_sim.model.variates import Variates
from tests.model.helpers import PARALLEL, bare, check, script_queue, simulate_one

BATCH = "tasks: [{count: 3, tokens: 10K, output_share: 0%, duration: 6s}]"


def starved(provider: str, *more: str):
    """Return calls of which the first empties a bucket that is full again after 100 minutes only."""
    limits = "limits: {input_tokens: 100/min, burst: 100m}"
    return bare(BATCH, f"provider: {{{provider}, {limits}}}\nrecovery: {{people: 1s}}", *more)


def backoff(n: int, up: float = 0.0) -> float:
    """Return the SDKs' backoff after rejected attempt `n` of a request, changed by a share."""
    return 0.5 * 2**n * (1 + up)


@pytest.mark.parametrize(
    ("client", "pause"),
    [
        ("", lambda n, own, asked, extra: 12),
        ("retry_after: {up_to: 12s}", lambda n, own, asked, extra: 12),
        ("jitter: 100%, retry_after: {up_to: 11s}", lambda n, own, asked, extra: backoff(n, -own)),
        (
            "jitter: 50%, jitter_direction: up, retry_after: {up_to: 11s}",
            lambda n, own, asked, extra: backoff(n, own / 2),
        ),
        ("retry_after: {jitter: 25%}", lambda n, own, asked, extra: 12 * (1 + asked / 4)),
        (
            "initial: 8s, cap: 20s, retry_after: {floor: backoff}",
            lambda n, own, asked, extra: max(12, (8, 16, 20)[n] * (1 - own / 4)),
        ),
        ("extra_delay: 2s", lambda n, own, asked, extra: 12 + 2 * extra),
        (
            "extra_delay: 2s, retry_after: {up_to: 11s}",
            lambda n, own, asked, extra: backoff(n, -own / 4) + 2 * extra,
        ),
        (
            "profile: claude-code, initial: 8s",
            lambda n, own, asked, extra: max(12 * (1 + asked / 4), (8, 16, 32)[n] * (1 + own / 4)),
        ),
        ("profile: litellm-router", lambda n, own, asked, extra: 12 + 0.75 * extra),
    ],
)
def test_client_pauses_by_its_rule(client, pause):
    """Three pauses of two tasks in two attempts each, with a `retry-after` of 12 s, by hand."""
    scenario = starved("retry_after: 12s", f"client: {{retries: 3, {client}}}", "retry: {max_attempts: 2}")
    _, log = simulate_one(scenario, PARALLEL)
    variates = Variates(scenario, 0)
    streams = (Stream.JITTER, Stream.RETRY_AFTER_JITTER, Stream.EXTRA_DELAY)
    for task, attempt in product((1, 2), (0, 1)):
        pauses = [
            event.end_s - event.start_s
            for event in log
            if event.kind == "backoff" and (event.task, event.attempt) == (task, attempt + 1)
        ]
        drawn = [[variates.of_request(each, 0, task, attempt, 0, n) for each in streams] for n in range(3)]
        assert pauses == pytest.approx([pause(n, *own) for n, own in enumerate(drawn)])


@pytest.mark.parametrize(("retry_after", "rejected"), [("60s", 11), ("61s", 1)])
def test_client_gives_up_where_retry_after_exceeds_its_limit(retry_after, rejected):
    """Claude Code does not wait longer than 60 s, and waits 60 s."""
    scenario = starved(
        f"retry_after: {retry_after}", "client: {profile: claude-code}", "retry: {policy: none}"
    )
    check(scenario, script_queue(2), rate_limited_attempts=2, rejected_requests=2 * rejected)
