"""The compiled engine: a second implementation of the model, as one loop over records, compiled by numba.

Its outcomes and event logs are bit-identical to the SimPy engine's, at two hundred times its speed. It is
compiled at its first use on a machine, in up to half a minute, and stored in the user's cache folder
(`store`). No function has a decorator: `jit` compiles all that `simulation.simulate_block` reaches, typed by
its annotations.
"""
