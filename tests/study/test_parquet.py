"""Tables from strangers are read in bounded memory, or refused before pyarrow believes what they say."""

import contextlib
import io
import os
import signal
import subprocess
import sys
import tracemalloc

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from dispatch_sim.study.parquet import FREE_BYTES, TableError, read_table
from tests.study.lying import with_footer, with_page

COLUMNS = {"strategy": "text", "level": "level", "replication": "whole", "cost": "number"}
ROWS = 300
TABLE = pa.table(
    {
        "strategy": ["parallel", "queue"] * (ROWS // 2),
        "level": np.linspace(0, 1, ROWS),
        "replication": np.arange(ROWS),
        "cost": np.random.default_rng(1).random(ROWS),
    }
)


def written(table=TABLE, **options):
    """Return a table as a file, as results are written."""
    file = io.BytesIO()
    pq.write_table(table, file, **{"compression": "zstd", "use_dictionary": ["strategy"], **options})
    return file.getvalue()


def read(data, tmp_path, columns=None, most_rows=ROWS):
    """Read a file with these bytes."""
    path = tmp_path / "table.parquet"
    path.write_bytes(data)
    return read_table(path, columns or COLUMNS, most_rows)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"compression": "none"},
        {"compression": "snappy"},
        {"compression": "lz4"},
        {"use_dictionary": True},
        {"row_group_size": 100},
        {"data_page_size": 512, "write_batch_size": 10},
        {"store_schema": False},
        {"write_statistics": False},
        {"write_page_index": True},
        {"write_page_checksum": True},
    ],
    ids=str,
)
def test_what_pyarrow_writes_is_read_as_it_was(tmp_path, options):
    """Whatever it compresses with, in however many groups and pages, with or without statistics."""
    assert read(written(**options), tmp_path).equals(TABLE)


def test_levels_that_are_words_are_read(tmp_path):
    """A factor's levels may be words, in any alphabet."""
    words = TABLE.set_column(1, "level", pa.array(["[1, 2]", "é"] * (ROWS // 2)))
    assert read(written(words, use_dictionary=["strategy", "level"]), tmp_path).equals(words)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (TABLE.drop_columns("cost"), "does not have the columns of a study"),
        (TABLE.append_column("more", TABLE["cost"]), "does not have the columns of a study"),
        (TABLE.select(["level", "strategy", "replication", "cost"]), "does not have the columns"),
        (TABLE.rename_columns(["strategy", "level", "replication", "strategy"]), "two columns of the same"),
        (TABLE.set_column(0, "strategy", TABLE["cost"]), "strategy is not a word everywhere"),
        (TABLE.set_column(2, "replication", TABLE["cost"]), "replication is not a whole number"),
        (TABLE.set_column(3, "cost", TABLE["strategy"]), "cost is not a number everywhere"),
        (TABLE.set_column(3, "cost", pa.array([[1.0]] * ROWS)), "columns or lists in it"),
        (TABLE.set_column(3, "cost", pa.array([{"a": 1.0}] * ROWS)), "columns or lists in it"),
        (TABLE.set_column(3, "cost", pa.array([None] + [1.0] * (ROWS - 1))), "values that are missing"),
        (TABLE.set_column(3, "cost", pa.array([1] * ROWS, pa.timestamp("us"))), "another type"),
        (TABLE.set_column(3, "cost", pa.array([1] * ROWS, pa.uint64())), "another type"),
        (TABLE.set_column(0, "strategy", pa.array([b"\xff"] * ROWS)), "another type"),
        (TABLE.set_column(3, "cost", pa.array([1.0] * ROWS, pa.float32())), "not a number"),
        (pa.concat_tables([TABLE, TABLE]), "more than 300 rows"),
        (TABLE.slice(0, 0), "has no rows"),
    ],
)
def test_another_table_than_was_expected_is_refused(tmp_path, table, message):
    """By its columns, their order and types, its rows and what is missing in it; with the file's name."""
    with pytest.raises(TableError, match=message) as error:
        read(written(table), tmp_path)
    assert str(error.value).startswith(f"{tmp_path}{os.sep}table.parquet: ")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"compression": "gzip"}, "compressed in another way"),
        ({"use_dictionary": False}, "encoding that is not read here"),
        ({"data_page_version": "2.0"}, "kind that is not read here"),
        ({"use_dictionary": False, "column_encoding": {"replication": "DELTA_BINARY_PACKED"}}, "encoding"),
        ({"use_byte_stream_split": ["cost"]}, "encoding"),
        ({"row_group_size": 2}, "more than 100 groups"),
        ({"data_page_size": 1, "write_batch_size": 1}, "more pages than its values need"),
    ],
    ids=str,
)
def test_what_our_writer_does_not_choose_is_refused(tmp_path, options, message):
    """Each further encoding would be one more that can be made to stand for far more than it holds."""
    with pytest.raises(TableError, match=message):
        read(written(**options), tmp_path)


