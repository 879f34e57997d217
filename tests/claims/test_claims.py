"""Claims are read from a file, judged as arithmetic says, and reported."""

import json
import re
from dataclasses import replace
from itertools import chain

import pytest

from dispatch_sim.claims.break_even_map import Cell
from dispatch_sim.claims.judge import judge_claims
from dispatch_sim.claims.simulation import SCREENING, STAGES, Points
from dispatch_sim.claims.statements import SHIPPED, Sentence, load_claims
from dispatch_sim.claims.verdicts import State, Threshold, Verdict
from dispatch_sim.decide.studies import sweep
from dispatch_sim.report.claim_texts import Texts, cell_text
from dispatch_sim.report.claims import write_claims_report
from dispatch_sim.scenario.loader import load_source
from dispatch_sim.scenario.problems import ScenarioError, UserError
from dispatch_sim.scenario.warnings import warnings
from dispatch_sim.stats.estimates import Estimate
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
TEXT = '    text: ["At most {cost.at 1 | times}.", {say: It rises., when: cost.at 1 <= cost.at 2 < 10}]\n'
CLAIMS = (
    CLAIMS.replace("Ratio", "Parallel <b>costs</b> no more")
    .replace("    cases:", f"{TEXT}    cases:")
    .replace("- where", "- name: cost\n        where")
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
    assert re.match(rf"{re.escape(str(tmp_path))}/(claims\.yaml:\d+:\d+|other\.yaml)", str(caught.value))


def test_claim_that_is_not_there(tmp_path):
    with pytest.raises(UserError, match="there is no claim 7"):
        judge_claims(load_claims(written(tmp_path)), only=[1, 7])


def test_command_judges_file_of_claims(tmp_path):
    written(tmp_path)
    done = dispatch_sim("claims", "--file", "claims.yaml", "--out", "here", cwd=tmp_path)
    assert (done.returncode, "1  confirmed" in done.stdout) == (0, True)
    page = (tmp_path / "here" / "report.md").read_text()
    assert r"Parallel \<b\>costs" in page
    assert re.search(r"At most [\d.]+ times\. It rises\.", page)
    done = dispatch_sim("claims", "--file", "claims.yaml", "--out", "here", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["claims"][0]["verdict"] == "confirmed"
    done = dispatch_sim("claims", "--only", "", cwd=tmp_path)
    assert done.stderr == "--only: '' is not the number of a claim; write numbers such as 7,9\n"
    done = dispatch_sim("claims", "--only", "two", cwd=tmp_path)
    assert (done.returncode, "'two' is not the number of a claim" in done.stderr) == (2, True)


# Texts.


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return judge_claims(load_claims(written(tmp_path_factory.mktemp("claims"))))


@pytest.mark.parametrize(
    ("say", "shown"),
    [
        ("{cost.at 1}", "0.5"),
        ("{cost.at 1 | %}", "50%"),
        ("{cost.at 1 | less} less", "50% less"),
        ("{cost.at 2 | times}", "12 times"),
        ("{cost.at 2 | more} more", "1,150% more"),
        ("{cost.turn}", "1.2"),
        ("up to {=10 tasks}", "up to 10 tasks"),
    ],
)
def test_figures_are_inserted(small, say, shown):
    texts = with_ratios(small, 0.5, 12.5)
    assert texts.fill(Sentence(say=say)) == shown
    assert not texts.problems


@pytest.mark.parametrize(
    ("sentence", "problem"),
    [
        ({"say": "It falls.", "when": ["cost.at 2 < cost.at 1"]}, "cost.at 2 is 12.5 and cost.at 1 is 0.5"),
        ({"say": "It is about two.", "when": ["1 < cost.at 1 < 3"]}, "does not hold, as cost.at 1 is 0.5"),
        ({"say": "It is {cost.at 2 | less} less."}, "cost.at 2 is 12.5, which cannot be written as less"),
        ({"say": "It is {cost.at 3}."}, "unknown figure of cost 'at 3'"),
        ({"say": "It is {costs.at 2}."}, "did you mean 'cost'"),
        ({"say": "It is {cost.at 2 | as}."}, "write one of %, less, more and times"),
        ({"say": "It is so.", "when": ["cost.at 2"]}, "no relation of figures"),
        ({"say": "It is so.", "when": ["cost.at 2 > much"]}, "'much' is not a level of an axis"),
    ],
)
def test_sentence_that_figures_do_not_bear_out_is_named(small, sentence, problem):
    texts = with_ratios(small, 0.5, 12.5)
    texts.fill(Sentence.model_validate(sentence | {"when": tuple(sentence.get("when", ()))}))
    (found,) = texts.problems
    assert found.startswith(f'"{sentence["say"]}"')
    assert problem in found


def with_ratios(findings, *ratios):
    """Return the texts of a claim's findings, as if these were the ratios at the levels."""
    (claim,) = findings.claims
    (case,) = claim.cases
    points = [
        replace(point, ratio=Estimate(ratio, ratio, ratio, 2))
        for point, ratio in zip(case.points, ratios, strict=True)
    ]
    thresholds = (Threshold(1.23, 1.2, 1.3, 1.0, holds_above=False),)
    case = replace(case, points=tuple(points), thresholds=thresholds)
    return Texts(replace(findings, claims=(replace(claim, cases=(case,)),)))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "< 10",
            "< 0.1",
            '"It rises." relies on cost.at 1 <= cost.at 2 < 0.1: it does not hold, as cost.at 1 is',
        ),
        ("{cost.at 1 |", "{cost.at 7 |", "unknown figure of cost 'at 7'"),
        (
            "    cases:",
            "    verdict: refuted\n    cases:",
            'its text relies on "refuted", but the verdict is "confirmed"',
        ),
    ],
)
def test_text_that_is_wrong_fails_and_overwrites_nothing(tmp_path, old, new, message):
    written(tmp_path, CLAIMS.replace(old, new))
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "report.md").write_text("as before")
    done = dispatch_sim("claims", "--file", "claims.yaml", "--out", "out", cwd=tmp_path)
    assert (done.returncode, message in " ".join(done.stderr.split())) == (2, True), done.stderr
    assert [path.read_text() for path in (tmp_path / "out").iterdir()] == ["as before"]
    assert "confirmed" in done.stdout


