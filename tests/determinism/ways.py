"""The ways in which the same studies are played, none of which may change a byte of what they come to."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent

LEFT_OUT = {
    "engine": ("engine", "scenario.as_written.engine", "scenario.resolved.engine"),
    "python": ("machine.python",),
    "cores": ("machine.cores",),
}
"""What of a manifest may differ, by path, where the engine, the Python or the number of cores is another."""

LINES_LEFT_OUT = {"engine": "5.3 Model execution", "python": "5.1 Software", "cores": "5.4 System"}
"""And the lines in which a report tells them, by what they begin with."""


@dataclass(frozen=True, slots=True)
class Case:
    """A study.

    Attributes
    ----------
    name : what its scenario's file in this folder is called.
    """

    name: str

    @property
    def path(self) -> Path:
        """Of its scenario."""
        return FOLDER / f"{self.name}.yaml"


CASES = (
    Case("mechanisms"),
    Case("factors"),
    Case("doubling"),
)
DOUBLING = CASES[2:]
BOTH_KINDS = (CASES[0], CASES[2])
"""Played in one stage and in three: for what takes seconds to start at each."""
REPORTED = CASES[1]
"""The case of which the report is compared as well."""


@dataclass(frozen=True, slots=True)
class Leg:
    """What one process plays of a study: all, what is left of it, or a beginning.

    Attributes
    ----------
    jobs : workers.
    cluster : in place of these.
    block : replications of a block, at most; None for as many as are usual.
    drawn : tasks whose draws are shared at a time (compiled); None for as many as are usual.
    blocks : after how many the leg ends; None for at the end.
    killed : whether it ends by SIGKILL; else as by Ctrl-C.
    one_core : whether the process may use one core only.
    """

    jobs: int = 1
    cluster: str | None = None
    block: int | None = None
    drawn: int | None = None
    blocks: int | None = None
    killed: bool = False
    one_core: bool = False


@dataclass(frozen=True, slots=True)
class Way:
    """How studies are played.

    Attributes
    ----------
    name : what it is called.
    engine : `simpy` or `compiled`; `auto`; or `both`, the first stage by one and the others by the other.
    legs : one after another; each but the first resumes.
    cases : those that are played so.
    environment : variables that are set, or with None not set.
    elsewhere : whether the working directory is another.
    python : what plays it, and `differing` then says so.
    differing : which of `LEFT_OUT` may differ, and does.
    reported : whether the report is written too.
    """

    name: str
    engine: str
    legs: tuple[Leg, ...] = (Leg(),)
    cases: tuple[Case, ...] = CASES
    environment: dict[str, str | None] = field(default_factory=dict)
    elsewhere: bool = False
    python: str = sys.executable
    differing: tuple[str, ...] = ()
    reported: bool = False


OLDER_PROCESSOR = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Nehalem",
    "ARROW_USER_SIMD_LEVEL": "SSE4_2",
}
"""Has NumPy, OpenBLAS and Arrow do without AVX, as where there is none; without effect but on x86."""

REFERENCE = Way("simpy, this process", "simpy", reported=True)
"""What all others are held against."""

LOCAL = "local:2"


def _of(engine: str, what: str, *legs: Leg, **more: Any) -> Way:
    differing = () if engine == "simpy" else ("engine",)
    return Way(f"{engine}, {what}", engine, legs or (Leg(),), differing=differing, **more)


def executors() -> Iterator[Way]:
    """Yield each engine in everything that it is played in, by one, two and seven workers."""
    yield _of("simpy", "2 processes", Leg(jobs=2), reported=True)
    yield _of("simpy", "7 processes", Leg(jobs=7), cases=BOTH_KINDS)
    yield _of("simpy", f"cluster {LOCAL}", Leg(cluster=LOCAL), cases=BOTH_KINDS)
    yield _of("compiled", "1 thread", Leg(), reported=True)
    yield _of("compiled", "2 threads", Leg(jobs=2))
    yield _of("compiled", "7 threads", Leg(jobs=7))
    yield _of("compiled", f"cluster {LOCAL}", Leg(cluster=LOCAL), cases=BOTH_KINDS)
    yield _of("auto", "as it chooses", Leg(jobs=2))
    yield _of("both", "simpy, then compiled", Leg(jobs=2), cases=DOUBLING)


def blocks() -> Iterator[Way]:
    """Yield blocks of several sizes."""
    for size in (1, 3, 16):
        yield _of("simpy", f"this process, blocks of {size}", Leg(block=size))
        yield _of("compiled", f"2 threads, blocks of {size}", Leg(jobs=2, block=size))
    yield _of("simpy", "2 processes, blocks of 1", Leg(jobs=2, block=1), cases=BOTH_KINDS)
    yield _of("simpy", "7 processes, blocks of 5", Leg(jobs=7, block=5), cases=CASES[:1])
    yield _of("compiled", "7 threads, draws for a task at a time", Leg(jobs=7, drawn=1))


def resumed() -> Iterator[Way]:
    """Yield studies that were killed or stopped after several numbers of blocks, and resumed."""
    one, two, cluster = Leg(), Leg(jobs=2), Leg(cluster=LOCAL)

    def killed(count: int, leg: Leg = one, block: int = 4) -> Leg:
        return replace(leg, block=block, blocks=count, killed=True)

    def stopped(count: int, leg: Leg = one, block: int = 4) -> Leg:
        return replace(leg, block=block, blocks=count)

    for count in (1, 2, 9):
        yield _of("simpy", f"killed after {count} blocks", killed(count), one)
        yield _of("compiled", f"stopped after {count} blocks", stopped(count, two), two)
    some: dict[str, Any] = {"cases": BOTH_KINDS}
    yield _of("simpy", "killed after 3 blocks, then 2 processes", killed(3), two, reported=True)
    yield _of("simpy", "2 processes stopped after 3 blocks, then 1", stopped(3, two), one, **some)
    yield _of("simpy", "2 processes killed after 3 blocks, then 7", killed(3, two), Leg(jobs=7), **some)
    yield _of("compiled", "2 threads killed after 3 blocks, then 7", killed(3, two), Leg(jobs=7))
    yield _of("compiled", "stopped after 3 blocks, then blocks of 3", stopped(3), Leg(block=3))
    yield _of("simpy", "killed after 3 blocks, then a cluster", killed(3), cluster, **some)
    yield _of("simpy", "cluster killed after 3 blocks, then 2 processes", killed(3, cluster), two, **some)
    yield _of("compiled", "cluster stopped after 3 blocks, then threads", stopped(3, cluster), two, **some)
    yield _of("simpy", "killed after 2 blocks, and 3 more of 3", killed(2), killed(3, one, 3), one)
    some = {"cases": DOUBLING}
    yield _of("simpy", "killed in the second stage", killed(20, one, 16), one, **some)
    yield _of("compiled", "stopped in the third stage", stopped(45, two, 16), one, **some)
    yield _of("both", "killed in the second stage", killed(20, one, 16), two, **some)


def platforms(unwritable: Path) -> Iterator[Way]:
    """Yield what else of a machine may differ; `unwritable` is a folder that nobody can make anything in."""

    def under(what: str, engine: str = "simpy", **environment: str | None) -> Way:
        return _of(engine, what, cases=CASES, environment=environment, reported=True)

    yield under("hashes seeded by 1", PYTHONHASHSEED="1")
    yield under("hashes seeded by 4242", PYTHONHASHSEED="4242")
    yield under("LC_ALL=C, no UTF-8 mode", LC_ALL="C", LANG="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    yield under("LC_ALL=C.UTF-8, TZ=Asia/Kathmandu", LC_ALL="C.UTF-8", TZ="Asia/Kathmandu")
    yield under("TZ=America/St_Johns", TZ="America/St_Johns")
    for count in ("1", "2"):
        threads = dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"), count)
        yield under(f"{count} threads of OpenBLAS and OpenMP", **threads)
    yield under("instructions of an older processor", **OLDER_PROCESSOR)
    yield replace(under("another working directory"), elsewhere=True)
    home = {"HOME": str(unwritable), "XDG_CACHE_HOME": None, "MPLCONFIGDIR": None}
    yield under("a home that cannot be written to", **home)
    yield under("a home that cannot be written to", "compiled", **home)
    yield replace(under("one core"), legs=(Leg(one_core=True),), differing=("cores",))


def of_python(version: str, python: str) -> Iterator[Way]:
    """Yield both engines by another Python."""
    for way in (
        _of("simpy", "this process", Leg(), reported=True),
        _of("simpy", "2 processes", Leg(jobs=2)),
        _of("compiled", "2 threads", Leg(jobs=2), reported=True),
    ):
        yield replace(
            way, name=f"Python {version}, {way.name}", python=python, differing=("python", *way.differing)
        )
