"""The compiled engine has the same model: outcomes and event logs are equal, not nearly but with ==."""

import ast
import ctypes
import logging
import os
import random
import signal
from pathlib import Path

import numpy as np
import pytest

from dispatch_sim import engine as package
from dispatch_sim.engine import linking, machine, store
from dispatch_sim.engine.machine import Machine
from dispatch_sim.engine.plan import DISTRIBUTION, Distributions, FlatPlan, FlatScenario
from dispatch_sim.engine.quantiles import quantile
from dispatch_sim.engine.records import STATE, State
from dispatch_sim.interruption import uninterrupted
from dispatch_sim.model.outcome import outcome_of
from dispatch_sim.model.plan import make_plan
from dispatch_sim.scenario import distributions as families
from dispatch_sim.scenario.composites import Empirical, Mixture
from dispatch_sim.scenario.loader import load
from dispatch_sim.scenario.strategy import parse_strategy
from tests.conformance.cases import ADAPTIVE, FACTORS, GROUP, numbered_case, single_option_cases
from tests.conformance.comparison import compare_cases, simulate_by_simpy, simulate_compiled
from tests.model.helpers import scenario_of


def test_200_cases_have_every_kind_of_event_and_every_option_and_no_difference():
    coverage, differences = compare_cases(map(numbered_case, range(200)))
    assert differences == []
    assert coverage.missing() == []
    assert coverage.tied_events > coverage.events / 2


def test_each_option_by_itself_makes_no_difference_between_the_engines():
    _, differences = compare_cases(single_option_cases())
    assert differences == []
    _, differences = compare_cases(numbered_case(number, ADAPTIVE) for number in range(50))
    assert differences == []


def test_plans_that_share_what_is_drawn_are_each_as_they_are_alone():
    scenario = scenario_of(
        "tasks: [{name: a, count: 6, tokens: {lognormal: {mean: 15K, cv: 1}},"
        " duration: {exponential: {mean: 60s}}},"
        " {name: b, count: 3, calls: 2, tokens: 9K, duration: {lognormal: {mean: 90s, cv: 2}}}]",
        "failures: {crash: 20%, bad_output: 10%, hang: 5%}",
        "timeouts: {hard: 10m, soft: 5m}",
        "retry: {policy: resume, max_attempts: 3}",
    )
    ways = ("queue: 3", "parallel", {"queue": 2, "order": "longest-first"}, "sequential", "solo")
    plans = [FlatPlan(make_plan(scenario, parse_strategy(way), tasks)) for tasks in (9, 4, 9) for way in ways]
    machine = Machine()
    machine.share(plans, range(7, 37))
    rows = machine.simulate_priced(plans, range(7, 37), [scenario])[0]
    for plan, together in zip(plans, rows, strict=True):
        alone = Machine().simulate_priced([plan], range(7, 37), [scenario])[0, 0]
        assert np.array_equal(together, alone)


def test_prices_and_values_change_no_simulation():
    """The ledgers of scenarios that differ in these alone are closed one after another."""
    text = "tasks: [{name: a, count: 4, tokens: {lognormal: {mean: 15K, cv: 1}}, duration: 60s}]"
    cheap, dear = (scenario_of(text, f"provider: {{prices: {{input: ${price}/M}}}}") for price in (1, 9))
    assert FlatScenario(cheap).key == FlatScenario(dear).key
    ways = [parse_strategy(way) for way in ("solo", "queue: 2")]
    plans, others = ([FlatPlan(make_plan(each, way)) for way in ways] for each in (cheap, dear))
    rows = Machine().simulate_priced(plans, range(20), [cheap, dear])
    for found, alone, scenario in zip(rows, (plans, others), (cheap, dear), strict=True):
        assert np.array_equal(found, Machine().simulate_priced(alone, range(20), [scenario])[0])


def test_scenarios_with_one_key_have_the_same_records():
    """Here they differ in one option each, and have two groups, of which the first writes."""
    ways = [parse_strategy(way) for way in ("queue: 3", {"parallel": "all", "isolation": "worktree"})]
    usual = {"g0.writes": "[x]", "dispatch.spawn.shared": "0", "dispatch.context": "{start: 20K}"}
    options = FACTORS | {f"g0.{key}": of_group for key, of_group in GROUP.items()}
    by_key = {}
    for key, option in [(key, option) for key, some in options.items() for option in some]:
        scenario = load(numbered_case(7, usual | {key: option}).scenario).scenario()
        assert len(scenario.tasks) == 2
        plans = [FlatPlan(make_plan(scenario, way, 5)) for way in ways]
        records = [values.tobytes() for plan in plans for values in plan.fields.values()]
        assert by_key.setdefault(FlatScenario(scenario).key, records) == records, f"{key}: {option}"