@pytest.mark.parametrize(
    ("favours", "ratios", "text"),
    [
        (["parallel", None, "queue", "queue"], [0.9, 1.0, 1.1, 1.2], "queue from 6"),
        (["queue", "parallel", "queue", "queue"], [1.1, 0.9, 1.1, 1.2], "queue from 6"),
        (["parallel"] * 4, [0.9, 0.9, 0.8, 0.7], "parallel"),
        (["queue", None, "parallel", "parallel"], [1.03, 1.0, 0.97, 0.92], "alike: within 8%"),
        (["parallel", "parallel", "parallel", None], [0.7, 0.8, 0.9, 0.99], "unclear"),
    ],
)
def test_cell_of_map_says_what_to_do(favours, ratios, text):
    sizes = range(4, 8)
    cell = Cell(
        {}, dict(zip(sizes, favours, strict=True)), dict(zip(sizes, ratios, strict=True)), State.HOLDS
    )
    assert cell_text(cell) == text


_NUMBER = re.compile(
    r"\d+(?:[.,]\d+)*|\b(?:four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|"
    r"half|third|thirds|quarter|quarters|fifth|tenth|twice|double)\b",
    re.IGNORECASE,
)


def typed_figures(sentence, post):
    """Return the typed figures of a sentence that are neither the post's nor marked as settings."""
    rest = re.sub(r"\{[^{}]*\}", "", sentence)
    return [
        each for each in _NUMBER.findall(rest) if each.lower() not in map(str.lower, _NUMBER.findall(post))
    ]


def test_planted_figure_is_found():
    assert typed_figures("It costs 57% more.", "It costs more.") == ["57"]
    assert typed_figures("It costs twice as much, at {=20} and {a.b | %}.", "") == ["twice"]
    assert typed_figures("The break-even is 4.", "Is it 4 or 7?") == []


# The eighteen that ship.


@pytest.fixture(scope="module")
def shipped():
    return load_claims()


def judged(shipped, *only, replications=2):
    found = judge_claims(shipped, only=only, replications=replications)
    return {each.claim.number: each for each in found.claims}


def sentences(part):
    return [*part.text, *getattr(part, "note", ())]


def test_shipped_sentences_are_short_and_their_figures_computed(shipped):
    said = " ".join(f"{claim.title} {claim.says}" for claim in shipped.file.claims)
    for part in (*shipped.file.sections, *shipped.file.claims):
        for sentence in [*sentences(part), *chain.from_iterable(part.table)]:
            assert not typed_figures(sentence.say, said), sentence.say
        for sentence in sentences(part):
            assert len(re.sub(r"\{[^{}]*\}", "figure", sentence.say).split()) < 25, sentence.say


def first_ratios(claim):
    return [found.points[0].ratio.mean for found in claim.cases]


def test_all_eighteen_are_there(shipped):
    numbers = [claim.number for claim in shipped.file.claims]
    assert numbers == list(range(1, 19))
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


