"""A report is rebuilt from stored results alone, and a stranger's results are read or refused in words."""

import json
import os
import shutil
from pathlib import Path

import pandas as pd
import pytest

from dispatch_sim.report.maps import write_map
from dispatch_sim.report.page import rebuild_report, write_report
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.answer import answer
from dispatch_sim.study.conduct import sweep
from dispatch_sim.study.design import design_sweep
from dispatch_sim.study.files import LOCK_FILE, alone_in
from dispatch_sim.study.results import identity, write_results
from dispatch_sim.study.stored import finished_study, read_stored
from dispatch_sim.study.two_factor_map import map_winners
from tests.report.conftest import FACTORS, HOSTILE, TIGHT


def stored(text, folder):
    """Play a scenario as the command does, write its results and report, and return what was written."""
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    results = sweep(folder / "mine.yaml")
    out = folder / "out"
    write_report(answer(results), out)
    write_results(results, out)
    return out


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """A study with its report."""
    return stored(TIGHT, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def folder(kept, tmp_path):
    """A copy of that, to be spoilt."""
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def manifest_of(folder):
    """Read a manifest."""
    return json.loads((folder / "manifest.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("text", [TIGHT, FACTORS, HOSTILE], ids=["tight", "factors", "hostile"])
def test_a_rebuilt_report_is_the_same_to_the_byte(text, tmp_path):
    """Every page and figure, from the results and the manifest alone."""
    out = stored(text, tmp_path)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for path in out.iterdir():
        if path.name not in ("results.parquet", "manifest.json"):
            path.unlink()
    rebuild_report(out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_the_runs_that_are_drawn_are_those_that_were_counted(kept):
    """The typical one takes the median, the bad one what one in twenty exceeds."""
    frame = read_stored(kept).frame
    best = answer(read_stored(kept)).choices[0]
    rows = frame[(frame["strategy"] == best.strategy) & (frame["concurrency"] == best.concurrency)]
    makespans = rows[rows["tasks"] == best.tasks].set_index("replication")["makespan_s"]
    text = (kept / "report.md").read_text(encoding="utf-8")
    for part, name in ((0.5, "typical"), (0.95, "bad")):
        wanted = makespans.sort_values().iloc[int(len(makespans) * part) - 1]
        said = text.partition(f"*A {name} run, ")[2].partition("(replication ")[2].partition(")")[0]
        assert makespans[int(said)] == wanted


def scribble(path):
    """Write over a part of a file."""
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = b"\x00" * 64
    path.write_bytes(bytes(data))


def put(folder, change):
    """Change a manifest."""
    manifest = manifest_of(folder)
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def table(folder, change):
    """Change a table of results."""
    frame = change(pd.read_parquet(folder / "results.parquet"))
    frame.to_parquet(folder / "results.parquet")


def in_place(path, make):
    """Put something else in the place of a file; it is kept beside the folder."""
    path.rename(path.parent.parent / path.name)
    make(path)


def outside(folder, name):
    """Return the path of a file that `in_place` has moved out of the folder."""
    return folder.parent / name


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: shutil.rmtree(f),
        lambda f: (f / "manifest.json").unlink(),
        lambda f: (f / "results.parquet").unlink(),
        lambda f: (f / "results.parquet").write_bytes(b"PAR1 no"),
        lambda f: scribble(f / "results.parquet"),
        lambda f: (f / "manifest.json").write_text("{"),
        lambda f: (f / "manifest.json").write_text("[]"),
        lambda f: (f / "manifest.json").write_text("[" * 100_000),
        lambda f: (f / "manifest.json").write_text('{"seed": NaN}'),
        lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe"),
        lambda f: put(f, lambda m: m.pop("scenario")),
        lambda f: put(f, lambda m: m.update(engine="<script>")),
        lambda f: put(f, lambda m: m["scenario"].update(resolved={})),
        lambda f: put(f, lambda m: m["scenario"]["resolved"].update(name="other")),
        lambda f: put(f, lambda m: m["scenario"].update(as_written={"tasks": "!!python/object"})),
        lambda f: put(f, lambda m: m["scenario"].update(as_written=None)),
        lambda f: put(f, lambda m: m.update(factors=["provider.limits.scale"])),
        lambda f: put(f, lambda m: m.update(factors=["a.b"] * 100_000)),
        lambda f: put(f, lambda m: m.update(factors=[{}])),
        lambda f: put(f, lambda m: m.update(seed=m["seed"] + 1)),
        lambda f: put(f, lambda m: m.update(seed=10**4000)),
        lambda f: put(f, lambda m: m.update(design_points=10**4000)),
        lambda f: put(f, lambda m: m["replications"].update(asked=10**4000)),
        lambda f: put(f, lambda m: m["machine"].update({str(k): "x" for k in range(1000)})),
        lambda f: (f / "manifest.json").write_text("[" + "[]," * 5_000_000 + "[]]"),
        lambda f: (f / "manifest.json").write_text('{"a": "' + "A" * (65 << 20) + '"}'),
        lambda f: (f / "manifest.json").write_text("9" * 10_000),
        lambda f: os.truncate(f / "manifest.json", 2**40),
        lambda f: os.truncate(f / "results.parquet", 2**40),
        lambda f: in_place(f / "manifest.json", os.mkfifo),
        lambda f: in_place(f / "manifest.json", os.mkdir),
        lambda f: in_place(f / "results.parquet", os.mkfifo),
        lambda f: in_place(f / "results.parquet", lambda p: p.symlink_to(p)),
        lambda f: in_place(f / "manifest.json", lambda p: p.symlink_to("/dev/zero")),
        lambda f: in_place(f / "manifest.json", lambda p: p.symlink_to(outside(f, "manifest.json"))),
        lambda f: in_place(f / "results.parquet", lambda p: p.symlink_to(outside(f, "results.parquet"))),
        lambda f: table(f, lambda t: t.drop(columns="makespan_s")),
        lambda f: table(f, lambda t: t.assign(more=1)),
        lambda f: table(f, lambda t: t.assign(strategy="<script>")),
        lambda f: table(f, lambda t: t.assign(cost_usd="much")),
        lambda f: table(f, lambda t: t.assign(cost_usd=float("nan"))),
        lambda f: table(f, lambda t: t.head(5)),
        lambda f: table(f, lambda t: t.head(0)),
        lambda f: table(f, lambda t: t.sample(frac=1, random_state=1)),
    ],
)
def test_results_that_no_study_wrote_are_refused_in_words(folder, spoil):
    """Whatever was done to them, with the folder's name and never a traceback."""
    spoil(folder)
    with pytest.raises(UserError) as error:
        rebuild_report(folder)
    assert str(error.value).startswith(str(folder))
    assert len(str(error.value)) < len(str(folder)) + 600


def test_a_folder_may_have_links_to_files_that_are_in_it(folder):
    """Nothing but a way out of the folder is refused."""
    for name in ("manifest.json", "results.parquet"):
        (folder / name).rename(folder / f"kept-{name}")
        (folder / name).symlink_to(f"kept-{name}")
    assert read_stored(folder).replications == 40


def test_nothing_is_written_through_a_link_that_lies_in_the_folder(folder):
    """Under the name of a page, under that which it has until it is whole, and under the lock's."""
    precious = folder.parent / "precious"
    precious.write_text("mine")
    names = [f".{name}.{os.getpid()}.partial" for name in ("report.html", "report.md", "break-even.svg")]
    for name in ("report.html", *names):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(precious)
    rebuild_report(folder)
    assert not (folder / "report.html").is_symlink()
    assert precious.read_text() == "mine"
    (folder / LOCK_FILE).symlink_to(precious)
    with pytest.raises(UserError, match="cannot be written to"), alone_in(folder):
        pass
    assert precious.read_text() == "mine"


@pytest.mark.parametrize("engine", ["simpy", "compiled", "simpy and compiled", "compiled and simpy"])
def test_a_study_that_two_engines_played_is_read_as_one(folder, engine):
    """A study that is doubled is played first by one, then by the other, and says so."""
    put(folder, lambda m: m.update(engine=engine))
    rebuild_report(folder)
    said = f"by the {engine} engine{'s' if 'and' in engine else ''};"
    assert said in (folder / "report.md").read_text(encoding="utf-8")


def test_a_measure_that_was_changed_has_no_run_to_show(folder):
    """Played again it comes to something else, and the page says so."""
    table(folder, lambda t: t.assign(makespan_s=t["makespan_s"] * 1.01))
    rebuild_report(folder)
    text = (folder / "report.md").read_text(encoding="utf-8")
    assert "Not shown: this version plays the scenario differently" in text


@pytest.mark.parametrize("name", ["map.json", "why.json"])
@pytest.mark.parametrize(
    "make",
    [
        os.mkfifo,
        os.mkdir,
        lambda path: path.symlink_to("/dev/zero"),
        lambda path: path.write_text("[" + "[]," * 2_000_000 + "[]]"),
        lambda path: path.write_text('{"a": "' + "A" * (9 << 20) + '"}'),
    ],
    ids=["pipe", "folder", "device", "many", "large"],
)
def test_what_lies_in_the_place_of_a_map_or_reasons_is_not_waited_for(folder, name, make):
    """Nor is it read where it is no plain file of the folder, or too much."""
    make(folder / name)
    rebuild_report(folder)
    assert "No map of this scenario" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"sha256": "x"}', "[" * 100_000, "\udcff", '{"x": "<script>alert(1)</script>"}']
)
@pytest.mark.parametrize("name", ["map.json", "why.json"])
def test_a_map_or_reasons_that_no_command_wrote_are_not_shown(folder, name, text):
    """Their place says how to make them."""
    (folder / name).write_text(text, encoding="utf-8", errors="surrogateescape")
    rebuild_report(folder)
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "No map of this scenario lies in this folder" in page
    assert "<script" not in page


