"""Maps of the winning strategy."""

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.decide.choice import choose
from dispatch_sim.decide.map_axes import read_axis
from dispatch_sim.decide.sampling import FIRST
from dispatch_sim.decide.winner_map import map_winners
from dispatch_sim.decide.winners import Standing, Winner, find_winner
from dispatch_sim.report.figures.winner_map import cell_sign
from dispatch_sim.report.maps import legend, map_sentences, write_map
from dispatch_sim.scenario.loader import parse_source
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.scenario.strategy import CONCURRENCIES, Strategy, parse_strategy
from tests.study.pairs import NOISY, PAIRS, pairs_border
from tests.study.tables import table


@cache
def map_of(text, *axes, **options):
    return map_winners(parse_source(text), *axes, **options)


def test_border_is_where_two_costs_are_equal():
    found = map_of(PAIRS, "tasks.duration=5s..200s", "merge.pair.tokens=1K,5K,20K,60K")
    assert len(found.cells) == 48
    for cell in found.cells:
        expected = "parallel" if cell.x > pairs_border(cell.y) else "sequential"
        assert (cell.winner.kind, cell.winner.standing) == (expected, Standing.SHOWN)
        # The margin is the distance from the border, at what waiting costs.
        assert cell.winner.margin == pytest.approx(abs(cell.x - pairs_border(cell.y)) * 3 * 40 / 3600)


def test_strategies_at_the_border_are_practically_equal():
    """Within 10 cents of it, with a threshold of 10 cents."""
    text = PAIRS.replace("indifference: $0", "indifference: $0.10")
    found = map_of(text, "tasks.duration=20s,26s,28s,40s", "merge.pair.tokens=9K,10K")
    border = pairs_border(10_000)
    assert border == pytest.approx(27)
    away = [abs(cell.x - border) * 3 * 40 / 3600 for cell in found.row(1)]
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
    ("means", "indifference", "strategy", "standing"),
    [
        ((9, 8, 5, 7), 0.0, QUEUE_OF_2, Standing.SHOWN),
        ((9, 8, 5, 5.001), 0.0, QUEUE_OF_2, Standing.CONCURRENCY_OPEN),
        ((9, 5.001, 5, 7), 0.0, QUEUE_OF_2, Standing.OPEN),
        ((9, 5.001, 5, 7), 0.05, QUEUE_OF_2, Standing.EQUAL),
        ((9, 5.001, 5, 7), 0.01, QUEUE_OF_2, Standing.OPEN),
        ((1, 5, 5, 7), 0.0, SEQUENTIAL, Standing.SHOWN),
    ],
)
def test_standing_of_a_winner(means, indifference, strategy, standing):
    """A difference of 0.001 has a half-width of about 0.025."""
    sample = costs(*means, spread=0.1)
    winner = find_winner(STRATEGIES, sample, 8, 0.95, indifference)
    assert (winner.strategy, winner.standing) == (strategy, standing)
    results = table(dict(zip(map(str, STRATEGIES), sample, strict=True)))
    assert winner.best_subset == choose(results, 8).best_subset


def test_kind_of_a_queue_depends_on_the_batch():
    """A queue of eight tasks is of the kind parallel, a queue of one of the kind sequential."""
    strategies = [Strategy("queue", 8), PARALLEL, Strategy("queue", 7)]
    apart = find_winner(strategies, costs(5, 5.001, 9, spread=0.1), 8)
    assert (apart.kind, apart.standing, apart.rival) == ("parallel", Standing.CONCURRENCY_OPEN, strategies[2])
    near = find_winner(strategies, costs(5, 9, 5.001, spread=0.1), 8)
    assert near.standing is Standing.OPEN
    one = find_winner([Strategy("queue", 1), SEQUENTIAL, PARALLEL], costs(5, 5.001, 9, spread=0.1), 8)
    assert (one.kind, one.standing, one.rival) == ("sequential", Standing.CONCURRENCY_OPEN, PARALLEL)


def test_equal_means_are_practically_equal_within_the_threshold():
    """One varies and the other does not: the difference is 0, with a half-width of 0.14."""
    both = np.array([np.full(200, 5.0), np.tile([4.0, 6.0], 100)])
    for threshold, standing in ((0.2, Standing.EQUAL), (0.1, Standing.OPEN)):
        assert find_winner(STRATEGIES[:2], both, 8, 0.95, threshold).standing is standing


