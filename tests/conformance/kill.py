"""Simulates the cases with one seeded fault after another, by `python -m ...conformance.kill ENGINE`.

To be run with `NUMBA_DISABLE_JIT=1`, so that the compiled engine is the Python that it is written in. Prints
as JSON, for each fault, which case has found it and how, or null.
"""

import json
import sys
from functools import cache

from dispatch_sim.model.plan import Plan

from .cases import numbered_case
from .comparison import Replication, difference_by, plan_of, simulate_by_simpy, simulate_compiled
from .mutants import ENGINES, seeded

CASES = 400
"""At most so many are tried for a fault."""

Fixed = tuple[tuple[str, str], ...]


@cache
def _sound(number: int, fixed: Fixed) -> tuple[Plan, int, Replication]:
    """Return a case, and its result without any fault."""
    case = numbered_case(number, dict(fixed))
    plan = plan_of(case)
    return plan, case.replication, simulate_by_simpy(plan, case.replication)


def _found(engine: str) -> dict[str, str | None]:
    simulate = {"simpy": simulate_by_simpy, "compiled": simulate_compiled}[engine]
    fates: dict[str, str | None] = {}
    for text, fault in ENGINES[engine].items():
        fates[text] = None
        for number in range(CASES):
            plan, replication, sound = _sound(number, tuple(fault.fixed.items()))
            with seeded(engine, fault):
                found = difference_by(simulate, plan, replication, sound)
            if found:
                assert not difference_by(simulate, plan, replication, sound)
                fates[text] = f"case {number}, {found}"
                break
    return fates


if __name__ == "__main__":
    print(json.dumps(_found(sys.argv[1])))
