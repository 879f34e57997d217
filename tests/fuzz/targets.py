"""What reads bytes, as functions of them. Each returns, or raises a `UserError`; anything else is a fault."""

import functools
import json
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from dispatch_sim.claims.statements import load_claims
from dispatch_sim.decide.thresholds import parse_threshold
from dispatch_sim.logs.backtest.backtest import backtest
from dispatch_sim.logs.calibrate.calibration import calibrate
from dispatch_sim.logs.calibrate.observations import CalibrationError
from dispatch_sim.logs.readers.reading import read_logs
from dispatch_sim.scenario import warnings
from dispatch_sim.scenario.loader import load_source, parse_source
from dispatch_sim.scenario.problems import UserError
from tests.claims.texts import CLAIMS
from tests.logs.synthetic import make_runs, write_claude_code, write_codex
from tests.logs.test_untrusted_logs import agents_below_each_other

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
SMALL = """\
tasks: [{name: a, count: 2, tokens: 15K, duration: 60s}]
strategies: [sequential, parallel]
sweep: {tasks: [2], concurrency: [2]}
study: {replications: 3}
"""
SMALL_SOURCE = parse_source(SMALL)


@dataclass(frozen=True)
class Target:
    read: Callable[[bytes], object]
    seeds: Callable[[], list[bytes]]
    """Makes real inputs, to be mutated."""

    def outcome(self, data: bytes) -> str:
        """Return whether bytes were read or refused, in words for people; anything else is raised."""
        try:
            self.read(data)
        except UserError as error:
            message = str(error)
            assert message, "an error without words"
            assert all(line.isprintable() for line in message.split("\n")), "an error that is not printable"
            assert len(message) < 30_000, "an error that nobody reads to its end"
            return "refused"
        return "read"


@functools.cache
def folder() -> Path:
    made = Path(tempfile.mkdtemp(prefix="fuzz-"))
    (made / "mine.yaml").write_text(SMALL)
    return made


def put(name: str, data: bytes) -> Path:
    path = folder() / name
    path.write_bytes(data)
    return path


def scenario(data: bytes) -> None:
    warnings.warnings(load_source(put("scenario.yaml", data)).scenario())


PLACES = [
    "tasks.tokens",
    "tasks.duration",
    "tasks.count",
    "tasks.coupling",
    "provider.limits.requests",
    "provider.prices.input",
    "values.waiting",
    "failures.crash",
    "study.indifference",
    "study.confidence",
    "sweep.tasks",
    "strategies",
    "objective.budget",
]


def quantity(data: bytes) -> None:
    """Read a value of YAML, the first byte says in the place of which quantity or distribution."""
    place = PLACES[data[0] % len(PLACES)] if data else PLACES[0]
    value = parse_source(data[1:].decode("utf-8", "replace")).raw
    SMALL_SOURCE.replaced({place: value}).scenario()


def samples(data: bytes) -> None:
    put("samples.csv", data)
    text = SMALL.replace("60s", "{empirical: {csv: samples.csv, column: seconds}}")
    parse_source(text, folder=folder()).scenario()


def claims(data: bytes) -> None:
    load_claims(put("claims.yaml", data))


def log(data: bytes) -> None:
    """Read a log, and fit and simulate what it shows."""
    logs = read_logs(put("log.jsonl", data))
    for use in (lambda: calibrate(logs, intervals=False).scenario, lambda: backtest(logs, None, 20)):
        with suppress(CalibrationError):
            use()


def threshold(data: bytes) -> None:
    parse_threshold(data.decode("utf-8", "replace"))


def _logs(write: Callable[..., list[Path]]) -> Callable[[], list[bytes]]:
    def made() -> list[bytes]:
        below = folder() / write.__name__
        return [path.read_bytes()[:60_000] for path in write(make_runs(1, seed=1), below)[:3]]

    return made


TARGETS = {
    "scenario": Target(
        scenario, lambda: [SMALL.encode(), (ROOT / "scenarios" / "ten-sources.yaml").read_bytes()]
    ),
    "quantity": Target(
        quantity,
        lambda: [
            bytes([place]) + text
            for place, text in (
                (0, b"15K"),
                (1, b"1h30m"),
                (1, b"{mixture: [{weight: 90%, of: {gamma: {mean: 60s, cv: 0.4}}}, {weight: 10%, of: 5m}]}"),
                (4, b"50/min"),
                (5, b"$3/M"),
                (7, b"20%"),
                (10, b"2..20 step 2"),
                (11, b"[{queue: 3, manager: script}]"),
            )
        ],
    ),
    "samples": Target(samples, lambda: [b"id,seconds\na,3\nb,1.5\n"]),
    "claims": Target(claims, lambda: [CLAIMS.encode()]),
    "claude_code": Target(log, _logs(write_claude_code)),
    "codex": Target(log, _logs(write_codex)),
    "otel": Target(log, lambda: ["\n".join(map(json.dumps, agents_below_each_other(4))).encode()]),
    "threshold": Target(threshold, lambda: [b"p95_makespan_s > 20m", b"cost > $10"]),
}
