"""Plays blocks of replications on a Dask cluster: an existing one, or workers started on this machine.

All is Dask's own (the extra `cluster`): its scheduler gives blocks to workers, and those of a worker that
dies to another. What is here says what a block is, and what a worker has to be like. A cluster runs whatever
it is sent, as whoever started it: connect to your own only.
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
from typing import TYPE_CHECKING

import pyarrow as pa

from dispatch_sim.interruption import processes_uninterrupted, uninterrupted
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.design import Design
from dispatch_sim.study.engines import load_engine
from dispatch_sim.study.gathering import Piece
from dispatch_sim.study.versions import differences, playing_with
from dispatch_sim.study.workers import BLOCKS_AT_WORK, CompiledPlayer, OnPiece, WorkerError, play_block

if TYPE_CHECKING:
    from distributed import Client, Future

ANSWERS_WITHIN_S = 10
"""After how many seconds a scheduler counts as not there."""

COUNTED_EVERY_S = 1.0
"""How often the scheduler is asked for the number of its workers, which may join and leave."""

_LOCAL = re.compile(r"local:([1-9][0-9]{0,2})")
_SCHEDULER = re.compile(
    r"(tcp|tls|ws|wss)://[\w.-]+:[0-9]{1,5}|(tcp|tls|ws|wss)://\[[0-9a-fA-F:.]+\]:[0-9]{1,5}"
)
_LOG = logging.getLogger("dispatch_sim")

_Packed = tuple[int, bytes]
"""A piece on its way, of plain types, compressed: rows take a quarter of the room, or less, and that takes a
tenth of the time that playing them does."""


class ClusterError(UserError):
    """A cluster that cannot be used; the message says why."""


class Cluster:
    """A connection to a Dask scheduler."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._threads: int | None = None
        self._counted = 0.0

    @property
    def workers(self) -> int:
        """How many blocks are played at once: the threads of all workers, those of one while there are none.

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
            self._threads = found
            self._counted = time.monotonic()
        return max(1, self._threads)

    def play(self, design: Design, engine: str, blocks: Iterator[range], keep: OnPiece) -> None:
        """Play blocks on the workers, and keep them as they are done.

        Raises
        ------
        WorkerError
            Where the scheduler is lost, or a block kills one worker after another.
        ClusterError
            Where a worker has other versions than this machine.
        """
        # A few kB with each block: what is scattered once is lost with the workers that hold it.
        what = zlib.compress(pickle.dumps((design, engine)))
        at_work: dict[Future, range] = {}
        ended: SimpleQueue[tuple[Future, _Packed | BaseException]] = SimpleQueue()
        while True:
            for block in islice(blocks, max(0, BLOCKS_AT_WORK * self.workers - len(at_work))):
                with _scheduler_there():
                    future = self._client.submit(pickle.loads, pickle.dumps(_Call(what, block)), pure=False)
                at_work[future] = block
                self._client.loop.add_callback(self._fetch, future, ended)
            if not at_work:
                return
            try:
                future, found = ended.get(timeout=COUNTED_EVERY_S)
            except Empty:
                continue  # workers may have joined
            if isinstance(found, BaseException):
                raise _in_words(found) if future.status == "error" else _lost() from found
            keep(at_work.pop(future), _unpacked(found))

    async def _fetch(
        self, future: Future, ended: SimpleQueue[tuple[Future, _Packed | BaseException]]
    ) -> None:
        """In Dask's thread: wait until a block has ended, and get what it came to.

        Each by itself: of a worker that has just died Dask waits for half a minute.
        """
        try:
            ended.put((future, await self._client.gather(future, asynchronous=True)))
        except BaseException as error:
            ended.put((future, error))


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """Connect to a cluster.

    Parameters
    ----------
    address : of a scheduler, such as `tcp://10.0.0.1:8786`, or `local:4` for four worker processes here.

    Raises
    ------
    ClusterError
        Where Dask is not installed, or nothing answers.
    """
    local = _LOCAL.fullmatch(address)
    if not local and not _SCHEDULER.fullmatch(address):
        raise ClusterError(
            f"--cluster: {address!r} is neither a Dask scheduler's address, tcp://HOST:PORT, nor local:N "
            "for N workers on this machine, 999 at most"
        )
    try:
        from distributed import Client, LocalCluster
        from distributed.utils import silence_logging_cmgr
    except ImportError as error:
        raise ClusterError(
            "--cluster needs Dask; install it by: pip install 'dispatch-sim[cluster]'"
        ) from error
    with ExitStack() as held:
        held.enter_context(silence_logging_cmgr(logging.CRITICAL))  # what matters of it is told in words
        if local:
            with uninterrupted(), processes_uninterrupted():
                made = LocalCluster(
                    n_workers=int(local[1]),
                    threads_per_worker=1,
                    dashboard_address="127.0.0.1:0",
                    silence_logs=logging.CRITICAL,
                )
                held.enter_context(made)
                client = held.enter_context(Client(made))
        else:
            try:
                client = held.enter_context(Client(address, timeout=ANSWERS_WITHIN_S))
            except (OSError, ValueError, TypeError, RuntimeError, ImportError) as error:
                raise ClusterError(f"--cluster: no Dask scheduler answers at {address}: {error}") from error
        yield Cluster(client)


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
        "the cluster was lost: its scheduler does not answer any more. What is done is kept; go on with "
        "--resume, with or without a cluster"
    )


def _in_words(error: BaseException) -> BaseException:
    """Return what a block came to in place of a piece, in words where it is for the user."""
    from distributed import KilledWorker

    if isinstance(error, KilledWorker):
        return WorkerError(
            "one worker of the cluster after another ends while it plays a block (out of memory?). Give each "
            "more memory, or fewer threads"
        )
    if isinstance(error, ImportError):
        return ClusterError(
            f"a worker of the cluster has no dispatch-sim that can play: {error}. Install the same there as "
            "here, and go on with --resume"
        )
    return error


class _Call:
    """The playing of a block: a pickle that, where it is read, is what comes of it.

    Dask hands it on as bytes. Reading by reference what a worker does not have, it would end that worker.
    """

    def __init__(self, what: bytes, block: range) -> None:
        self._arguments = (playing_with(), what, block)

    def __reduce__(self) -> tuple[Callable[..., _Packed], tuple[Mapping[str, str], bytes, range]]:
        return _play, self._arguments


def _play(here: Mapping[str, str], what: bytes, block: range) -> _Packed:
    """On a worker: play a block, unless this worker is not like the machine that asks for it."""
    differing = list(differences(playing_with(), here))
    if differing:
        from distributed import get_worker

        raise ClusterError(
            f"{get_worker().address}, a worker of the cluster, has {'; '.join(differing)}. Its results would "
            "not be the same; install the same there, and go on with --resume"
        )
    design, player = _made_ready(what)
    rows = play_block(design, block) if player is None else player.play_block(block)
    return _packed(Piece(block.start, rows))


def _packed(piece: Piece) -> _Packed:
    data = pickle.dumps(tuple(piece))
    return len(data), pa.compress(data, "zstd", asbytes=True)


def _unpacked(packed: _Packed) -> Piece:
    size, compressed = packed
    return Piece(*pickle.loads(pa.decompress(compressed, size, "zstd")))


_making_ready = threading.Lock()


def _made_ready(what: bytes) -> tuple[Design, CompiledPlayer | None]:
    """Return what is to be played, made ready once for all blocks of a stage and all threads of a worker."""
    with _making_ready:
        return _made_ready_once(what)


@lru_cache(maxsize=4)
def _made_ready_once(what: bytes) -> tuple[Design, CompiledPlayer | None]:
    design, engine = pickle.loads(zlib.decompress(what))
    if engine != "compiled":
        return design, None
    load_engine()
    return design, CompiledPlayer(design)
