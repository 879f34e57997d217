"""Everything that reads a file gives a value or an error in words, whatever bytes it is given."""

import random
import subprocess
import sys

import pytest

from tests.fuzz.child import MOST_BYTES
from tests.fuzz.mutation import with_changed_bytes
from tests.fuzz.targets import CORPUS, ROOT, TARGETS

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())
REAL = ["samples", "claims", "scenario"]
"""Logs with changed bytes are read in `tests/logs/test_untrusted_logs.py`."""

SIGNS = "0123456789.eE+-_ kKMBsmhd/$%{}[]:,aw\u0663\u202e\x1b"


def test_kept_inputs_are_few_and_small():
    """Each is below 4 kB, all below 200 kB, in a folder that is called after what reads it."""
    assert {path.parent.name for path in FILES} <= set(TARGETS)
    assert max(path.stat().st_size for path in FILES) < 4096
    assert sum(path.stat().st_size for path in FILES) < 200_000


def test_kept_inputs_are_read_or_refused_in_bounded_memory():
    """In a process of their own, which one of them could end: the last that it names is the one."""
    command = [sys.executable, "-m", "tests.fuzz.child", "replay", *map(str, FILES)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr[-2000:]
    assert len(ended.stdout.splitlines()) == len(FILES)


def test_that_process_has_no_more_memory_than_it_should():
    """Otherwise what fills the memory would be found by the machine."""
    program = f"from tests.fuzz.child import limit_memory; limit_memory(); bytearray({MOST_BYTES})"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr.strip().endswith("MemoryError")


@pytest.mark.parametrize("name", TARGETS)
def test_a_real_input_is_read(name):
    """So that what is made of it by mutation goes deeper than the first check."""
    assert "read" in map(TARGETS[name].outcome, TARGETS[name].seeds())


@pytest.mark.parametrize("name", REAL)
def test_an_input_with_changed_bytes_is_read_or_refused(name):
    """Of the kept inputs all but one of nothing but brackets, which takes half a second to be refused."""
    chance = random.Random(name)
    kept = [path.read_bytes() for path in FILES if path.parent.name == name and path.name != "deep.yaml"]
    seeds = [*TARGETS[name].seeds(), *kept]
    for _ in range(100):
        TARGETS[name].outcome(with_changed_bytes(chance.choice(seeds), chance))


@pytest.mark.parametrize("name", ["quantity", "threshold"])
def test_a_value_of_any_signs_is_read_or_refused(name):
    chance = random.Random(name)
    for _ in range(600):
        place = bytes([chance.randrange(13)]) if name == "quantity" else b""
        TARGETS[name].outcome(place + "".join(chance.choices(SIGNS, k=chance.randrange(60))).encode())