def test_a_small_file_that_stands_for_gigabytes_is_refused_before_they_are_made(tmp_path):
    """Ten constant columns of seven million rows: 320 kB on disk, 560 MB in memory."""
    rows = 7_000_000
    column = pa.array(np.zeros(rows))
    names = [f"c{number}" for number in range(10)]
    data = written(pa.table([column] * 10, names=names), use_dictionary=True)
    assert len(data) < 350_000 < FREE_BYTES < 10 * 8 * rows
    tracemalloc.start()
    before = pa.total_allocated_bytes()
    with pytest.raises(TableError, match=r"would come to 534 MiB in memory, from 0\.3 MiB on disk"):
        read(data, tmp_path, dict.fromkeys(names, "number"), 10_000_000)
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    assert pa.total_allocated_bytes() - before < 2**20


def test_a_long_word_that_is_repeated_is_refused_before_it_is_written_out(tmp_path):
    """A dictionary of one word of a megabyte, and a thousand rows of it: a gigabyte of text."""
    table = pa.table({"strategy": ["A" * 2**20] * 1000})
    data = written(table, data_page_size=2**22, dictionary_pagesize_limit=2**22)
    assert len(data) < 10_000
    before = pa.total_allocated_bytes()
    with pytest.raises(TableError, match="would come to 1,000 MiB in memory"):
        read(data, tmp_path, {"strategy": "text"}, 1000)
    assert pa.total_allocated_bytes() - before < 2**22


def put_in(*path):
    """Return a change of a footer or a header: the last of `path` is the value, the others lead to it."""
    *way, last, value = path

    def change(struct):
        for step in way:
            struct = struct[step]
        if value is None:
            struct.pop(last)
        else:
            struct[last] = value

    return change


GROUP = ((4, "list"), 0)
CHUNK = (*GROUP, (1, "list"), 0)
ABOUT = (*CHUNK, (3, "struct"))
HUGE = (2**31 - 1, 2**40, 2**62)


@pytest.mark.parametrize(
    "change",
    [
        *(put_in((3, "i64"), huge) for huge in (-1, 0, 299, 301, *HUGE)),
        *(put_in(*GROUP, (3, "i64"), huge) for huge in (-1, 0, 301, *HUGE)),
        *(put_in(*ABOUT, (5, "i64"), huge) for huge in (-1, 0, 301, *HUGE)),
        *(put_in(*ABOUT, (7, "i64"), huge) for huge in (-1, 0, 1, 10_000, *HUGE)),
        *(put_in(*ABOUT, (9, "i64"), huge) for huge in (-1, 0, 1, 10_000, *HUGE)),
        *(put_in(*ABOUT, (11, "i64"), huge) for huge in (-1, 1, 10_000, *HUGE)),
        *(put_in(*ABOUT, (1, "i32"), kind) for kind in (-1, 0, 2, 99)),
        *(put_in(*ABOUT, (4, "i32"), codec) for codec in (-1, 1, 2, 99)),
        put_in(*ABOUT, (3, "list"), 0, b"cost"),
        put_in(*ABOUT, (5, "i64"), None),
        put_in(*CHUNK, (3, "struct"), None),
        put_in(*CHUNK, (1, "binary"), b"/etc/passwd"),
        put_in(*CHUNK, (8, "struct"), {}),
        put_in((2, "list"), 0, (5, "i32"), 2**31 - 1),
        put_in((2, "list"), 1, (5, "i32"), 3),
        put_in((2, "list"), 1, (3, "i32"), 2),
        put_in((2, "list"), 1, (4, "binary"), b"cost"),
        put_in((2, "list"), 1, (4, "binary"), b"\xff"),
        put_in((2, "list"), 1, (1, "i32"), 1),
        put_in((4, "list"), None),
        put_in((6, "binary"), b"parquet-mr version 1.0.0"),
        put_in((8, "struct"), {}),
        lambda footer: footer[4, "list"].extend(footer[4, "list"] * 50),
        lambda footer: footer[4, "list"][0][1, "list"].pop(),
        lambda footer: footer[4, "list"][0][1, "list"].reverse(),
    ],
)
def test_a_footer_that_lies_is_refused(tmp_path, change):
    """Of rows, sizes, places, types and columns: each lie alone, in a file that is otherwise as it was."""
    with pytest.raises(TableError):
        read(with_footer(written(), change), tmp_path, most_rows=10_000_000)


