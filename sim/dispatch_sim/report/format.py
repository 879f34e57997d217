"""The vocabulary of reports: what strategies, measures and amounts are called, everywhere the same."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

from dispatch_sim.scenario.formats import format_dollars, format_duration, format_tokens
from dispatch_sim.scenario.strategy import Strategy

if TYPE_CHECKING:
    from dispatch_sim.stats.estimates import Estimate

MINUS = "\N{MINUS SIGN}"

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
OPTIONS = {
    "barrier": "merged at the end",
    "as-completed": "merged as results come in",
    "agent": "run by an agent",
    "script": "run by a script",
    "stagger": "with first calls held for the cache",
    "prewarm": "with the cache warmed",
    "longest-first": "with the longest first",
    "shortest-first": "with the shortest first",
    "shared": "on shared files",
    "worktree": "in worktrees",
    "locks": "under locks",
    "none": "without communication",
    "rounds": "in two rounds",
    "blackboard": "with a blackboard",
    "paced": "paced by the limits",
    "retries after drain": "with retries after all has drained",
}
"""What options are called where they are not the usual ones."""
KINDS = {
    "solo": "solo",
    "sequential": "one by one",
    "parallel": "all at once",
    "queue": "a queue",
    "waves": "waves",
    "adaptive": "adaptive dispatch",
}
"""What kinds of strategies are called where no concurrency is meant."""
_BIDI = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: object, longest: int = 80) -> str:
    """Return a text of a user on one line, without control and direction characters, and not too long."""
    plain = "".join(
        " " if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp") or c in _BIDI else c for c in str(text)
    )
    plain = " ".join(plain.split())
    return plain if len(plain) <= longest else plain[: longest - 1].rstrip() + "…"


def numbered(name: str, columns: int) -> str:
    """Return a task's name on at most so many columns; what is cut is not the number at its end."""
    name = clean(name, 200)
    head, _, number = name.rpartition(" ")
    if cell_len(name) <= columns or not number.isdigit() or cell_len(number) > columns - 3:
        return wrapped(name, columns, 1)
    return f"{wrapped(head, columns - cell_len(number) - 1, 1)} {number}"


def span(show: Callable[[float], str], low: float, high: float) -> str:
    """Return an interval in brackets, after a space; nothing where it is a point."""
    return "" if low == high else f" ({show(low)} to {show(high)})"


def wrapped(text: str, columns: int, lines: int = 2) -> str:
    """Return a label on at most so many lines of so many columns, an ellipsis where something is cut off."""
    found = [""]
    for word in text.split():
        longer = f"{found[-1]} {word}".strip()
        if cell_len(longer) <= columns or not found[-1]:
            found[-1] = longer
        else:
            found.append(word)
    if len(found) > lines:
        found = [*found[: lines - 1], " ".join(found[lines - 1 :])]
    return "\n".join(
        line if cell_len(line) <= columns else set_cell_size(line, columns - 1).rstrip() + "…"
        for line in found
    )


def listed(parts: Sequence[str], last: str = "and") -> str:
    """Return parts as a list in a sentence: `a, b and c`."""
    return f" {last} ".join([", ".join(parts[:-1]), parts[-1]]) if len(parts) > 1 else "".join(parts)


