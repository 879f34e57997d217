"""Scenarios that the tests read."""

SHORT = "tasks:\n  - {name: research, tokens: 15K, duration: 60s}\n"

FULL = """\
name: Ten sources, summarise each
description: Read ten sources and write a summary of each.

tasks:
  - name: read-source
    count: 10
    calls: {uniform: {low: 3, high: 7}}
    tokens: {lognormal: {mean: 15K, cv: 0.4}}
    output_share: 20%
    duration: {lognormal: {mean: 60s, cv: 0.5}}
    variance: {batch: 0%, task: 60%, attempt: 40%}
    output: structured
    writes: []
    after: []
    coupling: 0%
  - name: check
    count: 2
    tokens: {mixture: [{weight: 90%, of: 5K}, {weight: 10%, of: {exponential: {mean: 9K}}}]}
    duration: {empirical: [10s, 20s, 1m]}
    output: prose
    interarrival: {gamma: {mean: 5s, cv: 1}}

dispatch:
  spawn: {tokens: 3K, shared: 0, time: 2s}
  return: {tokens: {triangular: {low: 1K, mode: 2K, high: 4K}}, time: 2s}
  brief: {tokens: 240, time: 5.7s}
  turn: {tokens: 300, time: 4s}

provider:
  limits: {requests: 1000/min, input_tokens: 2M/min, output_tokens: unlimited, burst: 60s, scale: 0.5}
  on_limit: reject
  prices: {input: $3/M, cache_write: $3.75/M, cache_read: $0.3/M, output: $15/MTok}
client:
  retries: 2
  initial: 500ms
  factor: 2
  cap: 8s
  jitter: 25%
  retry_after: {up_to: 60s, above: give_up}

failures: {crash: 3%, hang: 0, bad_output: 0.02}
retry: {policy: failed-only, max_attempts: 2}
recovery: {people: {lognormal: {mean: 10m, cv: 0.5}}}
merge:
  structured: {tokens: 500, time: 5s}
  prose: {people: 3m}
  pair: {people: 10s}
values: {waiting: $40/h, people: $80/h}

strategies: [sequential, parallel, queue: 3, {waves: 3}, {queue: 5, manager: script}, "waves: 2"]
sweep:
  tasks: 1..20
  concurrency: [1, 2, 4..20 step 4]
  provider.limits.scale: [0.5, 1, 2]
  tasks.check.tokens: [5K, {exponential: {mean: 9K}}]
study: {seed: 7, replications: 1000, confidence: 95%, indifference: $0.05}
objective: {minimise: cost}
engine: simpy
"""

MEDIUM = """\
tasks:
  - name: read
    count: 10
    calls: {uniform: {low: 3, high: 7}}
    tokens: &t {lognormal: {mean: 15K, cv: 0.4}}
    duration: {empirical: [10s, 1m]}
    variance: {task: 60%}
    after: []
  - {name: check, tokens: *t, duration: {mixture: [{weight: 1, of: 5s}]}}
provider:
  limits: {requests: 1000/min, burst: 60s}
  on_limit: "reject"
strategies: [parallel, queue: 3]
sweep: {tasks: 1..20, tasks.tokens: [5K]}
"""
