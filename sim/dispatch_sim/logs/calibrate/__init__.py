"""Fits of a scenario to the runs in logs."""
