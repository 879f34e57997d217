"""A map shows who wins where, and where that is not shown it says so."""

import json
import re
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.decide.choice import choose
from dispatch_sim.decide.winner_map import map_winners
from dispatch_sim.decide.winners import Standing, Winner, find_winner
from dispatch_sim.report.figures.winner_map import cell_sign
from dispatch_sim.report.maps import legend, map_sentences, write_map
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.strategy import Strategy, parse_strategy
from tests.study.pairs import NOISY, PAIRS, pairs_border


def test_the_border_is_where_two_costs_are_equal():
    """On one side of the line all at once wins, on the other one by one, in every cell."""
    found = map_winners(parse_source(PAIRS), "tasks.duration=5s..200s", "merge.pair.tokens=1K,5K,20K,60K")
    assert len(found.cells) == 48
    for cell in found.cells:
        expected = "parallel" if cell.x > pairs_border(cell.y) else "sequential"
        assert (cell.winner.kind, cell.winner.standing) == (expected, Standing.SHOWN)
        # The margin is the distance from the border, at what waiting costs.
        assert cell.winner.margin == pytest.approx(abs(cell.x - pairs_border(cell.y)) * 3 * 40 / 3600)


def test_at_the_border_others_are_practically_equal():
    """Within 10 cents of it, with an indifference of 10 cents, no winner is spoken of."""
    source = parse_source(PAIRS.replace("indifference: $0", "indifference: $0.10"))
    found = map_winners(source, "tasks.duration=20s,26s,28s,40s", "merge.pair.tokens=9K,10K")
    border = pairs_border(10_000)
    assert border == pytest.approx(27)
    away = [abs(cell.x - border) * 3 * 40 / 3600 for cell in found.row(1)]
    assert [cell.winner.margin for cell in found.row(1)] == pytest.approx(away)
    expected = [Standing.EQUAL if dollars < 0.10 else Standing.SHOWN for dollars in away]
    assert [cell.winner.standing for cell in found.row(1)] == expected
    assert set(expected) == {Standing.EQUAL, Standing.SHOWN}


def costs(*means, spread=0.0, replications=200):
    """Return samples with these means exactly and, apart from what they share, this standard deviation."""
    rng = np.random.default_rng(3)
    shared = rng.lognormal(size=replications)
    own = rng.normal(size=(len(means), replications))
    own -= own.mean(axis=1, keepdims=True)
    return np.asarray(means)[:, None] + shared - shared.mean() + spread * own


SEQUENTIAL, PARALLEL = map(parse_strategy, ("sequential", "parallel"))
QUEUE_OF_2, QUEUE_OF_3 = Strategy("queue", 2), Strategy("queue", 3)
STRATEGIES = [SEQUENTIAL, PARALLEL, QUEUE_OF_2, QUEUE_OF_3]


@pytest.mark.parametrize(
    ("means", "spread", "indifference", "strategy", "standing"),
    [
        ((9, 8, 5, 7), 0.1, 0.0, QUEUE_OF_2, Standing.SHOWN),
        ((9, 8, 5, 5.001), 0.1, 0.0, QUEUE_OF_2, Standing.CONCURRENCY_OPEN),
        ((9, 5.001, 5, 7), 0.1, 0.0, QUEUE_OF_2, Standing.OPEN),
        ((9, 5.001, 5, 7), 0.1, 0.05, QUEUE_OF_2, Standing.EQUAL),
        ((9, 5.001, 5, 7), 0.1, 0.01, QUEUE_OF_2, Standing.OPEN),
        ((1, 5, 5, 7), 0.1, 0.0, SEQUENTIAL, Standing.SHOWN),
    ],
)
def test_a_winner_is_shown_open_in_its_width_practically_equal_or_open(
    means, spread, indifference, strategy, standing
):
    """By paired intervals, all together; 0.001 apart is not told with a half-width of about 0.025."""
    winner = find_winner(STRATEGIES, costs(*means, spread=spread), 8, 0.95, indifference)
    assert (winner.strategy, winner.standing) == (strategy, standing)


