"""Decisions from simulated batches: what to choose, where it changes, what it depends on, how to tune it."""
