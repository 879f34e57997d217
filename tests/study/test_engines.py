"""Which engine plays, and that results do not depend on it."""

import threading
import time

import numpy as np
import pytest

from dispatch_sim.decide.studies import sweep
from dispatch_sim.engine import store
from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import FlatPlan
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario.loader import parse_scenario, parse_source
from dispatch_sim.scenario.strategy import parse_strategy
from dispatch_sim.study import engines
from dispatch_sim.study.design import design_sweep, find_plan
from dispatch_sim.study.engines import choose_engine, simulate_one

TEXT = """
name: small
tasks: [{name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [sequential, parallel, {queue: 2}, {waves: 3}]
sweep: {tasks: [1, 2, 4], concurrency: [1, 3]}
study: {replications: REPLICATIONS}
engine: ENGINE
"""


def source(engine, replications=600):
    return parse_source(TEXT.replace("ENGINE", engine).replace("REPLICATIONS", str(replications)))


@pytest.mark.parametrize(("kept", "longest_s"), [(True, 0.1), (False, 10.0)])
def test_auto_compiles_when_that_finishes_first(kept, longest_s, monkeypatch):
    """It is SimPy's up to what compiling, or loading what is compiled, takes."""
    monkeypatch.setattr(engines, "LOADING_S", 0.1)
    monkeypatch.setattr(engines, "COMPILING_S", 10.0)
    monkeypatch.setattr(store, "is_compiled", lambda: kept)
    tasks = design_sweep(source("auto")).tasks
    limit = int(longest_s * engines.TASKS_A_SECOND / tasks)
    assert choose_engine(design_sweep(source("auto", limit - 1))) == "simpy"
    assert choose_engine(design_sweep(source("auto", limit + 1))) == "compiled"


def test_requested_engine_is_used():
    assert choose_engine(design_sweep(source("simpy", 600_000))) == "simpy"
    assert choose_engine(design_sweep(source("compiled", 2))) == "compiled"


def test_block_is_stopped_by_another_thread():
    """So that an interruption does not wait for a block's end: here for years."""
    scenario = parse_scenario("tasks: [{name: a, count: 2, tokens: 1K, duration: 60s}]")
    plan = FlatPlan(make_plan(scenario, parse_strategy("parallel")))
    stop = np.zeros(1, np.int64)
    machine = Machine()
    machine.simulate_priced([plan], range(1), [scenario])
    block = ([plan], range(10_000_000), [scenario], stop)
    playing = threading.Thread(target=machine.simulate_priced, args=block)
    playing.start()
    time.sleep(0.05)
    assert playing.is_alive()
    stop[0] = 1
    playing.join(timeout=30)
    assert not playing.is_alive()


def test_engines_give_the_same_log():
    one, other = (
        simulate_one(find_plan(source(engine).scenario(), "queue: 2", 4), 3)
        for engine in ("simpy", "compiled")
    )
    assert one[1]
    assert one == other


def test_doubling_study_has_one_engine(monkeypatch):
    """Chosen by the replications that it may come to: the first stage alone would be soon simulated."""
    monkeypatch.setattr(store, "is_compiled", lambda: True)
    text = TEXT.replace("replications: REPLICATIONS", "at_most: 1024, indifference: $0").replace(
        "ENGINE", "auto"
    )
    doubling = parse_source(text)
    tasks = design_sweep(doubling).tasks
    monkeypatch.setattr(engines, "LOADING_S", 300 * tasks / engines.TASKS_A_SECOND)
    results = sweep(doubling)
    assert results.replications == 1024
    assert results.manifest["engine"] == "compiled"
    few = [choose_engine(design_sweep(source("auto", 600)), first) for first in (0, 299, 301)]
    assert few == ["compiled", "compiled", "simpy"]
