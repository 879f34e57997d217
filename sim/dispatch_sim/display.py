"""Display of results: as text when printed, with tables and figures in a notebook.

Results do not import reports; the package passes in the function that renders them.
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
        """HTML for a notebook's cell."""


class Displayed:
    """Base of results: `print` shows text, and the last line of a notebook's cell a small page."""

    __slots__ = ()

    render: ClassVar[Callable[[object, bool], Rendered]]
    """Renders a result, with or without its figures. The package sets it."""

    def __str__(self) -> str:
        return Displayed.render(self, False).text

    def _repr_html_(self) -> str:
        return Displayed.render(self, True).cell

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # Without this a notebook would store `repr` next to the page.
        return {"text/plain": str(self).rstrip(), "text/html": self._repr_html_()}
