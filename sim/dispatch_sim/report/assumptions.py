"""What a study assumes, in units that people use."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from dispatch_sim.report.words import about, clean, count, dollars, duration, listed, percent, tokens
from dispatch_sim.scenario.distributions import Constant, Distribution, TokensDistribution

MOST_GROUPS = 12
"""Groups of tasks that are listed one by one."""

# A resolved scenario holds plain numbers in base units; of all quantities, tokens are read so.
_PLAIN: TypeAdapter[Distribution] = TypeAdapter(TokensDistribution)

_SCRIPTED = "by a script, at once and for nothing"

NOT_SIMULATED = (
    "the life of prompt-cache entries (within an attempt the context counts as cached, between agents "
    "nothing does)",
    "hung agents and timeouts",
    "conflicts over shared files",
    "tasks that depend on or inform each other",
    "reviews",
    "the coordinator's own context and its growth",
)
"""What the model leaves out; each would make some strategy look better or worse."""


def assumptions(scenario: dict[str, Any], options: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return the key figures of a resolved scenario: subject and what is assumed.

    Parameters
    ----------
    scenario : in base units, as a manifest holds it.
    options : of the strategies, a sentence each, where they are not the usual ones.
    """
    groups, factors = scenario["tasks"], scenario["sweep"].keys() - {"tasks", "concurrency"}
    rows = [("Ways to dispatch", " ".join(options))] if options else []
    if factors:
        levels = [
            f"{clean(path, 60)} ({listed([clean(level, 24) for level in scenario['sweep'][path]], 'or')})"
            for path in sorted(factors)
        ]
        rows.append(("Varied", f"{listed(levels)}; below is what the scenario itself says"))
    rows += [(f"Tasks “{clean(group['name'], 40)}”", _group(group)) for group in groups[:MOST_GROUPS]]
    if len(groups) > MOST_GROUPS:
        rows.append(("Further tasks", f"{len(groups) - MOST_GROUPS} more groups"))
    dispatch, client, retry = scenario["dispatch"], scenario["client"], scenario["retry"]
    rows += [
        (
            "Starting an agent",
            f"{_spread(dispatch['spawn']['tokens'], tokens, ' tokens')} and "
            f"{_spread(dispatch['spawn']['time'], duration)}; returning a result "
            f"{_spread(dispatch['return']['tokens'], tokens, ' tokens')} and "
            f"{_spread(dispatch['return']['time'], duration)}",
        ),
        (
            "Handing out",
            _SCRIPTED
            if all(strategy["manager"] == "script" for strategy in scenario["strategies"])
            else f"{duration(dispatch['turn']['time'])} for a turn of the coordinator and "
            f"{duration(dispatch['brief']['time'])} for each brief in it, "
            f"{tokens(dispatch['turn']['tokens'])} and {tokens(dispatch['brief']['tokens'])} tokens",
        ),
        ("Rate limits", _limits(scenario["provider"])),
        ("Client", _client(client)),
        (
            "Failures",
            f"{_share(scenario['failures']['crash'])} of attempts crash, "
            f"{_share(scenario['failures']['bad_output'])} of outputs are unusable",
        ),
        (
            "After a failure",
            (
                f"the task is tried again, {count(retry['max_attempts'])} attempts in all"
                if retry["policy"] == "failed-only" and retry["max_attempts"] > 1
                else "no second attempt"
            )
            + f"; then a person does it in {_spread(scenario['recovery']['people'], duration)}",
        ),
        ("Merging", _merge(scenario["merge"], {group["output"] for group in groups})),
        (
            "Prices",
            "a million tokens: "
            + ", ".join(
                f"{name.replace('_', ' ')} {dollars(price)}"
                for name, price in scenario["provider"]["prices"].items()
            ),
        ),
        (
            "What time is worth",
            f"waiting for the batch {dollars(scenario['values']['waiting'])} an hour, people's working time "
            f"{dollars(scenario['values']['people'])} an hour",
        ),
    ]
    return rows


def _group(group: dict[str, Any]) -> str:
    text = (
        f"{count(group['count'])}, each with {_spread(group['calls'], about, ' model calls')}, "
        f"{_spread(group['tokens'], tokens, ' tokens of work')}, {percent(group['output_share'])} of it "
        "written, "
        f"{_time(group)}; {group['output']} output"
    )
    if group["interarrival"] != 0:
        text += f"; one arrives every {_spread(group['interarrival'], duration)}"
    return text


def _time(group: dict[str, Any]) -> str:
    if group["duration"] is not None:
        return f"and {_spread(group['duration'], duration)} when nothing is in its way"
    return f"calls as long as what they do, and {_spread(group['tool_time'], duration)} of tools between two"


def _spread(raw: Any, show: Callable[[float], str], unit: str = "") -> str:
    """Write a distribution as its mean with a unit and where the middle 80% of it lie."""
    try:
        distribution = _PLAIN.validate_python(raw)
    except ValidationError:
        # Read by other parameters than it is kept by, and by these at the edge of what may be written.
        return f"{json.dumps(raw)}{unit}"
    if isinstance(distribution, Constant):
        return f"{show(distribution.value)}{unit}"
    low, high = show(distribution.quantile(0.1)), show(distribution.quantile(0.9))
    return f"{show(distribution.mean)}{unit} on average (8 in 10: {low} to {high})"


def _share(share: float) -> str:
    return f"{100 * share:.3g}%"


def _limits(provider: dict[str, Any]) -> str:
    limits = provider["limits"]
    names = (
        ("requests", "requests"),
        ("input_tokens", "uncached input tokens"),
        ("output_tokens", "output tokens"),
    )
    parts = [
        f"{tokens(limits[key] * limits['scale'])} {name}" if limits[key] is not None else f"unlimited {name}"
        for key, name in names
    ]
    if all(limits[key] is None for key, _ in names):
        return "none"
    refused = (
        "more than that is refused (429), and the client tries again"
        if provider["on_limit"] == "reject"
        else "more than that waits in line"
    )
    return (
        f"{', '.join(parts)} a minute, shared by all agents and the coordinator; what is not used "
        f"is saved up, for {duration(limits['burst'])} at most; {refused}"
    )


def _client(client: dict[str, Any]) -> str:
    if not client["retries"]:
        return "does not try a refused call again: the attempt is lost"
    after = client["retry_after"]
    obeyed = (
        "as long as the API asks"
        if after["up_to"] == "unlimited"
        else f"as asked up to {duration(after['up_to'])}"
    )
    return (
        f"tries a refused call again {_times(client['retries'])}, pausing {obeyed}, otherwise "
        f"{duration(client['initial'])} growing to {duration(client['cap'])}; then the attempt is lost"
    )


def _times(number: int) -> str:
    return "once" if number == 1 else f"up to {count(number)} times"


def _merge(merge: dict[str, Any], outputs: set[str]) -> str:
    parts = [
        f"{kind} output: {_merge_cost(merge[kind])}" for kind in ("structured", "prose") if kind in outputs
    ]
    if any(merge["pair"].values()):
        parts.append(f"and for each pair made without sight of each other: {_merge_cost(merge['pair'])}")
    return "; ".join(parts)


def _merge_cost(cost: dict[str, Any]) -> str:
    parts = [f"{tokens(cost['tokens'])} tokens"] if cost["tokens"] else []
    parts += [f"{duration(cost['time'])} of the coordinator"] if cost["time"] else []
    parts += [f"{duration(cost['people'])} of a person"] if cost["people"] else []
    return ", ".join(parts) or "nothing"