@pytest.fixture(scope="session")
def mapped(kept, tmp_path_factory):
    """The same study with a map of two by two cells beside it."""
    folder = Path(shutil.copytree(kept, tmp_path_factory.mktemp("mapped") / "copy"))
    sizes = {"cells": 2, "replications": 8}
    write_map(map_winners(parse_source(TIGHT), "tasks.tokens", "values.waiting", **sizes), folder)
    return folder


def first(found):
    """Return a map's first cell."""
    return found["cells"][0]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda m: m.update(sha256="0" * 64),
        lambda m: m["x"].update(levels=[1.0, 1.0]),
        lambda m: m["x"].update(levels=[1.0] * 1000),
        lambda m: m["y"].update(levels=[]),
        lambda m: m.update(cells=m["cells"][1:]),
        lambda m: m.update(objective="__class__"),
        lambda m: first(m).update(strategy="<script>"),
        lambda m: first(m).update(kind="other"),
        lambda m: first(m).update(standing="sure"),
        lambda m: first(m).update(concurrency=-1),
        lambda m: first(m).update(mean="much"),
        lambda m: m.update(replications=10**4000),
        lambda m: m.update(seed=-1),
        lambda m: m["x"].update(unit="A" * 20_000),
    ],
)
def test_a_map_is_shown_only_as_the_command_wrote_it(mapped, tmp_path, spoil):
    """Anything else in its place is left out, and the page is whole."""
    folder = Path(shutil.copytree(mapped, tmp_path / "copy"))
    rebuild_report(folder)
    assert "who wins, by" in (folder / "report.html").read_text(encoding="utf-8")
    found = json.loads((folder / "map.json").read_text(encoding="utf-8"))
    spoil(found)
    (folder / "map.json").write_text(json.dumps(found), encoding="utf-8")
    rebuild_report(folder)
    assert "No map of this scenario" in (folder / "report.html").read_text(encoding="utf-8")


