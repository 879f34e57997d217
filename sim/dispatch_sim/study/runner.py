"""Simulates replications of design points: in threads by the compiled engine, one after another by SimPy.

A study simulates chunks of all its design points. A search has thousands of points with few replications
each, so its threads take blocks. Results do not depend on the number of threads or the size of chunks: a
replication is a pure function of the scenario, the strategy, the seed and its number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from dataclasses import dataclass
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import store
from dispatch_sim.interruption import uninterrupted
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.engines import choose_engine, idle_machine

if TYPE_CHECKING:
    from dispatch_sim.engine.plan import FlatPlan

TASKS_OF_A_CHUNK = {"simpy": 7000, "compiled": 400_000}
"""A chunk takes a second or less, so that progress is visible, and an interruption loses little."""

CHUNKS_OF_A_THREAD = 4
"""Minimum, so that threads finish at about the same time."""

CHUNKS_AT_WORK = 2
"""Chunks submitted per thread: no thread is idle, and an interruption loses few."""

TASKS_DRAWN = 4000
"""Tasks whose random variates the design points share at a time; these fit in the processor's cache."""

OnProgress = Callable[[int, int], None]
"""Called with the numbers of completed and of all replications."""

Kept = TypeVar("Kept")
Work = TypeVar("Work")


def simulate_design(design: Design, jobs: int = 1, first: int = 0) -> NDArray[np.float64]:
    """Return the measures of every design point with the same replications, from `first` on.

    Shape (points, replications, measures), in the order of the design and of `MEASURES`.
    """
    replications = range(first, design.replications)
    measures = np.empty((design.points, len(replications), len(MEASURES)))

    def keep(chunk: range, values: NDArray[np.float64]) -> None:
        measures[:, chunk.start - first : chunk.stop - first] = values

    simulate(design, [replications], choose_engine(design, first), jobs, lambda values: values, keep)
    return measures


def simulate(
    design: Design,
    replications: list[range],
    engine: str,
    jobs: int,
    prepare: Callable[[NDArray[np.float64]], Kept],
    keep: Callable[[range, Kept], None],
) -> None:
    """Simulate replications of every design point, chunk by chunk; an interruption ends it within a moment.

    Parameters
    ----------
    engine : `simpy` or `compiled`.
    jobs : threads of the compiled engine.
    prepare : converts the measures of a chunk, shape (points, replications, measures), in its thread.
    keep : called in this thread with each chunk and its converted measures, as chunks end.
    """
    chunks = chunks_of(design, replications, engine, jobs)
    if engine == "compiled":
        store.engine()  # compiled or loaded once, before threads use it
        simulated = compiled(design)
        _in_threads(iter(chunks), lambda chunk, stop: prepare(simulated(chunk, stop)), jobs, keep)
    else:
        for chunk in chunks:
            keep(chunk, prepare(simulate_chunk(design, chunk)))


