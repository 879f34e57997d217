"""The arithmetic of the model, each rule once: buckets, pauses, shares of work, faults, cache.

All functions are pure functions of numbers, and the compiled engine compiles them as they are.
The constants are those of both engines.
"""

from __future__ import annotations

import math

MINUTE_S = 60.0
HOUR_S = 3600.0
MILLION = 1e6

NEVER = math.inf
"""Instead of a `retry-after`: no bucket will ever hold so much."""
OVERLOADED = -1.0
"""Instead of a `retry-after`: the answer was 529, which has none."""

FIRST_ADAPTIVE_WINDOW = 4
"""Where adaptive dispatch begins: practitioners' 'parallel up to 3 or 4'."""

ATTEMPTS_WITH_OWN_VARIATES = 256
"""From this one on a task's attempts have the variates of its earlier ones again: the key of a draw has room
for no more, and only the cancelled attempts of cascades are so many."""


def share(total: int, part: int, parts: int) -> int:
    """Return the size of one of `parts` nearly equal whole parts of `total`; they add up to it exactly."""
    return total * (part + 1) // parts - total * part // parts


def calls_of_part(calls: int, fraction: float) -> int:
    """Return the calls of an attempt that does a part: rounded up, and at least one."""
    return min(calls, max(1, math.ceil(fraction * calls - 1e-9)))


def struck_call(u: float, probability: float, calls: int) -> int:
    """Return the call that a fault strikes, each equally likely, or -1 for none.

    Given that `u` is below the probability, it is uniform below it: the same variate says which call.
    """
    return min(int(u / probability * calls), calls - 1) if u < probability else -1


def bucket_level(level: float, since_s: float, rate_per_s: float, capacity: float) -> float:
    """Return what a bucket holds `since_s` seconds after it held `level`: it refills continuously."""
    return min(capacity, level + rate_per_s * since_s)


def holds(level: float, need: float, rate_per_s: float) -> bool:
    """Whether a bucket holds what is needed, give or take what flows in in a nanosecond and a rounding error.

    Whether a request that comes exactly when the bucket holds enough is admitted must not depend on the order
    in which floating-point numbers were added.
    """
    return level >= need - rate_per_s * 1e-9 - need * 1e-12


def wait_for(level: float, need: float, rate_per_s: float, now_s: float) -> float:
    """Return the seconds until a bucket that holds `level` would hold `need` if nobody else came.

    0 where it holds it. Otherwise it is longer than exact by a part in 10^12 and by what a clock that stands
    at `now_s` can tell apart: a client that waits exactly that long must be admitted.
    """
    if holds(level, need, rate_per_s):
        return 0.0
    exact_s = (need - level) / rate_per_s
    return exact_s * (1 + 1e-12) + (now_s + exact_s) * 2.0**-51


def backoff(retries: int, initial_s: float, factor: float, cap_s: float, jitter: float, u: float) -> float:
    """Return the client's own pause after its `retries`-th rejected request (the first is 0), in seconds.

    `min(initial * factor^retries, cap) * (1 + jitter * u)`. A negative jitter shortens the pause, as in the
    anthropic and openai SDKs; a positive one lengthens it, as in Claude Code.
    """
    pause_s = initial_s
    for _ in range(retries):
        if pause_s >= cap_s:
            break
        pause_s *= factor
    return min(pause_s, cap_s) * (1.0 + jitter * u)


def is_obeyed(retry_after_s: float, up_to_s: float) -> bool:
    """Whether a client obeys a `retry-after`, which may exceed what it obeys by rounding errors."""
    return retry_after_s <= up_to_s * (1 + 1e-9)


def obeyed_pause(retry_after_s: float, jitter: float, u: float, floor_s: float) -> float:
    """Return the pause of a client that obeys `retry-after`, in seconds.

    `max(retry_after * (1 + jitter * u), floor)`; exactly `retry-after` where jitter and floor are 0.
    """
    return max(retry_after_s * (1.0 + jitter * u), floor_s)


def grown(window: float, most: int) -> float:
    """Return the window of adaptive dispatch after an attempt without a 429: one more in a whole round.

    The additive increase of AIMD (Chiu and Jain, Computer Networks 17, 1989).
    """
    return min(float(most), window + 1.0 / window)


def shrunk(window: float) -> float:
    """Return the window of adaptive dispatch after a 429, which halves it: AIMD's multiplicative decrease."""
    return max(1.0, window / 2.0)


def cache_readable(readable_s: float, used_s: float, ttl_s: float, now_s: float) -> bool:
    """Whether a cache entry can be read: from when its response began, until the TTL after its last use.

    It lapses exactly at its TTL: what comes then comes too late.
    """
    return readable_s <= now_s < used_s + ttl_s
