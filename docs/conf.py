"""Settings of the documentation site; `make docs` builds it. Its source folder is the repository.

So a link between two pages leads to the same page on the site as in the repository, with the README and the
stored reports. Pages of reference are generated from the code into docs/reference.
"""

import re
import sys
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "docs")]

import reference  # noqa: E402

project = "dispatch-sim"
author = "the dispatch-sim authors"
release = version = metadata.version("dispatch-sim")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**", "reports/**/*.md"]
exclude_patterns = [".*", "build", "dist", "benchmarks", "notebooks", "scenarios", "sim", "tests"]
myst_heading_anchors = 3
default_role = "literal"

autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True

html_theme = "furo"
html_title = f"dispatch-sim {release}"
html_copy_source = False
html_extra_path = ["site"]


def setup(app):
    """Generate the pages of reference before Sphinx looks for pages, and adapt what it reads."""
    app.connect("builder-inited", lambda app: reference.write_pages(ROOT / "docs" / "reference"))
    app.connect("source-read", with_targets)
    app.connect("autodoc-process-docstring", reference.with_descriptions, priority=400)


def with_targets(app, page, texts):
    """Write anchors of HTML as targets of MyST, which does not see them otherwise."""
    texts[0] = re.sub(r'^<a id="(\w+)"></a>$', r"(\1)=", texts[0], flags=re.MULTILINE)