def chunks_of(
    design: Design, replications: list[range], engine: str, threads: int, longer: int = 1
) -> list[range]:
    """Return replications cut into chunks, `longer` times as long as usual."""
    tasks = longer * TASKS_OF_A_CHUNK[engine]
    count = sum(map(len, replications))
    longest = max(1, min(tasks // design.tasks, -(-count // (CHUNKS_OF_A_THREAD * threads))))
    return [chunk for each in replications for chunk in _cut(each, longest)]


def _cut(replications: range, longest: int) -> Iterator[range]:
    """Cut replications into chunks of a length, the last one shorter."""
    for start in range(replications.start, replications.stop, longest):
        yield range(start, min(start + longest, replications.stop))


def _cut_for_cache(replications: range, variant: Variant) -> Iterator[range]:
    """Cut replications into parts whose random variates of all plans of a variant fit in the cache."""
    return _cut(replications, max(1, TASKS_DRAWN // max(len(plan.tasks) for plan in variant.plans)))


def simulate_chunk(design: Design, replications: range) -> NDArray[np.float64]:
    """Simulate replications of every design point by SimPy; shape (points, replications, measures).

    The random variates of a replication are computed once for all points of a variant.
    """
    from dispatch_sim.model.simulation import simulate

    rows = np.empty((design.points, len(replications), len(MEASURES)))
    for column, replication in enumerate(replications):
        outcomes = []
        for variant in design.variants:
            variates = Variates(variant.scenario, replication)
            outcomes += [simulate(plan, variates) for plan in variant.plans]
        rows[:, column] = outcomes
    return rows


def compiled(design: Design) -> Callable[..., NDArray[np.float64]]:
    """Return a function that simulates replications of every design point by the compiled engine.

    Several threads may call it at once, each with its chunk of replications and a number in an array, `stop`;
    once that is not 0, it ends at once with incomplete values. It returns shape (points, replications,
    measures).
    """
    from dispatch_sim.engine.plan import FlatPlan, FlatScenario

    variants = []
    for variant in design.variants:
        records = FlatScenario(variant.scenario)
        variants.append((variant, [FlatPlan(plan, records) for plan in variant.plans]))

    def simulate(chunk: range, stop: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        rows = np.empty((design.points, len(chunk), len(MEASURES)))
        point = 0
        for variant, plans in variants:
            of_variant = rows[point : point + len(plans)]
            for part in _cut_for_cache(chunk, variant):
                measures = _simulate_part(plans, part, [variant.scenario], stop)[0]
                of_variant[:, part.start - chunk.start : part.stop - chunk.start] = measures
            point += len(plans)
        return rows

    return simulate


def _simulate_part(
    plans: Sequence[FlatPlan],
    part: range,
    scenarios: Sequence[Scenario],
    stop: NDArray[np.int64] | None,
) -> NDArray[np.float64]:
    """Return measures of scenarios that differ in prices and values alone; see `Machine.simulate_priced`."""
    with idle_machine() as machine:
        machine.share(plans, part)
        return machine.simulate_priced(plans, part, scenarios, stop)


@dataclass(frozen=True, slots=True)
class Block:
    """Some replications of the design points of a variant."""

    variant: Variant
    replications: range

    @property
    def tasks(self) -> int:
        """Number of tasks that are simulated."""
        return len(self.replications) * sum(len(plan.tasks) for plan in self.variant.plans)


def simulate_blocks(
    blocks: Sequence[Block],
    engine: str,
    jobs: int,
    keep: Callable[[int, range, NDArray[np.float64]], None],
) -> None:
    """Simulate blocks; those whose scenarios differ in prices and values alone are simulated once.

    `keep` is called in this thread with the number of a block, a part of its replications, and their
    measures, shape (plans, replications, measures). `engine` and `jobs` are as those of `simulate`.
    """
    parts = [
        (number, block.variant, part)
        for number, block in enumerate(blocks)
        for part in _cut_for_cache(block.replications, block.variant)
    ]
    if engine != "compiled":
        for number, variant, part in parts:
            keep(number, part, simulate_chunk(Design((), (variant,), 0), part))
        return
    from dispatch_sim.engine.plan import FlatPlan, FlatScenario

    store.engine()  # compiled or loaded once, before threads use it
    scenarios = {id(block.variant.scenario): block.variant.scenario for block in blocks}
    records = {key: FlatScenario(scenario) for key, scenario in scenarios.items()}
    alike: dict[tuple[object, ...], tuple[range, list[int]]] = {}
    for number, variant, part in parts:
        points = tuple((plan.strategy, len(plan.tasks)) for plan in variant.plans)
        key = (records[id(variant.scenario)].key, points, part)
        alike.setdefault(key, (part, []))[1].append(number)

    def simulate(work: tuple[range, list[int]], stop: NDArray[np.int64]) -> NDArray[np.float64]:
        part, numbers = work
        variants = [blocks[number].variant for number in numbers]
        shared = records[id(variants[0].scenario)]
        plans = [FlatPlan(plan, shared) for plan in variants[0].plans]
        return _simulate_part(plans, part, [variant.scenario for variant in variants], stop)

    def keep_all(work: tuple[range, list[int]], measures: NDArray[np.float64]) -> None:
        part, numbers = work
        for number, of_block in zip(numbers, measures, strict=True):
            keep(number, part, of_block)

    _in_threads(iter(alike.values()), simulate, jobs, keep_all)


def _in_threads(
    work: Iterator[Work],
    simulate: Callable[[Work, NDArray[np.int64]], Kept],
    jobs: int,
    keep: Callable[[Work, Kept], None],
) -> None:
    """Simulate pieces of work in threads, as compiled code releases Python's global lock.

    Even one thread is started: the calling thread then receives interruptions, and stops it at once. An
    interruption can leave a lock of the pool locked for ever, so the calling thread takes none meanwhile.
    `simulate` ends at once if the number of its second argument is not 0.
    """
    stop = np.zeros(1, np.int64)

    def simulated(piece: Work) -> Kept:
        found = simulate(piece, stop)
        if stop[0]:
            raise CancelledError
        return found

    running: dict[Future[Kept], Work] = {}
    ended: SimpleQueue[Future[Kept]] = SimpleQueue()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            while True:
                while len(running) < CHUNKS_AT_WORK * jobs and (piece := next(work, None)) is not None:
                    with uninterrupted():
                        future = pool.submit(simulated, piece)
                        future.add_done_callback(ended.put)
                    running[future] = piece
                if not running:
                    return
                future = ended.get()
                keep(running.pop(future), future.result())
        except BaseException:
            stop[0] = 1
            with uninterrupted():
                pool.shutdown(wait=True, cancel_futures=True)
            raise


def all_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
