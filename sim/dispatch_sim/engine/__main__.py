"""Compiles the engine, unless the user's cache has it: `python -m dispatch_sim.engine`."""

import sys

from dispatch_sim.engine.store import engine

try:
    engine()
except KeyboardInterrupt:
    sys.exit("Interrupted. The first command that needs the engine will compile it.")
