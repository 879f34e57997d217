"""Simulates chunks of replications on a Dask cluster, an existing one or `local:N` threads of this process.

Dask (the extra `cluster`) gives chunks to workers, and those of a worker that dies to another. A cluster runs
whatever it is sent, as whoever started it: connect to your own only.
"""

from __future__ import annotations

import logging
import pickle
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from itertools import islice
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from dispatch_sim.engine import store
from dispatch_sim.interruption import uninterrupted
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.checkpoint import encode
from dispatch_sim.study.design import Design
from dispatch_sim.study.runner import (
    CHUNKS_AT_WORK,
    CompiledSimulator,
    WorkerError,
    chunk_length,
    cut,
    simulate_chunk,
)
from dispatch_sim.study.versions import differences, software

if TYPE_CHECKING:
    from distributed import Client, Future

ANSWERS_WITHIN_S = 10
"""After how many seconds without an answer there is no scheduler."""

COUNTED_EVERY_S = 1.0
"""How often the scheduler is asked for its workers, which may join and leave."""

THREADS_WITH_SHORT_CHUNKS = 100
"""A scheduler takes a millisecond for a chunk; for more threads chunks are longer."""

_LOCAL = re.compile(r"local:([1-9][0-9]{0,2})")
_SCHEDULER = re.compile(
    r"(tcp|tls|ws|wss)://[\w.-]+:[0-9]{1,5}|(tcp|tls|ws|wss)://\[[0-9a-fA-F:.]+\]:[0-9]{1,5}"
)
_LOG = logging.getLogger("dispatch_sim")


