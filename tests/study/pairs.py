"""A problem whose answer is a formula: waiting for tasks, or merging pairs."""

# Four tasks of 2 minutes: one by one waits for three of them, at $40/h; all at once merges six pairs that
# were made without sight of each other, at $15 a million tokens. Nothing else costs, and nothing is random.
PAIRS = """\
name: Pairs
engine: compiled
tasks: [{name: one, count: 4, calls: 1, tokens: 1000, duration: 120s, spread: 0%}]
dispatch:
  spawn: {tokens: 0, time: 0s}
  return: {tokens: 0, time: 0s}
  brief: {tokens: 0, time: 0s}
  turn: {tokens: 0, time: 0s}
  context: none
provider: {limits: unlimited}
failures: {crash: 0%, bad_output: 0%}
merge: {structured: {tokens: 0, time: 0s}, pair: {tokens: 10K}}
strategies: [sequential, parallel]
study: {replications: 4, indifference: $0}
"""


def pairs_border(tokens):
    """Return the seconds above which waiting for three more tasks costs more than six pairs."""
    return 6 * tokens * 15e-6 / 3 / (40 / 3600)


WIDE = PAIRS.replace("[sequential, parallel]", "[sequential, parallel, {queue: 20}]")
"""With a queue that the batch has too few tasks for."""

LEFT_OUT = "queue of 20: left out, as the concurrency exceeds the batch of 4 tasks; write queue of 4"

NOISY = PAIRS.replace("duration: 120s", "duration: {lognormal: {mean: 120s, cv: 0.5}}").replace(
    "replications: 4", "replications: 60"
)
