"""Plays blocks of replications on this machine: in threads by the compiled engine, in processes by SimPy."""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnContext
from typing import cast

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.interruption import processes_uninterrupted, uninterrupted
from dispatch_sim.study.design import Design
from dispatch_sim.study.gathering import Piece, plain_parts

TASKS_DRAWN = 4000
"""Tasks whose draws the design points share at a time, so that they stay in the processor's cache."""

BLOCKS_AT_WORK = 2
"""Blocks that a worker is given at a time: none is idle, few are lost when a study is interrupted, and those
of a billion replications are not held as a list."""

MOST_DEATHS = 3
"""Worker processes that may die one after another: a block that kills each of them would go on for ever."""

OnPiece = Callable[[range, Piece], None]
"""Called with each block and its replications."""


class WorkerError(Exception):
    """A worker process died, or a cluster was lost; the message says so in words for the user."""


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


class CompiledPlayer:
    """Plays blocks of a design by the compiled engine; several threads may ask it at once.

    Attributes
    ----------
    stop : where its number is set to something, blocks end at once, and what they return holds nothing.
    """

    def __init__(self, design: Design) -> None:
        from dispatch_sim.dispatch.compiled.flat_plan import FlatPlan

        self._points = design.points
        self._variants = [[FlatPlan(plan) for plan in variant.plans] for variant in design.variants]
        self.stop = np.zeros(1, np.int64)

    def play_block(self, block: range) -> NDArray[np.float64]:
        """Play some replications of every design point; shape (points, replications, measures)."""
        from dispatch_sim.dispatch.compiled.engine import Drawn, Machine

        machine = Machine()
        rows = np.empty((self._points, len(block), len(MEASURES)))
        point = 0
        for plans in self._variants:
            for part in plain_parts(block, max(1, TASKS_DRAWN // max(plan.size.tasks for plan in plans))):
                drawn = Drawn(plans, part)
                of_part = slice(part.start - block.start, part.stop - block.start)
                for number, plan in enumerate(plans, point):
                    rows[number, of_part] = machine.play_block(
                        plan, part.start, len(part), drawn=drawn, stop=self.stop
                    )
            point += len(plans)
        return rows


def play_with(
    submit: Callable[[range], Future[Piece]], blocks: Iterator[range], most: int, keep: OnPiece
) -> None:
    """Play blocks by whatever takes them, at most so many at a time, and keep them as they are done."""
    running: dict[Future[Piece], range] = {}
    while True:
        while len(running) < most and (block := next(blocks, None)) is not None:
            running[submit(block)] = block
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            keep(running.pop(future), future.result())


def play_in_threads(design: Design, blocks: Iterator[range], jobs: int, keep: OnPiece) -> None:
    """Play blocks by the compiled engine, in threads, as compiled code lets others run meanwhile.

    Also with one: this thread is then free to be interrupted, and stops the others at once.
    """
    player = CompiledPlayer(design)

    def played(block: range) -> Piece:
        rows = player.play_block(block)
        if player.stop[0]:
            raise CancelledError  # they hold nothing
        return Piece(block.start, rows)

    with ThreadPoolExecutor(jobs) as pool:
        try:
            play_with(lambda block: pool.submit(played, block), blocks, BLOCKS_AT_WORK * jobs, keep)
        except BaseException:
            player.stop[0] = 1
            pool.shutdown(wait=True, cancel_futures=True)
            raise


class _Worker:
    """A process, the pipe on which it is given blocks, and those whose rows it has not yet given back."""

    def __init__(self, context: SpawnContext) -> None:
        self.given: list[range] = []
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs,), daemon=True)
        self.process.start()
        theirs.close()

    def send(self, what: object) -> None:
        """Send something; that the process is dead shows where its pipe is read."""
        with suppress(OSError):
            self.pipe.send(what)


def play_in_processes(design: Design, blocks: Iterator[range], jobs: int, keep: OnPiece) -> None:
    """Play blocks by SimPy in processes started afresh; the blocks of one that dies are played by another.

    Each has a pipe of its own. In `concurrent.futures` all write into one pipe, whose writing end the parent
    holds too, so one that is killed while it writes leaves the parent waiting for the rest for ever.

    Raises
    ------
    WorkerError
        Where one worker after another dies.
    """
    context = multiprocessing.get_context("spawn")
    workers: list[_Worker] = []
    left: list[range] = []
    deaths = 0

    def start(count: int) -> None:
        for _ in range(count):
            # So that each process that has begun is among those that are ended.
            with uninterrupted(), processes_uninterrupted():
                try:
                    worker = _Worker(context)
                except OSError as error:
                    raise WorkerError(
                        f"a worker process cannot be started: {error.strerror or error}. Try fewer --jobs"
                    ) from error
                workers.append(worker)
            # Not as an argument: a process that dies before it reads that leaves its parent waiting.
            worker.send(design)

    try:
        start(jobs)
        while True:
            for worker in workers:
                while len(worker.given) < BLOCKS_AT_WORK:
                    block = left.pop() if left else next(blocks, None)
                    if block is None:
                        break
                    worker.given.append(block)
                    worker.send(block)
            at_work = {worker.pipe: worker for worker in workers if worker.given}
            if not at_work:
                break
            for pipe in multiprocessing.connection.wait(list(at_work)):
                worker = at_work[cast(Connection, pipe)]
                try:
                    piece = worker.pipe.recv()
                except (EOFError, OSError) as error:
                    deaths += 1
                    if deaths > MOST_DEATHS:
                        raise WorkerError(
                            "one worker process after another ends unexpectedly (out of memory?). "
                            "Try fewer --jobs"
                        ) from error
                    workers.remove(worker)
                    left += worker.given
                    start(1)
                    continue
                if isinstance(piece, Exception):
                    raise piece
                deaths = 0
                keep(worker.given.pop(0), piece)
        for worker in workers:
            worker.pipe.close()  # it ends by that
            worker.process.join()
    except BaseException:
        for worker in workers:
            worker.process.kill()  # nothing is shared with it that it could leave locked
        raise


def _work(pipe: Connection) -> None:
    """In a worker process: play the blocks that come, until no more do."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(EOFError):
        design = pipe.recv()
        while True:
            block = pipe.recv()
            try:
                piece: Piece | Exception = Piece(block.start, play_block(design, block))
            except Exception as error:  # to be told where somebody sees it
                piece = error
            pipe.send(piece)


def _end_with_parent() -> None:
    """End when the parent is gone, however it went."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        multiprocessing.connection.wait([parent.sentinel])
        os._exit(1)


def all_cores() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
