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
    spread: 0%
    output_share: 20%
    duration: {lognormal: {mean: 60s, cv: 0.5}}
    variance: {batch: 0%, task: 60%, attempt: 40%}
    output: structured
    writes: [notes]
    after: []
    coupling: 10%
    common: 10%
  - name: check
    count: 2
    tokens: {mixture: [{weight: 90%, of: 5K}, {weight: 10%, of: {exponential: {mean: 9K}}}]}
    duration: {empirical: [10s, 20s, 1m]}
    spread: 0%
    output: prose
    writes: [notes, index]
    after: [read-source]
    interarrival: {gamma: {mean: 5s, cv: 1}}

dispatch:
  spawn: {tokens: 3K, shared: 2.5K, time: 2s, fork: false}
  return: {tokens: {triangular: {low: 1K, mode: 2K, high: 4K}}, time: 2s}
  brief: {tokens: 240, time: 5.7s}
  turn: {tokens: 300, time: 4s}
  context: {start: 20K, window: 200K, compaction: {tokens: 5K, time: 80s}}

provider:
  profile: anthropic-start
  model: claude-sonnet-4-5
  limits: {requests: 1000/min, input_tokens: 2M/min, output_tokens: unlimited, burst: 60s, scale: 0.5}
  on_limit: reject
  retry_after: exact
  overloaded: 0.1%
  accounting: {cache_reads: false, output: actual, max_tokens: 4K, failed_requests: false}
  cache: {ttl: 5m, first_token: 1.2s, minimum: 1024}
  prices: {input: $3/M, cache_write: $3.75/M, cache_read: $0.3/M, output: $15/MTok}
client:
  profile: anthropic-sdk
  retries: 2
  initial: 500ms
  factor: 2
  cap: 8s
  jitter: 25%
  jitter_direction: up
  extra_delay: 0s
  can_be_paced: true
  pacing: {requests: 40/min, input_tokens: provider, output_tokens: provider, margin: 90%}
  retry_after: {up_to: 60s, above: give_up, jitter: 0%, floor: none}
harness:
  profile: claude-code
  cap: 16
  over: queue
  pace: {calls: 60, window: 60s}
  directory_in_prompt: false

failures: {crash: 3%, hang: 0.8%, bad_output: 0.02, bad_brief: 1%}
timeouts: {soft: 10m, obeyed: 90%, hard: 15m}
retry: {policy: resume, max_attempts: 2}
recovery: {people: {lognormal: {mean: 10m, cv: 0.5}}}
conflicts: {probability: 50%, isolation: worktree, people: 20m, resolve: {exponential: {mean: 5m}}, setup: 5s}
communication: {kind: rounds, brief: {tokens: 2K, time: 32s}, post: {tokens: 100, time: 1s}}
merge:
  structured: {tokens: 500, time: 5s, people: 0s}
  prose: {tokens: 0, time: 0s, people: 3m}
  pair: {tokens: 50, time: 1s, people: 10s}
review: {every: 5, blocking: true, people: 2m, each: 20s}
values: {waiting: $40/h, people: $80/h}

strategies:
  - sequential
  - parallel
  - queue: 3
  - {waves: 3}
  - {queue: 5, manager: script, warm_up: stagger, order: longest-first, merge: barrier, pace: none}
  - {paced: 3, retry_when: after_drain}
  - {adaptive: all, isolation: locks, communication: blackboard}
  - "waves: 2"
sweep:
  tasks: 1..20
  concurrency: [1, 2, 4..20 step 4]
  provider.limits.scale: [0.5, 1, 2]
  tasks.check.tokens: [5K, {exponential: {mean: 9K}}]
study: {seed: 7, replications: 1000, at_most: 2000, calls: 1000000, confidence: 95%, indifference: $0.05}
objective: {minimise: cost, deadline: 20m, budget: $10, probability: 90%}
engine: simpy
"""