def test_what_a_map_is_called_by_a_stranger_is_text(mapped, tmp_path):
    """Its scenario's name and its axes are shown, and nothing more comes of them."""
    folder = Path(shutil.copytree(mapped, tmp_path / "copy"))
    found = json.loads((folder / "map.json").read_text(encoding="utf-8"))
    found["scenario"] = found["x"]["path"] = "<script>alert(1)</script>\u202e" + "A" * 5000
    (folder / "map.json").write_text(json.dumps(found), encoding="utf-8")
    rebuild_report(folder)
    for name in ("report.html", "report.md", "map.svg"):
        text = (folder / name).read_text(encoding="utf-8")
        assert "script" in text
        assert "<script" not in text.replace("\\<script", "")
        assert "\u202e" not in text
        assert "A" * 1000 not in text


def _other_replications(folder, change):
    def changed(frame):
        frame["replication"] = change(frame["replication"])
        return frame

    table(folder, changed)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: put(f, lambda m: m["replications"].update(asked=m["replications"]["asked"] - 1)),
        lambda f: put(f, lambda m: m["replications"].update(stopped="settled")),
        lambda f: put(f, lambda m: m["replications"].update(stopped="interrupted")),
        lambda f: put(f, lambda m: m.update(interrupted=True)),
        lambda f: _other_replications(f, lambda numbers: numbers + 1),
        lambda f: _other_replications(f, lambda numbers: numbers - 1),
        lambda f: _other_replications(f, lambda numbers: numbers * 2**40),
        lambda f: _few(f, {}),
        lambda f: _few(f, {"asked": 2, "at_most": 2}),
    ],
)
def test_a_study_that_did_not_end_as_its_scenario_asks_is_refused(folder, spoil):
    """Else two replications would pass for the thousand that were asked for, and --resume play no others."""
    asked = parse_source(TIGHT)
    study = identity(asked, design_sweep(asked), "rows")
    assert finished_study(folder, study) is not None
    spoil(folder)
    with pytest.raises(UserError):
        read_stored(folder)
    assert finished_study(folder, study) is None


def _few(folder, said):
    table(folder, lambda frame: frame[frame["replication"] < 2].reset_index(drop=True))
    put(folder, lambda m: m["replications"].update(played=2, **said))
