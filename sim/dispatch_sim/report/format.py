"""Formats numbers, amounts, intervals, names and labels for reports and the terminal."""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len, set_cell_size

from dispatch_sim.decide.units import unit_of
from dispatch_sim.scenario.formats import format_dollars, format_duration, format_tokens
from dispatch_sim.scenario.strategy import Strategy
from dispatch_sim.scenario.wording import listed as listed

if TYPE_CHECKING:
    from dispatch_sim.stats.estimates import Estimate

MINUS = "\N{MINUS SIGN}"

_COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
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


def capital(text: str) -> str:
    """Return a text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def named(strategy: Strategy) -> str:
    """Return the label of a strategy as a noun in a sentence: `a queue of 3`, `parallel`."""
    return f"a {strategy}" if strategy.kind == "queue" else str(strategy)


def instruction(strategy: Strategy, tasks: int) -> str:
    """Return what to do with the batch: `Use queue of 2 for ten tasks`."""
    return f"Use {named(strategy)} for {count(tasks, 'task')}"


def confidence(level: float) -> str:
    """Return a confidence level or a required probability in percent: `95%`, `99.95%`."""
    return f"{100 * level:g}%"


def few(names: Sequence[str], last: str = "and", most: int = 4) -> str:
    """Return names as a list in a sentence, and of many how many more there are."""
    shown = names if len(names) <= most + 1 else [*names[:most], f"{len(names) - most} more"]
    return listed(shown, last)


def number(value: int, noun: str = "") -> str:
    """Return a whole number in digits, and what is counted: `1,024 runs`."""
    return f"{value:,} {plural(noun, value)}" if noun else f"{value:,}"


def count(number: int, noun: str = "") -> str:
    """Return a whole number in words up to ten, in digits above, and what is counted: `one task`."""
    text = _COUNTS[number] if 0 <= number < len(_COUNTS) else f"{number:,}"
    return f"{text} {plural(noun, number)}" if noun else text


def plural(noun: str, number: float) -> str:
    """Return a noun in the plural, unless it is for one."""
    return noun if number == 1 else f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"


def dollars(amount: float) -> str:
    """Return an amount of money: to the cent below $100, to the dollar above."""
    if not math.isfinite(amount):
        return "not known"
    if amount < 0:
        return MINUS + dollars(-amount)
    return f"${amount:,.0f}" if amount >= 99.995 else format_dollars(abs(amount))


def duration(seconds: float) -> str:
    """Return a time to two units at most."""
    return format_duration(seconds).replace("-", MINUS) if math.isfinite(seconds) else "not known"


def tokens(number: float) -> str:
    """Return a number of tokens to three digits."""
    return format_tokens(number).replace("-", MINUS) if math.isfinite(number) else "not known"


def show_of(column: str) -> Callable[[float], str]:
    """Return what writes values of a column of the results."""
    return {"dollars": dollars, "seconds": duration, "tokens": tokens}.get(unit_of(column), about)


def shown(value: float, column: str) -> str:
    """Return a value of a column of the results."""
    return show_of(column)(value)


def about(number: float) -> str:
    """Return a mean count to sensible digits: `0`, `0.05`, `8.1`, `140`."""
    if not math.isfinite(number):
        return "not known"
    if abs(number) >= 99.5:
        return f"{number:,.0f}".replace("-", MINUS)
    # Adding zero makes a negative zero positive.
    return f"{round(number, 1 if abs(number) >= 1 else 2) + 0.0:g}".replace("-", MINUS)


def percent(share: float) -> str:
    """Return a share in percent: one that is neither none nor all is not rounded to it."""
    if not math.isfinite(share):
        return "not known"
    if 0 < share < 0.005:
        return "less than 1%"
    if 0.995 <= share < 1:
        return "more than 99%"
    return f"{round(100 * share)}%".replace("-", MINUS)


def share(part: float) -> str:
    """Return a probability in percent, however small."""
    return f"{100 * part:.3g}%"


def near(share: float, bound: float) -> str:
    """Return a share in percent, with decimals where it is within one percent of a bound.

    There is one more than the bound has, and as many as it takes to write neither the bound nor none nor all
    for another share.
    """
    if share in (0, 1) or abs(share - bound) >= 0.01:
        return percent(share)
    value = 100 * share
    others = {0.0, 100.0, round(100 * bound, 10)} - {round(value, 10)}
    decimals = len(f"{100 * bound:.10g}".partition(".")[2]) + 1
    while round(value, decimals) in others:
        decimals += 1
    return f"{value:.{decimals}f}%"


def axis_point(value: float) -> str:
    """Return a point on an axis of whole numbers: to one decimal, or two where one would make it whole."""
    whole = math.isclose(value, round(value), abs_tol=1e-9)
    return f"{value:.2f}" if not whole and round(value, 1) == round(value) else f"{round(value, 1):g}"


@dataclass(frozen=True, slots=True)
class Measure:
    """How a measure is named and written.

    Attributes
    ----------
    column : of the results.
    title : as a heading.
    statistic : the statistic of it that a study estimates: `mean cost per batch`.
    verb : what a strategy does with it: `costs`.
    better, best : comparative and superlative of a strategy with less of it.
    show : writes a value.
    unit : what follows a value that is written without its unit.
    """

    column: str
    title: str
    statistic: str
    verb: str
    better: str
    best: str
    show: Callable[[float], str]
    unit: str = ""

    @property
    def noun(self) -> str:
        """The measure in a sentence: `cost`."""
        return self.statistic.removeprefix("mean ").removesuffix(" per batch")

    def amount(self, value: float) -> str:
        """Write a value with its unit."""
        return self.show(value) + self.unit

    def interval(self, estimate: Estimate) -> str:
        """Write the ends of an interval."""
        return f"{self.show(estimate.low)} to {self.show(estimate.high)}"

    def estimate(self, estimate: Estimate) -> str:
        """Write a mean and its interval."""
        return self.show(estimate.mean) + span(self.show, estimate.low, estimate.high)

    def signed(self, value: float) -> str:
        """Write a difference with its sign."""
        text = self.show(value)
        return f"+{text}" if value > 0 else text

    def difference(self, estimate: Estimate) -> str:
        """Write a mean difference and its interval, with their signs."""
        return self.signed(estimate.mean) + span(self.signed, estimate.low, estimate.high)

    def excess(self, estimate: Estimate) -> str:
        """Write a mean difference with its sign, and its interval without."""
        return self.signed(estimate.mean) + span(self.show, estimate.low, estimate.high)


MEASURES: Mapping[str, Measure] = {
    measure.column: measure
    for measure in (
        Measure("cost_usd", "Cost", "mean cost per batch", "costs", "cheaper", "cheapest", dollars),
        Measure("money_usd", "API cost", "mean API cost per batch", "costs", "cheaper", "cheapest", dollars),
        Measure("makespan_s", "Makespan", "mean makespan", "takes", "faster", "fastest", duration),
        Measure("p95_makespan_s", "p95 makespan", "p95 makespan", "takes", "faster", "fastest", duration),
        Measure(
            "people_s", "People's time", "mean people's time", "takes people", "better", "best", duration
        ),
        Measure("tokens", "Tokens", "mean token use", "uses", "leaner", "leanest", tokens, " tokens"),
    )
}
"""The measures that a scenario can ask to minimise."""


def measure_of(column: str) -> Measure:
    """Return how a measure is written; of a column that no scenario can minimise, by its name."""
    return MEASURES.get(column) or Measure(column, column, f"mean {column}", "has", "better", "best", about)


def short_factors(factors: Iterable[str]) -> dict[str, str]:
    """Return what factors are called in a table: the last part of each path where that names one only."""
    paths = list(factors)
    last = [path.rpartition(".")[2] for path in paths]
    return {
        path: clean(name if last.count(name) == 1 else path, 40)
        for path, name in zip(paths, last, strict=True)
    }


def factors_text(factors: Mapping[str, Any], longest: int = 60) -> str:
    """Return further factors at their values: `provider.limits.scale = 2, client.retries = 10`."""
    return ", ".join(f"{clean(name, longest)} = {clean(value, longest)}" for name, value in factors.items())
