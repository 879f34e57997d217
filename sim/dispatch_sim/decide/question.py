"""`ask`: a question of a few words, without a file, as a scenario like any other.

What is not asked for has the scenario's defaults. An error names the argument that it comes from.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from dispatch_sim.decide.quick import QuickAnswer, answer_quickly
from dispatch_sim.scenario.factors import by_setting
from dispatch_sim.scenario.loader import Source, load
from dispatch_sim.scenario.model import Scenario
from dispatch_sim.scenario.problems import Finding, Problem, ScenarioError, UserError
from dispatch_sim.scenario.profiles import names, read_profile
from dispatch_sim.scenario.strategy import CONCURRENCIES
from dispatch_sim.scenario.warnings import warnings
from dispatch_sim.scenario.wording import Path, listed, shown, spelled

_LOG = logging.getLogger("dispatch_sim")

ARGUMENTS: Mapping[tuple[str | int, ...], str] = {
    ("tasks", 0, "count"): "tasks",
    ("tasks", 0, "spread"): "spread",
    ("tasks", 0, "tokens"): "tokens",
    ("tasks", 0, "duration"): "duration",
    ("tasks", 0, "calls"): "calls",
    ("strategies",): "manager",
    ("sweep", "concurrency"): "concurrency",
    ("provider", "model"): "model",
    ("provider", "profile"): "limits",
    ("provider", "limits"): "limits",
    ("client", "profile"): "client",
    ("harness", "profile"): "harness",
    ("timeouts", "hard"): "timeout",
    ("values", "waiting"): "waiting",
    ("values", "people"): "people",
    ("objective", "minimise"): "objective",
    ("objective", "deadline"): "deadline",
    ("objective", "budget"): "budget",
}
"""The argument of `ask` that a key of the scenario comes from."""


LEAST_TOKENS = 1000
"""A limit of fewer tokens a minute lacks its K: no provider has such a limit."""


class QuestionError(UserError):
    """Arguments of `ask` that are wrong; the message names each."""

    def __init__(self, problems: Iterable[tuple[str, str]]) -> None:
        self.problems = tuple(dict.fromkeys(problems))
        super().__init__("\n".join(f"{argument}: {message}" for argument, message in self.problems))

    def by_option(self, settings: Mapping[str, str]) -> str:
        """Return the message, by the options of the command line, with the values of `--set` as written."""
        options = {argument: f"--{argument}" for argument in ARGUMENTS.values()}
        options |= {key: f"--set {key}={text}" for key, text in settings.items()}
        return "\n".join(
            f"{options.get(argument, f'--set {argument}')}: {message}" for argument, message in self.problems
        )


def ask(
    tasks: int,
    tokens: int | str = "15K",
    duration: str = "60s",
    *,
    calls: int | str | None = None,
    spread: float | str = "50%",
    limits: str | None = None,
    model: str | None = None,
    client: str | None = None,
    harness: str | None = None,
    manager: str | None = None,
    concurrency: int | str | Sequence[int] | None = None,
    objective: str | None = None,
    deadline: str | None = None,
    budget: str | None = None,
    timeout: str | None = None,
    waiting: str | None = None,
    people: str | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 1,
) -> QuickAnswer:
    """Answer in a second how to dispatch a batch, without a scenario.

    Raises QuestionError with the argument that is wrong, what was found and what to write.

    Parameters
    ----------
    tasks : size of the batch.
    tokens, duration, calls : of one attempt, on average.
    spread : coefficient of variation of tokens and duration; ``0`` for tasks that are all alike.
    limits : a provider's profile, `unlimited`, or three rates a minute: ``50/30K/8K``, for requests, input
        and output tokens.
    model : whose list prices are paid, and whose maker's way to count limits applies.
    client, harness : profiles; that of a harness may imply one of a client.
    manager : of all strategies: `agent`, or `script`, which also takes the results. Then nothing is returned
        to an agent's context, merging costs nothing, and `solo` is left out.
    concurrency : of the queues to compare: ``2..6``, ``2,4,8`` or ``[2, 4, 8]``.
    objective : what is minimised, as in a scenario.
    deadline, budget : limits on the makespan and on the bill that a batch must meet in 95% of cases: ``2h``,
        ``$20``. Strategies that miss them are not recommended.
    timeout : of an attempt.
    waiting, people : the value of an hour: ``$40/h``.
    settings : any other key of a scenario, by its path, with its value as in YAML.
    seed : random seed.
    """
    if isinstance(tasks, dict):  # until 0.3.0, ask(Question(...))
        return ask(**tasks)
    if isinstance(tasks, str):
        raise QuestionError([("tasks", f"{shown(tasks)} is text; write a whole number, such as 6")])
    given: Any = _usual(tasks, tasks)
    if concurrency is not None:
        given = concurrency.split(",") if isinstance(concurrency, str) else concurrency

    has_strategies = "strategies" in (settings or {})

    def source(manager: str | None, numbers: Any = given) -> Source:
        queues = bool(numbers)
        concurrencies = numbers if queues else [1] if has_strategies else None
        task = {"name": "task", "count": tasks, "tokens": tokens, "duration": duration}
        raw: dict[str, dict[str, Any]] = {
            "sweep": {"tasks": max(tasks, 1), "concurrency": concurrencies},
            "study": {"seed": seed},
            "provider": {**({} if limits is None else read_limits(limits)), "model": model},
            "client": {"profile": client},
            "harness": {"profile": harness},
            "timeouts": {"hard": timeout},
            "values": {"waiting": waiting, "people": people},
            "objective": {"minimise": objective, "deadline": deadline, "budget": budget},
        }
        sections = {section: stated for section, values in raw.items() if (stated := _stated(values))}
        group = _stated(task | {"spread": spread, "calls": calls})
        found = load({"name": "decide", "tasks": [group], **sections})
        for path, value in (settings or {}).items():
            found = found.replaced({path: value})
        if has_strategies or (queues and manager is None and tasks > 1):
            return found
        return found.replaced({"strategies": list(_compared(found.scenario(), manager, queues))})

    try:
        asked = source(manager)
        for finding in warnings(asked.scenario()):
            if finding.path[0] == "tasks":
                _LOG.warning("%s: %s", _argument(finding.path), finding.message)
        if asked.scenario().sweep.factors:
            message = "one batch is simulated, without a sweep; write a scenario file and sweep that"
            raise QuestionError([("sweep", message)])
        fitting = _fitting(asked.scenario(), concurrency)
        return answer_quickly(source(manager, fitting), lambda: source("script", fitting))
    except ScenarioError as error:
        raise QuestionError(_by_argument(problem, settings or {}) for problem in error.problems) from error


def _usual(cap: int, most: int) -> list[int]:
    """Return the concurrencies to compare where none are asked for: up to the cap, and the largest."""
    return sorted({*(each for each in CONCURRENCIES if each < cap), cap, most} - {1})


def _fitting(scenario: Scenario, asked: int | str | Sequence[int] | None) -> list[int]:
    """Return the concurrencies to compare, and warn about others; a queue of 1 equals sequential.

    Where launches above the cap wait, briefs are written ahead: a queue above the cap may cost less.
    """
    numbers, tasks = scenario.sweep.concurrency, scenario.batch_size
    cap = min(tasks, scenario.harness.cap or tasks)
    most = tasks if scenario.harness.over == "queue" else cap
    if asked is None:
        return _usual(cap, most)
    if min(numbers) > most:
        bound = "the number of tasks" if most == tasks else "the number of agents that the harness runs"
        raise QuestionError([("concurrency", f"{shown(asked)} exceeds {bound}; write at most {most}")])
    fitting = [number for number in numbers if 1 < number <= most] or [1]
    if len(fitting) < len(numbers):
        _LOG.warning(
            "concurrency: only %s of %s are compared: a queue of 1 is sequential, and more than %s tasks "
            "cannot run at once",
            *(listed(list(map(str, fitting))), shown(asked), most),
        )
    return fitting


def _compared(scenario: Scenario, manager: str | None, queues: bool) -> Iterator[Any]:
    """Yield the default strategies with a manager, as written, with or without queues.

    Of one task, those that differ.
    """
    for strategy in scenario.strategies:
        if strategy.kind == "solo":
            if manager != "script":
                yield "solo"
        elif strategy.kind == "sequential" or (scenario.batch_size > 1 and (queues or not strategy.is_swept)):
            kind = strategy.kind if strategy.pace == "none" else "paced"
            yield {kind: None, "manager": manager or strategy.manager}


def _stated(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def read_limits(text: str) -> dict[str, Any]:
    """Return the keys of the section `provider` that limits stand for.

    Raises QuestionError with what to write instead.
    """
    if text == "unlimited":
        return {"limits": text}
    rates = [part.strip() for part in text.split("/")]
    if len(rates) == 1 and not text[:1].isdigit():
        if text in names("provider") and read_profile("provider", text).requires:
            message = (
                f"{text} states no limits and no prices; give your limits, such as 500/200K/200K, and a "
                f"model, and set provider.profile={text}"
            )
            raise QuestionError([("limits", message)])
        return {"profile": text}
    if len(rates) != 3:
        message = (
            f"{shown(text)} is not a limit; write a profile such as anthropic-start (dispatch-sim profiles "
            "lists them), unlimited, or requests/input/output tokens a minute: 50/30K/8K; for an input limit"
            " alone set provider.limits.input_tokens=50K/min"
        )
        raise QuestionError([("limits", message)])
    if few := [rate for rate in rates[1:] if rate.isdecimal() and 0 < int(rate) < LEAST_TOKENS]:
        message = f"{shown(text)} allows {few[0]} tokens a minute; for thousands write {few[0]}K"
        raise QuestionError([("limits", message)])
    limits = ("requests", "input_tokens", "output_tokens")
    return {"limits": {limit: f"{rate}/min" for limit, rate in zip(limits, rates, strict=True)}}


def _by_argument(problem: Problem, settings: Mapping[str, Any]) -> tuple[str, str]:
    """Return the argument that a problem of the scenario comes from, and its message."""
    finding = Finding(problem.path, problem.message)
    about = by_setting({"tasks": [{"name": "task"}]}, finding, settings)
    return about or (_argument(problem.path), problem.message)


def _argument(path: Path) -> str:
    """Return the argument that a key comes from, or the key."""
    found = (argument for keys, argument in ARGUMENTS.items() if path[: len(keys)] == keys)
    return next(found, spelled(path))
