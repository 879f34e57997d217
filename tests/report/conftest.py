"""Small studies, simulated once for all tests of reports."""

import json
from functools import cache

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.decide.answer import Answer, answer
from dispatch_sim.decide.choice import choose
from dispatch_sim.decide.studies import compare, sweep
from dispatch_sim.report.page import write_report
from dispatch_sim.report.view import main_view
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study.design import Stage
from dispatch_sim.study.results import Results

# A rate limit that a wide queue exceeds.
TIGHT = """\
name: Ten sources
description: Read and summarise.
tasks:
  - name: read
    count: 6
    calls: 4
    tokens: {lognormal: {mean: 15K, cv: 0.3}}
    duration: {lognormal: {mean: 60s, cv: 0.4}}
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min, burst: 60s}}
strategies: [sequential, parallel, queue]
sweep: {tasks: [1, 2, 4, 6, 9], concurrency: [1, 2, 3, 4]}
study: {seed: 7, replications: 40}
"""

TWO_STRATEGIES = TIGHT.replace("[sequential, parallel, queue]", "[sequential, {queue: 2}]")

# The limits are never exceeded, so that narrow queues lose at every size.
ROOMY = TIGHT.replace("requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min", "requests: 4000/min")

# Nothing costs anything.
NOTHING = """\
tasks: [{name: same, count: 3, calls: 1, tokens: 15K, duration: 60s, spread: 0%}]
provider: {limits: unlimited, prices: {input: $0/M, cache_write: $0/M, cache_read: $0/M, output: $0/M}}
failures: {crash: 0%, bad_output: 0%}
values: {waiting: $0/h, people: $0/h}
sweep: {tasks: [2, 3], concurrency: [1, 2]}
study: {replications: 10}
"""

# A further factor: tight limits and roomy ones.
FACTORS = TIGHT.replace(
    "sweep: {tasks: [1, 2, 4, 6, 9]", "sweep: {provider.limits.scale: [1, 60], tasks: [2, 4, 6]"
)

# One variant of each kind, none with the usual options.
SCRIPTED = TIGHT.replace(
    "strategies: [sequential, parallel, queue]",
    "strategies: [{parallel: all, merge: as-completed, manager: script}, {queue, manager: script}]",
)

# Several variants of each kind; the queues differ by their options.
VARIANTS = FACTORS.replace(
    "strategies: [sequential, parallel, queue]",
    """strategies:
  - sequential
  - {sequential: 1, manager: script}
  - parallel
  - {parallel: all, merge: as-completed, manager: script}
  - {queue, merge: barrier, manager: script}
  - {queue, manager: script}
  - {waves, merge: barrier, manager: script}
  - waves""",
)

# Nothing is random.
CERTAIN = (
    NOTHING.replace("waiting: $0/h", "waiting: $40/h")
    .replace(
        "tasks: [{",
        "dispatch: {brief: {time: 0s}, turn: {time: 0s}}\nmerge: {structured: {time: 0s}}\ntasks: [{",
    )
    .replace("concurrency: [1, 2]", "concurrency: [1, 2, 3]")
)

# All mechanisms that a report may describe.
MANY = """\
name: Many mechanisms
tasks:
  - name: change
    count: 5
    coupling: 20%
    writes: [module]
    calls: 4
    tokens: {lognormal: {mean: 20K, cv: 0.5}}
    duration: {lognormal: {mean: 120s, cv: 0.8}}
  - {name: test, count: 2, calls: 3, tokens: 10K, duration: 60s, after: [change]}
dispatch: {spawn: {shared: 1500}, context: {window: 40K}}
provider: {limits: {input_tokens: 80K/min}, overloaded: 0.5%, cache: {ttl: 5m}}
harness: {cap: 4, over: refuse, pace: {calls: 30}}
failures: {hang: 3%, bad_brief: 10%}
timeouts: {soft: 4m, hard: 5m}
retry: {policy: cascade, max_attempts: 3}
conflicts: {probability: 30%}
review: {every: 3}
strategies:
  - sequential
  - parallel
  - {parallel: all, isolation: worktree}
  - {queue, order: longest-first}
  - {queue, isolation: worktree, communication: rounds, warm_up: stagger}
  - {waves, isolation: locks}
  - adaptive
  - {adaptive: 3, communication: blackboard, warm_up: prewarm}
sweep: {tasks: [3, 7], concurrency: [2, 3]}
study: {seed: 5, replications: 12}
"""

