"""Made-up logs, to test the readers against what is known.

Sessions dispatch groups of agents. Every figure is drawn from a distribution that is written here, so what
should be found is known. Texts are dots, as many as the tokens would have characters.
"""

from __future__ import annotations

import itertools
import json
import os
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START_US = 1_767_600_000_000_000
"""When the first session begins, in microseconds since 1970; each further one begins a day later."""

KINDS = {"general-purpose": (180.0, 0.7), "Explore": (60.0, 0.6), "reviewer": (110.0, 0.5)}
"""Median of the duration in seconds, and log-sd over groups and agents together, by kind of agent."""

SHARE_OF_GROUP = 0.4
"""Part of the variance of log-durations that the agents of a group have in common."""

LAUNCH_S = (2.0, 8.0)
"""Seconds from the call of one member of a group to that of the next, uniform."""

Lines = list[dict[str, Any]]

SIZES = (1, 1, 1, 2, 2, 3, 3, 4, 6)
OUTCOMES = {
    "completed": 0.93,
    "failed_silent": 0.02,
    "interrupted": 0.02,
    "unfinished": 0.01,
    "rejected": 0.02,
}


@dataclass(frozen=True, slots=True)
class MadeCall:
    """A model call: tokens by class, when it began, and its seconds."""

    began_us: int
    ended_us: int
    input: int
    cache_write: int
    cache_read: int
    output: int


@dataclass(frozen=True, slots=True)
class MadeRun:
    """A run, as it is written into logs. Moments are microseconds since 1970."""

    session: int
    group: int
    position: int
    kind: str
    background: bool
    outcome: str
    called_us: int
    started_us: int
    ended_us: int
    calls: tuple[MadeCall, ...]
    prompt_tokens: int
    return_tokens: int

    @property
    def duration_ms(self) -> int:
        """What the harness measures."""
        return (self.ended_us - self.started_us) // 1000


def make_runs(sessions: int, seed: int = 0) -> list[MadeRun]:
    """Return the runs of some sessions, in the order of their calls; the same seed gives the same."""
    luck = random.Random(seed)
    return [run for session in range(sessions) for run in _session(session, luck)]


def write_example(folder: str | os.PathLike[str], seed: int = 0) -> list[Path]:
    """Write a folder of logs in all three formats, of some 200 runs, and return its files.

    Raises
    ------
    OSError
        Where the folder cannot be written to.
    """
    # Imported here: what makes runs up is of use without what writes them.
    from tests.logs.synthetic_claude import write_claude_code
    from tests.logs.synthetic_others import write_codex, write_otel

    folder = Path(folder)
    return [
        *write_claude_code(make_runs(24, seed), folder / "claude-code"),
        *write_codex(make_runs(5, seed + 1), folder / "codex"),
        *write_otel(make_runs(5, seed + 2), folder / "otel"),
    ]


def _session(session: int, luck: random.Random) -> list[MadeRun]:
    now = START_US + session * 86_400_000_000 + luck.randrange(3_600_000) * 1000
    runs: list[MadeRun] = []
    for group in range(luck.randint(2, 4)):
        size = luck.choice(SIZES)
        together = luck.gauss(0, 1)
        kind = luck.choices(list(KINDS), (3, 2, 1))[0]
        background = luck.random() < 0.3
        called, ends = now, [now]
        for position in range(size):
            run = _run(session, group, position, kind, background, called, together, luck)
            runs.append(run)
            ends.append(run.ended_us)
            called += _ms(luck.uniform(*LAUNCH_S))
        now = max(*ends, called) + _ms(luck.uniform(10, 120))
    return runs


def _run(
    session: int,
    group: int,
    position: int,
    kind: str,
    background: bool,
    called: int,
    together: float,
    luck: random.Random,
) -> MadeRun:
    median, spread = KINDS[kind]
    alone = luck.gauss(0, 1)
    shared = SHARE_OF_GROUP**0.5 * together + (1 - SHARE_OF_GROUP) ** 0.5 * alone
    duration = median * 2.718281828459045 ** (spread * shared)
    outcome = luck.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
    started = called + _ms(luck.uniform(0.1, 0.6))
    if outcome == "rejected":
        return MadeRun(
            session, group, position, kind, False, outcome, called, called, called + _ms(3.0), (), 400, 0
        )
    ended = started + _ms(duration)
    return MadeRun(
        session=session,
        group=group,
        position=position,
        kind=kind,
        background=background,
        outcome=outcome,
        called_us=called,
        started_us=started,
        ended_us=ended,
        calls=_calls(started, ended, position, luck),
        prompt_tokens=luck.randint(100, 900),
        return_tokens=int(luck.lognormvariate(7.0, 0.6)),
    )


def _calls(started: int, ended: int, position: int, luck: random.Random) -> tuple[MadeCall, ...]:
    """Return an agent's calls, which share its time; each reads the context of the one before."""
    number = 1 + min(int(luck.expovariate(1 / 9)), (ended - started) // 3_000_000)
    context = luck.randint(11_000, 33_000)
    read = 10_000 if position or luck.random() < 0.3 else 0
    step = (ended - started) // number // 1000 * 1000
    calls = []
    for call in range(number):
        output = 20 + int(luck.expovariate(1 / 180))
        began = started + call * step
        until = ended if call == number - 1 else began + step * 7 // 10 // 1000 * 1000
        calls.append(MadeCall(began, until, 4, context - read - 4, read, output))
        read, context = context - 4, context + output + int(luck.expovariate(1 / 2500))
    return tuple(calls)


def _ms(seconds: float) -> int:
    """Return seconds as microseconds, in whole milliseconds as logs have them."""
    return round(seconds * 1000) * 1000


def agent_id(run: MadeRun) -> str:
    """Return the id of a run's agent."""
    return f"a{run.session:04}{run.group:03}{run.position:03}"


def by_session(runs: Sequence[MadeRun]) -> Iterator[tuple[int, list[MadeRun]]]:
    """Yield the sessions with their runs."""
    for number, of in itertools.groupby(runs, key=lambda run: run.session):
        yield number, list(of)


def iso(at: int) -> str:
    """Return a moment as logs write it, in whole milliseconds."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=at)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def dots(tokens: int) -> str:
    """Return a text that has about so many tokens."""
    return "." * round(tokens * 3.3)


def write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> Path:
    """Write objects, one a line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
