"""Aggregates say what rows say: the same replications, kept as the means of blocks of them."""

import logging
import math

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.dispatch.outcome import MEASURES
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.study.answer import AnswerError, answer
from dispatch_sim.study.choice import Choice
from dispatch_sim.study.conduct import compare, sweep
from dispatch_sim.study.design import DesignError, design_sweep
from dispatch_sim.study.estimates import averaged, mean_estimate, paired_difference
from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.journal import Journal
from dispatch_sim.study.reduction import aggregation
from dispatch_sim.study.results import identity, read_results, write_results
from dispatch_sim.study.runner import play_blocks
from dispatch_sim.study.stored import read_stored
from dispatch_sim.study.thresholds import check, parse_threshold

TEXT = """
name: both ways
tasks: [{name: a, count: 6, tokens: {lognormal: {mean: 15K, cv: 0.5}}, duration: {exponential: {mean: 60s}}}]
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [sequential, parallel, queue]
sweep: {tasks: [2, 4, 6], concurrency: [2, 3]}
engine: compiled
study: {replications: 6000, indifference: $0.01}
objective: {deadline: 12m, budget: $3}
"""
PLAYED = 6000
BLOCK = 4


@pytest.fixture(scope="module")
def both():
    """The same study, kept as rows and as aggregates."""
    return tuple(answer(sweep(parse_source(TEXT), keep=keep)) for keep in ("rows", "aggregates"))


def test_means_of_all_measures_are_the_same(both):
    """But for the rounding of sums that are added up in another order."""
    rows, blocks = (each.estimates[each.estimates["measure"].isin(MEASURES)] for each in both)
    assert len(rows) == len(blocks) > 0
    np.testing.assert_allclose(blocks["mean"], rows["mean"], rtol=1e-12)
    assert (blocks["n"] == PLAYED).all()


def test_intervals_are_as_wide_but_for_what_the_spread_is_known_less_well(both):
    """From 1,500 means instead of 6,000 values: a spread from these is 2% off as often as not."""
    rows, blocks = (each.estimates[each.estimates["measure"] == "makespan_s"] for each in both)
    ratio = (blocks["high"] - blocks["low"]).to_numpy() / (rows["high"] - rows["low"]).to_numpy()
    assert (np.abs(np.log(ratio)) < 0.12).all()
    assert abs(np.log(ratio).mean()) < 0.05


def test_how_often_a_way_is_the_best_is_counted_before_replications_are_averaged(both):
    """So the shares are those of rows, which means of blocks could not tell."""
    rows, blocks = (each.choices[0] for each in both)
    assert blocks.share_won == pytest.approx(rows.share_won, abs=1e-12)
    assert 0.1 < rows.share_won < 0.9
    for one, other in zip(rows.alternatives, blocks.alternatives, strict=True):
        assert other.share_won == pytest.approx(one.share_won, abs=1e-12)


def test_how_often_limits_are_kept_is_counted_exactly(both):
    """The same counts give the same intervals and verdicts, with a deadline and a budget."""
    rows, blocks = (each.choices[0] for each in both)
    assert blocks.kept == rows.kept
    assert 0 < rows.kept.share.share < 1
    assert [other.kept for other in blocks.alternatives] == [other.kept for other in rows.alternatives]
    assert blocks.kept.share.n == PLAYED


def test_the_choice_is_the_same(both):
    """What is recommended, what may be as good, and in which order the others come."""
    rows, blocks = (each.choices[0] for each in both)
    assert (blocks.strategy, blocks.concurrency) == (rows.strategy, rows.concurrency)
    assert blocks.best_subset == rows.best_subset
    named = [[(other.strategy, other.concurrency) for other in each.alternatives] for each in (rows, blocks)]
    assert named[0] == named[1]
    for one, other in zip(rows.alternatives, blocks.alternatives, strict=True):
        assert other.difference.mean == pytest.approx(one.difference.mean, rel=1e-12)
        assert other.identical == one.identical


