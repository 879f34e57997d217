"""Measures our engines beside others: `make bench`. Writes reports/benchmarks/ anew."""

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import batches
import queues
import start
from dispatch_sim.study.runner import all_cores
from dispatch_sim.study.versions import package_version
from report import markdown

HERE = Path(__file__).parent
OUT = HERE.parent / "reports" / "benchmarks"
PACKAGES = ("numpy", "numba", "llvmlite", "simpy", "ciw", "salabim", "cimba")


def machine() -> dict[str, Any]:
    """Return what figures depend on, without what would name the machine."""
    info = Path("/proc/cpuinfo")
    processor = re.search("^model name.*: (.*)$", info.read_text() if info.exists() else "", re.MULTILINE)
    return {
        "python": platform.python_version(),
        "system": platform.system(),
        "architecture": platform.machine(),
        "cores": str(all_cores()),
        "processor": processor[1] if processor else "",
        "packages": {package: package_version(package) or "not installed" for package in PACKAGES},
    }


def main() -> None:
    """Measure, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="of each measurement (default %(default)s)")
    rounds = parser.parse_args().rounds
    begin = time.monotonic()
    found: dict[str, Any] = {"machine": machine(), "rounds": rounds, "load before": os.getloadavg()[0]}
    parts = {
        "replications": lambda: batches.replications(rounds),
        "growth": lambda: batches.growth(rounds),
        "largest": lambda: json.loads(
            subprocess.run(
                [sys.executable, str(HERE / "largest.py")], check=True, capture_output=True, text=True
            ).stdout
        ),
        "threads": lambda: batches.threads(rounds),
        "queues": lambda: queues.queues(rounds),
        "starts": lambda: start.starts(max(2, rounds // 2)),
    }
    for name, measure in parts.items():
        found[name] = measure()
        print(f"{name}: measured, {time.monotonic() - begin:.0f} s so far", flush=True)
    found["load after"] = os.getloadavg()[0]
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "benchmarks.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    text = markdown(found)
    (OUT / "report.md").write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
