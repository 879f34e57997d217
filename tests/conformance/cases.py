"""Scenarios with any mix of mechanisms, each drawn from a random generator: the same seed, the same case."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType, SimpleNamespace
from typing import Any

from ruamel.yaml import YAML

Options = tuple[str, ...]

FACTORS: dict[str, Options] = {
    "provider.limits": (
        "unlimited",
        "{requests: 50/min, input_tokens: 30K/min, output_tokens: 8K/min}",
        "{requests: 10/min, input_tokens: 60K/min, output_tokens: unlimited, burst: 30s}",
        "{requests: unlimited, input_tokens: 12K/min, output_tokens: 3K/min, burst: 2m}",
    ),
    "provider.on_limit": ("reject", "reject", "wait"),
    "provider.retry_after": ("exact", "exact", "5s"),
    "provider.overloaded": ("0%", "10%"),
    "provider.accounting.cache_reads": ("true", "false"),
    "provider.accounting.output": ("actual", "reserved"),
    "provider.accounting.max_tokens": ("2K", "4K"),
    "provider.accounting.failed_requests": ("true", "false"),
    "provider.cache": (
        "warm",
        "{ttl: 5m, minimum: 0}",
        "{ttl: 20s, first_token: 3s}",
        "{ttl: 2m, first_token: 15s}",
    ),
    "provider.latency": (
        "none",
        "none",
        "{}",
        "{base: 3s, per_output_token: 10ms, per_uncached_ktoken: 1s, per_cached_ktoken: 0s}",
    ),
    "client.retries": ("0", "1", "2", "6"),
    "client.jitter": ("25%", "100%"),
    "client.jitter_direction": ("down", "up"),
    "client.extra_delay": ("0s", "0s", "750ms"),
    "client.factor": ("1", "2"),
    "client.retry_after.up_to": ("unlimited", "5s"),
    "client.retry_after.above": ("backoff", "give_up"),
    "client.retry_after.jitter": ("0%", "25%"),
    "client.retry_after.floor": ("none", "backoff"),
    "client.pacing.input_tokens": ("provider", "provider", "9K/min"),
    "client.pacing.margin": ("100%", "100%", "60%"),
    "dispatch.spawn.tokens": ("3K", "0", "{lognormal: {mean: 3K, cv: 0.5}}"),
    "dispatch.spawn.shared": ("0", "2K", "2K"),
    "dispatch.spawn.time": ("2s", "0s", "{uniform: {low: 1s, high: 5s}}"),
    "dispatch.spawn.fork": ("false", "false", "false", "false", "true"),
    "dispatch.return.tokens": ("2K", "0", "{triangular: {low: 0, mode: 1K, high: 4K}}"),
    "dispatch.return.time": ("2s", "0s", "{exponential: {mean: 3s}}"),
    "dispatch.brief": ("{}", "{tokens: 0, time: 0s}"),
    "dispatch.turn": ("{}", "{tokens: 0, time: 0s}"),
    "dispatch.context": (
        "none",
        "{start: 20K}",
        "{start: 8K, window: 14K}",
        "{start: 8K, window: 14K, compaction: {tokens: 500, time: 10s}}",
    ),
    "harness.cap": ("none", "1", "3"),
    "harness.over": ("queue", "refuse"),
    "harness.pace": ("none", "none", "{calls: 7, window: 30s}"),
    "harness.directory_in_prompt": ("true", "false"),
    "failures.crash": ("0%", "0%", "0%", "20%", "20%", "100%"),
    "failures.bad_output": ("0%", "0%", "0%", "20%", "20%", "100%"),
    "failures.hang": ("0%", "0%", "30%"),
    "failures.bad_brief": ("0%", "0%", "50%", "100%"),
    "timeouts.soft": ("none", "none", "30s"),
    "timeouts.obeyed": ("90%", "50%"),
    "timeouts.hard": ("none", "40s", "5m"),
    "retry.policy": ("failed-only", "resume", "cascade", "abort", "none"),
    "retry.max_attempts": ("1", "2", "3"),
    "recovery.people": ("{lognormal: {mean: 10m, cv: 0.5}}", "10m", "0s"),
    "conflicts.isolation": ("shared", "worktree", "locks"),
    "conflicts.probability": ("0%", "50%", "100%"),
    "conflicts.people": ("20m", "0s", "{gamma: {mean: 5m, cv: 1}}"),
    "conflicts.resolve": ("5m", "0s", "{exponential: {mean: 2m}}"),
    "conflicts.setup": ("5s", "0s"),
    "communication.kind": ("none", "rounds", "blackboard"),
    "communication.brief": ("{}", "{tokens: 0, time: 0s}"),
    "communication.post": ("{}", "{tokens: 700, time: 0s}"),
    "merge.structured": ("{tokens: 500, time: 5s}", "{tokens: 0, time: 0s}", "{time: 1s, people: 20s}"),
    "merge.prose": ("{people: 3m}", "{people: 0s}", "{tokens: 300, time: 4s, people: 30s}"),
    "merge.pair": ("{}", "{people: 10s, time: 1s, tokens: 10}"),
    "review": (
        "none",
        "none",
        "{every: 1}",
        "{every: 3, each: 10s}",
        "{every: round}",
        "{every: 2, people: {lognormal: {mean: 1m, cv: 1}}}",
        "{every: 2, blocking: false}",
    ),
}
"""Of each key outside of the tasks, by its path, what it may be; what is there twice is twice as likely."""

GROUP: dict[str, Options] = {
    "count": ("1", "2", "3", "5", "8"),
    "calls": ("1", "2", "4", "{uniform: {low: 1, high: 6}}"),
    "tokens": ("15K", "15K", "{uniform: {low: 1K, high: 25K}}", "{empirical: [2K, 6K, 6K, 30K]}", "0"),
    "output_share": ("20%", "0%", "60%"),
    "duration": (
        "60s",
        "{lognormal: {mean: 60s, cv: 1}}",
        "{weibull: {shape: 0.8, scale: 50s}}",
        "{loglogistic: {shape: 3, median: 40s}}",
        "{mixture: [{weight: 80%, of: {gamma: {shape: 2, scale: 20s}}}, {weight: 20%, of: 5m}]}",
        "0s",
    ),
    "tool_time": ("0s", "10s", "{exponential: {mean: 20s}}"),
    "variance": ("{}", "{batch: 50%, task: 0%, attempt: 50%}"),
    "output": ("structured", "structured", "prose"),
    "writes": ("[]", "[x]", "[x, y]", "[y]"),
    "coupling": ("0%", "40%", "100%"),
    "common": ("0%", "40%", "40%", "100%"),
    "interarrival": ("0s", "0s", "20s", "{exponential: {mean: 40s}}"),
}
"""The same of a group of tasks."""

TIED: dict[str, Options] = {
    "provider.limits": (
        "unlimited",
        "{requests: 6/min, input_tokens: 60K/min, output_tokens: unlimited, burst: 30s}",
        "{requests: unlimited, input_tokens: 60K/min, output_tokens: 6K/min}",
    ),
    "provider.retry_after": ("exact", "10s"),
    "provider.cache": ("warm", "{ttl: 20s, first_token: 10s, minimum: 0}"),
    "provider.latency": (
        "none",
        "none",
        "{base: 10s, per_output_token: 0s, per_uncached_ktoken: 10s, per_cached_ktoken: 0s}",
    ),
    "client.jitter": ("0%",),
    "client.extra_delay": ("0s",),
    "client.retry_after.jitter": ("0%",),
    "client.initial": ("10s",),
    "client.cap": ("20s",),
    "client.retry_after.up_to": ("unlimited", "10s"),
    "dispatch.spawn.tokens": ("3K", "0"),
    "dispatch.spawn.time": ("0s", "10s"),
    "dispatch.return.tokens": ("2K", "0"),
    "dispatch.return.time": ("0s", "10s"),
    "dispatch.brief": ("{tokens: 240, time: 10s}", "{tokens: 0, time: 0s}"),
    "dispatch.turn": ("{tokens: 300, time: 10s}", "{tokens: 0, time: 0s}"),
    "dispatch.context": ("none", "{start: 8K, window: 14K, compaction: {tokens: 500, time: 10s}}"),
    "harness.pace": ("none", "{calls: 3, window: 10s}"),
    "timeouts.soft": ("none", "none", "20s"),
    "timeouts.hard": ("none", "30s", "50s", "5m"),
    "recovery.people": ("20s", "0s"),
    "conflicts.people": ("20s", "0s"),
    "conflicts.resolve": ("10s", "0s"),
    "conflicts.setup": ("10s", "0s"),
    "communication.brief": ("{tokens: 2K, time: 10s}", "{tokens: 0, time: 0s}"),
    "communication.post": ("{tokens: 100, time: 10s}", "{tokens: 0, time: 0s}"),
    "merge.structured": ("{tokens: 500, time: 10s}", "{tokens: 0, time: 0s}", "{time: 0s, people: 10s}"),
    "merge.prose": ("{people: 10s}", "{people: 0s}", "{time: 10s, people: 10s}"),
    "merge.pair": ("{}", "{people: 10s, time: 10s}"),
    "review": (
        "none",
        "{every: 1, people: 0s}",
        "{every: 2, people: 10s}",
        "{every: round, people: 0s, each: 10s}",
        "{every: 2, people: 10s, blocking: false}",
    ),
}
"""What replaces some where all times are to be multiples of ten seconds, so that most events are tied."""

TIED_GROUP: dict[str, Options] = {
    "tokens": ("15K", "10K", "0"),
    "duration": ("40s", "20s", "0s"),
    "tool_time": ("0s", "10s"),
    "interarrival": ("0s", "0s", "10s"),
}

STRATEGY: dict[str, Options] = {
    "kind": ("sequential", "parallel", "queue", "waves", "adaptive", "solo"),
    "merge": ("barrier", "as-completed"),
    "manager": ("agent", "script"),
    "warm_up": ("none", "stagger", "prewarm"),
    "order": ("as-given", "longest-first", "shortest-first"),
    "pace": ("none", "none", "limits"),
    "retry_when": ("immediately", "immediately", "after_drain"),
    "isolation": ("", "", "shared", "worktree", "locks"),
    "communication": ("", "", "none", "rounds", "blackboard"),
}
"""The options of a strategy; an empty one leaves the key out."""


@dataclass(frozen=True, slots=True)
class Case:
    """A replication of a design point.

    Attributes
    ----------
    scenario : as a dict.
    strategy : as a scenario writes one.
    replication : its number.
    choices : what was drawn for each key; of several groups the last.
    """

    scenario: dict[str, Any]
    strategy: dict[str, Any]
    replication: int
    choices: dict[str, str]


ADAPTIVE = {"strategies.kind": "adaptive"}


def numbered_case(number: int, fixed: Mapping[str, str] = MappingProxyType({})) -> Case:
    """Return one of an endless list of cases; a new key changes nothing but itself in any of them.

    Parameters
    ----------
    number : of the case.
    fixed : options by key that are not drawn.
    """

    def choose(key: str, options: Options) -> str:
        return fixed.get(key) or random.Random(f"conformance {number} {key}").choice(options)

    return make_case(random.Random(f"conformance {number}"), choose)


def single_option_cases() -> list[Case]:
    """Return a case for each option of each key, in which all other keys have their first option.

    It is untied, and has one group of several tasks.
    """
    of_group = {f"g0.{key}": options for key, options in GROUP.items()}
    of_strategy = {f"strategies.{key}": options for key, options in STRATEGY.items()}
    base = {"strategies.kind": "queue", "g0.count": "5", "provider.limits": FACTORS["provider.limits"][1]}
    first: Any = SimpleNamespace(
        random=lambda: 0.5,  # of the times, which are not tied
        choice=lambda options: options[0],  # one group, and adaptive dispatch of all its tasks
        randint=lambda low, high: 3,  # the concurrency of a queue or of waves
        randrange=lambda stop: 1,  # the seed, and the number of the replication
    )
    cases = []
    for changed, changes in (FACTORS | of_group | of_strategy).items():
        for option in changes:
            fixed = base | {changed: option}
            cases.append(make_case(first, lambda key, options, fixed=fixed: fixed.get(key, options[0])))
    return cases


def make_case(fates: random.Random, choose: Callable[[str, Options], str]) -> Case:
    """Draw a case: every key by itself, so that any two mechanisms meet sooner or later."""
    tied = fates.random() < 0.4
    factors = FACTORS | TIED if tied else FACTORS
    of_group = GROUP | TIED_GROUP if tied else GROUP
    choices = {key: choose(key, options) for key, options in factors.items()}
    if choices["failures.hang"] != "0%" and choices["timeouts.hard"] == "none":
        choices["timeouts.hard"] = "5m"  # or it would hang for ever
    strategy = {key: choose(f"strategies.{key}", options) for key, options in STRATEGY.items()}
    if strategy["pace"] != "none":
        choices["provider.on_limit"] = "reject"  # there is a line already
    needs_context = strategy["kind"] == "solo" or choices["dispatch.spawn.fork"] == "true"
    if needs_context and choices["dispatch.context"] == "none":
        choices["dispatch.context"] = "{start: 8K, window: 14K}"
    timed = choices["provider.latency"] != "none"
    groups = []
    for number in range(fates.choice((1, 1, 2, 3))):
        group = {key: choose(f"g{number}.{key}", options) for key, options in of_group.items()}
        del group["duration" if timed else "tool_time"]
        if number:
            group["after"] = fates.choice(("[]", f"[g{number - 1}]"))
        groups.append({"name": f"g{number}"} | {key: parsed(choice) for key, choice in group.items()})
        choices |= {f"tasks.{key}": choice for key, choice in group.items()}
    choices |= {f"strategies.{key}": choice for key, choice in strategy.items()} | {"tied": str(tied)}
    tree: dict[str, Any] = {"tasks": groups, "study": {"seed": fates.randrange(2**64)}}
    for path in factors:
        *sections, key = path.split(".")
        place = tree
        for section in sections:
            place = place.setdefault(section, {})
        place[key] = parsed(choices[path])
    return Case(tree, _strategy(strategy, fates), fates.randrange(2**32), choices)


@cache
def parsed(text: str) -> Any:
    """Return the value of a YAML text. Not to be altered."""
    return YAML(typ="safe", pure=True).load(text)


def _strategy(options: dict[str, str], fates: random.Random) -> dict[str, Any]:
    widths = {"solo": 1, "sequential": 1, "parallel": "all", "adaptive": fates.choice(("all", 3))}
    kind = options["kind"]
    if kind == "solo":
        options = {key: options[key] for key in ("order", "pace")}
    written = {key: option for key, option in options.items() if option and key != "kind"}
    return {kind: widths.get(kind) or fates.randint(1, 8), **written}
