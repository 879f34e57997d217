"""Figures as SVG: small, the same bytes every time, and readable on white and on dark pages."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox
from rich.cells import cell_len

PAPER, INK, FAINT, GRID, BAND = "#fefefe", "#1c2024", "#5c636a", "#dcdfe3", "#f3e3b3"
GREEN, VERMILION, BLUE, SKY, PURPLE, AMBER, GREY = (
    "#007a58",
    "#c44f00",
    "#0069a8",
    "#4f9fd0",
    "#a8497f",
    "#b27a00",
    "#8a9199",
)
"""After Okabe and Ito's palette for colour-blind readers, darkened to a contrast of 3 on white."""

VARIABLES = {
    PAPER: "--paper",
    INK: "--ink",
    FAINT: "--faint",
    GRID: "--grid",
    BAND: "--band",
    GREEN: "--green",
    VERMILION: "--vermilion",
    BLUE: "--blue",
    SKY: "--sky",
    PURPLE: "--purple",
    AMBER: "--amber",
    GREY: "--grey",
}
"""In a page, colours are variables, so that a dark page has dark figures."""

STYLE: dict[str, Any] = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 10,
    "text.parse_math": False,
    "text.color": INK,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "axes.edgecolor": FAINT,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "axes.axisbelow": True,
    "axes.titlesize": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "axes.labelsize": 9.5,
    "lines.linewidth": 1.8,
    "path.simplify": True,
}

_COLUMN = 0.62
"""Width of a column of text, in its size: DejaVu Sans is wide, and a reader's own font no wider."""

FONTS = "font-family: 'DejaVu Sans', Verdana, 'Segoe UI', Helvetica, sans-serif"


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure that is ready for a page.

    Attributes
    ----------
    name : of its file, without the ending.
    title : what it shows.
    says : what to see in it, one or two sentences.
    svg : the picture by itself, on white.
    """

    name: str
    title: str
    says: str
    svg: str

    @property
    def inline(self) -> str:
        """The picture as part of an HTML page, in the page's colours."""
        markup = self.svg.partition("?>\n")[2]
        for colour, variable in VARIABLES.items():
            markup = markup.replace(colour, f"var({variable})")
        return markup


@contextmanager
def style(**more: Any) -> Iterator[None]:
    """Within it, figures look like all others, whatever the user's matplotlib is set to."""
    with mpl.rc_context():
        mpl.rcdefaults()
        settings: Any = mpl.rcParams
        settings.update(STYLE | more)
        yield


def margin(labels: Iterable[str], size: float, width: float) -> float:
    """Return the part of a figure's width (inches) that labels of a size (points) need at its left."""
    longest = max((cell_len(line) for label in labels for line in label.split("\n")), default=0)
    return 0.03 + longest * _COLUMN * size / 72 / width


def _canvas(figure: Figure) -> Bbox | None:
    """Return the figure's canvas, widened to hold all that was drawn; None where it does already.

    The last resort: labels are wrapped, and margins made for them, but no label may ever be cut off.
    """
    canvas = Bbox.from_bounds(0, 0, *figure.get_size_inches())
    figure.draw_without_rendering()
    drawn = figure.get_tightbbox()
    union = Bbox.union([canvas, drawn.padded(0.03)])
    outside = max(abs(union.get_points() - canvas.get_points()).ravel())
    return union if outside > 0.031 else None


def picture(figure: Figure, name: str, title: str, says: str) -> Picture:
    """Return a figure as an SVG with a title and a description, and nothing that changes from run to run."""
    buffer = io.StringIO()
    with style(**{"svg.hashsalt": name}), warnings.catch_warnings():
        # Names in a script that the font lacks: the reader's own fonts draw them.
        warnings.filterwarnings("ignore", "Glyph")
        warnings.filterwarnings("ignore", "Matplotlib currently does not support")
        metadata = {"Date": None, "Creator": None}
        figure.savefig(buffer, format="svg", metadata=metadata, bbox_inches=_canvas(figure))
    markup = buffer.getvalue()
    markup = markup[markup.index("<svg") :]
    markup = re.sub(r"\s*<metadata>.*?</metadata>", "", markup, flags=re.DOTALL)
    markup = re.sub(r"font(: [^;\"]*?) 'DejaVu Sans'[^;\"]*", rf"font\1 sans-serif; {FONTS}", markup)
    # Several figures stand in one page: their ids must differ.
    markup = re.sub(r'\bid="', f'id="{name}-', markup)
    markup = re.sub(r'(href="|url\()#', rf"\1#{name}-", markup)
    head, _, body = markup.partition(">")
    label = f'role="img" aria-labelledby="{name}-title {name}-desc"'
    described = (
        f'<title id="{name}-title">{escape(title)}</title>\n <desc id="{name}-desc">{escape(says)}</desc>'
    )
    svg = f'<?xml version="1.0" encoding="utf-8"?>\n{head} {label}>\n {described}{body}'
    return Picture(name, title, says, svg)
