"""The shared table of real agent runs, as an independent parser read them, in the columns of our tables.

It lies in `../shared/data` beside the repository, or in `data` below the folder of DISPATCH_SIM_SHARED.
"""

import os
import tarfile
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dispatch_sim.logs.reading import read_logs
from dispatch_sim.logs.tables import AgentRun, Logs, make_tables

FOLDER = Path(os.environ.get("DISPATCH_SIM_SHARED", Path(__file__).parents[3] / "shared")) / "data"

_OUTCOMES = {
    "completed": "completed",
    "async_completed": "completed",
    "async_unresolved": "unfinished",
    "no_result": "unfinished",
    "unavailable": "unavailable",
    "bad_agent_type": "invalid",
    "validation": "invalid",
    "user_rejected": "rejected",
    "interrupted": "interrupted",
    "failed_silent": "failed_silent",
    "async_failed": "failed",
}


def measured_logs(files: slice = slice(None)) -> Logs:
    """Return what the shared transcripts come to, or some of them; skip the test where they are not there."""
    path = FOLDER / "claude-code-transcripts.tar.gz"
    if not path.is_file():
        pytest.skip(f"no real transcripts at {path}")
    with tempfile.TemporaryDirectory() as folder, tarfile.open(path) as packed:
        packed.extractall(folder, filter="data")
        return read_logs(*sorted(Path(folder).rglob("*.jsonl"))[files])


def measured_tables() -> Logs:
    """Return the table of real runs, or skip the test where it is not beside the repository."""
    path = FOLDER / "agent_runs.csv"
    if not path.is_file():
        pytest.skip(f"no real runs at {path}")
    read = pd.read_csv(path)
    read["order"] = np.arange(len(read))
    labels = {name: f"session-{number + 1}" for number, name in enumerate(read["session"].unique())}
    runs = []
    for row in read.itertuples(index=False):
        ended = row.notified_at_s if not np.isnan(row.notified_at_s) else row.result_at_s
        outcome = _OUTCOMES[row.outcome]
        runs.append(
            AgentRun(
                source="claude-code",
                session=labels[row.session],
                group=f"group-{row.message}",
                group_size=int(row.group_size),
                position=int(row.group_position),
                kind="other" if row.agent_type == "other" else row.agent_type,
                background=bool(row.background is True or row.background == "True"),
                outcome=outcome,
                called_at_s=row.called_at_s,
                ended_at_s=np.nan if outcome == "unfinished" else ended,
                duration_s=row.duration_s,
                duration_measured=not np.isnan(row.duration_s),
                calls=row.model_calls,
                tool_uses=row.tool_uses,
                input_tokens=row.sum_input - row.sum_cache_write - row.sum_cache_read,
                cache_write_tokens=row.sum_cache_write,
                cache_read_tokens=row.sum_cache_read,
                first_context_tokens=(
                    row.first_call_input + row.first_call_cache_write + row.first_call_cache_read
                ),
                first_cached_share=row.first_call_cache_read
                / (row.first_call_input + row.first_call_cache_write + row.first_call_cache_read),
                final_context_tokens=row.final_context_tokens,
                return_tokens=row.return_chars / 3.3,
            )
        )
    return make_tables(runs)
