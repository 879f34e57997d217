"""Everything that reads a file gives a value or an error in words, whatever bytes it is given."""

import subprocess
import sys

import pytest

from tests.fuzz.child import MOST_BYTES
from tests.fuzz.targets import CORPUS, ROOT, TARGETS

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())


def test_kept_inputs_are_few_and_small():
    """Each is below 4 kB, all below 200 kB, in a folder that is called after what reads it."""
    assert {path.parent.name for path in FILES} <= set(TARGETS)
    assert max(path.stat().st_size for path in FILES) < 4096
    assert sum(path.stat().st_size for path in FILES) < 200_000


def test_kept_inputs_are_read_or_refused_in_bounded_memory():
    """In a process of their own, which one of them could end: the last that it names is the one."""
    command = [sys.executable, "-m", "tests.fuzz.child", "replay", *map(str, FILES)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    named = ended.stdout.splitlines()
    assert (ended.returncode, named[-1:]) == (0, [f"{FILES[-1].parent.name}/{FILES[-1].name}"]), ended.stderr[
        -2000:
    ]
    assert len(named) == len(FILES)


def test_that_process_has_no_more_memory_than_it_should():
    """Otherwise what fills the memory would be found by the machine."""
    program = f"from tests.fuzz.child import limit_memory; limit_memory(); bytearray({MOST_BYTES})"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr.strip().endswith("MemoryError")


@pytest.mark.parametrize("name", TARGETS)
def test_a_real_input_is_read(name):
    """So that what is made of it by mutation goes deeper than the first check."""
    assert "read" in [TARGETS[name].outcome(seed) for seed in TARGETS[name].seeds()]
