"""The report on claims says what the findings say, and the same bytes every time."""

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from dispatch_sim.report.claim_maps import cell_kind, cell_words, kinds_words, queue_words
from dispatch_sim.report.claim_overview import beyond_words, decides, what_to_do
from dispatch_sim.report.claim_relations import COST, TIME
from dispatch_sim.report.claim_words import came_out, regret_rows, threshold_words
from dispatch_sim.report.claims import overview, write_claims_report
from dispatch_sim.scenario.formats import format_duration
from dispatch_sim.study.claim_findings import CaseFinding, ClaimFinding, RatioFinding, judge_claims
from dispatch_sim.study.claim_map import find_map
from dispatch_sim.study.claim_regret import RegretEntry, RegretFinding
from dispatch_sim.study.claims import Action, BreakEvenMap, Case, Claim, Ratio, Regret, load_claims
from dispatch_sim.study.estimates import Estimate
from dispatch_sim.study.verdicts import PointFinding, State, Threshold, Verdict
from tests.command import dispatch_sim

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
    """One row a claim, by number, with the verdict that was computed, and in the page the main one first."""
    rows = overview(findings).rows
    assert [(row[0], row[2]) for row in rows] == [
        (str(each.claim.number), str(each.verdict)) for each in findings.claims
    ]


def test_what_decides_is_told_apart_from_what_is_beyond(findings):
    """The exact threshold of claim 1 is 195 s, beyond its terms; both shares of claim 3 are told."""
    first, third = by_number(findings, 1), by_number(findings, 3)
    assert "takes 33% of the time" in decides(first)
    assert "from 3m 15s on" in beyond_words(first)
    assert "25%" in decides(third)
    assert beyond_words(third).startswith("does not hold (")
    assert "63%" in beyond_words(third)


def test_what_to_do_follows_from_the_verdict(findings):
    """Both ways are in the file; a claim that holds on its own terms only says both."""
    third, cache = by_number(findings, 3), by_number(findings, 14)
    assert third.claim.do.holds in what_to_do(third)
    assert third.claim.do.fails in what_to_do(third)
    # Sharing begins to hold from some time between starts on.
    assert what_to_do(cache) == f"Above: {cache.claim.do.holds}. Below: {cache.claim.do.fails}."
    assert beyond_words(cache).startswith("holds as well")


@pytest.mark.parametrize(
    ("said", "ratio", "words"),
    [
        (TIME, 0.543, "takes 54% of the time"),
        (TIME, 1.0, "takes as long"),
        (TIME, 1.077, "takes 7.7% longer"),
        (COST, 0.403, "costs 40% as much"),
        (COST, 1.5, "costs 50% more"),
        (COST, 11.04, "costs 11 times as much"),
    ],
)
def test_ratios_in_words(said, ratio, words):
    """No bare number stands for how many times one thing is another."""
    assert said(ratio) == words


def test_a_ratio_with_its_interval_and_a_span():
    """The interval is said in the way of the ratio; ends that are said alike are not said twice."""
    assert COST.within(Estimate(1.08, 0.99, 1.17, 9)) == "costs 8% more (\N{MINUS SIGN}1% to 17%)"
    assert TIME.within(Estimate(0.54, 0.53, 0.55, 9)) == "takes 54% of the time (53% to 55%)"
    assert COST.span(0.4, 0.94) == "costs 40% to 94% as much"
    assert COST.span(0.66, 4.1) == "costs 66% as much up to 4.1 times as much"
    assert COST.span(1.2, 1.67) == "costs 20% to 67% more"


def test_a_threshold_in_words():
    """Exact, with a set, and on an axis of whole numbers."""
    exact = Threshold(195.0, 195.0, 195.0, 1.0, True)
    assert threshold_words(exact, format_duration, whole=False) == "from 3m 15s on"
    loose = Threshold(4.2, 3.9, 5.1, 1.0, False)
    assert threshold_words(loose, str, whole=False) == "up to 4.2 (95% set 3.9 to 5.1)"
    assert threshold_words(loose, str, whole=True) == "up to 4 (95% set 3.9 to 5.1)"
    above = Threshold(4.2, 3.9, 5.1, 1.0, True)
    assert threshold_words(above, str, whole=True) == "from 5 on (95% set 3.9 to 5.1)"