def capital(text: str) -> str:
    """Return a text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def _options(strategy: Strategy) -> str:
    words = [OPTIONS[option] for option in strategy.options]
    return f" {listed(words)}" if words else ""


def kind_words(kind: str, strategy: Strategy) -> str:
    """Return a name with the options of a strategy in words: `the best queue run by a script`."""
    return kind + _options(strategy)


def way(strategy: Strategy) -> str:
    """Return what a strategy is called: `a queue of 3`, `all at once`, `one by one`."""
    name, number = KINDS[strategy.kind], strategy.concurrency
    if number is not None and strategy.has_number:
        name += f" up to {number}" if strategy.kind == "adaptive" else f" of {number}"
    return name + _options(strategy)


def compared_way(strategy: Strategy, than: Strategy, tasks: int, name: str) -> str:
    """Return what a strategy is called next to another: by when it merges, where both start all together."""
    together = all(each.kind_in(tasks) == "parallel" for each in (strategy, than))
    if not together or strategy.merge == than.merge:
        return name
    when = "only when all have returned" if strategy.merge == "barrier" else "each result as it comes in"
    return f"merging {when} ({name})"


def instruction(strategy: Strategy, tasks: int) -> str:
    """Return what to do with the batch: `Dispatch ten tasks through a queue of 2`."""
    if strategy.kind == "solo":
        what = "the one task" if tasks == 1 else f"all {count(tasks)} tasks"
        return f"Have the coordinator do {what} itself, without sub-agents{_options(strategy)}"
    if tasks == 1:
        return "Dispatch the one task" + ("" if strategy.kind == "sequential" else f" by {way(strategy)}")
    batch, number = count(tasks), strategy.concurrency
    if strategy.kind == "queue" and strategy.kind_in(tasks) == "parallel":
        together = f"Start all {batch} tasks together and merge each result as it comes in"
        return f"{together} ({way(strategy)})"
    how = {
        "sequential": "one by one",
        "parallel": "all at once",
        "queue": f"through a queue of {number}",
        "waves": f"in waves of {number}",
        "adaptive": f"adaptively, up to {number} at once" if number else "adaptively",
    }[strategy.kind]
    return f"Dispatch {batch} tasks {how}{_options(strategy)}"


def count(number: int) -> str:
    """Return a whole number in words up to ten, in digits above."""
    return _COUNTS[number] if 0 <= number < len(_COUNTS) else f"{number:,}"


def dollars(amount: float) -> str:
    """Return an amount of money: to the cent below $100, to the dollar above."""
    if not math.isfinite(amount):
        return "not known"
    if amount < 0:
        return MINUS + dollars(-amount)
    return f"${amount:,.0f}" if amount >= 99.995 else format_dollars(amount)


def duration(seconds: float) -> str:
    """Return a time to two units at most."""
    return format_duration(seconds).replace("-", MINUS) if math.isfinite(seconds) else "not known"


def tokens(number: float) -> str:
    """Return a number of tokens to three digits."""
    return format_tokens(number).replace("-", MINUS) if math.isfinite(number) else "not known"


def about(number: float) -> str:
    """Return a mean count to sensible digits: `0`, `0.05`, `8.1`, `140`."""
    if not math.isfinite(number):
        return "not known"
    digits = f"{number:,.0f}" if abs(number) >= 99.5 else f"{round(number, 1 if abs(number) >= 1 else 2):g}"
    return digits.replace("-", MINUS)


def percent(share: float) -> str:
    """Return a share in percent: one that is neither none nor all is not rounded to it."""
    if 0 < share < 0.005:
        return "less than 1%"
    if 0.995 <= share < 1:
        return "more than 99%"
    return f"{100 * share:.0f}%"


def share(part: float) -> str:
    """Return a probability in percent, however small."""
    return f"{100 * part:.3g}%"


def place(value: float) -> str:
    """Return a place on an axis of whole numbers: to one decimal, or two where one would make it whole."""
    whole = math.isclose(value, round(value), abs_tol=1e-9)
    return f"{value:.2f}" if not whole and round(value, 1) == round(value) else f"{round(value, 1):g}"


@dataclass(frozen=True, slots=True)
class Measure:
    """How a measure is spoken of.

    Attributes
    ----------
    column : of the results.
    title : as a heading.
    verb : what a strategy does with it, `costs`.
    less, more : after a difference, `$3 less than`.
    better, best : of two strategies, and of all.
    show : writes a value.
    typical : after a value, of what it is one.
    """

    column: str
    title: str
    verb: str
    less: str
    more: str
    better: str
    best: str
    show: Callable[[float], str]
    typical: str = "a batch on average"

    def estimate(self, estimate: Estimate) -> str:
        """Write a mean and its interval."""
        return self.show(estimate.mean) + span(self.show, estimate.low, estimate.high)

    def signed(self, value: float) -> str:
        """Write a difference with its sign."""
        text = self.show(value)
        return f"+{text}" if value > 0 else text


MEASURES: Mapping[str, Measure] = {
    measure.column: measure
    for measure in (
        Measure("cost_usd", "Cost", "costs", "less", "more", "cheaper", "cheapest", dollars),
        Measure("money_usd", "API money", "costs", "less", "more", "cheaper", "cheapest", dollars),
        Measure("makespan_s", "Makespan", "takes", "less", "more", "faster", "fastest", duration),
        Measure(
            "p95_makespan_s",
            "95th percentile of the makespan",
            "takes",
            "less",
            "more",
            "faster",
            "fastest",
            duration,
            "or less in 19 of 20 batches",
        ),
        Measure("people_s", "People's time", "takes people", "less", "more", "better", "best", duration),
        Measure("tokens", "Tokens", "uses", "fewer", "more", "leaner", "leanest", tokens),
    )
}
"""The measures that a scenario can ask to minimise."""

UNITS = {"tokens": " tokens"}
"""What has to be said after a bare number of a measure."""


def amount(measure: Measure, value: float) -> str:
    """Return a value of a measure with its unit."""
    return measure.show(value) + UNITS.get(measure.column, "")


def short_factors(factors: Iterable[str]) -> dict[str, str]:
    """Return what factors are called in a table: the last part of each path where that names one only."""
    paths = list(factors)
    last = [path.rpartition(".")[2] for path in paths]
    return {
        path: clean(name if last.count(name) == 1 else path, 40)
        for path, name in zip(paths, last, strict=True)
    }


def factors_words(factors: Mapping[str, Any], longest: int = 60) -> str:
    """Return further factors at their values: `provider.limits.scale = 2, client.retries = 10`."""
    return ", ".join(f"{clean(name, longest)} = {clean(value, longest)}" for name, value in factors.items())
