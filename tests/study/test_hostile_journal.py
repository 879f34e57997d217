"""What lies unfinished in a folder may be anybody's: it is read in bounded memory, or refused in words."""

import json
import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from dispatch_sim.study.files import ResultsError
from dispatch_sim.study.gathering import Piece
from dispatch_sim.study.histogram import BINS, counted
from dispatch_sim.study.journal import UNFINISHED, Journal, discard
from dispatch_sim.study.journal_lines import JOURNAL_FILE, Part, problem_of_pieces, read_line
from dispatch_sim.study.part_files import digest_of
from dispatch_sim.study.reduction import Reduction
from tests.study.lying import with_footer
from tests.study.test_parquet import put_in

STUDY, POINTS, ROWS, MOST = {"sha256": "x"}, 3, 4, 10**9


@pytest.fixture
def folder(tmp_path):
    """A study of which one part is kept."""
    journal = Journal(tmp_path, STUDY, POINTS, MOST, MOST, Reduction())
    journal.begin(anew=True)
    journal.add(Piece(0, 1, np.random.default_rng(1).random((POINTS, ROWS, len(Reduction().columns)))))
    journal.write_part()
    return tmp_path


def resumed(folder):
    """Return what is read of it."""
    return list(Journal(folder, STUDY, POINTS, MOST, MOST, Reduction()).resume())


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
    journal = Journal(tmp_path, STUDY, POINTS, 4 * 2048, 4 * 2048, reduction)
    journal.begin(anew=True)
    sums = np.zeros((POINTS, 1, len(reduction.columns)))
    journal.add(Piece(0, 4, sums, counted(np.ones((POINTS, 4)))))
    journal.write_part()
    part = tmp_path / UNFINISHED / "part-000001.parquet"
    only_counts = pq.read_table(part).slice(POINTS)
    pq.write_table(only_counts, part)
    put(tmp_path, pieces=[])
    assert list(Journal(tmp_path, STUDY, POINTS, 4 * 2048, 4 * 2048, reduction).resume()) == []


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


def test_a_part_of_no_pieces_is_passed_over(folder):
    """As any line that none of our studies writes."""
    put(folder, pieces=[], counts=POINTS * ROWS)
    assert resumed(folder) == []


@pytest.mark.parametrize("number", ["10000000", "999999999"])
def test_no_part_takes_the_last_name_that_a_part_can_have(folder, number):
    """The next one would have none."""
    name = f"part-{number}.parquet"
    put(folder, part=name)
    (folder / UNFINISHED / "part-000001.parquet").rename(folder / UNFINISHED / name)
    with pytest.raises(ResultsError, match="no study has so many"):
        resumed(folder)


@pytest.mark.parametrize("counts", [1, 2**31 - 1])
def test_a_part_that_counts_what_its_study_does_not_count_is_refused(folder, counts):
    """Only aggregates count makespans; and no more rows are read than there are bins."""
    put(folder, counts=counts)
    with pytest.raises(ResultsError, match="more rows than one can have"):
        resumed(folder)


def test_no_more_counts_are_read_than_there_are_bins():
    """Two megabytes of them can stand for as many gigabytes."""
    line = Part(part="part-000001.parquet", pieces=[(0, 1, 2)], columns=[], digest="", seconds=0)
    for counts, told in ((POINTS * BINS, None), (POINTS * BINS + 1, "has more rows than one can have")):
        found = problem_of_pieces(
            [line.model_copy(update={"counts": counts})], POINTS, MOST, lambda _: 1, BINS
        )
        assert (found is None) if told is None else (told in found)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_part_of_values_that_are_no_finite_numbers_is_refused(tmp_path, value):
    """No study comes to such, and no answer can be made of them."""
    journal = Journal(tmp_path, STUDY, POINTS, MOST, MOST, Reduction())
    journal.begin(anew=True)
    values = np.ones((POINTS, ROWS, len(Reduction().columns)))
    values[1, 2, 3] = value
    journal.add(Piece(0, 1, values))
    journal.write_part()
    with pytest.raises(ResultsError, match="is none of this study"):
        resumed(tmp_path)


@pytest.mark.parametrize(
    "more",
    [b"1\n" * 200_000, b'{"part":[' + b"[]," * 9_000_000 + b"1]}\n"],
    ids=["lines", "values"],
)
def test_a_journal_of_more_than_a_study_writes_is_refused_before_it_is_parsed(folder, more):
    """A line of 30 MB took seven gigabytes and a minute."""
    with (folder / UNFINISHED / JOURNAL_FILE).open("ab") as file:
        file.write(more)
    with pytest.raises(ResultsError, match="more in it than any study writes"):
        resumed(folder)


@pytest.mark.parametrize(
    "wrong", [{"pieces": [0] * 10**6}, {"columns": [0] * 10**6}, {str(key): 0 for key in range(10**6)}]
)
def test_a_line_of_a_million_wrong_values_is_passed_over_at_the_first(wrong):
    """An error for each of them takes hundreds of megabytes."""
    right = {"part": "part-000001.parquet", "pieces": [[0, 1, 1]], "columns": [], "digest": "", "seconds": 0}
    with pytest.raises(ValueError, match=r"more fields|1 validation error"):
        read_line(json.dumps(right | wrong).encode())


@pytest.mark.parametrize("begin", ["anew", "begin", "resume"])
def test_a_link_in_the_place_of_what_is_unfinished_is_not_followed(folder, tmp_path_factory, begin):
    """Where it leads, another study's parts would be thrown away."""
    theirs = tmp_path_factory.mktemp("theirs")
    (theirs / UNFINISHED).symlink_to(folder / UNFINISHED)
    before = {path.name: path.read_bytes() for path in (folder / UNFINISHED).iterdir()}
    journal = Journal(theirs, STUDY, POINTS, MOST, MOST, Reduction())
    with pytest.raises(ResultsError, match="is a link"):
        list(journal.resume()) if begin == "resume" else journal.begin(anew=begin == "anew")
    discard(theirs)
    assert {path.name: path.read_bytes() for path in (folder / UNFINISHED).iterdir()} == before


@pytest.mark.parametrize("name", [JOURNAL_FILE, "part-000001.parquet"])
def test_a_link_that_leads_out_is_not_read(folder, tmp_path_factory, name):
    """A journal is refused; a part counts as not there."""
    path = folder / UNFINISHED / name
    path.symlink_to(path.rename(tmp_path_factory.mktemp("elsewhere") / name))
    if name == JOURNAL_FILE:
        with pytest.raises(ResultsError, match="leads out of its folder"):
            resumed(folder)
    else:
        assert resumed(folder) == []