def test_a_queue_as_wide_as_the_batch_is_all_at_once_by_another_name():
    """So it is no rival of it, but one of a narrower queue, from which it may not be told apart."""
    strategies = [Strategy("queue", 8), PARALLEL, Strategy("queue", 7)]
    apart = find_winner(strategies, costs(5, 5.001, 9, spread=0.1), 8)
    assert (apart.kind, apart.standing, apart.rival) == ("parallel", Standing.CONCURRENCY_OPEN, strategies[2])
    near = find_winner(strategies, costs(5, 9, 5.001, spread=0.1), 8)
    assert near.standing is Standing.OPEN


def test_equal_means_are_practically_equal_where_that_is_shown():
    """One varies and the other does not: the difference is 0, and known to within 0.14."""
    both = np.array([np.full(200, 5.0), np.tile([4.0, 6.0], 100)])
    for zone, standing in ((0.2, Standing.EQUAL), (0.1, Standing.OPEN)):
        assert find_winner(STRATEGIES[:2], both, 8, 0.95, zone).standing is standing


def test_what_is_the_same_in_every_replication_is_no_rival():
    """A queue as wide as the batch is parallel by another name, and the simplest name is told."""
    same = costs(5, 5, 9)
    winner = find_winner([Strategy("queue", 8), PARALLEL, SEQUENTIAL], same, 8)
    assert (winner.strategy, winner.standing, winner.best_subset) == (PARALLEL, Standing.SHOWN, (PARALLEL,))


def test_a_queue_of_one_is_no_rival_of_one_by_one():
    """That a border between them is open is nothing to tell; one between them and all at once is."""
    sample = costs(5, 5.001, 9, spread=0.1)
    winner = find_winner([Strategy("queue", 1), SEQUENTIAL, PARALLEL], sample, 8)
    assert (winner.standing, winner.rival) == (Standing.CONCURRENCY_OPEN, PARALLEL)


def test_the_rule_is_that_of_the_choice():
    """The same strategy and the same subset as `choose` on a table of the same costs."""
    sample = costs(9, 5.02, 5, 5.03, spread=0.1)
    table = pd.concat(
        pd.DataFrame(
            {
                **strategy.to_json(8),
                "tasks": 8,
                "replication": range(200),
                "cost_usd": sample[number],
            }
        )
        for number, strategy in enumerate(STRATEGIES)
    )
    assert find_winner(STRATEGIES, sample, 8).best_subset == choose(table, 8).best_subset


def test_with_noise_the_border_is_open_and_the_rest_is_shown():
    """Cells far from the line are decided, those on it are not.

    The longest of four with a coefficient of variation of 0.5 is about 1.6 times the mean, so one by one
    waits for 2.4 tasks more: the line is near 33 s.
    """
    found = map_winners(parse_source(NOISY), "tasks.duration=5s,32s,33s,34s,200s", "merge.pair.tokens=9K,10K")
    standings = [cell.winner.standing for cell in found.row(1)]
    assert (standings[0], standings[-1]) == (Standing.SHOWN, Standing.SHOWN)
    assert Standing.OPEN in standings[1:-1]
    assert "replications do not resolve" in map_sentences(found)[-1]
    assert "?" in str(found)


def test_the_size_of_the_batch_is_an_axis_too():
    """Of one task there is nothing to choose; of more, the border moves with the pairs."""
    found = map_winners(parse_source(PAIRS), "tasks=2..6", "tasks.duration=10s,200s")
    assert [cell.x for cell in found.row(0)] == [2, 3, 4, 5, 6]
    for cell in found.cells:
        size = cell.x
        pair_usd, wait_usd = size * (size - 1) / 2 * 10_000 * 15e-6, (size - 1) * cell.y * 40 / 3600
        assert cell.winner.kind == ("parallel" if wait_usd > pair_usd else "sequential")


