"""Random accidents to plain data, and to bytes."""

import copy
from functools import reduce
from operator import getitem

PUT_IN = [*(bytes([sign]) for sign in b'[]{}",-'), b"9" * 30, b"1e999", b"null", b"\\ud800", b"\xff\xff\x03"]


def places(value, path=()):
    """Yield the path of each value in a tree, the tree's own first."""
    yield path
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in inner:
        yield from places(child, (*path, key))


def mutated(tree, chance, keys, values):
    """Return a tree in which a value is replaced, dropped or renamed, or a mapping has another key."""
    path = chance.choice(list(places(tree)))
    if not path:
        return chance.choice(values)
    tree = copy.deepcopy(tree)
    *above, key = path
    parent = reduce(getitem, above, tree)
    match chance.randrange(5):
        case 0:
            del parent[key]
        case 1 if isinstance(parent, dict):
            parent[chance.choice(keys)] = parent.pop(key)
        case 2 if isinstance(parent, dict):
            parent[chance.choice(keys)] = chance.choice(values)
        case _:
            parent[key] = chance.choice(values)
    return tree


def with_changed_bytes(data, chance):
    """Return bytes in which others are inserted or replace some, at one to five places."""
    for _ in range(chance.randint(1, 5)):
        at, cut = chance.randint(0, len(data)), chance.choice([0, 0, 1, 1, 2, 4, 30])
        data = data[:at] + chance.choice([*PUT_IN, chance.randbytes(3)]) + data[at + cut :]
    return data
