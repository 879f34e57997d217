"""Style that all figures share: colours, axes, units, and deterministic SVG with alternative text."""

from __future__ import annotations

import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any
from urllib.parse import quote, unquote

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from rich.cells import cell_len

from dispatch_sim.report.figures import palette
from dispatch_sim.report.format import Measure, about, dollars

_VARIABLES = {colour: f"--{name.lower()}" for name, colour in vars(palette).items() if name.isupper()}
"""CSS variables of a page for the colours, so that a dark page has dark figures."""

TEXTS = "figures.txt"
"""Template of the descriptions of figures."""

WIDTH, HEIGHT = 4.45, 3.0
"""Size of a figure in inches, without its legend: as wide as a phone shows it with text of a legible size."""

SMALLEST = 10.5
"""Pixels of the smallest text of a figure, however narrow the page is."""

_STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
    "text.color": palette.INK,
    "figure.facecolor": palette.PAPER,
    "savefig.facecolor": palette.PAPER,
    "axes.facecolor": palette.PAPER,
    "axes.edgecolor": palette.FAINT,
    "axes.labelcolor": palette.INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "axes.labelsize": 10,
    "grid.color": palette.GRID,
    "grid.linewidth": 0.7,
    "xtick.color": palette.FAINT,
    "ytick.color": palette.FAINT,
    "xtick.labelcolor": palette.INK,
    "ytick.labelcolor": palette.INK,
    "xtick.labelsize": 9.5,
    "ytick.labelsize": 9.5,
    "lines.linewidth": 1.8,
    "lines.markersize": 4,
    "lines.solid_capstyle": "butt",
    "legend.frameon": False,
    "legend.fontsize": 9.5,
    "legend.handlelength": 1.6,
}

_FONTS = "font-family: 'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, sans-serif"

_CELL = 0.62
"""Width of a terminal cell of text, relative to the font size. DejaVu Sans is a wide font."""


@contextmanager
def style(**more: Any) -> Iterator[None]:
    """Draw in the style of all figures, whatever the user's matplotlib settings are. Also a decorator."""
    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(_STYLE | more)
        yield


