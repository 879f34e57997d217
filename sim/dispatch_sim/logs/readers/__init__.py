"""Readers of agent logs, one a format, and the tables of runs and groups that they fill."""
