"""A scenario in a file, for tests of commands; `engine: auto` is the compiled one, which takes less time."""

import gc

import pytest

from dispatch_sim.study import engines
from tests.command import THREE_LINES

engines.LOADING_S = engines.COMPILING_S = 0.0


def pytest_collection(session):
    gc.disable()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session):
    """What was imported and collected stays, so nothing is gained by looking for garbage in it."""
    gc.freeze()
    gc.enable()


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(THREE_LINES)
    return path
