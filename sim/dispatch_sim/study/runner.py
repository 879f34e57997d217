"""Simulates designs: chunks of replications, in threads by the compiled engine, one after another by SimPy.

Results do not depend on the number of threads or the size of chunks: a replication is a pure function of the
scenario, the strategy, the seed and its number.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from itertools import chain
from queue import SimpleQueue
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import store
from dispatch_sim.interruption import uninterrupted
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.model.plan import Plan
from dispatch_sim.model.variates import Variates
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.design import Design, DesignError
from dispatch_sim.study.engines import choose_engine, idle_machine

if TYPE_CHECKING:
    from dispatch_sim.engine.machine import Machine

TASKS_OF_A_CHUNK = {"simpy": 7000, "compiled": 400_000}
"""A chunk takes a second or less, so that progress is visible, and an interruption loses little."""

CHUNKS_OF_A_THREAD = 4
"""Minimum, so that threads finish at about the same time."""

CHUNKS_AT_WORK = 2
"""Chunks submitted per thread: no thread is idle, and an interruption loses few."""

MOST_ROWS_HELD = 10_000_000
"""Rows of all measures that `simulate_design` holds: 5 GB."""

TASKS_DRAWN = 4000
"""Tasks whose random variates the design points share at a time; these fit in the processor's cache."""

OnProgress = Callable[[int, int], None]
"""Called with the numbers of completed and of all replications."""

Kept = TypeVar("Kept")
Work = TypeVar("Work")


class WorkerError(UserError):
    """A cluster that was lost, or whose workers died; the message says what to do."""

    is_bad_input = False


def simulate_design(design: Design, jobs: int = 1, first: int = 0) -> NDArray[np.float64]:
    """Simulate every design point with the same replications, and return all measures.

    Parameters
    ----------
    design : the points and the number of replications.
    jobs : threads of the compiled engine. Results do not depend on it.
    first : the replication to begin with.

    Returns
    -------
    Shape (points, replications, measures), in the order of the design and of `MEASURES`.

    Raises
    ------
    DesignError
        Where they would not fit in memory.
    KeyboardInterrupt
        Where interrupted.
    """
    replications = range(first, design.replications)
    if design.points * len(replications) > MOST_ROWS_HELD:
        raise DesignError(
            f"{design.points:,} design points of {len(replications):,} replications are more than the "
            f"{MOST_ROWS_HELD:,} rows that fit in memory; ask for fewer replications or points"
        )
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
    """Simulate replications of every design point, chunk by chunk.

    Parameters
    ----------
    replications : which of them, in order.
    engine : `simpy` or `compiled`.
    jobs : threads of the compiled engine.
    prepare : converts the measures of a chunk, shape (points, replications, measures), in its thread.
    keep : called in this thread with each chunk and its converted measures, as chunks end.

    Raises
    ------
    KeyboardInterrupt
        Where interrupted, within a moment.
    """
    longest = chunk_length(design, replications, engine, jobs)
    chunks = chain.from_iterable(cut(each, longest) for each in replications)
    if engine == "compiled":
        store.engine()  # compiled or loaded once, before threads use it
        simulator = CompiledSimulator(design)
        in_threads(chunks, lambda chunk, stop: prepare(simulator.simulate_chunk(chunk, stop)), jobs, keep)
    else:
        for chunk in chunks:
            keep(chunk, prepare(simulate_chunk(design, chunk)))


def chunk_length(
    design: Design, replications: list[range], engine: str, threads: int, longer: int = 1
) -> int:
    """Return the maximum number of replications of a chunk, `longer` times as many as usual."""
    tasks = longer * TASKS_OF_A_CHUNK[engine]
    count = sum(map(len, replications))
    return max(1, min(tasks // design.tasks, -(-count // (CHUNKS_OF_A_THREAD * threads))))


def cut(replications: range, longest: int) -> Iterator[range]:
    """Cut replications into chunks of a length, the last one shorter."""
    for start in range(replications.start, replications.stop, longest):
        yield range(start, min(start + longest, replications.stop))


def cut_for_cache(replications: range, plans: Iterable[Plan]) -> Iterator[range]:
    """Cut replications into parts whose random variates of all plans of a variant fit in the cache."""
    return cut(replications, max(1, TASKS_DRAWN // max(len(plan.tasks) for plan in plans)))


def simulate_chunk(design: Design, replications: range) -> NDArray[np.float64]:
    """Simulate replications of every design point by SimPy; shape (points, replications, measures).

    The random variates of a replication are computed once for all points of a variant.
    """
    from dispatch_sim.model.simulation import simulate

    rows = np.empty((design.points, len(replications), len(MEASURES)))
    for column, replication in enumerate(replications):
        point = 0
        for variant in design.variants:
            variates = Variates(variant.scenario, replication)
            for plan in variant.plans:
                rows[point, column] = simulate(plan, variates)
                point += 1
    return rows


class CompiledSimulator:
    """Simulates chunks of a design by the compiled engine; several threads may call it at once."""

    def __init__(self, design: Design) -> None:
        from dispatch_sim.engine.plan import FlatPlan
        from dispatch_sim.engine.scenario_records import FlatScenario

        self._points = design.points
        self._variants = []
        for variant in design.variants:
            scenario = FlatScenario(variant.scenario)
            self._variants.append([FlatPlan(plan, scenario) for plan in variant.plans])

    def simulate_chunk(self, chunk: range, stop: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Simulate replications of every design point; shape (points, replications, measures).

        If the number of `stop` is not 0, it ends at once, and returns incomplete values.
        """
        with idle_machine() as machine:
            return self._simulated(machine, chunk, stop)

    def _simulated(
        self, machine: Machine, chunk: range, stop: NDArray[np.int64] | None
    ) -> NDArray[np.float64]:
        rows = np.empty((self._points, len(chunk), len(MEASURES)))
        point = 0
        for plans in self._variants:
            for part in cut_for_cache(chunk, [plan.plan for plan in plans]):
                machine.share(plans, part)
                of_part = slice(part.start - chunk.start, part.stop - chunk.start)
                for number, plan in enumerate(plans, point):
                    rows[number, of_part] = machine.simulate_block(plan, part.start, len(part), stop)
            point += len(plans)
        return rows


def in_threads(
    work: Iterator[Work],
    simulate: Callable[[Work, NDArray[np.int64]], Kept],
    jobs: int,
    keep: Callable[[Work, Kept], None],
) -> None:
    """Simulate pieces of work in threads, as compiled code releases Python's global lock.

    Even one thread is started: the calling thread then receives interruptions, and stops it at once. An
    interruption can leave a lock of the pool locked for ever, so the calling thread takes none meanwhile.

    Parameters
    ----------
    work : what is simulated, in order.
    simulate : simulates a piece; it ends at once if the number of its second argument is not 0.
    keep : called in this thread with each piece and its result, as they end.
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
