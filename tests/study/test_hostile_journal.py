"""What lies unfinished in a folder may be anybody's: it is read in bounded memory, or refused in words."""

import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.gathering import Piece
from dispatch_sim.study.histogram import counted
from dispatch_sim.study.journal import UNFINISHED, Journal
from dispatch_sim.study.journal_lines import JOURNAL_FILE
from dispatch_sim.study.part_files import digest_of
from dispatch_sim.study.reduction import Reduction
from tests.study.lying import with_footer
from tests.study.test_parquet import put_in

STUDY, POINTS, ROWS, MOST = {"sha256": "x"}, 3, 4, 10**9


@pytest.fixture
def folder(tmp_path):
    """A study of which one part is kept."""
    journal = Journal(tmp_path, STUDY, POINTS, MOST, Reduction())
    journal.begin(anew=True)
    journal.add(Piece(0, 1, np.random.default_rng(1).random((POINTS, ROWS, len(Reduction().columns)))))
    journal.write_part()
    return tmp_path


def resumed(folder):
    """Return what is read of it."""
    return list(Journal(folder, STUDY, POINTS, MOST, Reduction()).resume())


def put(folder, change_part=None, **said):
    """Change the part, and what the journal says of it; its digest is put right."""
    part, journal = folder / UNFINISHED / "part-000001.parquet", folder / UNFINISHED / JOURNAL_FILE
    if change_part is not None:
        part.write_bytes(with_footer(part.read_bytes(), change_part))
    *before, last = journal.read_text().splitlines()
    line = json.loads(last) | {"digest": digest_of(part.read_bytes())} | said
    journal.write_text("\n".join([*before, json.dumps(line)]) + "\n")


def test_a_part_is_read_as_it_was_written(folder):
    """So that what follows is of a file that is read."""
    put(folder)
    [piece] = resumed(folder)
    assert piece.values.shape == (POINTS, ROWS, len(Reduction().columns))


@pytest.mark.parametrize("rows", [0, 11, 13, 2**40, 2**62])
def test_a_part_whose_footer_lies_is_refused(folder, rows):
    """Its digest only shows that it is what somebody has written, not that this was us."""
    put(folder, put_in((3, "i64"), rows))
    with pytest.raises(ResultsError, match="is none of this study"):
        resumed(folder)


@pytest.mark.parametrize(
    "pieces",
    [
        [[0, 1, 5]],
        [[0, 1, 10**9]],
        [[0, 1, 2], [4, 1, 1]],
        [[0, 1, -4], [0, 1, 8]],
        [[0, 1, 10**12]],
    ],
)
def test_a_part_without_the_rows_that_its_line_says_is_refused(folder, pieces):
    """However many these are; no memory is taken for them."""
    put(folder, pieces=pieces)
    with pytest.raises(ResultsError, match="is none of this study"):
        resumed(folder)


def test_a_line_that_names_a_file_elsewhere_is_passed_over(folder):
    """As one that a crash has cut off: what it names is played again."""
    put(folder, part="../part-000001.parquet")
    assert resumed(folder) == []


def test_a_part_of_counts_without_replications_is_passed_over(tmp_path):
    """No study writes one; what it counts would be of nothing."""
    reduction = Reduction("aggregates", 4, contests=((0, POINTS),))
    journal = Journal(tmp_path, STUDY, POINTS, 4 * 2048, reduction)
    journal.begin(anew=True)
    sums = np.zeros((POINTS, 1, len(reduction.columns)))
    journal.add(Piece(0, 4, sums, counted(np.ones((POINTS, 4)))))
    journal.write_part()
    part = tmp_path / UNFINISHED / "part-000001.parquet"
    only_counts = pq.read_table(part).slice(POINTS)
    pq.write_table(only_counts, part)
    put(tmp_path, pieces=[])
    assert list(Journal(tmp_path, STUDY, POINTS, 4 * 2048, reduction).resume()) == []


@pytest.mark.parametrize("name", [JOURNAL_FILE, "part-000001.parquet"])
def test_a_pipe_in_the_place_of_a_file_is_not_waited_for(folder, name):
    """A journal is refused; a part counts as not there."""
    (folder / UNFINISHED / name).unlink()
    os.mkfifo(folder / UNFINISHED / name)
    if name == JOURNAL_FILE:
        with pytest.raises(ResultsError, match="no plain file"):
            resumed(folder)
    else:
        assert resumed(folder) == []
