"""Real clients and the model on the same scenario: means of each measure, and how far apart they are."""

import math
from dataclasses import astuple, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

import dispatch_sim
from clients import clock
from clients.api import Api
from clients.batch import Batch, Measured
from clients.libraries import Library

MEASURES = tuple(each.name for each in fields(Measured))
TASKS = 10
REQUESTS, INPUT = 50, 30_000
"""Limits a minute."""

PROFILES = {"anthropic": "anthropic-sdk", "openai": "openai-sdk"}


@dataclass(frozen=True)
class Setting:
    """A client library, its retries, a multiple of the limits, and a strategy.

    Attributes
    ----------
    output : the limit of output tokens a minute, before it is multiplied.
    """

    client: str
    retries: int
    scale: float
    kind: str
    concurrency: int
    output: int = 8_000

    @property
    def limits(self) -> str:
        """The limits as a multiple of the scenario's."""
        return f"{self.scale:g} x" + ("" if self.output == Setting.output else f", output {self.output:,}")

    @property
    def name(self) -> str:
        """The strategy as reports have it."""
        names = {
            "queue": f"queue of {self.concurrency}",
            "paced": f"queue of {self.concurrency} (paced)",
            "abatch": f"LangChain's abatch, at most {self.concurrency} at once",
        }
        return names.get(self.kind, self.kind)

    @property
    def strategy(self) -> Any:
        """The strategy as a scenario has it."""
        match self.kind:
            case "queue" | "paced":
                return {self.kind: self.concurrency}
            case "abatch":
                return {"queue": self.concurrency, "manager": "script", "retry_when": "after_drain"}
            case _:
                return self.kind


@dataclass(frozen=True)
class Agreement:
    """Means of the real client's batches and of the model's.

    Attributes
    ----------
    z : their distance in standard errors, by measure.
    """

    setting: Setting
    real: Measured
    model: Measured
    z: dict[str, float]

    @property
    def worst(self) -> float:
        """The largest distance."""
        return max(map(abs, self.z.values()))


def real_batches(setting: Setting, batches: int, seed: int) -> NDArray[np.float64]:
    """Run batches with the real client; returns shape (batches, measures)."""

    async def run() -> list[tuple[float, ...]]:
        limits = REQUESTS, INPUT, setting.output
        api = Api(tuple(setting.scale * limit for limit in limits))
        api.reset()
        agents = Library(setting.client, api, setting.retries)
        coordinator = Library(setting.client, api, 0)
        await agents.warm_up()
        await coordinator.warm_up()
        rng = np.random.default_rng(seed)
        found = []
        for _ in range(batches):
            batch = Batch(api, agents, coordinator, rng, TASKS)
            found.append(astuple(await batch.run(setting.kind, setting.concurrency)))
        return found

    return np.array(clock.run(run()), dtype=np.float64)


def model_batches(
    setting: Setting, replications: int, scenario: str, changes: dict[str, Any]
) -> NDArray[np.float64]:
    """Simulate batches with the model; returns shape (replications, measures).

    Parameters
    ----------
    scenario : the YAML file that the batch is written from.
    changes : keys with other values: errors that the comparison has to find.
    """
    values: dict[str, Any] = {
        "client": {"profile": PROFILES[setting.client], "retries": setting.retries},
        "provider.limits.scale": setting.scale,
        "provider.limits.output_tokens": f"{setting.output}/min",
        "strategies": [setting.strategy],
        "sweep": {},
    }
    source = dispatch_sim.load(scenario).replaced(values | changes)
    frame = dispatch_sim.compare(source, replications=replications).frame
    return frame[list(MEASURES)].to_numpy(dtype=np.float64)


def compared(setting: Setting, real: NDArray[np.float64], model: NDArray[np.float64]) -> Agreement:
    """Compare means; standard errors are of one distribution, which is what is tested.

    With a variance for each, an event that none of a few hundred batches met would look certain not to exist.
    """
    n, m = len(real), len(model)
    pooled = (real.var(axis=0) * n + model.var(axis=0) * m) / (n + m - 2)
    error = np.sqrt(pooled * (1 / n + 1 / m))
    difference = real.mean(axis=0) - model.mean(axis=0)
    z = np.divide(difference, error, out=np.where(difference == 0, 0.0, math.inf), where=error > 0)
    means = (Measured(*sample.mean(axis=0)) for sample in (real, model))
    return Agreement(setting, *means, dict(zip(MEASURES, z.tolist(), strict=True)))
