"""Renders documents from Markdown templates to Markdown, HTML and plain text.

A template inserts values as text: what would be markup in them is escaped. What macros return is not.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from jinja2 import Environment
from markdown_it import MarkdownIt
from markdown_it.token import Token
from markupsafe import Markup

from dispatch_sim.report.sentences import environment, one_line
from dispatch_sim.report.terminal import columns, paragraph

if TYPE_CHECKING:
    from dispatch_sim.report.figures.styles import Picture

_PHONE = 358
"""Pixels of a figure that a phone shows without scrolling."""

_FOLDED = re.compile(r"<details>\n<summary>([^<>]*)</summary>\n?")


@dataclass(frozen=True, slots=True)
class Table:
    """A table as text.

    Attributes
    ----------
    caption : what it shows.
    heads : of the columns; the first column names the rows.
    rows : one cell a column.
    numbers : whether all columns but the first are numbers, and so aligned to the right.
    """

    caption: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: bool = True


@dataclass(frozen=True)
class Document:
    """A page of Markdown, and the figures that it refers to, by name."""

    markdown: str
    pictures: Mapping[str, Picture] = field(default_factory=dict)

    @property
    def text(self) -> str:
        """The page for a terminal, without figures."""
        return "".join(_text(_blocks(self.markdown))).strip("\n") + "\n"

    @property
    def html(self) -> Markup:
        """The page as a part of an HTML page, with its figures in it."""
        return _html(_blocks(self.markdown), self._figure)

    @property
    def cell(self) -> Markup:
        """The page as the output of a notebook's cell: figures are images, so that nothing in them runs."""
        inside = _html(_blocks(self.markdown), self._image)
        # The classes keep MathJax from reading what stands between two dollars as a formula.
        return Markup('<div class="dispatch-sim tex2jax_ignore mathjax_ignore">\n{}\n</div>').format(inside)

    def files(self, name: str) -> dict[str, str]:
        """Return the texts of the page's files by name: Markdown, and each figure as SVG."""
        figures = {f"{figure}.svg": picture.svg for figure, picture in self.pictures.items()}
        return {f"{name}.md": self.markdown} | figures

    def _figure(self, name: str) -> Markup:
        shown = self.pictures[name]
        return Markup(
            '<figure style="--width: {width}px">\n'
            '<div class="scroll picture{wide}" role="region" aria-label="{title}" tabindex="0">\n{svg}\n'
            "</div>\n<figcaption><strong>{title}.</strong> {description}</figcaption>\n</figure>"
        ).format(
            width=shown.least_width,
            wide=" wide" if shown.least_width > _PHONE else "",
            title=shown.title,
            description=shown.description,
            svg=Markup(shown.inline),
        )

    def _image(self, name: str) -> Markup:
        shown = self.pictures[name]
        return Markup(
            '<p><img alt="{alt}" style="max-width: 100%" src="data:image/svg+xml;base64,{data}"></p>'
        ).format(
            alt=f"{shown.title}. {shown.description}", data=base64.b64encode(shown.svg.encode()).decode()
        )


def anchor(heading: str) -> str:
    """Return the target of links to a heading, as hosts of Markdown name it."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def document(template: str, pictures: Sequence[Picture | None] = (), **content: Any) -> Document:
    """Return a template's page; a name that it has and nobody gave is an error."""
    page = _templates().get_template(template).render(content)
    shown = {picture.name: picture for picture in pictures if picture is not None}
    return Document(re.sub(r"\n{3,}", "\n\n", page).strip() + "\n", shown)


def markdown(text: object) -> str:
    """Return a text that is nothing but text in Markdown: no markup, HTML, link, table cell or formula."""
    escaped = re.sub(r"([\\`*_\[\]<>|~#$&!{}])", r"\\\1", str(text))
    escaped = escaped.replace("://", ":\\//").replace("@", "\\@")
    escaped = re.sub(r"(?i)\b(www)\.", r"\1\\.", escaped)
    # What begins a list or underlines a heading, where it stands at the beginning of a line.
    escaped = re.sub(r"^(\s*)([-+=])(?=[-=\s]|$)", r"\1\\\2", escaped)
    return re.sub(r"^(\s*\d+)([.)])(?=\s|$)", r"\1\\\2", escaped)


@lru_cache(maxsize=1)
def _templates() -> Environment:
    found = environment(
        autoescape=True,  # so that macros return Markup
        finalize=lambda value: value if isinstance(value, Markup) else Markup(markdown(value)),
    )
    found.filters["oneline"] = lambda text: Markup(one_line(text))
    return found


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark").enable("table").disable("html_inline")