class ClusterError(UserError):
    """A cluster that cannot be used; the message says why."""


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a cluster.

    Parameters
    ----------
    address : of a scheduler, such as `tcp://10.0.0.1:8786`, or `local:4` for four threads here.

    Raises
    ------
    ClusterError
        Where Dask is not installed, or nothing answers.
    """
    local = _LOCAL.fullmatch(address)
    if not local and not _SCHEDULER.fullmatch(address):
        raise ClusterError(
            f"--cluster: {address!r} is neither a Dask scheduler's address, tcp://HOST:PORT, nor local:N "
            "for N threads of this process, 999 at most"
        )
    try:
        from distributed import Client, LocalCluster
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise ClusterError(
            "--cluster needs Dask; install it with: pip install 'dispatch-sim[cluster]'"
        ) from error
    with ExitStack() as held:
        held.enter_context(silence_logging_cmgr(logging.CRITICAL))  # what matters of it is said in words
        if local:
            with uninterrupted():  # half a cluster would not end
                made = LocalCluster(
                    n_workers=1,
                    threads_per_worker=int(local[1]),
                    processes=False,
                    memory_limit=0,
                    # Both would listen to everybody.
                    dashboard_address="127.0.0.1:0",
                    worker_dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
                client = held.enter_context(Client(held.enter_context(made)))
        else:
            try:
                client = held.enter_context(Client(address, timeout=ANSWERS_WITHIN_S))
            except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
                raise ClusterError(f"--cluster: no Dask scheduler answers at {address}: {error}") from error
        yield Cluster(client)


class Cluster:
    """A connection to a Dask scheduler."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._threads: int | None = None
        self._counted = 0.0

    @property
    def threads(self) -> int:
        """The threads of all workers; one while there are none.

        Raises
        ------
        WorkerError
            Where the scheduler is lost.
        """
        if self._threads is None or time.monotonic() - self._counted >= COUNTED_EVERY_S:
            with _scheduler_there():
                found = sum(self._client.nthreads().values())
            if found == 0 != self._threads:
                _LOG.warning("the cluster has no workers at present; waiting for them")
            self._threads, self._counted = found, time.monotonic()
        return max(1, self._threads)

    def simulate(
        self,
        design: Design,
        replications: list[range],
        engine: str,
        keep: Callable[[range, list[bytes]], None],
    ) -> None:
        """Simulate replications of every design point on the workers, as `runner.simulate` does here.

        Parameters
        ----------
        keep : called in this thread with each chunk and what `encode` makes of its measures.

        Raises
        ------
        WorkerError
            Where the scheduler is lost, or a chunk ends one worker after another.
        ClusterError
            Where a worker has other versions than this machine.
        """
        # A few kB with each chunk: what is scattered once is lost with the workers that hold it.
        what = zlib.compress(pickle.dumps((design, engine)))
        chunks = self._chunks(design, replications, engine)
        at_work: dict[Future, range] = {}
        ended: SimpleQueue[tuple[Future, Any]] = SimpleQueue()
        while True:
            more = list(islice(chunks, max(0, CHUNKS_AT_WORK * self.threads - len(at_work))))
            with _scheduler_there():
                calls = [pickle.dumps(_Call(what, chunk)) for chunk in more]
                futures = self._client.map(pickle.loads, calls, pure=False)
            at_work |= zip(futures, more, strict=True)
            for future in futures:
                self._client.loop.add_callback(_fetch, future, ended)
            if not at_work:
                return
            try:
                future, found = ended.get(timeout=COUNTED_EVERY_S)
            except Empty:
                continue  # workers may have joined
            if isinstance(found, BaseException):
                raise _in_words(found) if future.status == "error" else _lost() from found
            keep(at_work.pop(future), found)

    def _chunks(self, design: Design, replications: list[range], engine: str) -> Iterator[range]:
        """Cut replications one chunk after another, as workers join and leave."""
        for left in replications:
            while left:
                longer = max(1, self.threads // THREADS_WITH_SHORT_CHUNKS)
                longest = chunk_length(design, replications, engine, self.threads, longer)
                chunk = next(cut(left, longest))
                left = range(chunk.stop, left.stop)
                yield chunk


async def _fetch(future: Future, ended: SimpleQueue[tuple[Future, Any]]) -> None:
    """In Dask's thread: wait until a chunk has ended, and get its measures.

    Each chunk by itself: gathering several waits half a minute for a worker that has just died.
    """
    try:
        ended.put((future, await future.client.gather(future, asynchronous=True)))
    except BaseException as error:
        ended.put((future, error))


@contextmanager
def _scheduler_there() -> Iterator[None]:
    """Turn what Dask raises where its scheduler is gone into words."""
    from distributed.client import ClosedClientError

    try:
        yield
    except (OSError, CancelledError, ClosedClientError) as error:
        raise _lost() from error


def _lost() -> WorkerError:
    return WorkerError(
        "the cluster was lost: its scheduler does not answer any more. What is done is kept; continue with "
        "--resume, with or without a cluster"
    )


def _in_words(error: BaseException) -> BaseException:
    """Return the error of a chunk, in words where it is for the user."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return WorkerError(
            "one worker of the cluster after another ended in the same chunk (out of memory?). Give each "
            "more memory, or fewer threads"
        )
    if isinstance(error, ImportError | AttributeError):  # its version lacks what it was asked to call
        return ClusterError(
            f"a worker of the cluster has no dispatch-sim that can simulate: {error}. Install the same there "
            "as here, and continue with --resume"
        )
    return error


class _Call:
    """The simulation of a chunk: a pickle whose reading returns the measures.

    Dask hands it on as bytes. A worker that cannot import what Dask itself has to read would end.
    """

    def __init__(self, what: bytes, chunk: range) -> None:
        self._arguments = (software(), what, chunk)

    def __reduce__(self) -> tuple[Callable[..., list[bytes]], tuple[Mapping[str, str], bytes, range]]:
        return _simulate, self._arguments


def _simulate(here: Mapping[str, str], what: bytes, chunk: range) -> list[bytes]:
    """On a worker: simulate a chunk, unless this worker is unlike the machine that asks for it."""
    differing = list(differences(software(), here))
    if differing:
        from distributed import get_worker

        raise ClusterError(
            f"{get_worker().address}, a worker of the cluster, has {'; '.join(differing)}. Its results would "
            "not be the same; install the same there, and continue with --resume"
        )
    with _making_ready:
        design, player = _made_ready(what)
    return encode(simulate_chunk(design, chunk) if player is None else player.simulate_chunk(chunk))


_making_ready = threading.Lock()


@lru_cache(maxsize=4)
def _made_ready(what: bytes) -> tuple[Design, CompiledSimulator | None]:
    """Return what is simulated, made ready once for all chunks of a stage and all threads of a worker."""
    design, engine = pickle.loads(zlib.decompress(what))
    if engine != "compiled":
        return design, None
    store.engine()
    return design, CompiledSimulator(design)
