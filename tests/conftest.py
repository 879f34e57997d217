"""A scenario in a file, for tests of commands."""

import pytest

from tests.command import THREE_LINES


@pytest.fixture
def scenario(tmp_path):
    path = tmp_path / "small.yaml"
    path.write_text(THREE_LINES)
    return path