def test_identical_strategy_is_no_rival():
    winner = find_winner([Strategy("queue", 8), PARALLEL, SEQUENTIAL], costs(5, 5, 9), 8)
    assert (winner.strategy, winner.standing, winner.best_subset) == (PARALLEL, Standing.SHOWN, (PARALLEL,))


@pytest.mark.parametrize(
    ("rare_in", "means", "indifference", "short", "preliminary"),
    [
        (PARALLEL, (20, 15, 5, 30), 0.0, False, True),  # the rival, whose interval is stated
        (SEQUENTIAL, (20, 15, 5, 30), 0.0, False, False),  # another one that is worse beyond doubt
        (SEQUENTIAL, (5.022, 5.01, 5, 30), 0.0, True, True),  # worse by three standard errors
        (SEQUENTIAL, (5.1, 5.01, 5, 30), 0.0, True, True),  # which three expensive batches would make up for
        (PARALLEL, (20, 5, 5, 30), 1.0, True, True),  # practically equal
        (PARALLEL, (20, 5, 5, 30), 0.01, False, True),  # open, whatever its interval is
        (QUEUE_OF_3, (20, 15, 5, 5), 0.0, False, False),  # the best concurrency is open
    ],
)
def test_standing_rests_on_differences_with_enough_replications(
    rare_in, means, indifference, short, preliminary
):
    """Two of 200 batches cost a dollar more: 25 times the squared skewness of 0.98^2 / (0.01 x 0.99)."""
    shared = costs(0)[0]
    assert 0.1 < 3 * shared.max() / 200 < 1
    sample = np.asarray(means)[:, None] + shared
    rare = np.where(np.isin(np.arange(200), [50, 150]), 1.0, 0.0)
    sample[STRATEGIES.index(rare_in)] += rare - rare.mean()
    winner = find_winner(STRATEGIES, sample, 8, 0.95, indifference)
    assert winner.strategy == QUEUE_OF_2
    assert (winner.short, winner.needed) == (((rare_in,), 2500) if short else ((), 0))
    assert winner.is_preliminary == preliminary


def test_cells_have_the_replications_that_their_standing_needs():
    """The sum less the maximum of four durations, for which sequential waits longer, is skewed."""
    text = NOISY.replace("cv: 0.5", "cv: 2").replace("replications: 60, ", "")
    levels = "tasks.duration=60s,61s", "merge.pair.tokens=8K,9K,10K,13K"
    few, enough = (map_of(text, *levels, replications=count) for count in (FIRST, None))
    assert any(cell.winner.short for cell in few.cells)
    assert not any(cell.winner.short for cell in enough.cells)
    assert {cell.winner.standing for cell in enough.cells} == {Standing.SHOWN}


def test_border_is_open_with_noise():
    """The longest of four with a coefficient of variation of 0.5 is about 1.6 times the mean, so sequential
    waits for 2.4 tasks more: the border is near 33 s.
    """
    found = map_of(NOISY, "tasks.duration=5s,32s,33s,34s,200s", "merge.pair.tokens=9K,10K")
    standings = [cell.winner.standing for cell in found.row(1)]
    assert (standings[0], standings[-1]) == (Standing.SHOWN, Standing.SHOWN)
    assert Standing.OPEN in standings[1:-1]
    assert "replications do not resolve" in map_sentences(found)[-1]
    assert "?" in str(found)


def test_batch_size_is_an_axis():
    found = map_of(PAIRS, "tasks=2..6", "tasks.duration=10s,200s")
    assert [cell.x for cell in found.row(0)] == [2, 3, 4, 5, 6]
    for cell in found.cells:
        size = cell.x
        pair_usd, wait_usd = size * (size - 1) / 2 * 10_000 * 15e-6, (size - 1) * cell.y * 40 / 3600
        assert cell.winner.kind == ("parallel" if wait_usd > pair_usd else "sequential")


@pytest.mark.parametrize(
    ("axis", "levels"),
    [
        ("tasks.duration", (12, 120, 260, 1200)),
        ("tasks.duration=110s..200s", (110, 120, 170, 200)),
        ("failures.crash=0..100%", (0.0, 0.33, 0.67, 1.0)),
    ],
)
def test_range_keeps_its_ends_and_has_the_scenarios_own_value(axis, levels):
    """At equal ratios, or at equal distances: the nearest to 120 s gives way to it."""
    assert read_axis(parse_source(PAIRS), axis, 4).levels == levels


