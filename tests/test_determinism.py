"""The same bytes, however a study is played: a few of the ways that `make determinism` goes through."""

import json
import shutil
from dataclasses import replace

import pytest

from dispatch_sim.dispatch.engine import play
from dispatch_sim.dispatch.log import EventKind
from dispatch_sim.dispatch.luck import Luck
from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.scenario.loader import load_source
from dispatch_sim.study.design import design_sweep

from .determinism import __main__ as command
from .determinism import comparison
from .determinism.comparison import BrokenWayError, Found, compare, play_way
from .determinism.comparison import without_what_may_differ as shown
from .determinism.ways import CASES, LEFT_OUT, REFERENCE, Case, Leg, Way

FEW = (Case("mechanisms"), Case("doubling"))
KILLED = Leg(block=4, blocks=2, killed=True)

WAYS = (
    Way("2 processes, blocks of 5", "simpy", (Leg(jobs=2, block=5),), cases=FEW[:1]),
    Way("7 threads, compiled", "compiled", (Leg(jobs=7),), FEW, differing=("engine",)),
    Way("killed, and resumed by 2 processes", "simpy", (KILLED, Leg(jobs=2)), cases=FEW[:1]),
    Way(
        "killed, and resumed by threads",
        "compiled",
        (KILLED, Leg(jobs=2, block=3)),
        FEW,
        differing=("engine",),
    ),
    Way(
        "another environment",
        "simpy",
        cases=FEW,
        environment={"PYTHONHASHSEED": "4242", "LC_ALL": "C", "TZ": "Asia/Kathmandu", "OMP_NUM_THREADS": "2"},
        elsewhere=True,
    ),
)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the folder of what all is held against: SimPy in one process, without an interruption."""
    folder = tmp_path_factory.mktemp("reference")
    play_way(replace(REFERENCE, cases=FEW, reported=False), folder)
    return folder


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_a_study_has_the_same_bytes_played_another_way(way, reference, tmp_path):
    """Results and manifest; of another engine, but for its name."""
    assert compare(way, tmp_path, reference).differing == ()


def test_a_byte_that_differs_is_seen_in_its_file(reference, tmp_path, monkeypatch):
    """One bit in the middle of one table, and nothing else."""

    def played_otherwise(way, folder):
        shutil.copytree(reference, folder)
        table = folder / "mechanisms" / "results.parquet"
        data = bytearray(table.read_bytes())
        data[len(data) // 2] ^= 1
        table.write_bytes(data)
        return ()

    monkeypatch.setattr(comparison, "play_way", played_otherwise)
    found = compare(Way("otherwise", "simpy", cases=FEW), tmp_path / "otherwise", reference)
    assert found.differing == ("mechanisms/results.parquet",)


def test_of_a_manifest_only_what_is_stated_may_differ(tmp_path):
    """Another engine's name is left out where the way has another engine, and nothing else is."""
    here, there = tmp_path / "manifest.json", tmp_path / "there.json"

    def written(path, engine, python="3.11", seed=1):
        scenario = {"as_written": {"engine": engine}, "resolved": {"engine": engine}}
        manifest = {"engine": engine, "seed": seed, "scenario": scenario, "machine": {"python": python}}
        path.write_text(json.dumps(manifest, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        return path

    written(there, "simpy")
    assert shown(written(here, "compiled"), there, ("engine",)) == there.read_bytes()
    assert shown(written(here, "compiled"), there, ()) != there.read_bytes()
    assert shown(written(here, "compiled", seed=2), there, ("engine",)) != there.read_bytes()
    assert shown(written(here, "simpy", python="3.12"), there, ("engine",)) != there.read_bytes()
    assert shown(written(here, "simpy", python="3.12"), there, ("python",)) == there.read_bytes()
    here.write_text(there.read_text().replace("  ", "    "))  # the same, written in another way
    assert shown(here, there, ("engine",)) != there.read_bytes()
    assert set(LEFT_OUT) == {"engine", "python", "cores"}


def test_a_file_that_is_not_there_differs(tmp_path):
    """A way that writes nothing has not written the same."""
    assert shown(tmp_path / "results.parquet", tmp_path, ()) == b""


def test_a_way_that_is_not_played_as_it_says_is_no_result(tmp_path):
    """A study that is over before the block at which it was to be killed shows nothing of being resumed."""
    late = Way("late", "simpy", (Leg(blocks=10_000, killed=True), Leg()), cases=FEW[1:])
    with pytest.raises(BrokenWayError, match="late: leg 1 ended with 0"):
        play_way(late, tmp_path)


@pytest.mark.parametrize(
    ("differing", "code", "said"), [((), 0, "same"), (("x/results.parquet",), 1, "differs: x/")]
)
def test_the_command_fails_where_a_way_differs(differing, code, said, monkeypatch, capsys):
    """Its exit code is for machines, its table for people."""
    monkeypatch.setattr("sys.argv", ["determinism", "--only", "compiled, 2 threads"])
    monkeypatch.setattr(command, "_other_pythons", lambda only: iter(()))
    monkeypatch.setattr(command, "compare", lambda way, folder, there: Found({}, differing, ("threads",)))
    assert command.main() == code
    assert said in capsys.readouterr().out


def test_the_studies_have_all_mechanisms_and_stages():
    """Every kind of event occurs in them, and every measure; one is doubled twice, one has factors."""
    kinds, occurred = set(), set()
    for case in CASES:
        design = design_sweep(load_source(case.path))
        for replication in range(25):
            for variant in design.variants:
                luck = Luck(variant.scenario, replication)
                for plan in variant.plans:
                    log = []
                    outcome = play(plan, luck, log)
                    kinds |= {event.kind for event in log}
                    occurred |= {name for name, value in outcome._asdict().items() if value}
    assert kinds == set(EventKind)
    assert occurred == set(MEASURES)
