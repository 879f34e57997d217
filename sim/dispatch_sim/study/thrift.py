"""Thrift's compact protocol, in which a Parquet file describes itself, read without believing what it says.

How many bytes or items follow is held against the bytes that there are, before anything is made.
"""

from __future__ import annotations

from typing import Literal, TypeAlias

Kind = Literal["bool", "i8", "i32", "i64", "double", "binary", "list", "struct"]

_KINDS: dict[int, Kind] = {
    1: "bool",
    2: "bool",
    3: "i8",
    5: "i32",
    6: "i64",
    7: "double",
    8: "binary",
    9: "list",
    12: "struct",
}
"""By their numbers; a Parquet file has no sets or maps. A number of 16 bits is taken for one of 32."""

_I16, _TRUE = 4, 1
_DEEPEST = 10

Value: TypeAlias = "int | bytes | Items | Struct"

Struct = dict[tuple[int, Kind], Value]
"""The fields of a struct, by number and kind: a program that expects another kind there passes over them."""


class Items(list[Value]):
    """A list, and the kind of its items."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind


def read_struct(data: memoryview, at: int = 0, depth: int = 0) -> tuple[Struct, int]:
    """Read the struct that begins at a byte; returns its fields and where it ends.

    Raises
    ------
    ValueError
        Where there is none, it is nested too deeply, or has a field twice.
    """
    found: Struct = {}
    numbers: set[int] = set()
    number = 0
    while True:
        head, at = _byte(data, at)
        if head == 0:
            return found, at
        number += head >> 4
        if head >> 4 == 0:
            number, at = _integer(data, at)
        if number in numbers:
            raise ValueError("says something twice in its description")
        numbers.add(number)
        kind = _kind(head & 0x0F)
        if kind == "bool":
            found[number, kind] = int(head & 0x0F == _TRUE)
        else:
            found[number, kind], at = _value(data, at, kind, depth)


def _kind(number: int) -> Kind:
    kind = "i32" if number == _I16 else _KINDS.get(number)
    if kind is None:
        raise ValueError("has something in its description that no Parquet file has")
    return kind


def _value(data: memoryview, at: int, kind: Kind, depth: int) -> tuple[Value, int]:
    if depth > _DEEPEST:
        raise ValueError("has a description that is nested too deeply")
    match kind:
        case "bool" | "i8":
            return _byte(data, at)
        case "i32" | "i64":
            return _integer(data, at)
        case "double":
            return _bytes(data, at, 8)
        case "binary":
            length, at = _varint(data, at)
            return _bytes(data, at, length)
        case "struct":
            return read_struct(data, at, depth + 1)
        case "list":
            return _items(data, at, depth)


def _items(data: memoryview, at: int, depth: int) -> tuple[Items, int]:
    head, at = _byte(data, at)
    length = head >> 4
    if length == 15:
        length, at = _varint(data, at)
    if length > len(data) - at:  # an item takes a byte at least
        raise ValueError("has a description that is cut off")
    items = Items(_kind(head & 0x0F))
    for _ in range(length):
        item, at = _value(data, at, items.kind, depth + 1)
        items.append(item)
    return items, at


def _byte(data: memoryview, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise ValueError("has a description that is cut off")
    return data[at], at + 1


def _bytes(data: memoryview, at: int, length: int) -> tuple[bytes, int]:
    if length > len(data) - at:
        raise ValueError("has a description that is cut off")
    return bytes(data[at : at + length]), at + length


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    """Read a number of seven bits a byte, the lowest first."""
    value = 0
    for shift in range(0, 64, 7):
        byte, at = _byte(data, at)
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
    raise ValueError("has a number in its description that does not end")


def _integer(data: memoryview, at: int) -> tuple[int, int]:
    """Read a number with a sign, which stands in the lowest bit."""
    value, at = _varint(data, at)
    return (value >> 1) ^ -(value & 1), at


def integer(struct: Struct, number: int, kind: Kind = "i64", *, default: int | None = None) -> int:
    """Return the whole number in a field, not below 0.

    Raises
    ------
    ValueError
        Where there is none, and no default, or it is below 0 or has more bits than its kind.
    """
    found = struct.get((number, kind), default)
    if not isinstance(found, int) or not 0 <= found < 2 ** (63 if kind == "i64" else 31):
        raise ValueError("has a number missing in its description, or one that cannot be")
    return found


def struct_in(struct: Struct, number: int) -> Struct:
    """Return the struct in a field; raises ValueError where there is none."""
    found = struct.get((number, "struct"))
    if not isinstance(found, dict):
        raise ValueError("has a part missing in its description")
    return found


def items_in(struct: Struct, number: int, kind: Kind) -> list[Value]:
    """Return the items of the list in a field; raises ValueError where there is none, or of another kind."""
    found = struct.get((number, "list"))
    if not isinstance(found, Items) or (found and found.kind != kind):
        raise ValueError("has a list missing in its description")
    return found
