"""An idiomatic SimPy model of a bounded queue of agents behind a rate limit: the peer in our benchmarks.

Twenty tasks of five calls, four slots, a token bucket that refuses, retries and a merge, written as
SimPy's own examples are, with Python's random numbers. It is a peer in size and shape, not in results.
"""

import random

import simpy

TASKS, CALLS, SLOTS = 20, 5, 4


class Bucket:
    """Requests a minute, refilled continuously."""

    def __init__(self, env, per_minute):
        self.env = env
        self.rate = per_minute / 60
        self.capacity = self.level = per_minute
        self.updated = 0.0

    def take(self, amount):
        """Take an amount, or return how long to wait for it."""
        self.level = min(self.capacity, self.level + (self.env.now - self.updated) * self.rate)
        self.updated = self.env.now
        if self.level >= amount:
            self.level -= amount
            return 0.0
        return (amount - self.level) / self.rate


def agent(env, slots, api_buckets, coordinator, results):
    """Play a task: get a slot, spawn, call, return, merge."""
    with slots.request() as slot:
        yield slot
        yield env.timeout(2)
        for _ in range(CALLS):
            tries = 0
            while wait := max(bucket.take(amount) for bucket, amount in api_buckets):
                tries += 1
                yield env.timeout(wait + min(0.5 * 2**tries, 8) * random.random())
            yield env.timeout(random.lognormvariate(2.4, 0.5))
            if random.random() < 0.006:
                break
        yield env.timeout(2)
    with coordinator.request() as turn:
        yield turn
        yield env.timeout(5)
    results.append(env.now)


def replication(seed):
    """Play the batch once; returns the makespan."""
    random.seed(seed)
    env = simpy.Environment()
    slots = simpy.Resource(env, SLOTS)
    coordinator = simpy.Resource(env, 1)
    api_buckets = [(Bucket(env, 1000), 1), (Bucket(env, 2_000_000), 2400), (Bucket(env, 400_000), 600)]
    results = []
    for _ in range(TASKS):
        env.process(agent(env, slots, api_buckets, coordinator, results))
    env.run()
    return max(results)
