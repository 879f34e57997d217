"""Compares the speed of the engines with that of another revision: `make against REVISION=v0.1.0`.

Each revision measures itself, by its own `batches.py`, in processes that alternate: a machine whose speed
drifts favours neither. The peers that are no engine of ours are the same in both, so their ratio is noise.
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
MEASURE = "import batches, json; print(json.dumps(batches.replications(1)))"
HEADS = ("Replications a CPU second", "other revision", "this one", "ratio", "of the rounds")

Rates = dict[tuple[str, str], float]


def measured(tree: Path) -> Rates:
    """Return the replications a second in a tree of files, by what is simulated and by whom."""
    paths = os.pathsep.join([str(tree / "sim"), str(tree / "benchmarks")])
    done = subprocess.run(
        [sys.executable, "-c", MEASURE],
        env=os.environ | {"PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        check=True,
    )
    return {
        (batch, peer): rate["median"]
        for batch, found in json.loads(done.stdout).items()
        for peer, rate in found["rates"].items()
    }


def main() -> None:
    """Measure both revisions round by round, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("revision", help="of git: a commit, a tag or a branch")
    parser.add_argument("--rounds", type=int, default=5, help="of each revision (default %(default)s)")
    asked = parser.parse_args()
    archive = ["git", "-C", str(ROOT), "archive", asked.revision, "sim", "benchmarks"]
    files = subprocess.run(archive, stdout=subprocess.PIPE, check=True).stdout
    rounds: list[tuple[Rates, Rates]] = []
    with tempfile.TemporaryDirectory() as other:
        with tarfile.open(fileobj=io.BytesIO(files)) as tar:
            tar.extractall(other, filter="data")
        for number in range(asked.rounds):
            rounds.append((measured(Path(other)), measured(ROOT)))
            print(f"round {number + 1} of {asked.rounds}", file=sys.stderr, flush=True)
    print(f"| {' | '.join(HEADS)} |\n|---|--:|--:|--:|--:|")
    for key in sorted(rounds[0][0].keys() & rounds[0][1].keys()):
        before, now = ([each[side][key] for each in rounds] for side in (0, 1))
        ratios = sorted(new / old for old, new in zip(before, now, strict=True))
        print(
            f"| {', '.join(key)} | {statistics.median(before):,.0f} | {statistics.median(now):,.0f} "
            f"| {statistics.median(ratios):.2f} | {ratios[0]:.2f} to {ratios[-1]:.2f} |"
        )


if __name__ == "__main__":
    main()