def test_a_loose_threshold_says_from_where_on_it_is_shown():
    """A table has no room for the set, but a place that may be twelve times as far is not left bare."""
    loose, tight = Threshold(0.01, 0.009, 0.12, 1.0, True), Threshold(0.1, 0.09, 0.12, 1.0, True)
    assert threshold_words(loose, str, whole=False, bare=True) == "from 0.01 on (shown from 0.12)"
    assert threshold_words(tight, str, whole=False, bare=True) == "from 0.1 on"


def cell(more, first=4):
    """Return a place of a map: what parallel costs more than a queue of three, exactly, from `first` on."""
    sizes = range(first, first + len(more))
    rows = [
        {"strategy": strategy, "concurrency": width, "tasks": tasks, "replication": r, "cost_usd": cost}
        for tasks, difference in zip(sizes, more, strict=True)
        for strategy, width, cost in (("queue", 3, 20.0), ("parallel", tasks, 20.0 + difference))
        for r in range(4)
    ]
    claim = BreakEvenMap.model_validate({"width": 3, "at_least": 3.5, "at_most": 7.5})
    (found,) = find_map(claim, pd.DataFrame(rows), 0.95).cells
    return found


@pytest.mark.parametrize(
    ("more", "kind", "words"),
    [
        ([-1, -1, 1, 1, 1], "from", "queue from 6"),
        ([1, 1, -1, -1, -1], "up to", "queue up to 5"),
        ([-1, 1, 1, -1, -1], "between", "queue from 5 to 6"),
        ([1, 1, 1, 1, 1], "queue", "queue,"),
        ([-1, -1, -1, -1, -1], "parallel", "all at once,"),
        ([0, 1, 1, 1, 1], "at last", "queue from 5,"),
        ([-1, -1, 0, 0, 0], "once at first", "all at once"),
        ([0, 0, 0, 0, 0], "open", "open"),
    ],
)
def test_a_place_of_the_map_in_words(more, kind, words):
    """Four to eight tasks; where nothing differs it is open."""
    found = cell(more)
    assert cell_kind(found) == kind
    assert cell_words(found).startswith(words)


def test_what_is_said_of_a_map_agrees_with_its_places():
    """The queue wins from 5 on, from 6 on, never, and only below 5."""
    early, late, never, turned = (cell(m) for m in ([0, 1, 1], [-1, -1, 1], [-1, -1, -1], [1, -1, -1]))
    assert queue_words([early, late, never]) == (
        "the queue is cheaper from 5 to 6 tasks on for 2 of 3 sizes of a task, "
        "for the others it is nowhere shown to be"
    )
    assert queue_words([never]) == "the queue is nowhere shown to be cheaper"
    assert queue_words([late]) == "the queue is cheaper from 6 tasks on"
    # A queue that wins in small batches only is not counted as one that wins from some size on.
    assert queue_words([late, turned]) == kinds_words([late, turned])
    assert "the queue from 6 tasks on in 1 of 2" in kinds_words([late, turned])
    assert "the queue up to 4 tasks, all at once above in 1 of 2" in kinds_words([late, turned])


def test_the_report_is_the_same_every_time_and_shows_its_figures(findings, tmp_path):
    """Every figure that the page names is beside it, is small, and has a title and a description."""
    first = {path.name: path.read_bytes() for path in write_claims_report(findings, tmp_path / "a")}
    again = {path.name: path.read_bytes() for path in write_claims_report(findings, tmp_path / "b")}
    assert first == again
    page = first["report.md"].decode()
    named = set(re.findall(r"\]\(([\w-]+\.svg)\)", page))
    assert named == {name for name in first if name.endswith(".svg")}
    assert "claim-09-map.svg" in named
    assert re.findall(r"^## (\d+)\.", page, re.MULTILINE) == ["9", "1", "3", "8", "14"]
    for name in named:
        assert len(first[name]) < 120_000
        assert b"<title" in first[name]
        assert b"<desc" in first[name]