@dataclass(frozen=True)
class Picture:
    """A figure with its texts.

    Attributes
    ----------
    figure : the drawing.
    name : of its file, without the extension.
    title : subject of the figure.
    description : what a reader sees in it, in one or two sentences.
    """

    figure: Figure
    name: str
    title: str
    description: str

    @cached_property
    def svg(self) -> str:
        """The figure as an SVG document on white; the same figure gives the same bytes."""
        buffer = io.StringIO()
        with style(**{"svg.hashsalt": self.name}), warnings.catch_warnings():
            # The reader's own fonts draw the glyphs that DejaVu Sans lacks.
            warnings.filterwarnings("ignore", "Glyph")
            warnings.filterwarnings("ignore", "Matplotlib currently does not support")
            metadata = {"Date": None, "Creator": None}
            self.figure.savefig(buffer, format="svg", metadata=metadata, bbox_inches=_canvas(self.figure))
        markup = buffer.getvalue()
        markup = markup[markup.index("<svg") :]
        markup = re.sub(r"\s*<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
        markup = re.sub(r"font(: [^;\"]*?) 'DejaVu Sans'[^;\"]*", rf"font\1 sans-serif; {_FONTS}", markup)
        markup = re.sub(r'<g id="hover:([^"]*)">', _with_title, markup)
        # Ids must be unique in a page with several figures.
        markup = re.sub(r'\bid="', f'id="{self.name}-', markup)
        markup = re.sub(r'(href="|url\()#', rf"\1#{self.name}-", markup)
        head, _, body = markup.partition(">")
        return (
            f'<?xml version="1.0" encoding="utf-8"?>\n{head} role="img" '
            f'aria-labelledby="{self.name}-title {self.name}-desc">\n'
            f' <title id="{self.name}-title">{escape(self.title)}</title>\n'
            f' <desc id="{self.name}-desc">{escape(self.description)}</desc>{body}'
        )

    @property
    def least_width(self) -> int:
        """Width in pixels at which the smallest text has 10.5 pixels, and can be read."""
        sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", self.svg)]
        view_box = re.search(r'viewBox="0 0 ([\d.]+)', self.svg)
        width = float(view_box[1]) if view_box else 0.0
        return math.ceil(width * SMALLEST / min(sizes, default=SMALLEST))

    @property
    def inline(self) -> str:
        """The figure as part of an HTML page, in the page's colours."""
        markup = self.svg.partition("?>\n")[2]
        for colour, variable in _VARIABLES.items():
            markup = markup.replace(colour, f"var({variable})")
        return markup


def hover(artist: Artist, text: str) -> None:
    """Have a browser show a text where its pointer is over an artist."""
    artist.set_gid(f"hover:{quote(text)}")


def note(
    axes: Axes, text: str, at: tuple[float, float], right: float = 0, up: float = 0, **more: Any
) -> None:
    """Write a text so many points to the right of a place, or to its left, and above it."""
    options: dict[str, Any] = {"fontsize": 9.5, "va": "center", "ha": "right" if right < 0 else "left"} | more
    axes.annotate(text, at, xytext=(right, up), textcoords="offset points", **options)


def _with_title(group: re.Match[str]) -> str:
    return f"<g>\n<title>{escape(unquote(group[1]))}</title>"


def _canvas(figure: Figure) -> Bbox | None:
    """Return the canvas widened to all that is drawn, so that no label is cut off; None if it fits."""
    canvas = Bbox.from_bounds(0, 0, *figure.get_size_inches())
    union = Bbox.union([canvas, figure.get_tightbbox().padded(0.03)])
    outside = max(abs(union.get_points() - canvas.get_points()).ravel())
    return union if outside > 0.031 else None


def new_axes(width: float, height: float, *margins: float) -> tuple[Figure, Axes]:
    """Return a figure with axes; sizes and margins (left, right, bottom, top) are in inches."""
    left, right, bottom, top = margins
    figure = Figure(figsize=(width, height))
    figure.subplots_adjust(
        left=left / width, right=1 - right / width, bottom=bottom / height, top=1 - top / height
    )
    return figure, figure.add_subplot()


def row_axes(
    names: Sequence[str], row: float, *margins: float, width: float = WIDTH, size: float = 9
) -> tuple[Figure, Axes]:
    """Return a figure whose axes have a row for each name, the first on top.

    The height of a row, the margins (right, bottom, top) and the width of the figure are in inches, the size
    of the names is in points.
    """
    right, bottom, top = margins
    longest = max(cell_len(line) for name in names for line in name.split("\n"))
    left = 0.18 + longest * _CELL * size / 72
    figure, axes = new_axes(width, bottom + row * len(names) + top, left, right, bottom, top)
    axes.set_yticks(range(len(names)), names, fontsize=size)
    axes.set_ylim(len(names) - 0.5, -0.5)
    axes.tick_params(axis="y", length=0)
    return figure, axes


@dataclass(frozen=True, slots=True)
class Unit:
    """Unit of an axis: its name, its size in the unit of the results, and the format of its ticks."""

    name: str
    size: float
    show: Callable[[float], str]

    def ticks(self, value: float, _: object = None) -> str:
        """Format a tick of an axis."""
        return self.show(value)

    def signed_ticks(self, value: float, _: object = None) -> str:
        """Format a tick of an axis of differences."""
        return ("+" if value > 0 else "") + self.show(value)


def time_unit(longest_s: float) -> Unit:
    """Return the unit of an axis of times that reaches to `longest_s`."""
    for name, seconds in (("hours", 3600.0), ("minutes", 60.0)):
        if longest_s >= 2 * seconds:
            return Unit(name, seconds, about)
    return Unit("seconds", 1.0, about)


def unit_of(measure: Measure, largest: float) -> Unit:
    """Return the unit of an axis of a measure that reaches to `largest`."""
    if measure.column.endswith("_s"):
        return time_unit(largest)
    if measure.column == "tokens":
        return Unit("tokens", 1.0, measure.show)
    return Unit("US dollars", 1.0, lambda value: dollars(value).removesuffix(".00"))
