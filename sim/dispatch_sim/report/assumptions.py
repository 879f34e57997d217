"""What a study assumes, in units that people use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dispatch_sim.report import phrases
from dispatch_sim.report.phrases import spread
from dispatch_sim.report.words import clean, dollars, duration, listed, tokens
from dispatch_sim.scenario.strategy import parse_strategy

MOST_GROUPS = 12
"""Groups of tasks that are listed one by one."""

_SCRIPTED = "by a script, at once and for nothing"

NOT_SIMULATED = (
    "that a turn takes the coordinator longer as its context grows",
    "pauses between a task's attempts, and a harness's own retries",
    "that people rest, work side by side, or take things in another order than they come in",
    "tasks that wait for single tasks rather than whole groups, and agents that write little by little",
    "bad results and wrong instructions that nobody notices",
    "a model API that is slower under load, or limits steep ramps",
)
"""What the model leaves out; each would make some strategy look better or worse."""


def assumptions(scenario: dict[str, Any], options: Sequence[str] = ()) -> list[tuple[str, str]]:
    """Return the key figures of a resolved scenario: subject and what is assumed.

    What a scenario does not use, such as timeouts or reviews, is left out.

    Parameters
    ----------
    scenario : in base units, as a manifest holds it.
    options : of the strategies, a sentence each, where they are not the usual ones.
    """
    dispatch, provider = scenario["dispatch"], scenario["provider"]
    groups, prices = scenario["tasks"], provider["prices"]
    rows = [
        ("Ways to dispatch", " ".join(options)),
        ("Varied", _varied(scenario["sweep"])),
        *(
            (f"Tasks “{clean(group['name'], 40)}”", phrases.task_group(group))
            for group in groups[:MOST_GROUPS]
        ),
        ("Further tasks", f"{more} more groups" if (more := len(groups) - MOST_GROUPS) > 0 else ""),
        ("Starting an agent", _start(dispatch)),
        ("Handing out", _handing_out(scenario)),
        ("Coordinator's context", phrases.context(dispatch["context"])),
        ("Time of a call", phrases.call_time(provider["latency"])),
        ("Rate limits", phrases.limits(provider)),
        ("Prompt cache", phrases.cache(provider["cache"], dispatch["spawn"]["shared"])),
        ("Client", phrases.client(scenario["client"])),
        ("Harness", phrases.harness(scenario["harness"])),
        ("Failures", phrases.failures(scenario)),
        ("Timeouts", phrases.timeouts(scenario["timeouts"])),
        ("After a failure", phrases.retry(scenario)),
        ("Same files", phrases.conflicts(scenario)),
        ("Communication", phrases.communication(scenario)),
        ("Merging", phrases.merge(scenario["merge"], {group["output"] for group in groups})),
        ("Reviews", phrases.review(scenario["review"])),
        (
            "Prices",
            "a million tokens: "
            + ", ".join(f"{name.replace('_', ' ')} {dollars(price)}" for name, price in prices.items()),
        ),
        (
            "What time is worth",
            f"waiting for the batch {dollars(scenario['values']['waiting'])} an hour, people's working time "
            f"{dollars(scenario['values']['people'])} an hour",
        ),
    ]
    return [(subject, text) for subject, text in rows if text]


def _varied(sweep: dict[str, Any]) -> str:
    levels = [
        f"{clean(path, 60)} ({listed([clean(level, 24) for level in sweep[path]], 'or')})"
        for path in sorted(sweep.keys() - {"tasks", "concurrency"})
    ]
    return f"{listed(levels)}; below is what the scenario itself says" if levels else ""


def _start(dispatch: dict[str, Any]) -> str:
    spawn, return_ = dispatch["spawn"], dispatch["return"]
    return (
        f"{spread(spawn['tokens'], tokens, ' tokens')} and {spread(spawn['time'], duration)}; returning a "
        f"result {spread(return_['tokens'], tokens, ' tokens')} and {spread(return_['time'], duration)}"
    )


def _handing_out(scenario: dict[str, Any]) -> str:
    if all(parse_strategy(text).manager == "script" for text in scenario["strategies"]):
        return _SCRIPTED
    turn, brief = scenario["dispatch"]["turn"], scenario["dispatch"]["brief"]
    return (
        f"{duration(turn['time'])} for a turn of the coordinator and {duration(brief['time'])} for each "
        f"brief in it, {tokens(turn['tokens'])} and {tokens(brief['tokens'])} tokens"
    )
