"""Display of results: as text when printed, with tables and figures in a notebook.

Results know nothing of reports: the package passes in the function that renders them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Protocol


class Rendered(Protocol):
    """A result in both forms."""

    @property
    def text(self) -> str:
        """What `print` shows."""

    @property
    def cell(self) -> str:
        """HTML for the cell of a notebook."""


class Displayed:
    """Base of what a notebook shows: `print` gives it in words, the last line of a cell as a small page."""

    __slots__ = ()

    render: ClassVar[Callable[[object, bool], Rendered]]
    """Renders a result, with or without its figures. The package sets it."""

    def __str__(self) -> str:
        return Displayed.render(self, False).text

    def _repr_html_(self) -> str:
        return Displayed.render(self, True).cell

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # By itself a notebook would keep, beside the page, all data as Python writes them.
        return {"text/plain": str(self).rstrip(), "text/html": self._repr_html_()}
