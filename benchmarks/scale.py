"""What a large comparison takes: time, memory and disk, by its replications: `python benchmarks/scale.py`.

Three ways of dispatching the ten sources, by the command line, answer and report included; each number of
replications in a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SCENARIO = Path(__file__).parents[1] / "scenarios" / "ten-sources.yaml"
THREE = "strategies: [sequential, parallel, {queue: 3}]\nengine: compiled\n"
HEADS = ("Replications", "Threads", "Clock", "Processor", "Peak memory", "Checkpoint", "results.parquet")


def measured(replications: int, jobs: int) -> list[str]:
    """Run a comparison, and return what it took, as the cells of a table."""
    with tempfile.TemporaryDirectory() as made:
        scenario, out = Path(made) / "three.yaml", Path(made) / "out"
        text = SCENARIO.read_text(encoding="utf-8")
        scenario.write_text(text.partition("\nstrategies:")[0] + "\n" + THREE, encoding="utf-8")
        command = [sys.executable, "-m", "dispatch_sim", "compare", str(scenario), "--out", str(out)]
        command += ["--replications", str(replications), "--jobs", str(jobs)]
        began, checkpoint = time.perf_counter(), 0
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
            while os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
                if (path := out / "checkpoint.sqlite").exists():
                    checkpoint = max(checkpoint, path.stat().st_size)
                time.sleep(0.1)
            _, code, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(code)
        if process.returncode:
            raise SystemExit(f"the comparison ends with {process.returncode}")
        return [
            f"{replications:,}",
            str(jobs),
            f"{time.perf_counter() - began:.0f} s",
            f"{used.ru_utime + used.ru_stime:.0f} s",
            f"{used.ru_maxrss / 1024:,.0f} MiB",
            f"{checkpoint / 2**20:,.0f} MiB",
            f"{(out / 'results.parquet').stat().st_size / 2**20:,.0f} MiB",
        ]


def main() -> None:
    """Measure each number of replications, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("replications", nargs="*", type=int, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    print("| " + " | ".join(HEADS) + " |\n|" + "--:|" * len(HEADS))
    for replications in asked.replications:
        print("| " + " | ".join(measured(replications, asked.jobs)) + " |", flush=True)


if __name__ == "__main__":
    main()
