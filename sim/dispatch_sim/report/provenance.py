"""What was simulated and how, item by item of STRESS-DES.

The checklist is that of Monks et al., 'Strengthening the reporting of empirical simulation studies', Journal
of Simulation 13 (2019); what a page says elsewhere is referred to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dispatch_sim.report.assumptions import NOT_SIMULATED
from dispatch_sim.report.naming import KINDS, played
from dispatch_sim.report.view import View
from dispatch_sim.report.words import clean, count, kind_of, listed

_MODEL = "docs/model.md of dispatch-sim"


def stress_items(view: View) -> list[tuple[str, str]]:
    """Return the items: number and name, and what there is to say."""
    manifest, scenario = view.answer.results.manifest, view.answer.scenario
    groups = scenario["tasks"]
    ways = listed(list(dict.fromkeys(KINDS[kind_of(label)] for label in played(view.answer))))
    arrive = any(group["interarrival"] != 0 for group in groups)
    return [
        ("1.1 Purpose", f"To decide how to dispatch {_batch(view)} to AI sub-agents."),
        (
            "1.2 Outputs",
            f"{view.measure.title} of a batch, which is to be small; its time, tokens, money and people's "
            "time, each by cause. Cost adds up API money, and what waiting and people's time are worth.",
        ),
        ("1.3 Experimentation", f"{ways}, at {_sizes(view)}: {manifest['design_points']:,} design points."),
        ("2.1 Diagram", f"None here; the life of an attempt is told in {_MODEL}."),
        (
            "2.2 Base logic",
            "A coordinator hands out tasks to agents; each makes its model calls one after another, against "
            "rate limits that all share; results come back, are merged and, where the scenario says so, "
            "reviewed. What agents cannot finish a person does, and is charged for.",
        ),
        ("2.3 Scenario logic", "Under “How to read this”."),
        (
            "2.4 Algorithms",
            "Token buckets; retries with backoff and retry-after; adaptive width by additive increase and "
            f"multiplicative decrease. All in {_MODEL}.",
        ),
        ("2.5.1 Entities", "Tasks, the attempts at each, and the model calls of each attempt."),
        (
            "2.5.2 Activities",
            "Handing out, spawning, calling, tools, returning, merging, reviewing, finishing.",
        ),
        (
            "2.5.3 Resources",
            "Slots, as many as the way has; one coordinator; one person; the buckets of the model API"
            + (f"; {count(scenario['harness']['cap'])} places of the harness" if _cap(scenario) else "")
            + ".",
        ),
        (
            "2.5.4 Queues",
            "First in, first out: for a slot, the coordinator, the person. A refused call waits at its "
            "client, and others may come before it."
            if scenario["provider"]["on_limit"] == "reject"
            else "First in, first out: for a slot, the coordinator, the person, the rate limits.",
        ),
        (
            "2.5.5 Entry and exit",
            ("Tasks arrive one after another" if arrive else "All tasks are there at the start")
            + "; a batch ends when every task is merged, or finished by a person.",
        ),
        (
            "3.1 Data sources",
            f"The scenario {clean(manifest['scenario']['file'], 60)}; what it leaves out is a default, whose "
            "source is in docs/parameters.md of dispatch-sim.",
        ),
        ("3.2 Pre-processing", _processing(scenario)),
        ("3.3 Input parameters", "Under “What is assumed”; all of them in manifest.json."),
        ("3.4 Assumptions", f"Left out of the model: {'; '.join(NOT_SIMULATED)}."),
        ("4.1 Initialisation", "Empty, with full buckets; no warm-up, as each batch is a run of its own."),
        ("4.2 Run length", "To the end of the batch (a terminating simulation)."),
        ("4.3 Estimation", _estimation(view)),
        ("5.1 Software", _software(manifest)),
        (
            "5.2 Random sampling",
            f"Philox4x32-10, seed {manifest['seed']}; a draw is keyed by replication, task, attempt, call "
            "and activity, so every way meets the same luck, and any replication can be played again alone.",
        ),
        (
            "5.3 Model execution",
            f"Event by event, by {_engines(manifest['engine'])}; "
            "what is due at the same moment goes in the order in which it was scheduled.",
        ),
        ("5.4 System", _system(manifest["machine"])),
        (
            "6.1 Sharing",
            f"Scenario {manifest['scenario']['sha256'][:12]} and all it resolves to are in manifest.json, "
            "every replication is in results.parquet; the same seed gives the same figures.",
        ),
    ]


def _batch(view: View) -> str:
    return f"{count(view.tasks)} task{'s' if view.tasks > 1 else ''}"


def _sizes(view: View) -> str:
    sizes = view.sizes
    widths = sorted({width for label, width in view.points if kind_of(label) in ("queue", "waves")})
    text = f"batches of {_span(sizes)} task{'s' if sizes[-1] > 1 else ''}"
    return text + (f", {_span(widths)} at once" if widths else "")


def _span(values: Sequence[int]) -> str:
    return f"{values[0]:,}" if len(values) == 1 else f"{values[0]:,} to {values[-1]:,}"


def _cap(scenario: dict[str, Any]) -> bool:
    return scenario["harness"]["cap"] is not None


def _processing(scenario: dict[str, Any]) -> str:
    scale = scenario["provider"]["limits"]["scale"]
    return "None." if scale == 1 else f"Rate limits are scaled by {scale:g}."


def _estimation(view: View) -> str:
    choice, confidence = view.choice, f"{100 * view.choice.confidence:g}%"
    return (
        f"{choice.replications:,} replications of each way; means with {confidence} t "
        "intervals, differences paired by replication, with intervals that hold all together (Bonferroni); "
        "break-evens by inverting "
        f"tests, so that a {confidence} confidence set holds every size at which the two are not told apart."
    )


def _engines(played: str) -> str:
    return f"the {played} engine{'s' if ' and ' in played else ''}"


def _software(manifest: dict[str, Any]) -> str:
    versions = manifest["versions"]
    named = [
        f"{name} {clean(versions[name], 20)}" for name in ("simpy", "numpy", "numba") if versions.get(name)
    ]
    own = manifest["dispatch_sim"]
    parts = [
        f"dispatch-sim {clean(own, 20) if own else 'from source'}",
        f"Python {clean(manifest['machine'].get('python'), 20)}",
        *named,
    ]
    return f"{', '.join(parts)}."


def _system(machine: dict[str, Any]) -> str:
    return (
        f"{clean(machine.get('system'), 40)}, {clean(machine.get('processor'), 40)}, "
        f"{clean(machine.get('cores'), 10)} cores; results do not depend on how many are used."
    )