def test_a_cascade_over_and_over_fits_the_state():
    """It has more events, writes and merges than there are tasks."""
    scenario = scenario_of(
        "tasks: [{name: a, count: 30, calls: 2, tokens: 15K, duration: {exponential: {mean: 60s}},"
        " writes: [x]}]",
        "failures: {crash: 30%}",
        "retry: {policy: cascade, max_attempts: 5}",
        "timeouts: {hard: 1h}",
        "conflicts: {probability: 20%, isolation: worktree}",
    )
    plan = make_plan(scenario, parse_strategy("queue: 10"))
    assert simulate_compiled(plan, 1) == simulate_by_simpy(plan, 1)


@pytest.mark.parametrize("too_small", ["MAX_LINKS", "MAX_DISTRIBUTIONS", "MAX_RESOURCES", "room for merges"])
def test_a_replication_that_does_not_fit_the_state_is_simulated_by_simpy(too_small, monkeypatch):
    scenario = scenario_of(
        "tasks: [{name: a, count: 5, tokens: 15K, duration: {exponential: {mean: 60s}}, writes: [x, y]}]",
    )
    plan = FlatPlan(make_plan(scenario, parse_strategy("queue: 3")))
    if too_small == "room for merges":
        plan.fields["groups"]["merges"]["room"] = 2
    else:
        monkeypatch.setattr(machine, too_small, 1)
    rows = Machine().simulate_priced([plan], range(3, 7), [scenario])[0, 0]
    for row, replication in zip(rows, range(3, 7), strict=True):
        log = []
        expected = simulate_by_simpy(plan.plan, replication)
        assert (Machine().simulate(plan, replication, log), log) == expected
        assert outcome_of(row.tolist()) == expected[0]


def test_the_comparison_fails_where_the_compiled_engine_leaves_a_replication_to_simpy(monkeypatch):
    monkeypatch.setattr(machine, "MAX_LOG", 2)
    coverage, differences = compare_cases([numbered_case(0)])
    assert coverage.cases == 1
    [found] = differences
    assert "the replication does not fit the state of the compiled engine" in found


def test_a_replication_that_never_ends_is_an_error():
    """Here the dispatcher waits for a task more than there is."""
    scenario = scenario_of("tasks: [{name: a, count: 3, tokens: 15K, duration: 60s}]")
    endless = FlatPlan(make_plan(scenario, parse_strategy("queue: 3")))
    endless.fields["new_world"]["unfinished"] += 1
    error = "no event is left in replication 7, which has not ended"
    with pytest.raises(RuntimeError, match=error):
        Machine().simulate_priced([endless], range(7, 8), [scenario])
    with pytest.raises(RuntimeError, match=error):
        Machine().simulate(endless, 7, [])


SAMPLE = Empirical((1.0, 2.0, 2.0, 5.5, 9.0))
DISTRIBUTIONS = [
    families.Constant(3.0),
    families.Uniform(1.0, 4.0),
    families.Triangular(1.0, 2.0, 7.0),
    families.Exponential(60.0),
    families.LogNormal(4.0, 1.2),
    families.Gamma(0.4, 30.0),
    families.Gamma(3.7, 30.0),
    families.Weibull(0.7, 50.0),
    families.LogLogistic(2.4, 59.0),
    SAMPLE,
    Mixture((0.9, 0.1), (families.LogNormal(4.0, 0.5), families.Uniform(500.0, 900.0))),
    Mixture((0.5, 0.3, 0.2), (SAMPLE, families.Gamma(2.0, 3.0), families.Triangular(1.0, 2.0, 7.0))),
]


def quantile_of(s: State, row: int, u: float) -> float:
    """Return a quantile, to be compiled by itself."""
    return quantile(s, row, u)


@pytest.fixture(scope="module")
def compiled_quantile():
    linker = linking.link(store.object_code(quantile_of, "quantile_of"))
    linking.set_special_functions(linker)
    entry = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_int64, ctypes.c_int64, ctypes.c_double)(
        linker.get_function_address("quantile_of")
    )
    state = np.zeros(1, STATE)

    def of(distribution, u):
        table = Distributions()
        row = table.add(distribution)
        state["distributions"][0, : len(table.rows)] = np.array(table.rows, DISTRIBUTION)
        state["samples"][0, : len(table.samples)] = table.samples
        return entry(state.ctypes.data, row, u)

    yield of
    del linker


@pytest.mark.parametrize("distribution", DISTRIBUTIONS, ids=lambda d: type(d).__name__)
def test_quantiles_have_the_same_bits(distribution, compiled_quantile):
    fates = random.Random(2)
    for _ in range(400):
        drawn = 10 ** (-15.9 * fates.random()) if fates.random() < 0.3 else fates.random()
        u = min(max(drawn, 2**-53), 1 - 2**-53)
        assert compiled_quantile(distribution, u) == distribution.quantile(u)


