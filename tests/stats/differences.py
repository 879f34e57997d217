"""Paired differences along an axis with known answers."""

import numpy as np


def certain(*means, replications=4):
    """Return differences without any noise."""
    return np.repeat(np.array(means, dtype=float)[:, None], replications, axis=1)


def noisy(*means, noise=1.0, replications=50, seed=0):
    """Return differences with exactly these means, and noise of its own at each point."""
    rng = np.random.default_rng(seed)
    errors = rng.normal(size=(len(means), replications))
    errors -= errors.mean(axis=1, keepdims=True)
    errors *= noise / errors.std(axis=1, ddof=1, keepdims=True)
    return np.array(means, dtype=float)[:, None] + errors
