"""An answer in a second, to a question of a few words and without a file.

The question becomes a scenario like any other; whatever it does not say has the scenario's defaults. Few
replications are played: first all ways, then only those that may still be the best. How many depends on the
size of the batch alone, so that the same question has the same answer everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import PydanticCustomError

from dispatch_sim.decide.grid import Place, find_place, tell_of_limits
from dispatch_sim.decide.winners import Winner, find_winner
from dispatch_sim.display import Displayed
from dispatch_sim.model.accounting import MEASURES
from dispatch_sim.model.events import Activity
from dispatch_sim.model.plan import Plan
from dispatch_sim.scenario.loader import Source
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Problem, ScenarioError, UserError
from dispatch_sim.scenario.quantities import parse_integers
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.tree import Tree
from dispatch_sim.scenario.wording import shown
from dispatch_sim.stats.percentile import LEAST
from dispatch_sim.study.design import Design, Variant
from dispatch_sim.study.engines import choose_engine, simulate_one
from dispatch_sim.study.objectives import OBJECTIVES, column_of, costs_of
from dispatch_sim.study.runner import simulate_chunk, simulate_design

FIRST_LOOK = 16
"""Replications in which all ways are played; a percentile takes `percentile.LEAST`."""

MOST_REPLICATIONS = 256
"""Of the ways that are left after that."""

EFFORT = 9000
"""Model calls that all plays together may come to, beyond the first look: some 0.3 s."""

MUCH_COORDINATION = 0.2
"""Share of the makespan from which on it is said what the coordinator takes."""

_WIDTHS = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)

_OPTIONS: Mapping[tuple[str | int, ...], str] = {
    ("tasks", 0, "count"): "--tasks",
    ("tasks", 0, "tokens", "lognormal", "cv"): "--spread",
    ("tasks", 0, "duration", "lognormal", "cv"): "--spread",
    ("tasks", 0, "tokens"): "--tokens",
    ("tasks", 0, "duration"): "--duration",
    ("tasks", 0, "calls"): "--calls",
    ("strategies",): "--manager",
    ("provider", "model"): "--model",
    ("provider", "profile"): "--limits",
    ("provider", "limits"): "--limits",
    ("client", "profile"): "--client",
    ("harness", "profile"): "--harness",
    ("timeouts", "hard"): "--timeout",
    ("values", "waiting"): "--waiting",
    ("values", "people"): "--people",
    ("objective", "minimise"): "--objective",
}
"""The option that a key of the scenario comes from."""


class QuestionError(UserError):
    """An option that says nothing that can be played; the message names it."""


@dataclass(frozen=True)
class Question:
    """What is asked, as a person writes it; None is what a scenario says by default.

    Attributes
    ----------
    tasks : size of the batch.
    tokens, duration, calls : of one attempt, on average.
    spread : coefficient of variation of tokens and duration; ``0`` for tasks that are all alike.
    limits : a provider's profile, `unlimited`, or three rates a minute: ``50/30K/8K``, for requests, input
        and output tokens.
    model : whose list prices are paid.
    client, harness : profiles.
    manager : who hands out the tasks of all strategies: `agent`, or `script`, which also takes the results:
        nothing is returned to an agent's context, and it merges nothing.
    concurrency : widths of queues to compare: ``2..6`` or ``2,4,8``.
    objective : what is to be small, as in a scenario.
    timeout : that ends an attempt.
    waiting, people : what an hour is worth: ``$40/h``.
    further : any other key by its path.
    seed : of all draws.
    """

    tasks: int
    tokens: str = "15K"
    duration: str = "60s"
    calls: str | None = None
    spread: str = "50%"
    limits: str | None = None
    model: str | None = None
    client: str | None = None
    harness: str | None = None
    manager: str | None = None
    concurrency: str | None = None
    objective: str | None = None
    timeout: str | None = None
    waiting: str | None = None
    people: str | None = None
    further: Mapping[str, str] = field(default_factory=dict)
    seed: int = 1


@dataclass(frozen=True)
class Way:
    """A way that was compared.

    Attributes
    ----------
    strategy : the way.
    means : of every measure.
    more : what it has more of the objective than the recommended way, over the replications that both played.
    replications : how many that are.
    """

    strategy: Strategy
    means: Mapping[str, float]
    more: float
    replications: int


@dataclass(frozen=True)
class Coordination:
    """How much of the makespan the coordinator works, and what a script in its place comes to.

    Attributes
    ----------
    briefs, merges : shares of the makespan of the recommended way.
    script : the answer to the same question with `manager: script`.
    """

    briefs: float
    merges: float
    script: QuickAnswer

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        with_script = self.script.to_json()
        return {
            "briefs": self.briefs,
            "merges": self.merges,
            "with_script": {key: with_script[key] for key in ("strategy", "concurrency")}
            | {"means": with_script["ways"][0]["means"]},
        }


@dataclass(frozen=True)
class QuickAnswer(Displayed):
    """What to do, and what that rests on.

    Attributes
    ----------
    scenario : the question as a scenario.
    winner : the recommended way, and how surely it is the best of the ways.
    ways : all that were compared, the best first.
    objective : the measure that is to be small.
    coordination : None where the coordinator works for no more than `MUCH_COORDINATION` of the makespan, or
        a script is not better.
    """

    scenario: Scenario
    winner: Winner
    ways: tuple[Way, ...]
    objective: str
    coordination: Coordination | None = None

    @property
    def tasks(self) -> int:
        """Size of the batch."""
        return self.scenario.batch_size

    @property
    def by_script(self) -> bool:
        """Whether a script hands out the tasks, for all ways."""
        return all(strategy.manager == "script" for strategy in self.scenario.strategies)

    @property
    def recommended(self) -> Way:
        """The recommended way."""
        return self.ways[0]

    def to_json(self) -> dict[str, Any]:
        """Return a dict for JSON."""
        return {
            **self.winner.strategy.to_json(self.tasks),
            "standing": str(self.winner.standing),
            "as_good": [strategy.to_json(self.tasks) for strategy in self.winner.as_good],
            "objective": self.objective,
            "replications": self.recommended.replications,
            "seed": self.scenario.study.seed,
            "confidence": self.scenario.study.confidence,
            "ways": [
                {
                    **way.strategy.to_json(self.tasks),
                    "more": way.more,
                    "replications": way.replications,
                    "means": {name: way.means[name] for name in OBJECTIVES.values() if name in way.means},
                }
                for way in self.ways
            ],
            "coordination": None if self.coordination is None else self.coordination.to_json(),
            "scenario": self.scenario.resolved(),
        }


def ask(question: Question) -> QuickAnswer:
    """Answer a question.

    Raises
    ------
    QuestionError
        With the option that is wrong, what was found and what to write.
    """
    found, plan = _answer(question)
    tell_of_limits(found.scenario)
    return replace(found, coordination=_coordination(question, plan, found.winner.mean))


def _answer(question: Question) -> tuple[QuickAnswer, Plan]:
    """Return an answer without its coordination, and the plan of the recommended way."""
    scenario, place = _place(question)
    objective = OBJECTIVES[scenario.objective.minimise]
    first = FIRST_LOOK if objective == column_of(objective) else LEAST
    rows = _play(place, range(len(place.strategies)), range(first))
    # What is screened out twice is screened out with half the error each time.
    confidence = 1 - (1 - scenario.study.confidence) / 2
    winner = find_winner(
        place.strategies, costs_of(rows, objective), place.tasks, confidence, scenario.threshold
    )
    kept = [
        number
        for number, strategy in enumerate(place.strategies)
        if strategy in (*winner.as_good, winner.rival)
    ]
    played = dict(zip(place.strategies, rows, strict=True))
    calls = _calls(place)
    left = (EFFORT - first * len(place.strategies) * calls) / (len(kept) * calls)
    more = range(first, int(min(MOST_REPLICATIONS, first + left)))
    if more and len(kept) > 1:
        strategies = [place.strategies[number] for number in kept]
        for strategy, rest in zip(strategies, _play(place, kept, more), strict=True):
            played[strategy] = np.concatenate([played[strategy], rest])
        costs = costs_of(np.stack([played[strategy] for strategy in strategies]), objective)
        winner = find_winner(strategies, costs, place.tasks, confidence, scenario.threshold)
    best = played[winner.strategy]
    ways = [
        Way(
            strategy,
            dict(zip(MEASURES, each.mean(axis=0).tolist(), strict=True)),
            _mean(each, objective) - _mean(best[: len(each)], objective),
            len(each),
        )
        for strategy, each in played.items()
    ]
    ways.sort(key=lambda way: (way.strategy != winner.strategy, way.more))
    plan = place.variant.plans[place.strategies.index(winner.strategy)]
    return QuickAnswer(scenario, winner, tuple(ways), objective), plan


def _coordination(question: Question, plan: Plan, mean: float) -> Coordination | None:
    """Return what the coordinator takes, if that is much and a script does better than a mean."""
    if plan.strategy.manager == "script":
        return None
    replications = max(1, min(FIRST_LOOK, 500 // len(plan.tasks)))
    outcomes, logs = zip(*(simulate_one(plan, number) for number in range(replications)), strict=True)
    makespans_s = sum(outcome.makespan_s for outcome in outcomes)
    briefs, merges = (
        sum(event.end_s - event.start_s for log in logs for event in log if event.kind is kind) / makespans_s
        for kind in (Activity.TURN, Activity.MERGE)
    )
    if briefs + merges <= MUCH_COORDINATION:
        return None
    script, _ = _answer(replace(question, manager="script"))
    return Coordination(briefs, merges, script) if script.winner.mean < mean else None


def _mean(measures: NDArray[np.float64], objective: str) -> float:
    return float(costs_of(measures[None], objective).mean())


def _calls(place: Place) -> float:
    """Return about how many model calls one replication of one way makes."""
    return sum(group.count * max(1.0, group.calls.mean) for group in place.variant.scenario.tasks)


def _play(place: Place, ways: Sequence[int], replications: range) -> NDArray[np.float64]:
    """Return the measures of replications of some ways, shape (ways, replications, measures)."""
    variant = Variant((), place.variant.scenario, tuple(place.variant.plans[number] for number in ways))
    design = Design((), (variant,), replications.stop)
    if choose_engine(design) == "simpy":
        return simulate_chunk(design, replications)
    return simulate_design(design)[:, replications.start :]


def _place(question: Question) -> tuple[Scenario, Place]:
    source = Source(Tree(_raw(question), {}, {}), "decide")
    try:
        for path, text in question.further.items():
            source = source.replaced({path: _plain(text)})
        place = find_place(source, {})
    except ScenarioError as error:
        told = dict.fromkeys(_in_options(problem, question) for problem in error.problems)
        raise QuestionError("\n".join(told)) from error
    return place.variant.scenario, place


def _raw(question: Question) -> dict[str, Any]:
    task: dict[str, Any] = {"name": "task", "count": question.tasks}
    spread = question.spread not in ("0", "0%")
    for key, mean in (("tokens", question.tokens), ("duration", question.duration)):
        task[key] = {"lognormal": {"mean": mean, "cv": question.spread}} if spread else mean
    if question.calls is not None:
        task["calls"] = question.calls
    provider: dict[str, Any] = {}
    if question.limits is not None:
        provider |= _limits(question.limits)
    if question.model is not None:
        provider["model"] = question.model
    widths = [width for width in _WIDTHS if width < question.tasks] + [question.tasks]
    if question.concurrency is not None:
        widths = list(_widths(question.concurrency))
    strategies: list[Any] = ["sequential", "parallel", "queue"]
    if question.manager is not None:
        strategies = [{kind: None, "manager": question.manager} for kind in strategies]
    raw: dict[str, Any] = {
        "name": "decide",
        "tasks": [task],
        "strategies": strategies if question.tasks > 1 else strategies[:1],
        "sweep": {"tasks": max(question.tasks, 1), "concurrency": widths},
        "study": {"seed": question.seed},
        "provider": provider,
        "values": {
            key: value
            for key, value in (("waiting", question.waiting), ("people", question.people))
            if value is not None
        },
    }
    for section, key, value in (
        ("client", "profile", question.client),
        ("harness", "profile", question.harness),
        ("timeouts", "hard", question.timeout),
        ("objective", "minimise", question.objective),
    ):
        if value is not None:
            raw[section] = {key: value}
    if question.manager == "script":
        raw["dispatch"] = {"return": {"tokens": 0, "time": "0s"}}
        raw["merge"] = {"structured": {"tokens": 0, "time": "0s"}}
    return {key: value for key, value in raw.items() if value}


def _limits(text: str) -> dict[str, Any]:
    if text == "unlimited":
        return {"limits": text}
    rates = [part.strip() for part in text.split("/")]
    if len(rates) == 1:
        return {"profile": text}
    if len(rates) != 3:
        raise QuestionError(
            f"--limits: {shown(text)} is not a limit; write a profile such as anthropic-start (dispatch-sim "
            "profiles lists them), unlimited, or requests/input/output tokens a minute: 50/30K/8K"
        )
    names = ("requests", "input_tokens", "output_tokens")
    return {"limits": {name: f"{rate}/min" for name, rate in zip(names, rates, strict=True)}}


def _widths(text: str) -> tuple[int, ...]:
    parts: list[Any] = [part.strip() for part in text.split(",")]
    try:
        return parse_integers(parts if len(parts) > 1 else parts[0])
    except PydanticCustomError as error:
        raise QuestionError(f"--concurrency: {error.message()}") from None


def _plain(text: str) -> Any:
    """Return a value as YAML would read it: a number, true, false, or text."""
    words = {"true": True, "false": False, "null": None}
    if text in words:
        return words[text]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _in_options(problem: Problem, question: Question) -> str:
    """Return what is wrong with a scenario, by the option that it comes from."""
    path = tuple(problem.path)
    named = tuple(key for key in path if not isinstance(key, int))
    for dotted in question.further:
        keys = tuple(dotted.split("."))
        if keys[: len(named)] == named or named[: len(keys)] == keys:
            return f"--set {dotted}: {problem.message}"
    found = [option for keys, option in _OPTIONS.items() if path[: len(keys)] == keys]
    return f"{found[0]}: {problem.message}" if found else f"{'.'.join(map(str, path))}: {problem.message}"
