"""Simulates chunks of replications on a Dask cluster, an existing one or `local:N` threads of this process.

Dask (the extra `cluster`) distributes chunks to workers, and reassigns those of a worker that dies. A cluster
runs any code that it is sent, with the rights of its owner: connect only to your own.
"""

from __future__ import annotations

import logging
import pickle
import re
import threading
import zlib
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from functools import lru_cache, partial
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dispatch_sim.engine import store
from dispatch_sim.interruption import uninterrupted
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.checkpoint import encode
from dispatch_sim.study.design import Design
from dispatch_sim.study.runner import chunks_of, compiled, simulate_chunk
from dispatch_sim.study.versions import software

if TYPE_CHECKING:
    from distributed import Client, Future

ANSWERS_WITHIN_S = 10
"""Seconds to wait for the answer of a scheduler."""

SHORT_CHUNKS = 100
"""Threads up to which chunks are short: a scheduler takes a millisecond for each."""

_LOCAL = re.compile(r"local:([1-9][0-9]{0,2})")
_SCHEDULER = re.compile(r"(tcp|tls|ws|wss)://([\w.-]+|\[[0-9a-fA-F:.]+\]):[0-9]{1,5}")
_LOG = logging.getLogger("dispatch_sim")


class ClusterError(UserError):
    """A cluster that cannot be used; the message says why."""


class WorkerError(UserError):
    """A cluster that was lost, or whose workers died; the message says what to do."""

    is_bad_input = False


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a scheduler, such as `tcp://10.0.0.1:8786`, or `local:4` for four threads here.

    Raises ClusterError where Dask is not installed, or nothing answers.
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
        held.enter_context(silence_logging_cmgr(logging.CRITICAL))
        if local:
            with uninterrupted():  # a cluster that has started in part does not end
                made = LocalCluster(
                    n_workers=1,
                    threads_per_worker=int(local[1]),
                    processes=False,
                    memory_limit=0,
                    # Otherwise, both listen on all interfaces.
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

    def simulate(
        self,
        design: Design,
        replications: list[range],
        engine: str,
        keep: Callable[[range, list[bytes]], None],
    ) -> None:
        """Simulate on the workers, as `runner.simulate` does here; `keep` gets the results of `encode`.

        Raises WorkerError where the scheduler is lost, or a chunk ends one worker after another, and
        ClusterError where a worker has other versions than this machine.
        """
        from distributed.client import ClosedClientError

        # A few kB with each chunk: data that is scattered once is lost with the workers that hold it.
        what = zlib.compress(pickle.dumps((design, engine)))
        ended: SimpleQueue[tuple[Future, range, Any]] = SimpleQueue()
        try:
            threads = sum(self._client.nthreads().values())
            if not threads:
                _LOG.warning("the cluster has no workers yet; waiting for them")
            chunks = chunks_of(design, replications, engine, max(1, threads), 1 + threads // SHORT_CHUNKS)
            calls = [pickle.dumps(_Call(what, chunk)) for chunk in chunks]
            futures = self._client.map(pickle.loads, calls, pure=False)
        except (OSError, CancelledError, ClosedClientError) as error:
            raise _lost() from error
        for future, chunk in zip(futures, chunks, strict=True):
            self._client.loop.add_callback(_fetch, future, chunk, ended)
        for _ in chunks:
            future, chunk, found = ended.get()
            if isinstance(found, BaseException):
                raise _explained(found) if future.status == "error" else _lost() from found
            keep(chunk, found)


async def _fetch(future: Future, chunk: range, ended: SimpleQueue[tuple[Future, range, Any]]) -> None:
    """In Dask's thread: wait until a chunk has ended, and get its measures.

    Each chunk by itself: gathering several waits half a minute for a worker that has just died.
    """
    try:
        ended.put((future, chunk, await future.client.gather(future, asynchronous=True)))
        future.release()
    except BaseException as error:
        ended.put((future, chunk, error))


def _lost() -> WorkerError:
    return WorkerError(
        "the cluster was lost: its scheduler does not answer any more. Completed chunks are stored; continue "
        "with --resume, with or without a cluster"
    )


def _explained(error: BaseException) -> BaseException:
    """Return the error of a chunk, with an explanation where it is the user's to fix."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return WorkerError(
            "one worker of the cluster after another ended in the same chunk (out of memory?). Give each "
            "more memory, or fewer threads"
        )
    if isinstance(error, ImportError | AttributeError):  # its version lacks what it was asked to call
        return ClusterError(
            f"a worker of the cluster has no dispatch-sim that can simulate: {error}. Install the same "
            "version there as here, and continue with --resume"
        )
    return error


class _Call:
    """The simulation of a chunk, as an object whose unpickling returns the measures.

    Dask passes it on as bytes: a worker ends if it cannot import what Dask itself unpickles.
    """

    def __init__(self, what: bytes, chunk: range) -> None:
        self._arguments = (software(), what, chunk)

    def __reduce__(self) -> tuple[Callable[..., list[bytes]], tuple[Mapping[str, str], bytes, range]]:
        return _simulate, self._arguments


def _simulate(here: Mapping[str, str], what: bytes, chunk: range) -> list[bytes]:
    """On a worker: simulate a chunk, unless this worker is unlike the machine that asks for it."""
    there = software()
    differing = [
        f"{name} {there.get(name)}, not {here[name]}" for name in here if there.get(name) != here[name]
    ]
    if differing:
        from distributed import get_worker

        raise ClusterError(
            f"{get_worker().address}, a worker of the cluster, has {'; '.join(differing)}. Its results would "
            "differ; install the same versions there, and continue with --resume"
        )
    with _preparing:
        simulate = _prepared(what)
    return encode(simulate(chunk))


_preparing = threading.Lock()


@lru_cache(maxsize=4)
def _prepared(what: bytes) -> Callable[[range], NDArray[np.float64]]:
    """Return what simulates a chunk, prepared once for all chunks of a stage and all threads of a worker."""
    design, engine = pickle.loads(zlib.decompress(what))
    if engine != "compiled":
        return partial(simulate_chunk, design)
    store.engine()
    return compiled(design)