def test_batch_smaller_than_every_queue_is_an_impossible_cell():
    text = PAIRS.replace("[sequential, parallel]", "['queue: 3', 'queue: 4']")
    text = f"{text}\nsweep: {{concurrency: [3, 4]}}\n"
    found = map_of(text, "tasks=2,4", "tasks.duration=9s,10s")
    assert [cell.winner is None for cell in found.cells] == [True, False, True, False]
    assert "every concurrency exceeds the batch size" in found.cells[0].why_not


@pytest.mark.parametrize(
    ("x", "y", "message"),
    [
        ("tasks.tokns", "tasks", r"did you mean 'tasks.tokens'\?"),
        ("merge.structured", "tasks", "not a number"),
        ("tasks.duration=5parsecs..9s", "tasks", "is not a time; write 60s"),
        ("tasks.duration=9s..5s", "tasks", "the smaller value first"),
        ("tasks=1,1", "tasks.duration", "is repeated"),
        ("tasks=1.5,2", "tasks.duration", "not a whole number"),
        ("tasks", "tasks=1..5", "on both axes"),
        ("harness.cap", "tasks", "name the range"),
        ("tasks.output_share=0.5,1.5", "tasks", "exceeds 100%"),
    ],
)
def test_wrong_axis_is_an_error(x, y, message):
    with pytest.raises(UserError, match=message):
        map_winners(parse_source(PAIRS), x, y, cells=2)


def test_map_is_written_as_figure_page_table_and_json(tmp_path):
    found = map_of(PAIRS, "tasks.duration=5s,200s", "merge.pair.tokens=1K,10K")
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
    cells = json.loads((tmp_path / "one" / "map.json").read_text())["cells"]
    assert cells[0]["winner"]["standing"] == "shown"
    assert [cell_sign(cell.winner, found) for cell in found.cells] == ["par", "par", "seq", "par"]


def come_out(*winners):
    """Return a map of four cells: each has a strategy, its standing, and its best subset."""
    found = map_of(PAIRS, "tasks.duration=40s,80s", "merge.pair.tokens=1K,2K")
    of_cells = [
        Winner(strategy, strategy.kind, standing, (strategy, *as_good), 1.0, None, np.nan, np.nan, np.nan, 9)
        for strategy, standing, *as_good in winners
    ]
    cells = tuple(replace(cell, winner=won) for cell, won in zip(found.cells, of_cells, strict=True))
    return replace(found, cells=cells)


def test_map_without_significance_names_no_winner():
    equal, open_ = (PARALLEL, Standing.EQUAL), (PARALLEL, Standing.OPEN)
    text = " ".join(map_sentences(come_out(equal, open_, open_, open_)))
    assert text.startswith("No strategy is significantly better than all others at any grid point.")
    assert "At one grid point, another strategy is practically equal" in text
    assert "At three grid points, 4 replications do not resolve" in text
    assert "parallel at" not in text


def test_map_lists_concurrencies_of_a_winning_queue():
    wins = [(Strategy("queue", number), Standing.SHOWN) for number in (2, 3, 7)]
    open_ = (Strategy("queue", 4), Standing.CONCURRENCY_OPEN, QUEUE_OF_3, Strategy("queue", 5))
    found = come_out(*wins, open_)
    text = map_sentences(found)[0]
    assert "queue at 4 (concurrency 2 at 1, 3 at 1 and 7 at 1; from 2 to 7)" in text
    assert cell_sign(found.cells[3].winner, found) == "3-5"
    assert cell_sign(None, found) == "-"
    assert "2-4: the best concurrency is between 2 and 4" in legend(found)
    assert not any(line.startswith(("=", "?")) for line in legend(found))


