"""Random variates, each a function of its key alone.

A variate is a pure function of (seed, replication, stream, task, attempt, call, retry). It does not
depend on the order of events, the strategy, the concurrency or the size of the batch, so a task
gets the same variates under every strategy (common random numbers), and nothing has to be stored.

The generator is Philox4x32-10 (Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
1, 2, 3", SC'11): ten rounds that mix a 128-bit counter with a 64-bit key.
"""

from __future__ import annotations

from enum import IntEnum
from hashlib import blake2b

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_W0, _W1 = 0x9E3779B9, 0xBB67AE85
_WORD = 0xFFFFFFFF


class Stream(IntEnum):
    """The stream of random variates for each decision. The numbers are part of the key and never change."""

    CALLS_OF_BATCH = 1
    CALLS_OF_TASK = 2
    CALLS_OF_ATTEMPT = 3
    TOKENS_OF_BATCH = 4
    TOKENS_OF_TASK = 5
    TOKENS_OF_ATTEMPT = 6
    DURATION_OF_BATCH = 7
    DURATION_OF_TASK = 8
    DURATION_OF_ATTEMPT = 9
    SPAWN_TOKENS = 10
    SPAWN_TIME = 11
    RETURN_TOKENS = 12
    RETURN_TIME = 13
    CRASH = 14
    BAD_OUTPUT = 15
    JITTER = 16
    RECOVERY = 17
    INTERARRIVAL = 18
    OVERLOAD = 19
    TOOL_TIME = 20
    HANG = 21
    OBEYS = 22
    CONFLICT = 23
    CLEAN_UP = 24
    RESOLVE = 25
    BAD_BRIEF = 26
    REVIEW = 27
    RETRY_AFTER_JITTER = 28
    EXTRA_DELAY = 29


def philox4x32(counter: tuple[int, int, int, int], key: tuple[int, int]) -> tuple[int, int, int, int]:
    """Mix four 32-bit counter words with two 32-bit key words into four random 32-bit words.

    The masks are for compiled code, where a product of two words may be a negative integer of 64 bits.
    """
    c0, c1, c2, c3 = counter
    k0, k1 = key
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        upper0, upper1 = p0 >> 32 & _WORD, p1 >> 32 & _WORD
        c0, c1, c2, c3 = upper1 ^ c1 ^ k0, p1 & _WORD, upper0 ^ c3 ^ k1, p0 & _WORD
        k0, k1 = (k0 + _W0) & _WORD, (k1 + _W1) & _WORD
    return c0, c1, c2, c3


def group_key(seed: int, group: str) -> int:
    """Return the 64-bit key of a group's draws: its tasks keep theirs when other groups come or go."""
    return seed ^ int.from_bytes(
        blake2b(group.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
    )


def uniform(
    key: int, replication: int, stream: int, task: int = 0, attempt: int = 0, call: int = 0, retry: int = 0
) -> float:
    """Return the variate of a key: uniform on (0, 1), an odd multiple of 2^-53.

    Parameters
    ----------
    key : 64 bits: the seed for what the batch shares, `group_key` for what belongs to a task.
    replication, task : below 2^32; `task` counts within its group.
    stream, attempt : below 2^8.
    call, retry : below 2^24.
    """
    counter = (replication, task, attempt << 24 | call, stream << 24 | retry)
    word0, word1, _, _ = philox4x32(counter, (key & _WORD, key >> 32 & _WORD))
    return ((word0 << 20 | word1 >> 12) + 0.5) * 2.0**-52
