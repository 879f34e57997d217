"""Tables of runs drawn from known parameters, without the model."""

import math

import numpy as np

from dispatch_sim.logs.readers.tables import AgentRun, Logs, make_tables

GAP_S = 6.0
"""From one launch of a group to the next."""

START_S, RETURN_S = 0.25, 0.5
"""From a launch to the agent's first line, and from its end to its result."""


def made_runs(
    sessions: int,
    *,
    seed: int,
    groups: int = 4,
    median_s: float = 100.0,
    between: float = 0.8,
    within: float = 0.6,
    crash: float = 0.05,
    kinds: tuple[str, ...] = ("Explore",),
    largest: int = 4,
) -> Logs:
    """Return the tables of sessions with so many groups each, of one to `largest` runs.

    Log-durations are normal, with a part that a group shares; tokens are gamma of
    shape 2 and scale 20K on top of 20K at the start; returns are log-normal with a median of 1,000.
    """
    rng = np.random.default_rng(seed)
    runs = []
    for session in range(sessions):
        now = 0.0
        for number in range(groups):
            size = int(rng.integers(1, largest + 1))
            effect = between * rng.standard_normal()
            kind = kinds[int(rng.integers(len(kinds)))]
            ends = []
            for position in range(size):
                duration = median_s * math.exp(effect + within * rng.standard_normal())
                called = now + GAP_S * position
                ends.append(called + START_S + duration)
                runs.append(
                    AgentRun(
                        source="claude-code",
                        session=f"session-{session}",
                        group=f"session-{session}/{number}",
                        group_size=size,
                        position=position,
                        kind=kind,
                        background=False,
                        outcome="failed" if rng.random() < crash else "completed",
                        called_at_s=called,
                        started_at_s=called + START_S,
                        ended_at_s=called + START_S + duration + RETURN_S,
                        duration_s=duration,
                        duration_measured=True,
                        calls=float(1 + rng.poisson(8)),
                        retries=0.0,
                        output_tokens=4_000.0,
                        output_estimated=0.0,
                        first_context_tokens=20_000.0,
                        first_cached_share=0.5 if position else 0.0,
                        final_context_tokens=20_000.0 + rng.gamma(2.0, 20_000.0),
                        spawn_tokens=300.0,
                        return_tokens=1000.0 * math.exp(0.5 * rng.standard_normal()),
                    )
                )
            now = max(ends) + 60.0
    return make_tables(runs)
