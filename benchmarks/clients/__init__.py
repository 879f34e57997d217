"""Batches run by real client libraries on a virtual clock, against a pretended API, next to the model's.

Nothing here shares code with the model: what a coordinator, its agents and the API do is written down
once more, from `docs/model.md`, and the clients are the packages that people use.
"""
