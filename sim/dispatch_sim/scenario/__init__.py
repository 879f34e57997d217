"""Scenarios: `loader` reads a file; `model` and the modules that it imports describe its keys."""
