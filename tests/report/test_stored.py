"""A report is rebuilt from stored results alone; a folder without whole results is refused."""

import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from dispatch_sim.decide.answer import answer
from dispatch_sim.decide.explanation import Explanation, explain
from dispatch_sim.decide.studies import sweep
from dispatch_sim.decide.winner_map import StrategyMap, map_winners
from dispatch_sim.report import attachments
from dispatch_sim.report.page import report_document, stored_answer, write_report
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.files import LOCK_FILE, alone_in
from dispatch_sim.study.results import read_results, write_results
from tests.report.conftest import HOSTILE, TIGHT, TWO_STRATEGIES


def stored(text, folder):
    (folder / "mine.yaml").write_text(text, encoding="utf-8")
    results = sweep(folder / "mine.yaml")
    out = folder / "out"
    write_report(answer(results), out)
    write_results(results, out)
    return out


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    return stored(TIGHT, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def folder(kept, tmp_path):
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def test_a_rebuilt_report_with_factors_and_hostile_names_is_the_same_to_the_byte(tmp_path):
    out = stored(HOSTILE, tmp_path)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    for path in out.iterdir():
        if path.name not in ("results.parquet", "manifest.json"):
            path.unlink()
    write_report(stored_answer(out), out)
    assert {path.name: path.read_bytes() for path in out.iterdir()} == before


def test_timelines_show_runs_with_median_and_p95_makespan(kept):
    frame = read_results(kept).frame
    best = answer(read_results(kept)).choices[0]
    concurrency = best.strategy.concurrency_in(best.tasks)
    rows = frame[(frame["strategy"] == best.strategy.label) & (frame["concurrency"] == concurrency)]
    makespans = rows[rows["tasks"] == best.tasks].set_index("replication")["makespan_s"]
    text = (kept / "report.md").read_text(encoding="utf-8")
    for part, name in ((0.5, "typical"), (0.95, "bad")):
        wanted = makespans.sort_values().iloc[int(len(makespans) * part) - 1]
        said = text.partition(f"*A {name} run, ")[2].partition("(replication ")[2].partition(")")[0]
        assert makespans[int(said)] == wanted


def scribble(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2 : len(data) // 2 + 64] = b"\x00" * 64
    path.write_bytes(bytes(data))


def put(folder, change):
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    change(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def table(folder, change):
    frame = change(pd.read_parquet(folder / "results.parquet"))
    frame.to_parquet(folder / "results.parquet")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (lambda f: shutil.rmtree(f), "has no manifest.json"),
        (lambda f: (f / "manifest.json").unlink(), "has no manifest.json"),
        (lambda f: (f / "results.parquet").unlink(), "has no results.parquet"),
        (lambda f: (f / "results.parquet").write_bytes(b"PAR1 no"), "cannot be read"),
        (lambda f: scribble(f / "results.parquet"), "cannot be read"),
        (lambda f: (f / "manifest.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "manifest.json").write_text("[]"), "it: Input should be"),
        (lambda f: (f / "manifest.json").write_text("[" * 100_000), "cannot be read"),
        (lambda f: (f / "manifest.json").write_bytes(b"\xff\xfe"), "cannot be read"),
        (lambda f: put(f, lambda m: m.pop("scenario")), "scenario: Field required"),
        (lambda f: put(f, lambda m: m["stages"][0].update(simulated=39)), "has 1,000 rows"),
        (lambda f: put(f, lambda m: m["stages"][0].update(points=[99])), "stages: have points"),
        (lambda f: put(f, lambda m: m["scenario"].update(resolved={})), "resolves to other values"),
        (lambda f: put(f, lambda m: m["scenario"].update(as_written=None)), "resolves to other values"),
        (lambda f: put(f, lambda m: m.update(seed=m["seed"] + 1)), "resolves to other values"),
        (lambda f: table(f, lambda t: t.drop(columns="makespan_s")), "columns that its manifest states"),
        (lambda f: table(f, lambda t: t.assign(more=1)), "columns that its manifest states"),
        (lambda f: table(f, lambda t: t.head(5)), "has 5 rows"),
    ],
)
def test_results_that_are_not_whole_are_refused(folder, spoil, told):
    spoil(folder)
    with pytest.raises(UserError, match=told) as error:
        stored_answer(folder)
    assert str(error.value).startswith(str(folder))
    assert len(str(error.value)) < len(str(folder)) + 600


def test_nothing_is_written_through_a_link_that_lies_in_the_folder(folder):
    """Under the name of a page, under that which it has until it is whole, and under the lock's."""
    precious = folder.parent / "precious"
    precious.write_text("mine")
    names = [f".{name}.partial" for name in ("report.html", "report.md", "break-even.svg")]
    for name in ("report.html", *names):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(precious)
    write_report(stored_answer(folder), folder)
    assert not (folder / "report.html").is_symlink()
    assert precious.read_text() == "mine"
    (folder / LOCK_FILE).symlink_to(precious)
    with pytest.raises(UserError, match="cannot be written to"), alone_in(folder):
        pass
    assert precious.read_text() == "mine"


def test_a_measure_that_was_changed_has_no_run_to_show(folder):
    table(folder, lambda t: t.assign(makespan_s=t["makespan_s"] * 1.01))
    text = report_document(stored_answer(folder), folder)[0].markdown
    assert "Not shown: this version simulates the scenario with another outcome" in text


@pytest.mark.parametrize("text", ["{", "[]", '{"sha256": "x"}', "[" * 100_000, "\udcff"])
@pytest.mark.parametrize("kind", [StrategyMap, Explanation])
def test_map_or_reasons_that_no_command_wrote_are_not_read(tmp_path, kind, text):
    (tmp_path / "found.json").write_text(text, encoding="utf-8", errors="surrogateescape")
    assert attachments.read(tmp_path / "found.json", kind, {"x"}) is None


def test_map_and_explanation_are_read_as_they_were_written(tmp_path):
    source, path = parse_source(TWO_STRATEGIES), tmp_path / "found.json"
    mapped = map_winners(source, "tasks.tokens", "tasks=1,6", cells=2, replications=8)
    explained = explain(source, replications=8)
    path.write_text(attachments.to_text(mapped), encoding="utf-8")
    assert math.isnan(mapped.cells[0].winner.margin)
    read = attachments.read(path, StrategyMap, {mapped.sha256})
    assert repr(read.cells) == repr(mapped.cells)
    assert replace(read, cells=()) == replace(mapped, cells=())
    path.write_text(attachments.to_text(explained), encoding="utf-8")
    assert attachments.read(path, Explanation, {explained.sha256}) == explained
