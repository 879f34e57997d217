"""Makes mutants and sees whether the tests kill them: `make mutants`.

Exits with 1 where a mutant survives that `docs/mutants.md` does not explain, and where a mutant is explained
that does not survive.
"""

from __future__ import annotations

import argparse
import sys
import tomllib
from pathlib import Path

from .explained import read_explained
from .judging import judge
from .run import PACKAGE, read_mutants, run_mutmut, stage

PROJECT = Path(__file__).parents[2]
COPY = PROJECT / "mutants"
EXPLAINED = PROJECT / "docs" / "mutants.md"


def main() -> int:
    """Run, and say what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__)
    parser.add_argument("--jobs", type=int, default=2, help="processes (default %(default)s)")
    parser.add_argument("--judge-only", action="store_true", help="judge the last run once more")
    given = parser.parse_args()
    explained = read_explained(EXPLAINED)
    if not given.judge_only:
        stage(PROJECT, COPY)
        if failed := run_mutmut(COPY, given.jobs):
            return failed
    settings = tomllib.loads((COPY / "pyproject.toml").read_text())["tool"]["mutmut"]
    modules = [module.removeprefix(PACKAGE) for module in settings["only_mutate"]]
    verdict = judge(read_mutants(COPY), explained, modules)
    print(verdict)
    return 0 if verdict.passed else 1


if __name__ == "__main__":
    sys.exit(main())
