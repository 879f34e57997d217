"""Plays a design: blocks of replications, over the cores, over a cluster or in this process.

Results do not depend on the number of workers or the size of blocks: a replication is a pure function
of scenario, strategy, seed and its number, and rows are put into one order at the end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.interruption import uninterrupted
from dispatch_sim.study.design import MAX_ROWS, Design, DesignError
from dispatch_sim.study.engines import choose_engine, load_engine
from dispatch_sim.study.gathering import Piece, Rows, plain_parts
from dispatch_sim.study.workers import OnPiece, play_block, play_in_processes, play_in_threads

if TYPE_CHECKING:
    from dispatch_sim.study.cluster import Cluster

TASKS_OF_A_BLOCK = {"simpy": 7000, "compiled": 400_000}
"""A block takes a second or less: progress is seen, and little is lost when a study is interrupted."""

BLOCKS_OF_A_WORKER = 4
"""At least, so that none waits long for the last one."""

WORKERS_WITH_SHORT_BLOCKS = 100
"""To so many workers a cluster's scheduler hands out such blocks in less than half of its time; for more of
them blocks are longer (`benchmarks/cluster.py`)."""

WORTH_A_POOL = 30_000
"""Tasks below which starting worker processes takes longer than the work."""

OnProgress = Callable[[int, int], None]


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
    """Play every design point with the same replications, and keep all of them in memory.

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
        Where worker processes died.
    """
    replications = range(first, design.replications)
    if design.points * len(replications) > MAX_ROWS:
        raise DesignError(
            f"{design.points:,} ways of {len(replications):,} replications are more than the {MAX_ROWS:,} "
            "rows that are held in memory; ask for fewer replications or widths"
        )
    engine = choose_engine(design, first)
    rows = Rows()

    def keep(block: range, piece: Piece) -> None:
        rows.add(piece)
        if on_progress is not None:
            on_progress(first + rows.played, design.replications)

    interrupted = not play_blocks(design, [replications], engine, jobs, keep)
    numbers, measures = rows.table((design.points, len(MEASURES)), design.replications)
    return Played(numbers, measures, interrupted, engine)


def play_blocks(
    design: Design,
    replications: list[range],
    engine: str,
    jobs: int,
    keep: OnPiece,
    cluster: Cluster | None = None,
) -> bool:
    """Play replications of every design point, and hand them over, block by block.

    Parameters
    ----------
    replications : which of them, in order.
    engine : what plays, `simpy` or `compiled`.
    jobs : workers on this machine; results do not depend on it.
    keep : called with each block and its replications, in the order in which they end.
    cluster : whose workers play in place of this machine's.

    Returns
    -------
    Whether all were played: not where this was interrupted (Ctrl-C).

    Raises
    ------
    WorkerError
        Where worker processes died, or a cluster was lost.
    """
    count = sum(map(len, replications))
    if count == 0:  # an earlier run has played them
        return True

    def longest_for(workers: int) -> int:
        tasks = TASKS_OF_A_BLOCK[engine]
        if cluster is not None:
            tasks *= max(1, workers // WORKERS_WITH_SHORT_BLOCKS)
        return max(1, min(tasks // design.tasks, -(-count // (BLOCKS_OF_A_WORKER * workers))))

    def blocks_for_cluster(cluster: Cluster) -> Iterator[range]:
        for left in replications:
            while left:  # cut one by one, as workers join and leave
                block = next(plain_parts(left, longest_for(cluster.workers)))
                left = range(block.stop, left.stop)
                yield block

    longest = longest_for(jobs)
    blocks = chain.from_iterable(plain_parts(each, longest) for each in replications)

    def keep_whole(block: range, piece: Piece) -> None:
        with uninterrupted():
            keep(block, piece)

    try:
        if cluster is not None:
            cluster.play(design, engine, blocks_for_cluster(cluster), keep_whole)
        elif engine == "compiled":
            load_engine()
            play_in_threads(design, blocks, min(jobs, -(-count // longest)), keep_whole)
        elif jobs == 1 or count <= longest or design.tasks * count < WORTH_A_POOL:
            for block in blocks:
                keep_whole(block, Piece(block.start, play_block(design, block)))
        else:
            play_in_processes(design, blocks, min(jobs, -(-count // longest)), keep_whole)
    except KeyboardInterrupt:
        return False
    return True
