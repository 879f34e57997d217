"""How a page is set: templates, and texts that are nothing but text in Markdown."""

from __future__ import annotations

import re

from jinja2 import Environment, PackageLoader, StrictUndefined

from dispatch_sim.report.tables import Table


def templates(*, autoescape: bool) -> Environment:
    """Return the reader of templates; a name that a template has and nobody gave is an error."""
    return Environment(
        loader=PackageLoader("dispatch_sim.report"),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def markdown(text: str) -> str:
    """Return a text that is nothing but text in Markdown: no markup, HTML, link, table cell or formula."""
    escaped = re.sub(r"([\\`*_\[\]<>|~#$&!{}])", r"\\\1", text)
    escaped = escaped.replace("://", ":\\//").replace("@", "\\@")
    escaped = re.sub(r"(?i)\b(www)\.", r"\1\\.", escaped)
    # What begins a list or underlines a heading, where it stands at the beginning of a line.
    escaped = re.sub(r"^(\s*)([-+=])(?=[-=\s]|$)", r"\1\\\2", escaped)
    return re.sub(r"^(\s*\d+)([.)])(?=\s|$)", r"\1\\\2", escaped)


def rule(table: Table) -> str:
    """Return the line between the head and the rows of a table in Markdown."""
    align = "---:" if table.numbers else "---"
    return " | ".join(["---", *[align] * (len(table.heads) - 1)])