def test_break_evens_are_in_the_same_places():
    """Between sizes, where means are interpolated; confidence sets are nearly the same."""
    text = (
        TEXT.replace("tasks: [2, 4, 6]", "tasks: 1..6").replace("8K/min", "16K/min").replace("6000", "3000")
    )
    rows, blocks = (
        answer(sweep(parse_source(text.replace("30K/min", "60K/min")), keep=keep)).break_evens
        for keep in ("rows", "aggregates")
    )
    crossings = 0
    for one, other in zip(rows, blocks, strict=True):
        assert other.replications == one.replications == 3000
        for at, same in zip(one.crossings, other.crossings, strict=True):
            crossings += 1
            assert same.at == pytest.approx(at.at, rel=1e-9)
            assert (same.direction, same.resolved) == (at.direction, at.resolved)
            assert same.low == pytest.approx(at.low, abs=0.05)
            assert same.high == pytest.approx(at.high, abs=0.05)
    assert crossings > 0


def test_the_95th_percentile_is_that_of_single_replications_to_within_a_bin(both):
    """Not that of block means, which is far too small."""
    rows, blocks = (each.estimates[each.estimates["measure"] == "p95_makespan_s"] for each in both)
    keys = ["strategy", "concurrency", "tasks"]
    assert blocks[keys].to_numpy().tolist() == rows[keys].to_numpy().tolist()
    np.testing.assert_allclose(blocks["mean"], rows["mean"], rtol=2**-8)
    assert (blocks["low"].to_numpy() <= rows["low"].to_numpy()).all()
    assert (blocks["high"].to_numpy() >= rows["high"].to_numpy()).all()
    assert (blocks["n"] == PLAYED).all()


def test_a_threshold_on_the_percentile_comes_out_the_same(both):
    """`--fail-on` needs no single replications."""
    for bound, violated in (("1m", True), ("10h", False)):
        found = [check(each, [parse_threshold(f"p95_makespan > {bound}")])[0] for each in both]
        assert [each.violated for each in found] == [violated, violated]
        assert found[1].estimate.n == PLAYED


def counts_in(tree):
    """Yield all that an answer for programs gives as a number of replications."""
    if isinstance(tree, dict):
        yield from (value for key, value in tree.items() if key in ("n", "replications"))
    if isinstance(tree, dict | list):
        for value in tree.values() if isinstance(tree, dict) else tree:
            yield from counts_in(value)


def test_no_number_of_blocks_is_given_as_one_of_replications(both):
    """Wherever an answer says on how many it rests."""
    counts = list(counts_in(both[1].to_json()))
    assert len(counts) > 30
    assert set(counts) == {PLAYED}
    assert both[1].results.sample_size == PLAYED // BLOCK


@pytest.fixture
def never_settled(monkeypatch):
    """Have `auto` double up to its end, whatever is known by then."""
    monkeypatch.setattr(Choice, "ends_early", property(lambda _: False))


AUTO = TEXT.replace("replications: 6000", "at_most: 8192").replace("tasks: [2, 4, 6]", "tasks: [4]")


@pytest.mark.usefixtures("never_settled")
def test_a_study_that_doubles_comes_to_what_one_of_that_size_comes_to(tmp_path):
    """Past 2,048 replications, where blocks grow on the way: to the last bit."""
    doubled = sweep(parse_source(AUTO), keep="aggregates", folder=tmp_path)
    assert doubled.manifest["replications"] == {
        "asked": 8192,
        "played": 8192,
        "at_most": 8192,
        "stopped": "at_most",
    }
    fixed = sweep(parse_source(AUTO), replications=8192, keep="aggregates")
    assert averaged(doubled.frame) == BLOCK
    pd.testing.assert_frame_equal(doubled.frame, fixed.frame, check_exact=True)
    pd.testing.assert_frame_equal(doubled.makespans, fixed.makespans, check_exact=True)


@pytest.mark.usefixtures("never_settled")
@pytest.mark.parametrize("stop", [1000, 3000, 6000])
@pytest.mark.parametrize("study", ["replications: 8192", "at_most: 8192"])
def test_a_study_that_is_resumed_comes_to_the_same_bytes(study, stop, tmp_path):
    """Wherever it was interrupted, and however many workers there were: also where it doubles."""
    source = parse_source(AUTO.replace("at_most: 8192", study))
    write_results(sweep(source, keep="aggregates"), tmp_path / "at once")

    def interrupt(done, _):
        if done >= stop:
            raise KeyboardInterrupt

    folder = tmp_path / "resumed"
    part = sweep(source, keep="aggregates", folder=folder, on_progress=interrupt)
    assert part.manifest["interrupted"]
    assert part.replications < 8192
    write_results(part, folder)
    write_results(sweep(source, keep="aggregates", folder=folder, resume=True, jobs=2), folder)
    for path in (tmp_path / "at once").iterdir():
        assert (folder / path.name).read_bytes() == path.read_bytes(), path.name


