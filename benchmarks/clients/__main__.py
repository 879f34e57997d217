"""Compares real clients with the model, checks that planted errors are found, and writes the page."""

import itertools
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from jinja2 import Template

from clients.comparison import Agreement, Setting, compared, model_batches, real_batches

BATCHES, REPLICATIONS = 400, 20_000
MOST = 3.5
"""Standard errors that a mean may be off. Of 216 independent ones, some are beyond it in one run of ten."""

ROOT = Path(__file__).parents[2]
SCENARIO = str(ROOT / "scenarios" / "ten-sources.yaml")
REPORT = ROOT / "reports" / "validation" / "clients.md"

LIBRARIES = ("anthropic", 2), ("anthropic", 10), ("openai", 2)
SCALES = 1.0, 2.0, 3.0
STRATEGIES = ("sequential", 1), ("parallel", 10), ("queue", 3), ("queue", 5)

_PARALLEL = Setting("anthropic", 2, 1.0, "parallel", 10)
_LITTLE_OUTPUT = Setting("anthropic", 10, 1.0, "queue", 5, output=2_000)

OTHERS = (
    _LITTLE_OUTPUT,
    *(Setting("anthropic", 2, 1.0, "paced", concurrency) for concurrency in (3, 10)),
    *(Setting("anthropic", 2, scale, "abatch", 5) for scale in (1.0, 2.0)),
)

ERRORS: dict[str, tuple[Setting, dict[str, Any]]] = {
    "one retry more": (_PARALLEL, {"client.retries": 3}),
    "retry-after ignored": (_PARALLEL, {"client.retry_after": {"up_to": "1ms"}}),
    "buckets three times as large": (_PARALLEL, {"provider.limits.burst": "180s"}),
    "output charged when a call starts": (
        _LITTLE_OUTPUT,
        {"provider.accounting": {"output": "reserved", "max_tokens": 600}},
    ),
    "no barrier before merging": (_PARALLEL, {"strategies": [{"parallel": "all", "merge": "as-completed"}]}),
}
"""Errors planted in the model, and where they are looked for."""


def main() -> int:
    """Write the page; returns 1 where something is off, or a planted error is not found."""
    settings = [
        Setting(*each[0], each[1], *each[2]) for each in itertools.product(LIBRARIES, SCALES, STRATEGIES)
    ]
    settings += OTHERS
    measured = {}
    agreements = []
    for number, setting in enumerate(settings):
        measured[setting] = real_batches(setting, BATCHES, seed=number)
        model = model_batches(setting, REPLICATIONS, SCENARIO, {})
        agreements.append(compared(setting, measured[setting], model))
        print(f"{number + 1} of {len(settings)}: {setting}", file=sys.stderr)
    found = {
        error: compared(setting, measured[setting], model_batches(setting, REPLICATIONS, SCENARIO, changes))
        for error, (setting, changes) in ERRORS.items()
    }
    REPORT.write_text(page(agreements, found), encoding="utf-8")
    print(REPORT.read_text(encoding="utf-8"))
    off = [each for each in agreements if each.worst > MOST]
    missed = [error for error, each in found.items() if each.worst <= MOST]
    return bool(off or missed)


def page(agreements: list[Agreement], found: dict[str, Agreement]) -> str:
    """Return the page as Markdown."""
    template = Template((Path(__file__).parent / "page.md.jinja").read_text(), keep_trailing_newline=True)
    return template.render(
        agreements=agreements,
        found=found,
        batches=BATCHES,
        replications=REPLICATIONS,
        comparisons=sum(len(fields(each.real)) for each in agreements),
        beyond=sum(abs(z) > MOST for each in agreements for z in each.z.values()),
        largest=max(each.worst for each in agreements),
        most=MOST,
    )


if __name__ == "__main__":
    sys.exit(main())