def test_the_level_next_to_the_scenario_is_its_own():
    """So that the map has a cell for the scenario as it is written."""
    found = map_winners(parse_source(PAIRS), "tasks.duration", "merge.pair.tokens=9K,10K", cells=4)
    assert 120.0 in found.x.levels
    assert (found.x.levels[0], found.x.levels[-1]) == (12, 1200)


def test_the_ends_of_a_range_are_played_as_they_were_asked_for():
    """Also where the scenario's own value is next to one of them."""
    found = map_winners(parse_source(PAIRS), "failures.crash=0..100%", "tasks.duration=9s,10s", cells=3)
    assert found.x.levels == (0.0, 0.5, 1.0)
    found = map_winners(parse_source(PAIRS), "tasks.duration=110s..200s", "tasks=2,4", cells=3)
    assert found.x.levels == (110.0, 120.0, 200.0)


def test_a_batch_narrower_than_every_way_is_a_cell_that_cannot_be_played():
    """As one of two tasks for a queue of 3; it does not end the map."""
    text = PAIRS.replace("[sequential, parallel]", "['queue: 3', 'queue: 4']")
    assert "'queue: 3'" in text
    text = f"{text}\nsweep: {{concurrency: [3, 4]}}\n"
    found = map_winners(parse_source(text), "tasks=2,4", "tasks.duration=9s,10s")
    assert [cell.winner is None for cell in found.cells] == [True, False, True, False]
    assert "every concurrency exceeds the batch size" in found.cells[0].why_not


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ("tasks.tokns", "tasks", "did you mean 'tasks.tokens'?"),
        ("merge.structured", "tasks", "not a number"),
        ("tasks.duration=5parsecs..9s", "tasks", "is not a time; write 60s"),
        ("tasks.duration=9s..5s", "tasks", "the smaller value first"),
        ("tasks=1,1", "tasks.duration", "is repeated"),
        ("tasks=1.5,2", "tasks.duration", "not a whole number"),
        ("tasks", "tasks=1..5", "on both axes"),
        ("harness.cap", "tasks", "name the range"),
        ("tasks.output_share=0.5,1.5", "tasks", "exceeds 100%"),
        ("provider.limits.requests", "tasks", "name the range"),
    ],
)
def test_a_wrong_axis_is_told_in_words(x, y, message):
    """With what was found and what to write."""
    with pytest.raises(UserError, match=message.replace("?", r"\?")):
        map_winners(parse_source(PAIRS), x, y, cells=2)


def test_a_map_is_written_as_picture_page_table_and_json(tmp_path):
    """All from the same cells, and the same bytes every time."""
    found = map_winners(parse_source(PAIRS), "tasks.duration=5s,200s", "merge.pair.tokens=1K,10K")
    written = write_map(found, tmp_path / "one")
    write_map(found, tmp_path / "two")
    assert {path.name for path in written} == {"map.md", "map.svg", "map.json", "map.csv", "map.parquet"}
    for path in written:
        assert path.read_bytes() == (tmp_path / "two" / path.name).read_bytes()
    table = pd.read_csv(tmp_path / "one" / "map.csv")
    assert len(table) == 4
    assert list(table.columns[:3]) == ["tasks.duration", "merge.pair.tokens", "kind"]
    whole = pd.read_parquet(tmp_path / "one" / "map.parquet")
    for column in ("tasks.duration", "strategy", "standing", "mean", "margin_low"):
        assert list(whole[column]) == list(table[column])
    assert (
        json.loads((tmp_path / "one" / "map.json").read_text())["cells"][0]["winner"]["standing"] == "shown"
    )
    assert [cell_sign(cell.winner, found) for cell in found.cells] == ["par", "par", "seq", "par"]


