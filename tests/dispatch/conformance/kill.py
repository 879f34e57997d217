"""Plays a copy of the package with one fault after another, by `python -m ...conformance.kill ENGINE`.

To be run with the copy before the project on the path, and with `NUMBA_DISABLE_JIT=1`, so that nothing is
compiled. Prints as JSON, for each fault, which case has found it and how, or null.
"""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import dispatch_sim
from dispatch_sim.dispatch.plan import Plan

from .cases import numbered_case
from .mutants import ENGINES, Mutant

CASES = 600
"""Enough for each fault to be found."""

COMPARISON = f"{__package__}.comparison"


def edit(source: str, mutant: Mutant) -> str:
    """Return a module's source with a fault in it.

    Raises
    ------
    ValueError : what is to be replaced does not stand there once.
    """
    found = source.count(mutant.found)
    if found != 1:
        raise ValueError(f"{mutant.fault}: found {found} times in {mutant.module}: {mutant.found!r}")
    return source.replace(mutant.found, mutant.put)


def _load_anew() -> ModuleType:
    """Import both engines, and their comparison, as their sources are now."""
    for name in [*sys.modules]:
        if name.startswith("dispatch_sim.dispatch.") or name == COMPARISON:
            del sys.modules[name]
    importlib.invalidate_caches()
    importlib.import_module("dispatch_sim.dispatch.compiled.store").engine()  # else at its first use
    return importlib.import_module(COMPARISON)


def main(engine: str) -> None:
    """Print what has become of an engine's mutants."""
    sys.dont_write_bytecode = True
    plays = {"simpy": "play_by_simpy", "compiled": "play_compiled"}
    sound = _load_anew()
    cases = [numbered_case(number) for number in range(CASES)]
    plans: dict[int, Plan] = {}
    references = {}
    fates = {}
    for mutant in ENGINES[engine]:
        path = Path(dispatch_sim.__file__).parent / "dispatch" / mutant.module
        source = path.read_text(encoding="utf-8")
        path.write_text(edit(source, mutant), encoding="utf-8")
        play = getattr(_load_anew(), plays[engine])
        path.write_text(source, encoding="utf-8")
        fates[mutant.fault] = None
        for number, case in enumerate(cases):
            if number not in plans:
                plans[number] = sound.plan_of(case)
                references[number] = sound.play_by_simpy(plans[number], case.replication)
                if sound.difference(references[number], sound.play_compiled(plans[number], case.replication)):
                    raise AssertionError(f"case {number} differs without any fault")
            if found := sound.difference(references[number], play(plans[number], case.replication)):
                fates[mutant.fault] = f"case {number}, {found}"
                break
    print(json.dumps(fates))


if __name__ == "__main__":
    main(sys.argv[1])