def test_claims_2_and_3_are_exact(shipped):
    """45 s and 49K tokens, measured 34K + 3 x 24.8K and what the coordinator writes; 15K of 60K tokens."""
    found = judged(shipped, 2, 3)
    assert [(claim.verdict, claim.beyond) for claim in found.values()] == [(CONFIRMED, REFUTED)] * 2
    seconds, tokens, _, measured = first_ratios(found[2])
    # One turn of 300, three briefs of 240, three merges of 500.
    assert [seconds, tokens, measured] == [45, 49_000, 34_000 + 3 * 24_800 + 300 + 3 * 240 + 3 * 500]
    assert first_ratios(found[3]) == pytest.approx([0.25, 25.5 / 40.5])


def test_claim_4_turns_at_four_times_spawn(shipped):
    """A spawn is a fifth of itself and the work where the work is four times as much."""
    claim = judged(shipped, 4)[4]
    at = [found.thresholds[0].at for found in claim.cases[:3]]
    assert at == pytest.approx([4 * 2_000, 4 * 4_000, 4 * 23_500])


def test_claim_5_loses_each_edit_at_most_once(shipped):
    """Each costs twenty minutes; at most one less than there are agents, and nobody repeats them."""
    frame = sweep(shipped.scenarios["05-shared-files.yaml"], replications=20).frame
    once = frame[frame["strategy"] == "parallel"]
    losses = once["people_conflicts_s"] / 1200
    assert (losses == once["overwritten_attempts"]).all()
    assert (losses <= once["tasks"] - 1).all()
    assert losses.max() > 1
    assert not once["people_recovery_s"].any()


def test_claim_6_merges_ten_minutes_for_five_agents(shipped):
    frame = sweep(shipped.scenarios["06-prose.yaml"], replications=2).frame
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


# Simulation.


@pytest.mark.parametrize("count", [3, 20])
def test_points_have_replications_of_sweep(shipped, count):
    """With high limits they are those of a point with lower limits that were never reached."""
    source = shipped.scenarios["07-limits.yaml"]
    points = Points(source, {"cost_usd", "makespan_s"}, count, 1)
    rows = range(len(points.values))
    points.extend(rows[::3], count - 1)
    points.extend(rows, count)
    expected = sweep(source, replications=count).frame
    for measure in ("cost_usd", "makespan_s"):
        found = points.sums(rows, [measure], count)
        assert found.ravel().tolist() == expected[measure].tolist()
    assert points.simulated < len(expected)


def test_levels_near_a_bound_and_ends_are_refined(shipped):
    """Parallel is slower than sequential up to 1.25 times the limits, and faster from 1.5 times on."""
    (claim,) = judge_claims(shipped, only=[7], jobs=2).claims
    limit = next(
        found for case, found in zip(claim.claim.cases, claim.cases, strict=True) if case.name == "limit"
    )
    replications = {point.at: point.ratio.n for point in limit.points}
    assert {replications[at] for at in (1, 1.25, 1.5, 50)} == {STAGES[0]}
    assert {replications[at] for at in (2, 3, 5, 10, 20)} == {SCREENING}
    assert limit.valid


# The report.


def test_report_has_every_claim_and_same_bytes_each_time(shipped, tmp_path):
    findings = judge_claims(shipped, only=[2, 3, 4, 14, 16])
    first, again = (
        {path.name: path.read_bytes() for path in write_claims_report(findings, tmp_path / name)}
        for name in "ab"
    )
    assert first == again
    page = first["report.md"].decode()
    numbers = [str(each.claim.number) for each in findings.claims]
    assert re.findall(r"^### (\d+)\.", page, re.MULTILINE) == numbers
    for each in findings.claims:
        assert re.search(rf"^\| \[{each.claim.number}\]\(.*\*\*{each.verdict}\*\*", page, re.MULTILINE)
    # JSON has no NaN or infinity.
    found = json.loads(first["results.json"], parse_constant=lambda name: pytest.fail(name))
    assert [str(each["claim"]["number"]) for each in found["claims"]] == numbers


def test_stored_report_has_shipped_texts(shipped):
    page = (SHIPPED.parents[4] / "reports" / "claims" / "report.md").read_text().replace("\\", "")
    verdicts = dict(re.findall(r"^\| \[(\d+)\]\(#\d+\) \| \*\*([a-z ]+)\*\*", page, re.MULTILINE))
    assert verdicts == {str(claim.number): claim.verdict for claim in shipped.file.claims}
    for part in (*shipped.file.sections, *shipped.file.claims):
        for sentence in [*sentences(part), *chain.from_iterable(part.table)]:
            pattern = re.sub(
                r"\\\{(=?)(.*?)\\\}",
                lambda match: match[2] if match[1] else ".+?",
                re.escape(sentence.say),
            )
            assert re.search(pattern, page), sentence.say
