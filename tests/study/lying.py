"""Parquet files whose description lies: it is read, changed, and written again in Thrift's protocol."""

from collections.abc import Callable

from dispatch_sim.study.pages import MAGIC
from dispatch_sim.study.thrift import Items, Struct, read_struct

_NUMBERS = {"bool": 1, "i8": 3, "i32": 5, "i64": 6, "double": 7, "binary": 8, "list": 9, "struct": 12}


def footer_of(data: bytes) -> tuple[int, Struct]:
    """Return where the footer of a file begins, and what it says."""
    start = len(data) - 8 - int.from_bytes(data[-8:-4], "little")
    return start, read_struct(memoryview(data)[start:-8])[0]


def with_footer(data: bytes, change: Callable[[Struct], object]) -> bytes:
    """Return a file with its footer changed, and all else as it was."""
    start, footer = footer_of(data)
    change(footer)
    written = _struct(footer)
    return data[:start] + written + len(written).to_bytes(4, "little") + MAGIC


def with_page(data: bytes, column: int, number: int, change: Callable[[Struct], object]) -> bytes:
    """Return a file with the header of a page changed: of that number, of a column of the first group.

    The column's size and the places of what comes after it are put right in the footer.
    """
    start, footer = footer_of(data)
    about = footer[4, "list"][0][1, "list"][column][3, "struct"]
    at = about.get((11, "i64"), about[9, "i64"])
    for _ in range(number):
        header, end = read_struct(memoryview(data), at)
        at = end + header[3, "i32"]
    header, end = read_struct(memoryview(data), at)
    change(header)
    written = _struct(header)
    more = len(written) - (end - at)

    def moved(footer: Struct) -> None:
        about[7, "i64"] += more
        for each in footer[4, "list"][0][1, "list"]:
            for place in ((9, "i64"), (11, "i64")):
                if each[3, "struct"].get(place, 0) > at:
                    each[3, "struct"][place] += more

    moved(footer)
    body = data[:at] + written + data[end:start]
    said = _struct(footer)
    return body + said + len(said).to_bytes(4, "little") + MAGIC


def _struct(struct: Struct) -> bytes:
    written = bytearray()
    last = 0
    for (number, kind), value in struct.items():
        code = 2 - bool(value) if kind == "bool" else _NUMBERS[kind]
        step = number - last
        written += bytes([step << 4 | code]) if 0 < step < 16 else bytes([code]) + _integer(number)
        if kind != "bool":
            written += _value(kind, value)
        last = number
    return bytes(written) + b"\0"


def _value(kind: str, value: object) -> bytes:
    if kind == "binary":
        return _varint(len(value)) + value
    if kind == "struct":
        return _struct(value)
    if isinstance(value, Items):
        return bytes([0xF0 | _NUMBERS[value.kind]]) + _varint(len(value)) + _all(value)
    if isinstance(value, bytes):
        return value
    return bytes([value]) if kind in ("i8", "bool") else _integer(value)


def _all(items: Items) -> bytes:
    return b"".join(_value(items.kind, item) for item in items)


def _integer(value: int) -> bytes:
    return _varint((value << 1) ^ (value >> 63))


def _varint(value: int) -> bytes:
    written = bytearray()
    while value >= 0x80:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(written) + bytes([value])
