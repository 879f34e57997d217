"""The report on claims says what the findings say, and the same bytes every time."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from dispatch_sim.report.claim_words import regret_rows, summary, threshold_words
from dispatch_sim.report.claims import overview, write_claims_report
from dispatch_sim.scenario.formats import format_duration
from dispatch_sim.study.advice import RegretEntry, RegretFinding
from dispatch_sim.study.claim_findings import judge_claims
from dispatch_sim.study.claims import load_claims
from dispatch_sim.study.estimates import Estimate
from dispatch_sim.study.verdicts import Threshold, Verdict

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "scenarios" / "claims" / "claims.yaml"


@pytest.fixture(scope="module")
def findings():
    """Return a few claims of every kind of statement, but the rule of thumb, which is over all scenarios."""
    return judge_claims(load_claims(SHIPPED), only=[1, 3, 8, 9, 14], replications=2)


def by_number(findings, number):
    """Return a claim's finding."""
    return next(each for each in findings.claims if each.claim.number == number)


def test_the_overview_has_every_verdict(findings):
    """One row a claim, in order, with the verdict that was computed."""
    rows = overview(findings).rows
    assert [(row[0], row[2]) for row in rows] == [
        (str(each.claim.number), str(each.verdict)) for each in findings.claims
    ]


def test_what_decides_is_told(findings):
    """The exact threshold of claim 1 is 195 s; of claim 3 both shares are told."""
    assert "from 3m 15s on" in summary(by_number(findings, 1))
    shares = summary(by_number(findings, 3))
    assert "25%" in shares
    assert "63%" in shares


def test_a_threshold_in_words():
    """Exact, with a set, and on an axis of whole numbers."""
    exact = Threshold(195.0, 195.0, 195.0, 1.0, True)
    assert threshold_words(exact, format_duration, whole=False) == "from 3m 15s on"
    loose = Threshold(4.2, 3.9, 5.1, 1.0, False)
    assert threshold_words(loose, str, whole=False) == "up to 4.2 (95% set 3.9 to 5.1)"
    assert threshold_words(loose, str, whole=True) == "up to 4 (95% set 3.9 to 5.1)"
    above = Threshold(4.2, 3.9, 5.1, 1.0, True)
    assert threshold_words(above, str, whole=True) == "from 5 on (95% set 3.9 to 5.1)"


def test_the_report_is_the_same_every_time_and_shows_its_figures(findings, tmp_path):
    """Every figure that the page names is beside it, is small, and has a title and a description."""
    first = {path.name: path.read_bytes() for path in write_claims_report(findings, tmp_path / "a")}
    again = {path.name: path.read_bytes() for path in write_claims_report(findings, tmp_path / "b")}
    assert first == again
    page = first["report.md"].decode()
    named = set(re.findall(r"\]\(([\w-]+\.svg)\)", page))
    assert named == {name for name in first if name.endswith(".svg")}
    assert "claim-09-map.svg" in named
    for name in named:
        assert len(first[name]) < 120_000
        assert b"<title" in first[name]
        assert b"<desc" in first[name]


def test_the_map_has_a_cell_for_each_place(findings, tmp_path):
    """Its text names a size or a winner in each cell; five limits by four sizes in three panels."""
    write_claims_report(findings, tmp_path)
    picture = (tmp_path / "claim-09-map.svg").read_text()
    cells = re.findall(r">(from \d+|up to \d+|all at once,|queue,|not)[^<]*<", picture)
    assert len(cells) == 3 * 4 * 5


def test_the_json_is_strict_and_has_all_claims(findings, tmp_path):
    """No NaN or infinity, which JSON does not know."""
    write_claims_report(findings, tmp_path)
    text = (tmp_path / "results.json").read_text()
    found = json.loads(text, parse_constant=lambda name: pytest.fail(name))
    assert [claim["number"] for claim in found["claims"]] == [1, 3, 8, 9, 14]
    assert all(claim["verdict"] in set(Verdict) for claim in found["claims"])


def entry(scenario, level, regret, *, picked, best):
    """Return what a rule came to in one setting."""
    estimate = Estimate(regret, regret, regret, 10)
    return RegretEntry(scenario, {"a.b": level}, 3, True, True, level > 1, picked, best, estimate)


def test_the_rule_of_thumb_has_a_row_a_scenario():
    """Means over its settings, the worst of them, and the greatest mean first."""
    one, once = ("sequential", 1), ("parallel", 3)
    entries = (
        entry("x.yaml", 1, 0.0, picked=one, best=one),
        entry("x.yaml", 2, 0.1, picked=once, best=one),
        entry("y.yaml", 1, 0.5, picked=one, best=once),
    )
    rows = regret_rows(RegretFinding(entries, Estimate(0.275, 0.2, 0.3, 2), {}, Verdict.REFUTED))
    assert rows[0] == ("y", "1", "yes", "yes", "no", "one by one", "all at once", "50%", "50%")
    assert rows[1][:5] == ("x", "2", "yes", "yes", "in 1")
    assert rows[1][6:] == ("one by one", "5%", "10%")


def run(*arguments, cwd):
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "dispatch_sim", "claims", *map(str, arguments)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "sim")}
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_the_command(tmp_path):
    """It prints a verdict a line, and writes the report."""
    done = run("--only", "2,3", "--replications", 2, "--file", SHIPPED, "--out", "here", cwd=tmp_path)
    assert (done.returncode, done.stdout.count("\n")) == (0, 3)
    assert (tmp_path / "here" / "report.md").is_file()
    as_json = run("--only", "2", "--file", SHIPPED, "--out", "here", "--json", cwd=tmp_path)
    assert [claim["number"] for claim in json.loads(as_json.stdout)["claims"]] == [2]
    wrong = run("--only", "two", "--file", SHIPPED, cwd=tmp_path)
    assert wrong.returncode == 2
    assert "'two' is not the number of a claim" in wrong.stderr
