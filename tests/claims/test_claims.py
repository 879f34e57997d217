"""Claims are read from a file, judged as arithmetic says, and reported."""

import json
import re

import pytest

from dispatch_sim.claims.judge import judge_claims
from dispatch_sim.claims.statements import SHIPPED, load_claims
from dispatch_sim.claims.verdicts import Verdict
from dispatch_sim.report.claims import filled, result, write_claims_report
from dispatch_sim.scenario.loader import load_source
from dispatch_sim.scenario.problems import ScenarioError, UserError
from dispatch_sim.scenario.warnings import warnings
from tests.claims.texts import CLAIMS
from tests.command import dispatch_sim

CONFIRMED, REFUTED, DEPENDS, NOT_SHOWN = Verdict

SCENARIO = """\
tasks: [{name: t, count: 2, tokens: 1K, duration: 1s}]
strategies: [sequential, parallel, queue]
sweep: {tasks: [2], concurrency: [1, 2], provider.limits.scale: [1, 2]}
study: {replications: 2}
"""
FACTOR = "          over: provider.limits.scale\n"
TEXT = '    text: {confirmed: "From {1.at 1} to {1.at 2 %}, {1.turn}, {2.ratio}."}\n'
CLAIMS = (
    CLAIMS.replace("Ratio", "Parallel <b>costs</b> no more").replace("    cases:", f"{TEXT}    cases:")
    + FACTOR
)


def written(folder, claims=CLAIMS):
    (folder / "mine.yaml").write_text(SCENARIO)
    (folder / "claims.yaml").write_text(claims)
    return folder / "claims.yaml"


# A file of one's own.


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("number: 1", "nmber: 1", "unknown key 'nmber'; did you mean 'number'"),
        ("          at_most: 10\n", "", "the bound is missing"),
        ("mine.yaml", "other.yaml", "other.yaml"),
        ("cost_usd, strategy: parallel", "cots_usd, strategy: parallel", "did you mean 'cost_usd'"),
        ("strategy: parallel", "strategy: waves", "unknown strategy 'waves'"),
        ("over: provider.limits.scale", "over: client.retries", "unknown axis 'client.retries'"),
        (FACTOR, "", "several levels of provider.limits.scale"),
        ("sequential}", "sequential, at: {tasks: 7}}", "not simulated: unknown tasks '7'; there is 2"),
        ("sequential}", "queue}", "several levels of concurrency"),
        ("sequential}", "sequential, at: {client.retries: 2}}", "unknown axis"),
        ("        scenario: mine.yaml\n", "", "write a scenario"),
    ],
)
def test_mistakes_are_reported_with_their_place(tmp_path, old, new, message):
    path = written(tmp_path, CLAIMS.replace(old, new, 1))
    with pytest.raises(ScenarioError) as caught:
        judge_claims(load_claims(path))
    assert message in str(caught.value)
    assert re.match(rf"{re.escape(str(tmp_path))}/(claims|other)\.yaml:\d+:\d+", str(caught.value))


def test_claim_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="there is no claim 7"):
        judge_claims(load_claims(written(tmp_path)), only=[1, 7])


