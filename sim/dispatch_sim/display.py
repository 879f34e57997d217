"""How what a study comes to shows itself: as words when printed, with tables and figures in a notebook.

Studies know nothing of reports. What is shown is found by name when it is asked for, as the names of the
package are, so that nothing is drawn, nor imported, for who never looks.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Displayed:
    """Base of what a notebook shows: `print` gives it in words, the last line of a cell as a small page."""

    __slots__ = ()

    def __str__(self) -> str:
        return str(_document_of(self, pictures=False).text)

    def _repr_html_(self) -> str:
        return str(_document_of(self).cell)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        # By itself a notebook would keep, beside the page, all data as Python writes them.
        return {"text/plain": str(self).rstrip(), "text/html": self._repr_html_()}


def _document_of(shown: object, *, pictures: bool = True) -> Any:
    return import_module("dispatch_sim.report.documents").document_of(shown, pictures=pictures)
