"""Plays a design: blocks of replications, over the cores or in this process.

Results do not depend on the number of workers or the size of blocks: a replication is a pure function
of scenario, strategy, seed and its number, and rows are put into one order at the end.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import (
    FIRST_COMPLETED,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    as_completed,
    wait,
)
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.study.design import MAX_ROWS, Design, DesignError
from dispatch_sim.study.engines import choose_engine

TASKS_OF_A_BLOCK = {"simpy": 7000, "compiled": 400_000}
"""A block takes a second or less: progress is seen, and little is lost when a study is interrupted."""

BLOCKS_OF_A_WORKER = 4
"""At least, so that none waits long for the last one."""

TASKS_DRAWN = 4000
"""Tasks whose draws the design points share at a time, so that they stay in the processor's cache."""

WORTH_A_POOL = 30_000
"""Tasks below which starting worker processes takes longer than the work."""

OnProgress = Callable[[int, int], None]


class WorkerError(Exception):
    """A worker process died; the message says so in words for the user."""


@dataclass(frozen=True, slots=True)
class Played:
    """What has been played.

    Attributes
    ----------
    replications : shape (R,), their numbers, increasing; fewer than asked for where interrupted.
    measures : shape (points, R, measures), in the order of the design and of `MEASURES`.
    interrupted : whether the study was stopped before its end.
    engine : what played: `simpy`, `compiled`, or both where the first replications were soon played.
    """

    replications: NDArray[np.int64]
    measures: NDArray[np.float64]
    interrupted: bool
    engine: str


def play_design(
    design: Design, jobs: int = 1, on_progress: OnProgress | None = None, first: int = 0
) -> Played:
    """Play every design point with the same replications.

    Parameters
    ----------
    design : the points and the number of replications.
    jobs : workers, processes or (compiled) threads. Results do not depend on it.
    on_progress : called with the replications done and all of them, as blocks end.
    first : the replication to begin with; those before it are done.

    Raises
    ------
    DesignError
        Where its rows would not fit in memory.
    WorkerError
        Where a worker process died.
    """
    replications = design.replications - first
    if design.points * replications > MAX_ROWS:
        raise DesignError(
            f"{design.points:,} ways of {replications:,} replications are more than the {MAX_ROWS:,} rows "
            "that are held in memory; ask for fewer replications or widths"
        )
    engine = choose_engine(design, first)
    shares = BLOCKS_OF_A_WORKER * jobs
    size = max(1, min(TASKS_OF_A_BLOCK[engine] // design.tasks, -(-replications // shares)))
    blocks = _parts(range(first, design.replications), size)
    done: dict[int, NDArray[np.float64]] = {}

    def keep(block: range, rows: NDArray[np.float64]) -> None:
        done[block.start] = rows
        if on_progress is not None:
            on_progress(first + sum(rows.shape[1] for rows in done.values()), design.replications)

    interrupted = False
    try:
        if engine == "compiled":
            _play_in_threads(design, blocks, jobs, keep)
        elif jobs == 1 or len(blocks) == 1 or design.tasks * replications < WORTH_A_POOL:
            for block in blocks:
                keep(block, play_block(design, block))
        else:
            _play_in_processes(design, blocks, jobs, keep)
    except KeyboardInterrupt:
        interrupted = True
    parts = [(start, done[start]) for start in sorted(done)]
    shape = (design.points, 0, len(MEASURES))
    return Played(
        np.concatenate(
            [np.arange(start, start + rows.shape[1]) for start, rows in parts] or [np.empty(0, np.int64)]
        ),
        np.concatenate([rows for _, rows in parts] or [np.empty(shape)], axis=1),
        interrupted,
        engine,
    )


def _parts(replications: range, size: int) -> list[range]:
    return [replications[start : start + size] for start in range(0, len(replications), size)]


def play_block(design: Design, replications: range) -> NDArray[np.float64]:
    """Play some replications of every design point by SimPy; shape (points, replications, measures).

    The draws of a replication are computed once for all points of a variant.
    """
    rows = np.empty((design.points, len(replications), len(MEASURES)))
    for column, replication in enumerate(replications):
        point = 0
        for variant in design.variants:
            luck = Luck(variant.scenario, replication)
            for plan in variant.plans:
                rows[point, column] = play(plan, luck)
                point += 1
    return rows


def _play_in_threads(
    design: Design, blocks: list[range], jobs: int, keep: Callable[[range, NDArray[np.float64]], None]
) -> None:
    """Play blocks by the compiled engine, in threads, as compiled code lets others run meanwhile.

    Also with one: this thread is then free to be interrupted, and stops the others at once.
    """
    from dispatch_sim.dispatch.compiled.engine import Drawn, Machine
    from dispatch_sim.dispatch.compiled.flat_plan import FlatPlan

    variants = [[FlatPlan(plan) for plan in variant.plans] for variant in design.variants]
    stop = np.zeros(1, np.int64)

    def play_compiled(block: range) -> NDArray[np.float64]:
        machine = Machine()
        rows = np.empty((design.points, len(block), len(MEASURES)))
        point = 0
        for plans in variants:
            for part in _parts(block, max(1, TASKS_DRAWN // max(plan.size.tasks for plan in plans))):
                drawn = Drawn(plans, part)
                of_part = slice(part.start - block.start, part.stop - block.start)
                for number, plan in enumerate(plans, point):
                    rows[number, of_part] = machine.play_block(
                        plan, part.start, len(part), drawn=drawn, stop=stop
                    )
            point += len(plans)
        return rows

    with ThreadPoolExecutor(min(jobs, len(blocks))) as pool:
        running = {pool.submit(play_compiled, block): block for block in blocks}
        try:
            for future in as_completed(running):
                keep(running.pop(future), future.result())
        except KeyboardInterrupt:
            stop[0] = 1
            pool.shutdown(wait=True, cancel_futures=True)
            raise


_design: Design | None = None
"""In a worker process, the design that it plays."""


def _start_worker(design: Design) -> None:
    global _design
    _design = design
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides when an interrupted study ends
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    """End when the parent is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def _play_in_worker(replications: range) -> NDArray[np.float64]:
    assert _design is not None
    return play_block(_design, replications)


def _play_in_processes(
    design: Design, blocks: list[range], jobs: int, keep: Callable[[range, NDArray[np.float64]], None]
) -> None:
    workers = min(jobs, len(blocks))
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=_start_worker, initargs=(design,)
    )
    try:
        waiting = iter(blocks)
        running: dict[Future[NDArray[np.float64]], range] = {}
        while True:
            # Two blocks a worker: none is idle, and few are lost when the study is interrupted.
            while len(running) < 2 * workers and (block := next(waiting, None)) is not None:
                running[pool.submit(_play_in_worker, block)] = block
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                keep(running.pop(future), future.result())
    except BrokenProcessPool as error:
        raise WorkerError(
            "a worker process ended unexpectedly (out of memory?); nothing was written. Try fewer --jobs"
        ) from error
    except KeyboardInterrupt:
        for child in multiprocessing.active_children():
            child.terminate()
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def all_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