@pytest.mark.parametrize("keep", ["rows", "aggregates"])
def test_a_resumed_study_decides_as_it_had_decided(keep, tmp_path, monkeypatch):
    """Whether to double is judged by the replications of each stage, not by what was played beyond it."""
    judged = []

    def choices(results):
        judged.append(results.replications)
        return ()

    monkeypatch.setattr("dispatch_sim.study.conduct.choices", choices)
    monkeypatch.setattr("dispatch_sim.study.conduct.all", lambda _: judged[-1] >= 4096, raising=False)

    def interrupt(done, _):
        if done > 2500:
            raise KeyboardInterrupt

    source = parse_source(AUTO)
    sweep(source, keep=keep, folder=tmp_path, on_progress=interrupt)
    sweep(source, keep=keep, folder=tmp_path, resume=True)
    assert judged == [256, 512, 1024, 2048, 256, 512, 1024, 2048, 4096]


def test_sums_of_more_replications_than_a_block_of_their_stage_are_refused(tmp_path):
    """Each stage of a study that doubles is judged by its own blocks, which cannot be had of longer sums."""
    source = parse_source(AUTO)
    design = design_sweep(source, "aggregates")
    asked = design.replications
    long = aggregation(design, 4)
    journal = Journal(tmp_path, identity(source, design, "aggregates"), design.points, asked, 8192, long)
    journal.begin(anew=True)
    play_blocks(design, [range(asked)], "simpy", long, 1, lambda _, piece: journal.add(piece))
    journal.write_part()
    with pytest.raises(ResultsError, match="its sums are others"):
        sweep(source, keep="aggregates", folder=tmp_path, resume=True)


def test_rounding_up_to_whole_blocks_is_told(caplog):
    """On standard error, and in the manifest, which holds what was asked for and what was played."""
    with caplog.at_level(logging.WARNING, "dispatch_sim"):
        results = compare(parse_source(TEXT), replications=5001, keep="aggregates")
    assert "5,004 replications of each way are played, not 5,001: as many as whole blocks of 4" in caplog.text
    assert results.manifest["replications"]["asked"] == 5001
    assert results.manifest["replications"]["played"] == results.replications == 5004
    assert answer(results).choices[0].replications == 5004
    assert results.makespans.groupby(["strategy", "concurrency"])["replications"].sum().eq(5004).all()


@pytest.mark.usefixtures("never_settled")
def test_a_study_that_doubles_is_asked_for_no_more_than_its_most(tmp_path):
    """What whole blocks have more is played, not asked for; and what is written of it can be read."""
    results = sweep(parse_source(AUTO.replace("at_most: 8192", "at_most: 3001")), keep="aggregates")
    told = results.manifest["replications"]
    assert told == {"asked": 3001, "played": 3002, "at_most": 3001, "stopped": "at_most"}
    write_results(results, tmp_path)
    assert read_stored(tmp_path).replications == 3002


def test_up_to_2048_replications_each_is_a_block(both):
    """Then aggregates hold the replications themselves."""
    rows, blocks = (compare(parse_source(TEXT), replications=300, keep=k) for k in ("rows", "aggregates"))
    assert averaged(blocks.frame) == 1
    pd.testing.assert_frame_equal(blocks.frame[rows.frame.columns], rows.frame, check_exact=True)


def test_shares_are_told_of_each_batch_size_also_where_a_factor_changes_it():
    """The choice is made at the size of the scenario as it is written, whatever a factor makes of it."""
    text = TEXT.replace("sweep: {", "sweep: {tasks.count: [2, 6], ").replace("6000", "200")
    rows, blocks = (answer(sweep(parse_source(text), keep=keep)).choices for keep in ("rows", "aggregates"))
    for one, other in zip(rows, blocks, strict=True):
        assert (other.tasks, other.factors) == (one.tasks, one.factors)
        assert other.share_won == pytest.approx(one.share_won, abs=1e-12)


