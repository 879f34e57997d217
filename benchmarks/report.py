"""The benchmarks' report, from what was measured."""

import textwrap
from pathlib import Path
from typing import Any, NamedTuple

import jinja2

from batches import COMPILED, COMPILED_KEPT, READABLE, READABLE_KEPT


class Target(NamedTuple):
    """What was aimed at, and whether it was met."""

    what: str
    aim: str
    got: str
    met: bool


def markdown(found: dict[str, Any]) -> str:
    """Return the report."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        undefined=jinja2.ChainableUndefined,
        autoescape=False,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    text = environment.get_template("report.md.jinja").render(
        found,
        busy=found["load before"],
        targets=_targets(found),
        names=["idiomatic SimPy", READABLE, READABLE_KEPT, COMPILED, COMPILED_KEPT],
        compiled=COMPILED,
    )
    blocks = (block.strip() for block in text.split("\n\n"))
    return (
        "\n\n".join(
            block if block.startswith(("|", "#")) else textwrap.fill(block, 120) for block in blocks if block
        )
        + "\n"
    )


def _targets(found: dict[str, Any]) -> list[Target]:
    usual, tight = (
        found["replications"][f"4, {limits} limits"]["compiled to"][READABLE] for limits in ("usual", "tight")
    )
    kept = found["replications"]["4, usual limits"]["draws at hand"]
    growth, two = max(found["growth"]["to 20 tasks"].values()), found["threads"]["two to one"]
    starts = found["starts"]
    warm, whole = starts["sweep --no-report, warm"]["clock_s"], starts["sweep, warm"]["clock_s"]
    cold = starts["sweep --no-report, cold"]["clock_s"] - warm
    cimba = found["queues"]["compiled to"].get("cimba", 0.0)
    return [
        Target("compiled to SimPy engine, 20 tasks, concurrency 4", "200x", f"{usual:.0f}x", usual >= 200),
        Target("the same, draws at hand in both, as in a sweep", "200x", f"{kept:.0f}x", kept >= 200),
        Target("draws made anew, behind tight limits", "200x", f"{tight:.0f}x", tight >= 200),
        Target("compiled to cimba, M/M/4", "10x", f"{cimba:.2f}x", cimba >= 10),
        Target("a task's cost in 20,000 to that in 20", "1.5x", f"{growth:.2f}x", growth <= 1.5),
        Target("two threads to one, by the clock", "1.8x", f"{two:.2f}x", two >= 1.8),
        Target("whole sweep, `--no-report`, compiled before", "1 s", f"{warm:.2f} s", warm <= 1.0),
        Target("the same with the report", "2.5 s", f"{whole:.2f} s", whole <= 2.5),
        Target("what it takes more if not compiled before", "5 s", f"{cold:.1f} s", cold <= 5.0),
    ]
