"""Analytic results of queueing theory that a simulation must agree with.

Times are in one unit throughout, whichever the caller has; rates are per that unit. This module
imports nothing else of the project, so that it can check all of it.
"""

import heapq
import math

import numpy as np
from numpy.typing import ArrayLike, NDArray


def erlang_c(servers: int, offered_load: float) -> float:
    """Return the probability that an arrival to an M/M/c queue has to wait; 1 where no steady state exists.

    The offered load is the arrival rate times the mean service time, in erlangs. By the recursion of Erlang's
    B formula, B(k) = a B(k-1) / (k + a B(k-1)), which neither overflows nor cancels, and
    C = B / (1 - rho (1 - B)): Cooper, Introduction to Queueing Theory (2nd ed. 1981), section 3.
    """
    if offered_load >= servers:
        return 1.0
    blocking = 1.0
    for count in range(1, servers + 1):
        blocking = offered_load * blocking / (count + offered_load * blocking)
    return blocking / (1 - offered_load / servers * (1 - blocking))


def mmc_mean_wait(arrival_rate: float, mean_service: float, servers: int) -> float:
    """Return the mean time in the queue of M/M/c, served first in, first out.

    Infinite where the arrivals reach what the servers can do. Wq = C(c, a) s / (c - a), with a the
    offered load and s the mean service time: Gross et al., Fundamentals of Queueing Theory (4th ed.
    2008), section 2.3.
    """
    offered_load = arrival_rate * mean_service
    waiting = erlang_c(servers, offered_load)
    if offered_load >= servers:
        return math.inf
    return waiting * mean_service / (servers - offered_load)


def pollaczek_khinchine_wait(arrival_rate: float, mean_service: float, scv: float) -> float:
    """Return the mean time in the queue of M/G/1, served first in, first out; infinite from full load on.

    `scv` is the squared coefficient of variation of the service time: 0 constant, 1 exponential.
    Wq = rho / (1 - rho) * s * (1 + scv) / 2: Pollaczek (1930), Khinchine (1932); Gross et al., Fundamentals
    of Queueing Theory (4th ed. 2008), section 5.1.
    """
    load = arrival_rate * mean_service
    if load >= 1:
        return math.inf
    return load / (1 - load) * mean_service * (1 + scv) / 2


def kiefer_wolfowitz(arrivals: ArrayLike, services: ArrayLike, servers: int) -> NDArray[np.float64]:
    """Return how long each arrival waits in a first in, first out G/G/c queue that starts empty.

    Arrivals are in order; service starts at `arrivals + waits`. Kiefer and Wolfowitz, On the theory of queues
    with many servers, Trans. AMS 78 (1955): an arrival is served by the server that is free first. For c = 1
    it is Lindley's recursion (1952).
    """
    free_at = [-math.inf] * servers
    waits = []
    for arrival, service in zip(np.asarray(arrivals).tolist(), np.asarray(services).tolist(), strict=True):
        start = max(arrival, free_at[0])
        heapq.heapreplace(free_at, start + service)
        waits.append(start - arrival)
    return np.array(waits, dtype=np.float64)
