"""Tests claims about dispatching agents by simulation: a verdict on each, with its figures.

`data/` has the eighteen claims that ship, and their scenarios. `statements` reads a file of claims, `judge`
simulates the scenarios and judges each case by the rule in `verdicts`.
"""
