"""The same bytes by either engine, for any number of threads, after interruptions, on Dask and platforms."""

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dispatch_sim.decide import rare_events
from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.studies import sweep
from dispatch_sim.model.events import Activity
from dispatch_sim.model.outcome import MEASURES
from dispatch_sim.report.page import write_report
from dispatch_sim.scenario import model
from dispatch_sim.scenario.loader import load_source
from dispatch_sim.study import design, runner
from dispatch_sim.study.design import design_sweep
from dispatch_sim.study.results import write_results
from tests.conformance.comparison import simulate_compiled

FOLDER = Path(__file__).parent
STUDIES = ("mechanisms", "factors", "doubling")


@dataclass(frozen=True)
class Leg:
    """What one run simulates of a study: all, what is left of it, or the first chunks.

    Attributes
    ----------
    jobs : threads.
    chunk : replications of a chunk, at most; None for as many as are usual.
    ends_after : so many chunks; None for at the end.
    cluster : in place of threads.
    drawn : tasks whose draws are shared at a time.
    """

    jobs: int = 1
    chunk: int | None = None
    ends_after: int | None = None
    cluster: str | None = None
    drawn: int = runner.TASKS_DRAWN


LEGS = {
    "compiled, 1 thread": ("compiled", Leg()),
    "compiled, 7 threads, draws for a task at a time": ("compiled", Leg(jobs=7, drawn=1)),
    "compiled, 2 threads, chunks of 11": ("compiled", Leg(jobs=2, chunk=11)),
    "SimPy, chunks of 16": ("simpy", Leg(chunk=16)),
    "compiled, ended, other threads": ("compiled", Leg(jobs=2, chunk=4, ends_after=3), Leg(jobs=7)),
    "compiled, ended twice": (
        "compiled",
        Leg(chunk=16, ends_after=2),
        Leg(chunk=5, ends_after=3),
        Leg(jobs=2),
    ),
    "compiled, Dask ended, threads": ("compiled", Leg(cluster="local:2", chunk=4, ends_after=3), Leg(jobs=2)),
    "SimPy, ended": ("simpy", Leg(chunk=4, ends_after=9), Leg()),
}
UNDISTURBED = list(LEGS)[:3]
FEW = (model, "FIRST", 32), (rare_events, "QUOTED", 64), (design, "SCREENED", 16)
"""With which a study begins, so that SimPy's takes no time."""


class EndedError(Exception):
    """Whatever ends a study."""


def written(folder, study, engine, *legs):
    """Have a study simulated and written; returns its table's bytes, and its manifest without the engine."""
    source = load_source(FOLDER / f"{study}.yaml").replaced({"engine": engine})
    tasks = design_sweep(source).tasks
    for number, leg in enumerate(legs):
        left = leg.ends_after

        def end(*_):
            nonlocal left
            left = left and left - 1
            if left == 0:
                raise EndedError

        with pytest.MonkeyPatch.context() as patch:
            for module, name, few in FEW:
                patch.setattr(module, name, few)
            patch.setattr(runner, "TASKS_DRAWN", leg.drawn)
            if leg.chunk is not None:
                patch.setattr(runner, "TASKS_OF_A_CHUNK", {engine: leg.chunk * tasks})
            options = {"jobs": leg.jobs, "cluster": leg.cluster, "resume": number > 0}
            try:
                results = sweep(source, folder=folder, on_progress=end, **options)
            except EndedError:
                assert leg.ends_after is not None
            else:
                assert leg.ends_after is None
    write_results(results, folder)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    assert manifest.pop("engine") == engine
    for scenario in ("as_written", "resolved"):
        assert manifest["scenario"][scenario].pop("engine") == engine
    return (folder / "results.parquet").read_bytes(), manifest


@cache
def reference(study):
    with tempfile.TemporaryDirectory() as folder:
        return written(Path(folder), study, "simpy", Leg())


# Chunks of SimPy, resuming and Dask do not depend on mechanisms or factors.
RUNS = [(study, run) for study in STUDIES for run in LEGS if study == "doubling" or run in UNDISTURBED]


@pytest.mark.parametrize(("study", "run"), RUNS)
def test_study_has_same_bytes(study, run, tmp_path):
    found = written(tmp_path, study, *LEGS[run])
    assert found == reference(study)
    if study == "doubling":
        assert len(found[1]["stages"]) > 2


PLATFORM = {
    "PYTHONHASHSEED": "4242",
    "LC_ALL": "C",
    "TZ": "Asia/Kathmandu",
    "OPENBLAS_NUM_THREADS": "2",
    "OMP_NUM_THREADS": "2",
    "MKL_NUM_THREADS": "2",
    # NumPy, OpenBLAS and Arrow without AVX; of no effect but on x86.
    "NPY_DISABLE_CPU_FEATURES": "X86_V3 X86_V4 AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Nehalem",
    "ARROW_USER_SIMD_LEVEL": "SSE4_2",
}
"""Other hashes, locale, time zone, threads of libraries, and an older processor."""


def test_other_platform_gives_the_same_bytes(tmp_path):
    source = FOLDER / "factors.yaml"
    here, there = tmp_path / "here", tmp_path / "there"
    results = sweep(source)
    write_report(answer(results), here)
    write_results(results, here)
    command = [sys.executable, "-m", "dispatch_sim", "sweep", str(source), "--out", str(there)]
    subprocess.run(command, cwd=tmp_path, env=os.environ | PLATFORM, capture_output=True, check=True)
    for path in here.iterdir():
        assert (there / path.name).read_bytes() == path.read_bytes(), path.name


def test_studies_have_all_mechanisms():
    missing = {*Activity, *MEASURES}
    sources = [load_source(FOLDER / f"{study}.yaml") for study in STUDIES]
    variants = [variant for source in sources for variant in design_sweep(source).variants]
    for replication in range(25):
        for plan in (plan for variant in variants for plan in variant.plans):
            outcome, log = simulate_compiled(plan, replication)
            missing -= {event.kind for event in log}
            missing -= {name for name, value in outcome._asdict().items() if value}
        if not missing:
            return
    assert missing == set()
