"""Idiomatic SimPy models: a bounded queue of agents behind a rate limit, and an M/M/c queue.

The agents' tasks make five calls each; a token bucket refuses, clients retry, a coordinator merges. Written
as SimPy's own examples are, with Python's random numbers: peers in size and shape, not in results.
"""

import random

import simpy

CALLS = 5


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


def replication(seed, width, tasks=20):
    """Play the batch once; returns the makespan."""
    random.seed(seed)
    env = simpy.Environment()
    slots = simpy.Resource(env, width)
    coordinator = simpy.Resource(env, 1)
    api_buckets = [(Bucket(env, 1000), 1), (Bucket(env, 2_000_000), 2400), (Bucket(env, 400_000), 600)]
    results = []
    for _ in range(tasks):
        env.process(agent(env, slots, api_buckets, coordinator, results))
    env.run()
    return max(results)


def queue(customers, seed, arrival_rate, service_rate, servers):
    """Play an M/M/c queue; returns the mean wait."""
    random.seed(seed)
    env = simpy.Environment()
    resource = simpy.Resource(env, servers)
    waits = []

    def customer():
        came = env.now
        with resource.request() as server:
            yield server
            waits.append(env.now - came)
            yield env.timeout(random.expovariate(service_rate))

    def arrivals():
        for _ in range(customers):
            yield env.timeout(random.expovariate(arrival_rate))
            env.process(customer())

    env.process(arrivals())
    env.run()
    return sum(waits) / len(waits)
