"""Tables in Parquet files that may be anybody's, read in bounded memory or refused.

A Parquet file can stand for ten thousand times its size, and what it says of itself is believed by the C++
that reads it: a lie there can end the process. So before any column is read, a file is held against what our
own writer writes: its columns and their types, the sizes that its footer and its pages state, and what they
come to in memory. Read is what `pyarrow.parquet.write_table` writes, in the encodings that it chooses itself.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import pairwise
from typing import Literal

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from dispatch_sim.scenario.files import read_file
from dispatch_sim.scenario.problems import UserError
from dispatch_sim.study import pages
from dispatch_sim.study.pages import Chunk, Footer, Page

Kind = Literal["whole", "number", "text", "level"]
"""What a column holds: int64; int64 or double; words; or, as the levels of a factor do, any of these."""

FREE_BYTES = 512 * 2**20
"""What any file may come to in memory; one that comes to more has to be larger on disk too."""

MOST_TIMES = 100
"""How many times its own size such a file may come to. The results of a study, as measured: 4 to 20 times."""

_TYPES: dict[Kind, tuple[int, ...]] = {
    "whole": (pages.INT64,),
    "number": (pages.INT64, pages.DOUBLE),
    "text": (pages.BYTE_ARRAY,),
    "level": (pages.INT64, pages.DOUBLE, pages.BYTE_ARRAY),
}
_ARROW = {pages.INT64: pa.int64(), pages.DOUBLE: pa.float64(), pages.BYTE_ARRAY: pa.string()}
_WORDS = {"whole": "a whole number", "number": "a number", "text": "a word", "level": "a number or a word"}
_BYTES = {pages.INT64: 8, pages.DOUBLE: 8, pages.BYTE_ARRAY: 4}
"""Of a value in memory; of a word, its place in the dictionary."""

_PLAIN, _BY_DICTIONARY = 0, (2, 8)
_CODECS = (pages.UNCOMPRESSED, pages.SNAPPY, pages.ZSTD, pages.LZ4)
_MOST_PAGE = 16 * 2**20
_MOST_DICTIONARY = 2 * 2**20
_MOST_GROUPS = 100
_FREE_PAGES, _VALUES_A_PAGE = 64, 256
_MOST_ITEMS = 1000


class TableError(UserError):
    """A file is not the table that was expected, or may be too large; the message says which, and in what."""


def read_table(path: str | os.PathLike[str], columns: Mapping[str, Kind], most_rows: int) -> pa.Table:
    """Read a table that `pyarrow.parquet.write_table` has written, if it is the one that is expected.

    Nothing that the file says of types of pandas or of extensions is followed.

    Parameters
    ----------
    path : the file; links are followed, and anything but a plain file is refused.
    columns : the names of all columns, in their order, and what each holds.
    most_rows : that it may have.

    Returns
    -------
    The table: columns of `int64`, `double` and `string`, without missing values.

    Raises
    ------
    TableError
        Where it has other columns, more rows or none, missing values, a page or a footer that our writer
        would not write, or would come to more than `FREE_BYTES` and `MOST_TIMES` its size in memory.
    FileNotFoundError
        Where there is no such file.
    """
    most_bytes = 2 * pages.MOST_FOOTER + most_rows * len(columns) * 10
    with _in_words(path):
        data = read_file(path, most_bytes)
    return parse_table(data, columns, most_rows, path)


def parse_table(
    data: bytes, columns: Mapping[str, Kind], most_rows: int, path: str | os.PathLike[str]
) -> pa.Table:
    """Read a table as `read_table` does, from the bytes of a file; errors call it by its path."""
    with _in_words(path):
        footer = pages.read_footer(data)
        _check_columns(footer.types, columns)
        _refuse_too_large(_check_chunks(footer, memoryview(data), most_rows), len(data))
        table = _read(data, footer.types)
        return pa.table([_decoded(column, len(data)) for column in table.columns], names=list(columns))


@contextmanager
def _in_words(path: str | os.PathLike[str]) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError:
        raise
    except (OSError, ValueError, OverflowError, MemoryError, pa.ArrowException) as error:
        said = " ".join(str(error).split())[:200]
        said = said if said.isprintable() else ascii(said)
        raise TableError(f"{os.fspath(path)}: {said or type(error).__name__}") from error


def _check_columns(types: Mapping[str, int], columns: Mapping[str, Kind]) -> None:
    if list(types) != list(columns):
        raise ValueError("does not have the columns of a study")
    for name, kind in columns.items():
        if types[name] not in _TYPES[kind]:
            raise ValueError(f"{name[:80]} is not {_WORDS[kind]} everywhere")


def _check_chunks(footer: Footer, data: memoryview, most_rows: int) -> int:
    """Check where columns lie, how long they are, and their pages; returns what they come to in memory."""
    if footer.rows > most_rows or len(footer.groups) > _MOST_GROUPS:
        raise ValueError(f"has more than {most_rows:,} rows, or more than {_MOST_GROUPS} groups of them")
    if sum(rows for rows, _ in footer.groups) != footer.rows:
        raise ValueError("has groups that do not come to its rows")
    if any(chunk.values != rows for rows, chunks in footer.groups for chunk in chunks):
        raise ValueError("has a column that is not as long as the others")
    found = sorted((chunk for _, chunks in footer.groups for chunk in chunks), key=lambda chunk: chunk.start)
    if any(before.stop > after.start for before, after in pairwise(found)):
        raise ValueError("has columns that lie over each other")
    return sum(_check_pages(chunk, data[chunk.start : chunk.stop]) for chunk in found)


def _check_pages(chunk: Chunk, found: memoryview) -> int:
    """Check the pages of a column chunk; returns the bytes that it comes to in memory.

    It has at most one dictionary, which comes first. Values are in it or plain; words are in it.
    """
    if chunk.codec not in _CODECS:
        raise ValueError("has a column that is compressed in another way than here")
    width, most_pages = _BYTES[chunk.type], _FREE_PAGES + chunk.values // _VALUES_A_PAGE
    values = dictionary = 0
    for number, page in enumerate(pages.pages(found)):
        if number >= most_pages:
            raise ValueError("has a column in more pages than its values need")
        if page.decoded > _MOST_PAGE:
            raise ValueError("has a page of a size that none has")
        if chunk.has_dictionary and number == 0:
            _check_dictionary(page, width)
            dictionary = page.decoded
        elif page.kind != pages.DATA_PAGE or not _is_read(page, chunk):
            raise ValueError("has a page of a kind or in an encoding that is not read here")
        else:
            values += page.values
    if values != chunk.values:
        raise ValueError("has a column whose pages do not have its values")
    return dictionary + values * width


def _is_read(page: Page, chunk: Chunk) -> bool:
    if page.encoding in _BY_DICTIONARY:
        return chunk.has_dictionary
    return page.encoding == _PLAIN and chunk.type != pages.BYTE_ARRAY


def _check_dictionary(page: Page, width: int) -> None:
    if page.kind != pages.DICTIONARY_PAGE or page.encoding not in (_PLAIN, *_BY_DICTIONARY):
        raise ValueError("has no dictionary where it says that one is")
    if page.decoded > _MOST_DICTIONARY or page.values * width > page.decoded:
        raise ValueError("has a dictionary of a size that none has")


def _refuse_too_large(decoded: int, size: int) -> None:
    if decoded > max(FREE_BYTES, MOST_TIMES * size):
        raise ValueError(
            f"would come to {decoded / 2**20:,.0f} MiB in memory, from {size / 2**20:,.1f} MiB on disk"
        )


def _read(data: bytes, types: Mapping[str, int]) -> pa.Table:
    """Read a file that has been checked; words stay in their dictionaries."""
    words = [name for name, type_ in types.items() if type_ == pages.BYTE_ARRAY]
    with pq.ParquetFile(
        pa.BufferReader(data),
        read_dictionary=words,
        pre_buffer=False,
        thrift_string_size_limit=pages.MOST_FOOTER,
        thrift_container_size_limit=_MOST_ITEMS,
    ) as file:
        # In the calling thread, where memory that is not there is an error and not the end.
        table = file.read(use_threads=False)
    for field, (name, type_) in zip(table.schema, types.items(), strict=True):
        found = field.type.value_type if pa.types.is_dictionary(field.type) else field.type
        if field.name != name or found != _ARROW[type_]:
            raise ValueError(f"{name[:80]} is stored as another type than it has")
    table.validate(full=True)
    return table


def _decoded(column: pa.ChunkedArray, size: int) -> pa.ChunkedArray:
    """Return a column with its words written out, if they are not too long for that."""
    if column.null_count:
        raise ValueError("has values that are missing")
    if not pa.types.is_dictionary(column.type):
        return column
    longest = max(
        (pc.max(pc.binary_length(each.dictionary)).as_py() or 0 for each in column.chunks), default=0
    )
    _refuse_too_large(len(column) * longest, size)
    return pa.chunked_array([each.dictionary_decode() for each in column.chunks], column.type.value_type)
