"""Logs written by a test, and real transcripts of Claude Code, which are not part of the repository.

The transcripts lie in `../shared/data` beside the repository, or in the folder DISPATCH_SIM_DATA.
"""

import json
import os
import tarfile
from pathlib import Path

import pytest

from dispatch_sim.logs.readers.reading import read_logs

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


@pytest.fixture(scope="session")
def real_logs(transcripts):
    return read_logs(*transcripts)


@pytest.fixture
def read_files(tmp_path):
    """Write files by name, each of records, and read their folder."""

    def read(files):
        for name, records in files.items():
            path = tmp_path / name
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(json.dumps(record) + "\n" for record in records))
        return read_logs(tmp_path)

    return read
