"""Text of a scenario from figures, each with a comment above it that names its source."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from dispatch_sim.scenario.composites import Empirical
from dispatch_sim.scenario.distribution_text import SHAPES, dump
from dispatch_sim.scenario.distributions import Constant, Distribution

MEASURED, BORROWED, DEFAULT = "measured", "borrowed", "default"
"""Origins of a figure: runs of its own kind, runs of all kinds, or no measurement."""

_WIDTH = 100


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a scenario.

    Attributes
    ----------
    path : keys from the top; for a group of tasks `tasks`, its name and the key.
    value : as YAML.
    origin : `MEASURED`, `BORROWED` or `DEFAULT`.
    source : description of the source, for the comment.
    n : number of values behind it; 0 for a default.
    """

    path: tuple[str, ...]
    value: str
    origin: str
    source: str
    n: int = 0


def scenario_text(head: Sequence[str], figures: Iterable[Figure]) -> str:
    """Return a scenario file: the head as comments, then the figures in their order, by section."""
    comments = [line for text in head for line in _comment(text, "")]
    return "\n".join([*comments, *_section(list(figures), 0, "")])


def _section(figures: list[Figure], depth: int, indent: str) -> Iterator[str]:
    """Yield the lines of figures that share their first `depth` keys."""
    by_key: dict[str, list[Figure]] = {}
    for figure in figures:
        by_key.setdefault(figure.path[depth], []).append(figure)
    for key, inner in by_key.items():
        if len(inner[0].path) == depth + 1:
            yield from _comment(f"{inner[0].origin}: {inner[0].source}", indent)
            yield f"{indent}{key}: {inner[0].value}"
            continue
        if depth == 0:
            yield ""
        is_task_group = depth == 1 and inner[0].path[0] == "tasks"
        yield f"{indent}- name: {key}" if is_task_group else f"{indent}{key}:"
        yield from _section(inner, depth + 1, indent + "  ")
    if depth == 0:
        yield ""


def _comment(text: str, indent: str) -> list[str]:
    wrapped = textwrap.wrap(text, _WIDTH - len(indent), break_long_words=False, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in wrapped]


def distribution_yaml(distribution: Distribution, unit: str) -> str:
    """Return a distribution as YAML; `unit` is `s`, or empty for tokens and counts."""

    def amount(value: float) -> str:
        return number(value) + unit

    if isinstance(distribution, Constant):  # a plain number of tokens or of seconds would be spread
        return f"{{constant: {amount(distribution.value)}}}"
    [(name, inner)] = dump(distribution).items()
    if isinstance(distribution, Empirical):
        return f"{{{name}: [{', '.join(map(amount, inner))}]}}"
    parameters = (f"{key}: {(number if key in SHAPES else amount)(value)}" for key, value in inner.items())
    return f"{{{name}: {{{', '.join(parameters)}}}}}"


def number(value: float) -> str:
    """Return a number to four digits, without an exponent."""
    text = f"{value:.4g}"
    if "e" in text:
        text = f"{float(text):.12f}"
    return re.sub(r"\.0*$|(\.[0-9]*[1-9])0+$", r"\1", text)


def percentage(value: float) -> str:
    """Return a share in percent."""
    return f"{number(100 * value)}%"