def test_the_map_has_a_cell_for_each_place(findings, tmp_path):
    """Its text names a size or a winner in each cell; five limits by four sizes in three panels."""
    write_claims_report(findings, tmp_path)
    picture = (tmp_path / "claim-09-map.svg").read_text()
    cells = re.findall(r">(queue from \d+|queue up to \d+|queue,|all at once,?|open)[^<]*<", picture)
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


RATIO = Ratio.model_validate({"of": {"measure": "makespan_s", "strategy": "parallel"}, "at_most": 1})


def judged(own, beyond=()):
    """Return a claim whose cases have come out so, on its own terms and beyond them."""
    cases = [
        CaseFinding(
            Case(
                where=f"case {number}", what="this to that", beyond=is_beyond, scenario="a.yaml", ratio=RATIO
            ),
            4,
            RatioFinding(
                (PointFinding(None, Estimate(0.5, 0.5, 0.5, 4), State.HOLDS),), (), "", None, verdict
            ),
        )
        for number, (verdict, is_beyond) in enumerate(
            [(v, False) for v in own] + [(v, True) for v in beyond], 1
        )
    ]
    claim = Claim(
        number=1,
        title="A claim",
        says="so",
        do=Action(holds="go together", fails="go apart"),
        cases=tuple(case.case for case in cases),
    )
    return ClaimFinding(claim, tuple(cases))


YES, NO, OPEN = Verdict.CONFIRMED, Verdict.REFUTED, Verdict.NOT_SHOWN


@pytest.mark.parametrize(
    ("own", "beyond", "advice"),
    [
        ([YES], [], "Go together."),
        ([YES], [YES], "Go together."),
        ([YES], [NO], "On its own terms: go together. Beyond them: go apart."),
        ([YES], [OPEN], "On its own terms: go together. Where it does not hold beyond them: go apart."),
        ([NO], [YES], "Go apart."),
        ([OPEN], [YES], "Nothing is shown either way."),
        ([YES, NO, YES], [], "Case 1 and case 3: go together. Case 2: go apart."),
        ([Verdict.DEPENDS], [], "Where it holds: go together. Where not: go apart."),
    ],
)
def test_what_to_do_is_what_was_shown_and_no_more(own, beyond, advice):
    """Each verdict has its advice; where some cases hold and some do not, each is named."""
    assert what_to_do(judged(own, beyond)) == advice


@pytest.mark.parametrize(
    ("beyond", "said"),
    [([], "\N{EN DASH}"), ([YES], "holds as well ("), ([NO], "does not hold ("), ([OPEN], "not settled (")],
)
def test_what_becomes_of_a_claim_beyond_its_terms_is_told_by_its_verdict(beyond, said):
    """And nothing where nothing beyond was asked."""
    assert beyond_words(judged([YES], beyond)).startswith(said)


def test_a_rule_of_thumb_is_told_with_what_it_costs_and_where_it_costs_most():
    """Its mean, what doing always the same costs, in how many settings it is right, and the worst of them."""
    right = RegretEntry(
        "x.yaml", {}, 4, True, True, True, ("parallel", 4), ("parallel", 4), Estimate(0, 0, 0, 4)
    )
    wrong = RegretEntry(
        "y.yaml",
        {"provider.limits.scale": 2},
        4,
        True,
        False,
        True,
        ("sequential", 1),
        ("queue", 3),
        Estimate(0.5, 0.4, 0.6, 4),
    )
    always = {"sequential": Estimate(0.75, 0.7, 0.8, 2)}
    statement = Case(where="all", what="the rule", regret=Regret(at_most=0.1))

    def told(*entries):
        found = RegretFinding(entries, Estimate(0.25, 0.2, 0.3, 2), always, NO)
        return came_out(CaseFinding(statement, 0, found))

    text = told(right, wrong)
    assert "Mean regret 25% (20% to 30%) over 2 scenarios" in text
    assert "always the same way: one by one 75%" in text
    assert "the best that was played in 1 of 2 settings" in text
    assert "Worst: 50% (40% to 60%) more in y.yaml (scale 2), where it says one by one" in text
    assert "the best is a queue of 3" in text
    assert "Worst" not in told(right)
    assert told() == "No scenario has both one by one and all at once."


def run(*arguments, cwd):
    return dispatch_sim("claims", *arguments, cwd=cwd)


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