def test_command_judges_file_of_claims(tmp_path):
    written(tmp_path)
    done = dispatch_sim("claims", "--file", "claims.yaml", "--out", "here", cwd=tmp_path)
    assert (done.returncode, "1  confirmed" in done.stdout) == (0, True)
    page = (tmp_path / "here" / "report.md").read_text()
    assert r"Parallel \<b\>costs" in page
    assert re.search(r"From [\d.]+ to [\d.]+%, \(no such figure\), \(no such figure\)\.", page)
    done = dispatch_sim("claims", "--file", "claims.yaml", "--out", "here", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["claims"][0]["verdict"] == "confirmed"
    done = dispatch_sim("claims", "--only", "two", cwd=tmp_path)
    assert (done.returncode, "'two' is not the number of a claim" in done.stderr) == (2, True)


# The eighteen that ship.


@pytest.fixture(scope="module")
def shipped():
    return load_claims()


def judged(shipped, *only, replications=2):
    found = judge_claims(shipped, only=only, replications=replications)
    return {each.claim.number: each for each in found.claims}


def first_ratios(claim):
    return [found.points[0].ratio.mean for found in claim.cases]


def test_all_eighteen_are_there(shipped):
    numbers = [claim.number for claim in shipped.file.claims]
    assert (numbers[0], sorted(numbers)) == (9, list(range(1, 19)))
    assert {path.name for path in SHIPPED.parent.iterdir()} == {*shipped.scenarios, "claims.yaml"}
    seeds = [source.scenario().study.seed for source in shipped.scenarios.values()]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize("path", sorted(SHIPPED.parent.glob("[0-9]*.yaml")), ids=lambda path: path.stem)
def test_every_scenario_is_sound(path):
    assert not list(warnings(load_source(path).scenario()))


def test_claim_1_is_exact_and_turns_where_arithmetic_says(shipped):
    """60 s, 180 s and a third without overheads.

    With them, tasks of d seconds take 3 x (4 turn + 5.7 brief + 2 spawn + d + 2 return + 5 merge), which is
    3 d + 56.1, sequentially, and 4 + 3 x 5.7 + 4 + d + 3 x 5 merges = d + 40.1 in parallel.
    (d + 40.1) / (3 d + 56.1) is 0.3667 at (40.1 - 0.3667 x 56.1) / (3 x 0.3667 - 1) = 195.09 s.
    """
    claim = judged(shipped, 1, replications=50)[1]
    assert (claim.verdict, claim.beyond) == (CONFIRMED, DEPENDS)
    assert first_ratios(claim)[:3] == pytest.approx([1 / 3, 60, 180])
    (threshold,) = claim.cases[3].thresholds
    assert threshold.at == pytest.approx((40.1 - 0.3667 * 56.1) / (3 * 0.3667 - 1))
    assert threshold.holds_above
    assert "tasks of 3m 15s and longer" in filled(claim)


def test_claims_2_and_3_are_exact(shipped):
    """45 s and 49K tokens, measured 34K + 3 x 24.8K and what the coordinator writes; 15K of 60K tokens."""
    found = judged(shipped, 2, 3)
    assert [(claim.verdict, claim.beyond) for claim in found.values()] == [(CONFIRMED, REFUTED)] * 2
    seconds, tokens, _, measured = first_ratios(found[2])
    # One turn of 300, three briefs of 240, three merges of 500.
    assert [seconds, tokens, measured] == [45, 49_000, 34_000 + 3 * 24_800 + 300 + 3 * 240 + 3 * 500]
    assert first_ratios(found[3]) == pytest.approx([0.25, 25.5 / 40.5])
    assert "take 25% of all tokens" in filled(found[3])


def test_claim_4_turns_at_four_times_spawn(shipped):
    """A spawn is a fifth of itself and the work where the work is four times as much."""
    claim = judged(shipped, 4)[4]
    at = [found.thresholds[0].at for found in claim.cases[:3]]
    assert at == pytest.approx([4 * 2_000, 4 * 4_000, 4 * 23_500])
    assert result(claim.claim.cases[0], claim.cases[0]) == "0.667 at 1K; 0.0099 at 200K; holds from 8K"


def test_claim_5_loses_each_edit_at_most_once(shipped):
    """Each costs twenty minutes; at most one less than there are agents, and nobody repeats them."""
    frame = judge_claims(shipped, only=[5], replications=20).results["05-shared-files.yaml"].frame
    once = frame[frame["strategy"] == "parallel"]
    losses = once["people_conflicts_s"] / 1200
    assert (losses == once["overwritten_attempts"]).all()
    assert (losses <= once["tasks"] - 1).all()
    assert losses.max() > 1
    assert not once["people_recovery_s"].any()


def test_claim_6_merges_ten_minutes_for_five_agents(shipped):
    frame = judge_claims(shipped, only=[6], replications=2).results["06-prose.yaml"].frame
    is_of_post = (frame["tasks"] == 5) & (frame["merge.pair.people"] == "30s")
    rows = frame[is_of_post & (frame["strategy"] == "parallel")]
    assert rows["people_merge_s"].to_numpy() == pytest.approx(600)


def test_claim_14_costs_what_prices_say(shipped):
    """Five simultaneous writes at 1.25 against one write and four reads at 0.1, each prompt sent once.

    20K tokens sent anew take 1.2 s and 20 x 38 ms, about 2 s, to the first token.
    """
    found = judged(shipped, 14)[14].cases[0]
    ratios = {point.at: point.ratio.mean for point in found.points}
    assert ratios["0s"] == pytest.approx(5 * 1.25 / (1.25 + 4 * 0.1))
    assert ratios["5.7s"] == pytest.approx(1.0)
    (threshold,) = found.thresholds
    assert 1.9 <= threshold.at <= 2.0


def test_claim_16_leaves_what_critical_path_leaves(shipped):
    """A chain gains nothing; a fan has three of six minutes on its critical path, and overheads."""
    chain, fan = first_ratios(judged(shipped, 16)[16])
    assert chain == pytest.approx(1.0)
    assert 0.5 < fan < 0.65


# The report.


def test_report_has_every_claim_and_same_bytes_each_time(shipped, tmp_path):
    findings = judge_claims(shipped, replications=2)
    first, again = (
        {path.name: path.read_bytes() for path in write_claims_report(findings, tmp_path / name)}
        for name in "ab"
    )
    assert first == again
    page = first["report.md"].decode()
    numbers = [str(each.claim.number) for each in findings.claims]
    assert re.findall(r"^## (\d+)\.", page, re.MULTILINE) == numbers
    for each in findings.claims:
        assert re.search(rf"^\| \[{each.claim.number}\]\(.*\*\*{each.verdict}\*\*", page, re.MULTILINE)
    named = set(re.findall(r"\]\(([\w-]+\.svg)\)", page))
    assert named == {name for name in first if name.endswith(".svg")}
    assert "claim-09.svg" in named
    for name in named:
        assert len(first[name]) < 120_000
        assert b"<title" in first[name]
        assert b"<desc" in first[name]
    # JSON has no NaN or infinity.
    found = json.loads(first["results.json"], parse_constant=lambda name: pytest.fail(name))
    assert [str(each["claim"]["number"]) for each in found["claims"]] == numbers


def test_every_text_of_shipped_claim_has_its_figures(shipped):
    page = (SHIPPED.parents[4] / "reports" / "claims" / "report.md").read_text()
    assert "no such figure" not in page
    verdicts = dict(re.findall(r"^\| \[(\d+)\]\(#\d+\) \| \*\*([a-z ]+)\*\*", page, re.MULTILINE))
    assert len(verdicts) == 18
    for claim in shipped.file.claims:
        assert list(claim.text) == [verdicts[str(claim.number)]]
