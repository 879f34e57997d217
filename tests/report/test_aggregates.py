"""A study of which only aggregates were kept: its report, its answer on a terminal and in a notebook."""

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest
from typer.testing import CliRunner

from dispatch_sim.cli import app
from dispatch_sim.report.page import rebuild_report, write_report
from dispatch_sim.report.terminal import comparison_text, sweep_text
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study.answer import answer
from dispatch_sim.study.conduct import sweep
from dispatch_sim.study.results import write_results
from dispatch_sim.study.stored import read_stored
from tests.report.conftest import TIGHT

PLAYED = 4100
BLOCKS = 1025
TEXT = (
    TIGHT.replace("replications: 40", f"replications: {PLAYED - 1}")
    .replace("[1, 2, 4, 6, 9]", "[2, 6]")
    .replace("study:", "strategies: [sequential, parallel, queue]\nengine: compiled\nstudy:")
    + "objective: {deadline: 20m}\n"
)


@pytest.fixture(scope="session")
def aggregates():
    """What the study comes to."""
    return answer(sweep(parse_source(TEXT), keep="aggregates"))


@pytest.fixture(scope="session")
def kept(aggregates, tmp_path_factory):
    """Its folder, as the command writes it."""
    folder = tmp_path_factory.mktemp("aggregates") / "out"
    write_report(aggregates, folder)
    write_results(aggregates.results, folder)
    return folder


@pytest.fixture
def folder(kept, tmp_path):
    """A copy of that, to be spoilt."""
    return Path(shutil.copytree(kept, tmp_path / "copy"))


def test_a_rebuilt_report_is_the_same_to_the_byte(folder):
    """Every page and figure, from the stored tables and the manifest alone."""
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for path in folder.iterdir():
        if path.suffix not in (".parquet", ".json"):
            path.unlink()
    rebuild_report(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_page_says_what_was_kept_and_what_that_does_not_tell(kept):
    """Numbers of replications are those that were played, and there is no run to be drawn."""
    text = (kept / "report.md").read_text(encoding="utf-8")
    assert f"{PLAYED:,} replications of each way ({PLAYED - 1:,} were asked for)" in text
    assert f"as means of {BLOCKS:,} blocks of 4" in text
    assert "Not shown: means of blocks were kept" in text
    assert "every replication is in results.parquet" not in text
    assert not (kept / "run-typical.svg").exists()
    for name in ("report.md", "report.html"):
        page = (kept / name).read_text(encoding="utf-8")
        assert not re.search(r"\b(nan|NaN|inf)\b", page)


@pytest.mark.parametrize("in_words", [sweep_text, comparison_text])
def test_a_terminal_says_how_many_replications_were_played(aggregates, in_words):
    """Not how many blocks they were averaged in."""
    text = in_words(aggregates)
    assert f"{PLAYED:,} replications" in text
    assert f"{BLOCKS:,}" not in text
    assert "nan" not in text


def test_a_notebook_says_what_the_rows_are(aggregates):
    """Results show themselves with what was played, and what a row is the mean of."""
    page = aggregates.results._repr_html_()
    assert f"{PLAYED:,} replications of each of" in page
    assert "Each row is the mean of a block of 4" in page
    assert f"{BLOCKS:,} replications" not in aggregates._repr_html_() + page


def put(folder, **changed):
    """Change what a manifest says of its replications."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    manifest["replications"].update(changed)
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")


def table(folder, change, name="results.parquet"):
    """Change a table."""
    change(pd.read_parquet(folder / name)).to_parquet(folder / name)


def test_tables_that_were_only_written_anew_are_read(folder):
    """So that what is refused below is refused for what was done to it."""
    table(folder, lambda t: t)
    table(folder, lambda t: t, "makespans.parquet")
    put(folder)
    rebuild_report(folder)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda f: (f / "makespans.parquet").unlink(),
        lambda f: (f / "makespans.parquet").write_bytes(b"PAR1 no"),
        lambda f: shutil.copy(f / "results.parquet", f / "makespans.parquet"),
        lambda f: table(f, lambda t: t.iloc[1:], "makespans.parquet"),
        lambda f: table(f, lambda t: t.assign(replications=t["replications"] * 2), "makespans.parquet"),
        lambda f: table(f, lambda t: t.assign(strategy="<script>"), "makespans.parquet"),
        lambda f: table(f, lambda t: t.assign(share_won=7.0)),
        lambda f: table(f, lambda t: t.assign(share_won=-0.5)),
        lambda f: table(f, lambda t: t.assign(within_limits=1.5)),
        lambda f: table(f, lambda t: t.assign(within_limits=float("nan"))),
        lambda f: table(f, lambda t: t.assign(averaged=2**62)),
        lambda f: table(f, lambda t: t.assign(averaged=0)),
        lambda f: table(f, lambda t: t.assign(averaged="4")),
        lambda f: table(f, lambda t: t.drop(columns="averaged")),
        lambda f: table(f, lambda t: t.drop(columns="within_limits")),
        lambda f: put(f, played=BLOCKS),
        lambda f: put(f, asked=2**20),
        lambda f: put(f, asked=10**300),
    ],
)
def test_aggregates_that_no_study_wrote_are_refused_in_words(folder, spoil):
    """Whatever was done to them, with the folder's name and never a traceback."""
    spoil(folder)
    with pytest.raises(UserError) as error:
        rebuild_report(folder)
    assert str(error.value).startswith(str(folder))
    assert len(str(error.value)) < len(str(folder)) + 600


def test_rows_in_the_place_of_aggregates_are_refused(folder):
    """And the other way round: the manifest says which of the two there are."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    (folder / "manifest.json").write_text(json.dumps(manifest | {"keep": "rows"}), encoding="utf-8")
    with pytest.raises(UserError, match="does not have the columns of a study"):
        read_stored(folder)


def test_an_interrupted_study_has_a_report_too(tmp_path):
    """Of the blocks that are whole; makespans are counted of all that was played."""

    def interrupt(done, _):
        if done >= 2600:
            raise KeyboardInterrupt

    results = sweep(parse_source(TEXT), keep="aggregates", on_progress=interrupt, folder=tmp_path)
    assert results.manifest["interrupted"]
    write_report(answer(results), tmp_path)
    write_results(results, tmp_path)
    rebuild_report(tmp_path)
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert f"stopped early, at {results.replications:,} of {PLAYED - 1:,} replications" in text


def test_the_command_keeps_aggregates_and_holds_thresholds_against_them(tmp_path):
    """With a report, an exit code, and the number of replications in what it prints."""
    file, out = tmp_path / "mine.yaml", tmp_path / "out"
    file.write_text(TEXT, encoding="utf-8")
    asked = ["--keep", "aggregates", "--out", str(out), "--fail-on", "p95_makespan > 1s", "--json"]
    done = CliRunner().invoke(app, ["sweep", str(file), *asked])
    assert done.exit_code == 3, done.output
    assert json.loads(done.stdout)["replications"] == PLAYED
    assert "violated" in done.stderr
    assert (out / "report.html").exists()
    again = CliRunner().invoke(app, ["report", str(out), "--json"])
    assert json.loads(again.stdout)["recommended"] == json.loads(done.stdout)["recommended"]


def test_more_replications_than_rows_can_hold_say_how_they_can_be_played(tmp_path):
    """A billion are refused as rows, with the option that keeps none."""
    file = tmp_path / "mine.yaml"
    file.write_text(TEXT, encoding="utf-8")
    done = CliRunner().invoke(app, ["sweep", str(file), "--replications", "1000000000"])
    assert done.exit_code == 2
    assert "--keep aggregates" in done.stderr