def test_changed_sources_are_compiled_anew(tmp_path, monkeypatch):
    """The file of compiled code is named after every source that goes into it, rules included."""
    before, sources = store.cache_path(), store._SOURCES
    changed = tmp_path / "changed.py"
    for number, source in enumerate(sources):
        changed.write_bytes(source.read_bytes())
        monkeypatch.setattr(store, "_SOURCES", [*sources[:number], changed, *sources[number + 1 :]])
        assert store.cache_path() == before
        changed.write_bytes(source.read_bytes() + b"\n# changed\n")
        assert store.cache_path() != before, source.name


def test_every_source_of_compiled_code_is_known():
    root = Path(package.__file__).parent
    python_only = {"machine.py", "plan.py", "__main__.py"}
    taken = set(root.glob("*.py"))
    for module in taken.copy():
        if module.name in python_only:
            continue
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("dispatch_sim"):
                inner = Path(*node.module.split(".")[1:])
                for place in (inner, *(inner / name.name for name in node.names)):
                    if (file := (root.parent / place).with_suffix(".py")).exists():
                        taken.add(file)
    assert {root.parent / "model" / "arithmetic.py", root.parent / "model" / "streams.py"} <= taken
    assert taken <= set(store._SOURCES)


def test_what_is_compiled_is_kept(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    store._write(b"machine code", store.cache_path())
    assert store._read(store.cache_path()) == b"machine code"
    assert store.is_compiled()


def test_a_relative_path_of_caches_is_ignored_as_the_standard_asks_for(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", "here")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert store.cache_path().is_relative_to(tmp_path / ".cache")


@pytest.mark.parametrize(
    "caches",
    [
        pytest.param("/proc/nowhere", id="a folder that cannot be made"),
        pytest.param("", id="a folder of the file's name"),
        pytest.param("x" * 300, id="a name too long"),
        pytest.param(None, id="no home"),
    ],
)
def test_a_strange_place_for_caches_is_no_trouble(caches, tmp_path, monkeypatch):
    """Nothing is kept there and nothing is left; without any place, there is no home either."""
    if caches is None:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
        monkeypatch.setattr(store.Path, "home", _no_home)
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / caches))
    if caches == "":
        store.cache_path().mkdir(parents=True)
    store._write(b"machine code", store.cache_path())
    assert not store.is_compiled()
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def _no_home():
    raise RuntimeError("Could not determine home directory.")


def test_compiling_is_announced(monkeypatch, caplog):
    for stored, announced in ((b"", []), (None, ["compiling the engine, once: up to half a minute"])):
        monkeypatch.setattr(store, "_read", lambda path, stored=stored: stored)
        monkeypatch.setattr(store, "object_code", lambda function, symbol: b"")
        monkeypatch.setattr(store, "_write", lambda code, path: None)
        monkeypatch.setattr(store, "link", lambda code: None)
        with caplog.at_level(logging.WARNING, "dispatch_sim"):
            store._linked.__wrapped__()
        assert caplog.messages == announced


def test_an_interruption_waits_while_code_is_linked():
    done = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may have it ignored

    @uninterrupted()
    def link():
        signal.raise_signal(signal.SIGINT)
        done.append("linked")

    try:
        with pytest.raises(KeyboardInterrupt):
            link()
    finally:
        signal.signal(signal.SIGINT, before)
    assert done


@pytest.mark.parametrize("damage", [lambda code: code[:-1], lambda code: b"", lambda code: code + b"!"])
def test_what_is_kept_and_not_whole_is_compiled_anew(damage, tmp_path):
    store._write(b"machine code", tmp_path / "kept")
    (tmp_path / "kept").write_bytes(damage((tmp_path / "kept").read_bytes()))
    assert store._read(tmp_path / "kept") is None


def test_what_anybody_else_could_have_put_there_is_never_run(tmp_path, monkeypatch):
    kept = tmp_path / "cache" / "kept"
    store._write(b"machine code", kept)
    assert store._read(kept) == b"machine code"
    for path in (kept, kept.parent):
        for mode in (0o770, 0o702):
            before = path.stat().st_mode
            path.chmod(mode)
            assert store._read(kept) is None
            path.chmod(before)
    assert store._read(kept) == b"machine code"
    monkeypatch.setattr(os, "geteuid", lambda: kept.stat().st_uid + 1)
    assert (store._read(kept) is None) is (kept.stat().st_uid != 0)


def test_a_cache_that_others_could_write_to_is_closed_when_something_is_kept_in_it(tmp_path):
    (tmp_path / "cache").mkdir(mode=0o777)
    (tmp_path / "cache").chmod(0o777)
    store._write(b"machine code", tmp_path / "cache" / "kept")
    assert store._read(tmp_path / "cache" / "kept") == b"machine code"


def test_a_pipe_in_the_place_of_what_is_kept_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "kept")
    tmp_path.chmod(0o700)
    assert store._read(tmp_path / "kept") is None
