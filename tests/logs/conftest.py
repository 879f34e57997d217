"""Real transcripts of Claude Code, shared with whoever works on this and not part of the repository.

They lie in `../shared/data` beside the repository, or in the folder DISPATCH_SIM_DATA.
"""

import os
import tarfile
from pathlib import Path

import pytest

SHARED = Path(os.environ.get("DISPATCH_SIM_DATA", Path(__file__).parents[3] / "shared" / "data"))


@pytest.fixture(scope="session")
def transcripts(tmp_path_factory):
    packed = SHARED / "claude-code-transcripts.tar.gz"
    if not packed.is_file():
        pytest.skip(f"no real transcripts at {packed}")
    folder = tmp_path_factory.mktemp("transcripts")
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    return sorted(folder.rglob("*.jsonl"))
