"""Writes sentences by the macros of a template: plain text, in which computed figures are inserted.

A template of sentences, `templates/*.txt`, has macros, and names of what they list. Pages of Markdown are
rendered by `render`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from dispatch_sim.report import format as formats

_NUMBERS = ("about", "confidence", "count", "dollars", "duration", "near", "number", "percent", "share")
_TEXTS = ("capital", "clean", "factors_text", "few", "instruction", "listed", "named", "plural", "tokens")
FILTERS = {name: getattr(formats, name) for name in (*_NUMBERS, *_TEXTS)} | {
    "measure": formats.measure_of,
    "shown": formats.shown,
}
"""Functions of `format` that templates call by name."""


def text(template: str, macro: str, *values: Any, **named: Any) -> tuple[str, ...]:
    """Return the paragraphs that a macro writes, each on one line."""
    written = getattr(_sentences().get_template(template).module, macro)(*values, **named)
    return tuple(one_line(part) for part in re.split(r"\n\s*\n", written) if part.strip())


def sentence(template: str, macro: str, *values: Any, **named: Any) -> str:
    """Return what a macro writes, on one line."""
    return " ".join(text(template, macro, *values, **named))


def one_line(text: str) -> str:
    """Return a text without line breaks, punctuation after the word before it."""
    return re.sub(r"\s+([;,.])(?=\s|$)", r"\1", " ".join(text.split()))


def environment(*, autoescape: bool, **more: Any) -> Environment:
    """Return the environment of the package's templates."""
    found = Environment(
        loader=PackageLoader("dispatch_sim.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **more,
    )
    found.filters |= FILTERS
    return found


@lru_cache(maxsize=1)
def _sentences() -> Environment:
    return environment(autoescape=False)