@pytest.fixture(scope="module")
def four_cells():
    """Return a map of two by two."""
    return map_winners(parse_source(PAIRS), "tasks.duration=40s,80s", "merge.pair.tokens=1K,2K")


def come_out(found, *winners):
    """Return a map whose cells have come out so: each a strategy, its standing, and what is as good."""
    of_cells = [
        Winner(strategy, strategy.kind, standing, (strategy, *as_good), 1.0, None, np.nan, np.nan, np.nan)
        for strategy, standing, *as_good in winners
    ]
    cells = tuple(replace(cell, winner=won) for cell, won in zip(found.cells, of_cells, strict=True))
    return replace(found, cells=cells)


def test_where_nothing_is_shown_a_map_names_no_winner(four_cells):
    """It counts where ways are practically equal, and where it is open; neither is a win."""
    equal, open_ = (PARALLEL, Standing.EQUAL), (PARALLEL, Standing.OPEN)
    text = " ".join(map_sentences(come_out(four_cells, equal, open_, open_, open_)))
    assert text.startswith("No strategy is significantly better than all others at any grid point.")
    assert "At 1 grid point, another strategy is practically equal" in text
    assert "At 3 grid points, 4 replications do not resolve" in text
    assert "parallel at" not in text


def test_a_queue_that_wins_is_told_with_its_widths_and_where_they_are_open(four_cells):
    """The widths that win most often, and how far they go; a cell shows between which the best lies."""
    wins = [(Strategy("queue", width), Standing.SHOWN) for width in (2, 3, 7)]
    open_ = (Strategy("queue", 4), Standing.CONCURRENCY_OPEN, QUEUE_OF_3, Strategy("queue", 5))
    found = come_out(four_cells, *wins, open_)
    text = map_sentences(found)[0]
    assert "a queue at 4 (concurrency 2 at 1, 3 at 1 and 7 at 1; from 2 to 7)" in text
    assert cell_sign(found.cells[3].winner, found) == "3-5"
    assert cell_sign(None, found) == "-"
    assert "2-4: the best concurrency is between 2 and 4" in legend(found)
    assert not any(line.startswith(("=", "?")) for line in legend(found))


def test_a_cell_that_cannot_be_played_is_left_out_and_says_why():
    """A call that the bucket can never hold; the rest of the map is there."""
    source = parse_source(PAIRS.replace("limits: unlimited", "limits: {input_tokens: 2K/min}"))
    found = map_winners(source, "tasks.tokens=1K,100K", "provider.limits.scale=1,100")
    assert [cell.winner is None for cell in found.cells] == [False, True, False, False]
    assert "never admitted" in found.cells[1].why_not
    assert re.search(r"^1 .*  -$", str(found), re.MULTILINE)
    assert len(found.frame) == 4
    with pytest.raises(UserError, match="no cell of the map can be simulated"):
        map_winners(source, "tasks.tokens=90K,100K", "provider.limits.scale=0.5,1")


def test_that_a_deadline_is_not_looked_at_is_said(caplog):
    """A map, like all that names places, is by the objective alone."""
    source = parse_source(PAIRS + "objective: {deadline: 1m}\n")
    map_winners(source, "tasks=2,3", "tasks.duration=10s,20s", replications=2)
    (told,) = [record.getMessage() for record in caplog.records]
    assert told.startswith("objective.deadline: not considered here")
    assert "by cost alone" in told


def test_hostile_names_are_inert(tmp_path):
    """In the page, the picture and the terminal."""
    name = "<script>alert(1)</script>|`[a](b)\\\\" + "x" * 5000
    source = parse_source(PAIRS.replace("name: Pairs", f"name: '{name[:400]}'"))
    found = map_winners(source, "tasks.duration=5s,200s", "merge.pair.tokens=1K,10K")
    write_map(found, tmp_path)
    assert "<script>" not in (tmp_path / "map.md").read_text()
    assert "<script>" not in (tmp_path / "map.svg").read_text()
