"""Simulates the cases with one seeded fault after another, by `python -m ...conformance.kill ENGINE`.

To be run with `NUMBA_DISABLE_JIT=1`, so that the compiled engine is the Python that it is written in. Prints
as JSON, for each fault, which case has found it and how, or null.
"""

from __future__ import annotations

import json
import sys
from functools import cache

from .cases import numbered_case
from .comparison import Replication, difference, plan_of, simulate_by_simpy, simulate_compiled
from .mutants import ENGINES, seeded

CASES = 1000
"""At most so many are tried for a fault."""

_case, _plan = cache(numbered_case), cache(lambda number: plan_of(numbered_case(number)))


@cache
def _sound(number: int) -> Replication:
    """Return what a case comes to without any fault."""
    return simulate_by_simpy(_plan(number), _case(number).replication)


def _found(engine: str) -> dict[str, str | None]:
    play = {"simpy": simulate_by_simpy, "compiled": simulate_compiled}[engine]
    fates: dict[str, str | None] = {}
    for text, fault in ENGINES[engine].items():
        fates[text] = None
        for number in range(CASES):
            if fault.option not in _case(number).text:
                continue
            sound = _sound(number)
            with seeded(engine, fault):
                found = difference(sound, play(_plan(number), _case(number).replication))
            if found:
                assert not difference(sound, play(_plan(number), _case(number).replication))
                fates[text] = f"case {number}, {found}"
                break
    return fates


if __name__ == "__main__":
    print(json.dumps(_found(sys.argv[1])))
