"""Everything that reads a file gives a value or an error in words, whatever bytes it is given."""

import functools
import subprocess
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.child import MOST_BYTES
from tests.fuzz.targets import CORPUS, ROOT, TARGETS

FILES = sorted(path for path in CORPUS.rglob("*") if path.is_file())
REAL = [name for name in TARGETS if name not in ("quantity", "threshold")]

SIGNS = "0123456789.eE+-_ kKMBsmhd/$%{}[]:,aw\u0663\u202e\x1b"

edits = st.lists(
    st.tuples(
        st.floats(0, 1),
        st.sampled_from([0, 0, 1, 1, 2, 4, 30]),
        st.one_of(
            st.binary(max_size=3),
            st.sampled_from(
                [
                    b"[",
                    b"]",
                    b"{",
                    b"}",
                    b'"',
                    b",",
                    b"-",
                    b"9" * 30,
                    b"1e999",
                    b"null",
                    b"\\ud800",
                    b"\xff\xff\x03",
                ]
            ),
        ),
    ),
    min_size=1,
    max_size=5,
)


@functools.cache
def seeds(name):
    """Return real inputs of a target, and the kept ones."""
    return [*TARGETS[name].seeds(), *(path.read_bytes() for path in FILES if path.parent.name == name)]


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


@pytest.mark.parametrize("name", REAL)
@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_a_real_input_with_changed_bytes_is_read_or_refused(name, data):
    """In 150 ways: bytes put in, taken out and changed, anywhere in it."""
    changed = data.draw(st.sampled_from(seeds(name)), label="seed")
    for place, cut, inserted in data.draw(edits, label="edits"):
        start = int(place * len(changed))
        changed = changed[:start] + inserted + changed[start + cut :]
    TARGETS[name].outcome(changed)


@pytest.mark.parametrize("name", ["quantity", "threshold"])
@settings(max_examples=600, derandomize=True, deadline=None, database=None)
@given(place=st.integers(0, 12), text=st.text(alphabet=SIGNS, max_size=60))
def test_a_value_of_any_signs_is_read_or_refused(name, place, text):
    """What quantities, distributions and thresholds are written with, in any order."""
    TARGETS[name].outcome((bytes([place]) if name == "quantity" else b"") + text.encode())
