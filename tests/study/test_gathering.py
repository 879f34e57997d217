"""What is kept of the replications that are played: sums of blocks, however a study was cut."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from dispatch_sim.study.gathering import (
    MOST_BLOCKS,
    Blocks,
    Piece,
    Rows,
    aligned_parts,
    block_size,
    summed,
    whole_blocks,
)
from dispatch_sim.study.histogram import counted

POINTS, COLUMNS, MAKESPAN = 2, 3, 1


def played(count):
    """Return rows whose sums depend on the order in which they are added: nine orders of magnitude."""
    draws = np.random.Generator(np.random.PCG64(count)).normal(size=(POINTS, count, COLUMNS))
    return np.exp(7 * draws)


def tree_sum(rows):
    """Return the sum of rows as the sum of the sums of their halves."""
    half = rows.shape[1] // 2
    return rows[:, 0] if half == 0 else tree_sum(rows[:, :half]) + tree_sum(rows[:, half:])


def piece_of(rows, part, size):
    """Return what a worker makes of a part of a study."""
    own = rows[:, part.start : part.stop]
    return summed(part.start, own, size, counted(own[:, :, MAKESPAN]))


def pieces_of(rows, cuts, size, longest):
    """Cut a study at some places, and each range into parts as workers are given them."""
    ends = sorted({0, rows.shape[1], *cuts})
    ranges = [range(*pair) for pair in pairwise(ends)]
    return [piece_of(rows, part, size) for each in ranges for part in aligned_parts(each, longest)]


@given(st.integers(1, 1 << 20), st.integers(1, 5000), st.integers(1, 4096))
def test_parts_are_leaves_of_the_tree_and_leave_nothing_out(start, length, longest):
    """Each is as long as a power of two that divides its start, and no longer than was asked for."""
    parts = list(aligned_parts(range(start, start + length), longest))
    assert [number for part in parts for number in part] == list(range(start, start + length))
    for part in parts:
        assert len(part) & (len(part) - 1) == 0
        assert part.start % len(part) == 0
        assert len(part) <= longest


@given(st.data())
def test_sums_do_not_depend_on_how_a_study_was_cut_or_in_which_order_it_was_done(data):
    """Means of blocks are to the last bit those of a binary tree over the numbers of replications."""
    size = 2 ** data.draw(st.integers(0, 5))
    rows = played(size * data.draw(st.integers(1, 6)))
    count = rows.shape[1]
    cuts = data.draw(st.lists(st.integers(1, count), max_size=5))
    pieces = data.draw(st.permutations(pieces_of(rows, cuts, size, data.draw(st.integers(1, 64)))))
    blocks = Blocks(size)
    for number, piece in enumerate(pieces):
        if number == len(pieces) // 2:
            # What is written to the disk, and read by another process, in any order.
            left, blocks = blocks.pieces(), Blocks(size)
            for each in reversed(left):
                blocks.add(each)
        blocks.add(piece)
    numbers, means = blocks.table((POINTS, COLUMNS), count)
    assert numbers.tolist() == list(range(count // size))
    wanted = np.stack([tree_sum(part) for part in np.split(rows, count // size, axis=1)], axis=1)
    assert np.array_equal(means, wanted / size)
    assert np.array_equal(blocks.makespans(), counted(rows[:, :, MAKESPAN]))
    assert blocks.played == count
    assert not blocks.missing(range(count))


@given(st.data())
def test_blocks_that_grow_are_those_of_a_study_that_had_long_ones_at_once(data):
    """Doubled on the way, from whatever beginning, sums are the same to the last bit."""
    first = data.draw(st.integers(1, 40))
    size = 2 ** data.draw(st.integers(0, 3))
    stages = data.draw(st.integers(1, 3))
    ends = [-(-first // size) * size]
    for _ in range(stages):
        ends.append(2 * ends[-1])
    rows = played(ends[-1])
    grown, start = Blocks(size), 0
    for stage, stop in enumerate(ends):
        grown.grow(size << stage)
        for part in aligned_parts(range(start, stop), data.draw(st.integers(1, 16))):
            grown.add(piece_of(rows, part, size << stage))
        start = stop
    at_once = Blocks(size << stages)
    for part in aligned_parts(range(ends[-1]), 64):
        at_once.add(piece_of(rows, part, size << stages))
    for one, other in zip(
        grown.table((POINTS, COLUMNS), ends[-1]), at_once.table((POINTS, COLUMNS), ends[-1]), strict=True
    ):
        assert np.array_equal(one, other)
    assert np.array_equal(grown.makespans(), at_once.makespans())


@given(st.integers(2, 10**9))
def test_rounding_up_to_whole_blocks_is_a_thousandth_at_most(replications):
    """And so many blocks are left that Student's t is hardly wider than the normal distribution."""
    whole, size = whole_blocks(replications), block_size(replications)
    assert replications <= whole < replications * 1.001
    assert whole % size == 0
    assert whole // size <= MOST_BLOCKS
    assert size == 1 or whole // size > MOST_BLOCKS // 2
    assert block_size(whole) == size


@given(st.lists(st.integers(1, 40), unique=True, max_size=12))
def test_what_is_missing_is_what_was_not_played(there):
    """Of rows and of blocks, in order."""
    rows = played(42)
    for keeper in (Rows(), Blocks(4)):
        for number in there:
            own = rows[:, number : number + 1]
            keeper.add(
                Piece(number, 1, own)
                if isinstance(keeper, Rows)
                else piece_of(rows, range(number, number + 1), 4)
            )
        missing = [number for gap in keeper.missing(range(41)) for number in gap]
        assert missing == [number for number in range(41) if number not in there]


def test_a_stage_knows_nothing_of_what_an_earlier_run_played_beyond_it():
    """A study that is resumed decides whether to double by the replications by which it had decided."""
    rows = played(12)
    kept, blocks = Rows(), Blocks(1)
    for part in (range(8), range(8, 12)):
        kept.add(Piece(part.start, 1, rows[:, part.start : part.stop]))
    for part in aligned_parts(range(12), 4):
        blocks.add(piece_of(rows, part, 1))
    for keeper in (kept, blocks):
        numbers, values = keeper.table((POINTS, COLUMNS), 8)
        assert numbers.tolist() == list(range(8))
        assert np.array_equal(values, rows[:, :8])
