"""The models of `idiomatic_simpy` as bare loops over a heap of events: speed and nothing else."""

import heapq
import random
from collections import deque

CALLS = 5
TRY, CALLED, RETURNED, MERGED = range(4)


def replication(seed, width, tasks=20):
    """Play the batch once; returns the makespan."""
    random.seed(seed)
    rates = (1000 / 60, 2_000_000 / 60, 400_000 / 60)
    capacities = [1000.0, 2_000_000.0, 400_000.0]
    levels = list(capacities)
    needs = (1, 2400, 600)
    updated = 0.0
    heap, number = [], 0
    done_calls, tries = [0] * tasks, [0] * tasks
    waiting = deque(range(min(width, tasks), tasks))
    merging, line = False, deque()
    now = 0.0

    def schedule(delay, kind, task):
        nonlocal number
        number += 1
        heapq.heappush(heap, (now + delay, number, kind, task))

    for task in range(min(width, tasks)):
        schedule(2.0, TRY, task)
    while heap:
        now, _, kind, task = heapq.heappop(heap)
        if kind == CALLED:
            done_calls[task] += 1
            if random.random() < 0.006 or done_calls[task] == CALLS:
                schedule(2.0, RETURNED, task)
                continue
            kind = TRY
        if kind == TRY:
            wait = 0.0
            for i in range(3):
                levels[i] = min(capacities[i], levels[i] + (now - updated) * rates[i])
                if levels[i] < needs[i]:
                    wait = max(wait, (needs[i] - levels[i]) / rates[i])
            updated = now
            if wait:
                tries[task] += 1
                schedule(wait + min(0.5 * 2 ** tries[task], 8) * random.random(), TRY, task)
                continue
            for i in range(3):
                levels[i] -= needs[i]
            tries[task] = 0
            schedule(random.lognormvariate(2.4, 0.5), CALLED, task)
        elif kind == RETURNED:
            if waiting:
                schedule(2.0, TRY, waiting.popleft())
            line.append(task)
            if not merging:
                merging = True
                schedule(5.0, MERGED, line.popleft())
        elif line:
            schedule(5.0, MERGED, line.popleft())
        else:
            merging = False
    return now


def queue(customers, seed, arrival_rate, service_rate, servers):
    """Play an M/M/c queue; returns the mean wait."""
    random.seed(seed)
    heap = [(random.expovariate(arrival_rate), 0)]
    line = deque()
    left, free, waited = customers, servers, 0.0
    while heap:
        now, is_end = heapq.heappop(heap)
        if is_end:
            free += 1
        else:
            line.append(now)
            left -= 1
            if left:
                heapq.heappush(heap, (now + random.expovariate(arrival_rate), 0))
        if free and line:
            free -= 1
            waited += now - line.popleft()
            heapq.heappush(heap, (now + random.expovariate(service_rate), 1))
    return waited / customers
