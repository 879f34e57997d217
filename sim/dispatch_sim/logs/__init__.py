"""Logs of real agents: readers, calibration of a scenario, and backtests of the model against them."""