ONE_TASK = NOTHING.replace("count: 3", "count: 1").replace("[2, 3]", "[1]").replace("$0/h, p", "$40/h, p")

NAMES = [
    "<b>|`{{ 7*7 }}` $x_1$ \u202e</b>",
    "<script>alert(1)</script>",
    "W" * 200,
    "\u202egnp.exe\u2066",
    "=1+1",
    "+1",
    "@SUM(1)",
    "-1 | x",
    "![x](http://evil.example/x.png)",
    "</title></svg><img src=x onerror=alert(1)>",
    "`code` $math$ <!-- -->",
]
HOSTILE = f"""\
name: "<script>alert(1)</script> | `x` $a$ [l](http://evil.example) \\u202etxt &amp; =1+1"
description: {"'# <img src=x onerror=alert(1)> " + "A" * 9900 + "'"}
tasks:
{"".join(f"  - {{name: {json.dumps(name)}, tokens: 15K, duration: 60s}}{chr(10)}" for name in NAMES)}
sweep: {{tasks: [2, {len(NAMES)}], concurrency: [1, 2], provider.limits.scale: [1, 60]}}
study: {{replications: 12}}
"""
"""Names that would be markup, a formula or a wall of text."""

ALL = [
    "tight",
    "roomy",
    "nothing",
    "factors",
    "one_task",
    "comparison",
    "hostile",
    "scripted",
    "variants",
    "certain",
    "many",
]
"""The fixtures of answers."""


class FrameColumns:
    """The measures of a table, as `Results` reads them."""

    def __init__(self, frame):
        keys = frame.columns[: frame.columns.get_loc("replication")]
        self.points = frame[keys].drop_duplicates(ignore_index=True)
        self._parts = [part for _, part in frame.groupby(list(keys), sort=False)]
        self.stages = [Stage((number,), range(len(part))) for number, part in enumerate(self._parts)]

    def read(self, stage, measure, start=0, stop=None):
        return self._parts[stage][measure].to_numpy()[np.newaxis, start:stop]


def with_costs(tight, costs, indifference=0.05):
    """Return a view of strategies, by label and concurrency, that have these costs at one size."""
    frame = tight.results.frame
    template = frame[(frame["tasks"] == 6) & (frame["strategy"] == "queue") & (frame["concurrency"] == 2)]
    rows = pd.concat(
        template.head(len(values)).assign(strategy=label, concurrency=concurrency, cost_usd=values)
        for (label, concurrency), values in costs.items()
    )
    choice = choose(rows, 6, indifference=indifference)
    results = Results(FrameColumns(rows), tight.results.manifest)
    return main_view(Answer(results, "cost_usd", tight.estimates, (choice,), ()))


@cache
def answered(text, study=sweep):
    return answer(study(parse_source(text)))


@pytest.fixture(scope="session")
def pages(request, tmp_path_factory):
    """Return a function that writes the report of an answer once, and returns its folder and the paths."""

    @cache
    def of(name):
        folder = tmp_path_factory.mktemp(name)
        return folder, write_report(request.getfixturevalue(name), folder)

    return of


def shared(text, study=sweep):
    return pytest.fixture(scope="session")(lambda: answered(text, study))


tight = shared(TIGHT)
roomy = shared(ROOMY)
nothing = shared(NOTHING)
factors = shared(FACTORS)
scripted = shared(SCRIPTED)
variants = shared(VARIANTS)
certain = shared(CERTAIN)
many = shared(MANY)
one_task = shared(ONE_TASK)
comparison = shared(TIGHT.replace("concurrency: [1, 2, 3, 4]", "concurrency: [2]"), compare)
hostile = shared(HOSTILE)