def test_a_percentile_to_minimise_is_refused_with_what_to_do():
    """Marginal counts do not tell how percentiles of two ways differ."""
    text = TEXT.replace("objective: {", "objective: {minimise: p95_makespan, ").replace("$0.01", "1%")
    with pytest.raises(DesignError, match="minimise makespan, or leave --keep out"):
        sweep(parse_source(text), keep="aggregates")


def test_a_single_block_says_nothing_and_that_is_said():
    """Of a study that was interrupted in its second block."""

    def interrupt(done, _):
        if done >= 1024:
            raise KeyboardInterrupt

    text = TEXT.replace("tasks: [2, 4, 6]", "tasks: [2]").replace("compiled", "simpy")
    results = sweep(parse_source(text), replications=2**21, keep="aggregates", on_progress=interrupt)
    assert (results.sample_size, results.replications) == (1, 1024)
    with pytest.raises(AnswerError, match="fewer than two blocks of replications"):
        answer(results)


def test_a_study_doubles_no_further_than_its_blocks_fit_in_memory(monkeypatch):
    """Once there are as many blocks as there can be, any number of replications fits."""
    source = parse_source(TEXT.replace("replications: 6000", "at_most: 1000000"))
    points = design_sweep(source, "aggregates").points
    for rows, most in ((2048, 1_000_000), (2047, 1024), (600, 512)):
        monkeypatch.setattr("dispatch_sim.study.design.MAX_ROWS", rows * points)
        assert design_sweep(source, "aggregates").at_most == most


def test_results_are_read_as_they_were_written(both, tmp_path):
    """The frame, the makespans and the manifest; and rows in their place leave no makespans behind."""
    rows, blocks = (each.results for each in both)
    write_results(blocks, tmp_path)
    read = read_results(tmp_path)
    pd.testing.assert_frame_equal(read.frame, blocks.frame, check_dtype=False)
    pd.testing.assert_frame_equal(read.makespans, blocks.makespans, check_dtype=False)
    assert read.manifest == blocks.manifest
    write_results(rows, tmp_path)
    assert read_results(tmp_path).makespans is None
    assert not (tmp_path / "makespans.parquet").exists()


def lognormal_pairs(draws, shape):
    """Two costs that share half of their luck: lognormal, and their means exp(mu + 1/2)."""
    common, one, other = (draws.standard_normal(shape) for _ in range(3))
    root = math.sqrt(0.5)
    return np.exp(root * (common + one)), np.exp(0.1 + root * (common + other))


def gamma_pairs(draws, shape):
    """Two costs that share a part: gamma of shape 0.5 and 0.6, whose means these are."""
    common = draws.standard_gamma(0.25, shape)
    return common + draws.standard_gamma(0.25, shape), common + draws.standard_gamma(0.35, shape)


@pytest.mark.parametrize("blocks", [1024, 2048])
@pytest.mark.parametrize(
    ("pairs", "truth"),
    [(lognormal_pairs, math.exp(0.6) - math.exp(0.5)), (gamma_pairs, 0.1)],
    ids=["lognormal", "gamma"],
)
def test_intervals_of_paired_differences_hold_the_truth_as_often_as_they_claim(pairs, truth, blocks):
    """Of 1,000 studies 95%, within three standard deviations of such a count; as narrow as those of rows."""
    draws, trials, size = np.random.Generator(np.random.PCG64(blocks)), 1000, 4
    held, widths = 0, []
    for _ in range(trials):
        one, other = pairs(draws, (blocks, size))
        found = paired_difference(other.mean(axis=1), one.mean(axis=1), 0.95, size)
        held += found.low <= truth <= found.high
        widths.append(found.half_width / mean_estimate((other - one).ravel()).half_width)
    assert abs(held - 0.95 * trials) < 3 * math.sqrt(trials * 0.95 * 0.05)
    assert np.mean(widths) == pytest.approx(1, abs=0.005)
    assert found.n == blocks * size
