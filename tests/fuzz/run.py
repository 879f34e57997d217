"""Fuzz all that reads a file: `python -m tests.fuzz.run [--seconds N] [TARGET...]`.

Each target runs in a child process of bounded memory, for so many seconds, from the kept inputs and real
ones. An input that is neither read nor refused, that ends the process or takes longer than ten seconds is
left in the folder `fuzz-found`, and the exit code is 1. Once mended, it belongs into `tests/fuzz/corpus`.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.fuzz.targets import CORPUS, TARGETS

FOUND = Path("fuzz-found")
SECONDS_AN_INPUT = 10
LONGEST = 64 * 1024


def fuzz(name: str, seconds: int) -> str | None:
    """Fuzz a target; returns what went wrong, or None."""
    with tempfile.TemporaryDirectory() as made:
        for number, seed in enumerate(TARGETS[name].seeds()):
            (Path(made) / f"seed-{number}").write_bytes(seed)
        kept = [str(CORPUS / name)] if (CORPUS / name).is_dir() else []
        options = [
            f"-max_total_time={seconds}",
            f"-timeout={SECONDS_AN_INPUT}",
            f"-max_len={LONGEST}",
            f"-artifact_prefix={FOUND.resolve() / name}-",
            "-rss_limit_mb=0",
            made,
            *kept,
        ]
        before = set(FOUND.iterdir())
        command = [sys.executable, "-m", "tests.fuzz.child", "fuzz", name, *options]
        try:
            ended = subprocess.run(
                command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=seconds + 120, check=False
            )
        except subprocess.TimeoutExpired as error:
            return f"did not end; the last it said:\n{_last(error.stdout or b'')}"
    said = ended.stdout.decode("utf-8", "replace")
    runs = re.search(r"Done (\d+) runs", said)
    if ended.returncode == 0 and runs:
        print(f"{name}: {int(runs[1]):,} inputs were read or refused", flush=True)
        return None
    new = ", ".join(str(path) for path in sorted(set(FOUND.iterdir()) - before)) or "no input was kept"
    return f"exit code {ended.returncode}; {new}; the last it said:\n{_last(ended.stdout)}"


def _last(said: bytes) -> str:
    return "\n".join(said.decode("utf-8", "replace").splitlines()[-40:])


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(TARGETS)}; default all")
    parser.add_argument("--seconds", type=int, default=60, help="of each target (60)")
    given = parser.parse_args()
    unknown = set(given.targets) - set(TARGETS)
    if unknown:
        parser.error(f"no target is called {', '.join(sorted(unknown))}")
    FOUND.mkdir(exist_ok=True)
    wrong = 0
    for name in given.targets or TARGETS:
        problem = fuzz(name, given.seconds)
        if problem is not None:
            wrong += 1
            print(f"{name}: {problem}", flush=True)
    if not any(FOUND.iterdir()):
        FOUND.rmdir()
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