@pytest.mark.parametrize(
    "change",
    [
        *(put_in((field, "i32"), huge) for field in (2, 3) for huge in (-1, 0, 1, 2**31 - 1)),
        put_in((1, "i32"), 1),
        put_in((1, "i32"), 3),
        put_in((2, "i32"), None),
        *(put_in((5, "struct"), (1, "i32"), huge) for huge in (-1, 0, 301, 2**31 - 1)),
        *(put_in((5, "struct"), (2, "i32"), encoding) for encoding in (-1, 2, 5, 8, 99)),
        put_in((5, "struct"), None),
    ],
)
def test_a_page_that_lies_of_itself_is_refused(tmp_path, change):
    """Of its size, kind, encoding and number of values."""
    with pytest.raises(TableError):
        read(with_page(written(), 3, 0, change), tmp_path)


@pytest.mark.parametrize("huge", [-1, 0, 1, 3, 2**20, 2**31 - 1])
def test_a_dictionary_that_lies_of_its_words_is_refused(tmp_path, huge):
    """More or fewer than there are: places beyond it would be read from memory that is not its own."""
    with pytest.raises(TableError):
        read(with_page(written(), 0, 0, put_in((7, "struct"), (1, "i32"), huge)), tmp_path)


def test_columns_that_share_their_bytes_are_refused(tmp_path):
    """One column's bytes, named a thousand times, would be read as often."""

    def change(footer):
        first, *_, last = footer[4, "list"][0][1, "list"][1:]
        for place in ((9, "i64"), (7, "i64")):
            last[3, "struct"][place] = first[3, "struct"][place]

    with pytest.raises(TableError, match="lie over each other"):
        read(with_footer(written(), change), tmp_path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PAR1",
        b"PAR1PAR1",
        b"PAR1\x00\x00\x00\x00PAR1",
        b"PAR1\xff\xff\xff\xffPAR1",
        b"PAR1" + b"\x1c" * 100_000 + (100_000).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + b"\x19\xfc" + b"\xff" * 9 + (11).to_bytes(4, "little") + b"PAR1",
        b"PAR1" + b"\x19\xfc\xff\xff\xff\xff\x0f" + (7).to_bytes(4, "little") + b"PAR1",
        written()[:-1],
        written()[1:],
        written() + b"PAR1",
    ],
)
def test_bytes_that_are_no_table_are_refused(tmp_path, data):
    """Nothing, pieces of a file, nesting without end, and lists longer than the file."""
    with pytest.raises(TableError):
        read(data, tmp_path)


def test_pyarrow_alone_would_end_the_process(tmp_path):
    """Why a footer is read here: asked about one that lies, pyarrow ends the process; ours is an answer.

    The column says that nothing can be missing, and counts what is. Where this fails, pyarrow has been
    mended, and `pages.read_footer` may be looked at again.
    """
    lie = with_footer(written(), put_in((2, "list"), 1, (3, "i32"), 0))
    path = tmp_path / "table.parquet"
    path.write_bytes(lie)
    program = f"import pyarrow.parquet as pq; pq.read_metadata({str(path)!r}).row_group(0).column(0)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=60, check=False)
    assert ended.returncode == -signal.SIGABRT
    with contextlib.suppress(TableError):
        read(lie, tmp_path)


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "folder"])
def test_what_is_no_plain_file_is_refused_without_waiting(tmp_path, make):
    """A named pipe that nobody writes to, and a folder."""
    make(tmp_path / "table.parquet")
    with pytest.raises(TableError, match="is no plain file"):
        read_table(tmp_path / "table.parquet", COLUMNS, ROWS)


def test_a_file_that_is_larger_than_its_rows_can_be_is_not_read(tmp_path):
    """A hundred rows of four columns are never three megabytes; a sparse file of a terabyte is not either."""
    path = tmp_path / "table.parquet"
    path.write_bytes(b"PAR1")
    os.truncate(path, 2**40)
    with pytest.raises(TableError, match="is larger than"):
        read_table(path, COLUMNS, 100)
