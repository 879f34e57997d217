"""What a Parquet file says of itself: its columns, where each is in it, and the pages of each.

Read here and not by pyarrow, whose `FileMetaData` can end the process when it is asked about a footer that
lies. The names and numbers are those of parquet.thrift.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from dispatch_sim.study.thrift import Struct, integer, items_in, read_struct, struct_in

INT64, DOUBLE, BYTE_ARRAY = 2, 5, 6
"""How values are stored (Type)."""

UNCOMPRESSED, SNAPPY, ZSTD, LZ4 = 0, 1, 6, 7
"""How pages are compressed (CompressionCodec)."""

DATA_PAGE, DICTIONARY_PAGE = 0, 2
"""Kinds of pages (PageType)."""

MAGIC = b"PAR1"
"""What a file begins and ends with."""

MOST_FOOTER = 2**20
"""Largest footer that is read: a hundred groups of rows take half of it."""

_TAIL = 4 + len(MAGIC)
_OPTIONAL = 1


@dataclass(frozen=True, slots=True)
class Chunk:
    """A column in a group of rows.

    Attributes
    ----------
    start, stop : its bytes in the file.
    has_dictionary : whether its first page is one.
    """

    type: int
    codec: int
    values: int
    start: int
    stop: int
    has_dictionary: bool


@dataclass(frozen=True, slots=True)
class Footer:
    """What stands at the end of a file.

    Attributes
    ----------
    types : of the columns, by name, in their order.
    rows : of the whole file.
    groups : for each group of rows its number of rows, and its columns.
    """

    types: dict[str, int]
    rows: int
    groups: tuple[tuple[int, tuple[Chunk, ...]], ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What the header of a page says.

    Attributes
    ----------
    kind : `DATA_PAGE` or `DICTIONARY_PAGE`.
    stored, decoded : its bytes in the file, without the header, and once they are decompressed.
    values : how many, those that are missing included.
    encoding : of the values (Encoding).
    """

    kind: int
    stored: int
    decoded: int
    values: int
    encoding: int


def read_footer(data: bytes) -> Footer:
    """Read the footer of a file that has nothing but plain columns.

    Raises
    ------
    ValueError
        With what is wrong with it.
    """
    if len(data) < len(MAGIC) + _TAIL or not data.startswith(MAGIC) or not data.endswith(MAGIC):
        raise ValueError("is not a Parquet file, or is cut off")
    size = int.from_bytes(data[-_TAIL : -len(MAGIC)], "little")
    start = len(data) - _TAIL - size
    if size > MOST_FOOTER or start < len(MAGIC):
        raise ValueError("has a footer of a size that none has")
    found, end = read_struct(memoryview(data)[start:-_TAIL])
    if end != size or (8, "struct") in found:  # EncryptionAlgorithm
        raise ValueError("has a footer with more in it than is read here")
    by = found.get((6, "binary"))
    if not (isinstance(by, bytes) and by.startswith(b"parquet-cpp-arrow version ")):
        raise ValueError("was not written by pyarrow")
    types, rows = _columns(found), integer(found, 3)
    if rows == 0:
        raise ValueError("has no rows")
    groups = tuple(_group(each, types, start) for each in _structs(found, 4))
    return Footer(types, rows, groups)


def pages(chunk: memoryview) -> Iterator[Page]:
    """Yield the pages of a column chunk, one after the other to its last byte.

    Raises
    ------
    ValueError
        Where a header is not one, or a page does not end within the chunk.
    """
    at = 0
    while at < len(chunk):
        header, at = read_struct(chunk, at)
        kind, decoded, stored = (integer(header, field, "i32") for field in (1, 2, 3))
        if kind not in (DATA_PAGE, DICTIONARY_PAGE):
            raise ValueError("has a page of a kind that is not read here")
        if stored > len(chunk) - at:
            raise ValueError("has a page that does not end in its column")
        of_kind = struct_in(header, 5 if kind == DATA_PAGE else 7)
        yield Page(kind, stored, decoded, integer(of_kind, 1, "i32"), integer(of_kind, 2, "i32"))
        at += stored


def _structs(struct: Struct, number: int) -> list[Struct]:
    return [each for each in items_in(struct, number, "struct") if isinstance(each, dict)]


def _columns(footer: Struct) -> dict[str, int]:
    """Return the columns' types by name; the first element of a schema is the table."""
    table, *columns = _structs(footer, 2) or [{}]
    types: dict[str, int] = {}
    for column in columns:
        name = column.get((4, "binary"))
        if not isinstance(name, bytes) or (5, "i32") in column or integer(column, 3, "i32") > _OPTIONAL:
            raise ValueError("has a column with columns or lists in it")
        types[name.decode("utf-8")] = integer(column, 1, "i32")
    if len(types) != len(columns) or integer(table, 5, "i32") != len(columns):
        raise ValueError("has two columns of the same name, or not those that it says")
    return types


def _group(group: Struct, types: dict[str, int], end: int) -> tuple[int, tuple[Chunk, ...]]:
    columns = _structs(group, 1)
    if len(columns) != len(types):
        raise ValueError("has a group of rows without all columns")
    chunks = tuple(_chunk(each, *column, end) for each, column in zip(columns, types.items(), strict=True))
    return integer(group, 3), chunks


def _chunk(column: Struct, name: str, type_: int, end: int) -> Chunk:
    about = struct_in(column, 3)
    path = items_in(about, 3, "binary")
    # A file_path would lead to another file; what is encrypted is not described here.
    if column.keys() & {(1, "binary"), (8, "struct"), (9, "binary")} or path != [name.encode()]:
        raise ValueError("has a column that does not lie in it, or is another's")
    first, dictionary = integer(about, 9), integer(about, 11, default=0)
    start = dictionary or first
    stop = start + integer(about, 7)
    if not len(MAGIC) <= start <= first <= stop <= end or dictionary == first:
        raise ValueError("has a column that does not lie before its footer")
    if integer(about, 1, "i32") != type_:
        raise ValueError("has a column of two types")
    return Chunk(type_, integer(about, 4, "i32"), integer(about, 5), start, stop, bool(dictionary))
