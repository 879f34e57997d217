"""Logs with a telltale word planted in every text, so that any that reaches an output is seen there."""

import json
import re
from pathlib import Path

from tests.logs.synthetic import write_example

CANARY = "CANARY"

_AGENT_IDS = re.compile(r"\ba\d{10}\b")
_KEPT_KEYS = frozenset({"type", "role", "status", "operation", "timestamp", "kind", "thread_source", "key"})
_KEPT = frozenset({"Agent", "Task", "spawn_agent", "invoke_agent", "chat", "execute_tool"})


def write_planted(folder):
    """Write the example with canaries in every text, in further fields, and in names of files and folders.

    What a reader must find as it is stays: names of types and tools of the formats, times, and numbers.
    """
    planted = Path(folder) / f"of {CANARY} Inc"
    for path in write_example(Path(folder) / "plain"):
        to = planted / path.parent.name / f"{CANARY}-{path.name}"
        to.parent.mkdir(parents=True, exist_ok=True)
        lines = [json.dumps(_planted(json.loads(line))) for line in path.read_text().splitlines()]
        to.write_text("\n".join([*lines, f'{{"{CANARY}": "cut off {CANARY}']))
        path.unlink()
    (planted / f"{CANARY}.txt").write_text(CANARY)
    (planted / f"{CANARY}.jsonl").write_text(f"{CANARY}\n[{CANARY!r}]\n{{}}\n")
    return planted


def _planted(value, key=""):
    if isinstance(value, dict):
        return {k: _planted(v, k) for k, v in value.items()} | {f"{CANARY} key": f"{CANARY} value"}
    if isinstance(value, list):
        return [_planted(each) for each in value]
    if not isinstance(value, str) or key in _KEPT_KEYS or value in _KEPT or value.isdigit():
        return value
    if value.startswith("{"):
        return json.dumps(_planted(json.loads(value)))
    if value.startswith("<task-notification>"):
        return _AGENT_IDS.sub(lambda found: found[0] + CANARY, value.replace("...", CANARY, 1))
    return value + CANARY
