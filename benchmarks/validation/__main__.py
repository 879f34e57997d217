"""Applies the statistics to all problems and writes the page."""

import sys
from pathlib import Path

from validation.simulator import simulated
from validation.studies import studies_table
from validation.table import Row, held, problems, report

REPEATS, STUDIES = 1000, 400
REPORT = Path(__file__).parents[2] / "reports" / "validation" / "report.md"


def main() -> None:
    """Write the page."""
    found = (Row(each, held(each, REPEATS) / REPEATS) for each in (*problems(), *simulated(REPEATS)))
    text = report(found, REPEATS)
    text += "\n" + studies_table(STUDIES)
    REPORT.parent.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(text, encoding="utf-8")
    print(text, end="")
    print(f"wrote {REPORT}", file=sys.stderr)


if __name__ == "__main__":
    main()