@dataclass(frozen=True)
class _Block:
    """A part of a page.

    Attributes
    ----------
    kind : `h1`, `h2`, `h3`, `p`, `li`, `blockquote`, `table`, `figure`, `fold` or `unfold`.
    content : inline content; of a table its caption.
    name : of a figure, its file; of a fold, its summary.
    rows, numbers : of a table, the heads first; and which columns are numbers.
    """

    kind: str
    content: Token | None = None
    name: str = ""
    rows: tuple[tuple[Token, ...], ...] = ()
    numbers: tuple[bool, ...] = ()

    @property
    def is_caption(self) -> bool:
        """Whether it is a paragraph that is bold as a whole."""
        marks = [part.type for part in self.content.children or ()] if self.content is not None else []
        return self.kind == "p" and marks[1:2] == ["strong_open"] and marks[-2:-1] == ["strong_close"]


def _blocks(page: str) -> list[_Block]:
    """Return the parts of a page, as far as templates use them.

    A bold paragraph before a table is its caption; the one after a figure repeats what the figure says.
    """
    found = list(_flat(page))
    merged: list[_Block] = []
    for number, block in enumerate(found):
        before = found[number - 1] if number else _Block("")
        if block.kind == "p" and before.kind == "figure":
            continue
        if block.kind == "table" and before.is_caption:
            block = replace(merged.pop(), kind="table", rows=block.rows, numbers=block.numbers)
        merged.append(block)
    return merged


def _flat(page: str) -> Iterator[_Block]:
    within: list[str] = []
    rows: list[list[Token]] = []
    numbers: list[bool] = []
    for token in _parser().parse(page):
        if token.nesting == 1:
            within.append(token.tag)
            rows += [[]] if token.tag == "tr" else []
            numbers += [bool(token.attrs)] if token.tag == "th" else []
        elif token.nesting == -1:
            within.pop()
            if token.tag == "table":
                yield _Block("table", None, "", tuple(map(tuple, rows)), tuple(numbers))
                rows, numbers = [], []
        elif token.type == "html_block":
            summary = _FOLDED.fullmatch(token.content)
            yield _Block("unfold") if summary is None else _Block("fold", None, summary[1])
        elif within[-1] in ("th", "td"):
            rows[-1].append(token)
        elif token.children and token.children[0].type == "image":
            yield _Block("figure", None, str(token.children[0].attrs["src"]).removesuffix(".svg"))
        else:
            yield _Block(next((tag for tag in ("li", "blockquote") if tag in within), within[-1]), token)


def _inline(token: Token | None) -> Markup:
    parser = _parser()
    parts = (token.children or []) if token is not None else []
    return Markup(parser.renderer.render(parts, parser.options, {}))


def page(body: Document, title: str) -> str:
    """Return a document as an HTML page that stands alone: no script, nothing that is fetched."""
    return _html_templates().get_template("page.html").render(body=body.html, title=title)


@lru_cache(maxsize=1)
def _html_templates() -> Environment:
    found = environment(autoescape=True)
    found.filters |= {"anchor": anchor, "inline": _inline, "plain": _plain}
    return found


def _html(blocks: Sequence[_Block], figure: Callable[[str], Markup]) -> Markup:
    return Markup(_html_templates().get_template("blocks.html").render(blocks=blocks, figure=figure))


def _text(blocks: Sequence[_Block]) -> Iterator[str]:
    """Yield the lines of blocks; what a page folds is left out."""
    before, folded = "", False
    for block in blocks:
        folded = block.kind == "fold" or (folded and block.kind != "unfold")
        text = _plain(block.content)
        if folded or block.kind in ("figure", "unfold"):
            continue
        if block.kind == "table":
            rows = [[_plain(cell) for cell in row] for row in block.rows]
            lines = [*paragraph(f"{text.removesuffix('.')}:"), ""] if text else []
            lines += columns(rows, block.numbers)
        elif block.kind == "li":
            first, *more = paragraph(text, indent=2)
            lines = [f"- {first}", *(f"  {line}" for line in more)]
        else:
            lines = paragraph(text)
        if block.kind != "li" or before != "li":
            yield "\n"
        yield from (f"{line}\n" for line in lines)
        before = block.kind


def _plain(token: Token | None) -> str:
    """Return inline content without markup."""
    parts = (token.children or []) if token is not None else []
    return "".join(" " if part.type == "softbreak" else part.content for part in parts)
