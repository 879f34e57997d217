"""Plays blocks of replications on a Dask cluster: an existing one, or workers started on this machine.

All is Dask's own (the extra `cluster`): its scheduler gives blocks to workers, and those of a worker that
dies to another. What is here says what a block is. A cluster runs whatever it is sent, as whoever started it:
connect to your own only.
"""

from __future__ import annotations

import pickle
import re
import zlib
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future
from contextlib import contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.design import Design
from dispatch_sim.study.engines import load_engine
from dispatch_sim.study.gathering import Piece
from dispatch_sim.study.reduction import Reduction
from dispatch_sim.study.workers import (
    BLOCKS_AT_WORK,
    CompiledPlayer,
    Keep,
    WorkerError,
    play_block,
    play_with,
)

if TYPE_CHECKING:
    from distributed import Client

_LOCAL = re.compile(r"local:([1-9][0-9]{0,3})")


class ClusterError(UserError):
    """A cluster that cannot be used; the message says why."""


class Cluster:
    """A connection to a Dask scheduler."""

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def workers(self) -> int:
        """How many blocks are played at once: the threads of all workers."""
        threads: dict[str, int] = self._client.nthreads()
        return max(1, sum(threads.values()))

    def play(
        self, design: Design, engine: str, reduction: Reduction, blocks: Iterator[range], keep: Keep
    ) -> None:
        """Play blocks on the workers, and keep them as they are done.

        Raises
        ------
        WorkerError
            Where the scheduler is lost, or block after block kills its worker.
        """
        from distributed import KilledWorker
        from distributed.comm.core import CommClosedError

        # A few kB with each block: what is scattered once is lost with the workers that hold it.
        what = zlib.compress(pickle.dumps((design, engine, reduction)))
        with self._client.get_executor(pure=False) as executor:

            def submit(block: range) -> Future[Piece]:
                submitted: Future[Piece] = executor.submit(_play, what, block)
                return submitted

            try:
                play_with(submit, blocks, BLOCKS_AT_WORK * self.workers, keep)
            except (CancelledError, CommClosedError, KilledWorker, OSError) as error:
                raise WorkerError(
                    f"the cluster was lost: {str(error)[:200] or type(error).__name__}. Go on with --resume, "
                    "with or without a cluster"
                ) from error
            except BaseException:
                executor.shutdown(wait=False)
                raise


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a cluster.

    Parameters
    ----------
    address : of a scheduler, such as `tcp://10.0.0.1:8786`, or `local:4` for four worker processes here.

    Raises
    ------
    ClusterError
        Where Dask is not installed, nothing answers, or a worker has another version of what it plays with.
    """
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ClusterError(
            "--cluster needs Dask; install it by: pip install 'dispatch-sim[cluster]'"
        ) from error
    local = _LOCAL.fullmatch(address)
    if local:
        options: dict[str, Any] = {"threads_per_worker": 1, "dashboard_address": None}
        with LocalCluster(n_workers=int(local[1]), **options) as made, Client(made) as client:
            yield Cluster(client)
        return
    if not re.match(r"(tcp|tls|ws|wss)://", address):
        raise ClusterError(
            f"--cluster: {address!r} is neither tcp://HOST:PORT of a Dask scheduler nor local:N"
        )
    try:
        client = Client(address, timeout="10s")
    except (OSError, ValueError) as error:
        raise ClusterError(f"--cluster: no Dask scheduler answers at {address}: {error}") from error
    with client:
        yield Cluster(client)


def _play(what: bytes, block: range) -> Piece:
    """On a worker: play a block."""
    design, reduction, player = _unpacked(what)
    rows = play_block(design, block) if player is None else player.play_block(block)
    return reduction.piece(block.start, rows)


@lru_cache(maxsize=4)
def _unpacked(what: bytes) -> tuple[Design, Reduction, CompiledPlayer | None]:
    """Return what is to be played, made ready once for all blocks of a stage."""
    design, engine, reduction = pickle.loads(zlib.decompress(what))
    if engine != "compiled":
        return design, reduction, None
    load_engine()
    return design, reduction, CompiledPlayer(design)