def test_map_begins_with_the_winner_at_the_values_of_the_scenario():
    """At 40 s and 5 s of merging a pair; along the durations another one wins at 80 s, along y none does."""

    def own(found):
        """Return the sentences of a map whose scenario has the values of the first cell."""
        x, y = (
            replace(axis, parameter=replace(axis.parameter, value=axis.levels[0]))
            for axis in (found.x, found.y)
        )
        return map_sentences(replace(found, x=x, y=y))

    queue, parallel = (QUEUE_OF_3, Standing.SHOWN), (PARALLEL, Standing.SHOWN)
    first, along = own(come_out(queue, parallel, (PARALLEL, Standing.OPEN), parallel))[:2]
    assert first == "At the scenario's own values, a queue of 3 is cheapest."
    assert along == (
        "Along tasks.duration (mean), the nearest level at which another strategy wins is 1m 20s (parallel); "
        "along merge.pair.tokens, no other strategy wins."
    )
    undecided = come_out((QUEUE_OF_3, Standing.OPEN), parallel, parallel, parallel)
    assert own(undecided)[0] == (
        "At the scenario's own values, a queue of 3 has the lowest mean cost per batch, but the best "
        "strategy is not resolved."
    )


@pytest.mark.parametrize(
    ("strategies", "says"),
    [
        ("[{queue: 3}]", []),
        ("[queue]", ["At the scenario's own values, a queue of 4 is cheapest."]),
        (
            "[queue, {queue: 3, pace: limits}]",
            [
                "At the scenario's own values, a queue of 4 is cheapest.",
                "Along tasks in the batch, no other strategy wins; "
                "along values.waiting, no other strategy wins.",
            ],
        ),
    ],
)
def test_map_names_no_other_winner_where_one_strategy_is_compared(strategies, says):
    """Merging is free, so the batch ends first if all start together: a queue of 3, and of 4, is parallel."""
    text = PAIRS.replace("pair: {tokens: 10K}", "pair: {tokens: 0}")
    text = text.replace("[sequential, parallel]", f"{strategies}\nsweep: {{concurrency: [2, 3, 4]}}")
    found = map_of(text, "tasks=3,4", "values.waiting=$40/h,$50/h")
    assert [line for line in map_sentences(found) if "own values" in line or "Along" in line] == says


def test_impossible_cell_says_why():
    text = PAIRS.replace("limits: unlimited", "limits: {input_tokens: 2K/min}")
    found = map_of(text, "tasks.tokens=1K,100K", "provider.limits.scale=1,100")
    assert [cell.winner is None for cell in found.cells] == [False, True, False, False]
    assert "never admitted" in found.cells[1].why_not
    assert re.search(r"^1 .*  -$", str(found), re.MULTILINE)
    assert len(found.frame) == 4
    with pytest.raises(UserError, match="no cell of the map can be simulated"):
        map_of(text, "tasks.tokens=90K,100K", "provider.limits.scale=0.5,1")


def test_ignored_deadline_is_a_warning(caplog):
    source = parse_source(PAIRS + "objective: {deadline: 1m}\n")
    map_winners(source, "tasks=2,3", "tasks.duration=10s,20s", replications=2)
    (message,) = [record.getMessage() for record in caplog.records]
    assert message.startswith("objective.deadline: not considered here")
    assert "by cost alone" in message


def test_single_level_of_an_axis_is_an_error():
    with pytest.raises(UserError, match="cells: 1 levels of an axis; write 2 to 60"):
        map_winners(parse_source(PAIRS), "tasks.duration", "merge.pair.tokens", cells=1)


# Under a tight limit, parallel collapses and a narrow queue does not.
NARROW_WINS = """
tasks: [{name: t, count: 6, calls: 4, tokens: 15K, duration: 60s}]
dispatch: {context: none}
provider: {limits: {requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}}
strategies: [parallel, queue]
sweep: {concurrency: [12, 16]}
study: {seed: 3}
"""


def test_every_batch_size_of_a_map_has_queues_to_choose_from():
    """The sweep's concurrencies do not fit 8 tasks, and are few for 64: those below and above are added."""
    found = map_winners(NARROW_WINS, "tasks=8,64", "values.waiting=$40/h,$50/h", replications=20)
    assert found.added == tuple(each for each in CONCURRENCIES if each < 12 or each > 16)
    assert [cell.winner.kind for cell in found.cells] == ["queue"] * 4
    assert found.cells[0].winner.strategy.concurrency < 8
    assert "Besides the concurrencies of the sweep, 2, 3" in " ".join(map_sentences(found))


def test_map_over_other_keys_compares_the_concurrencies_of_the_sweep():
    found = map_winners(NARROW_WINS, "tasks.tokens=15K,20K", "values.waiting=$40/h,$50/h", replications=5)
    assert found.added == ()
