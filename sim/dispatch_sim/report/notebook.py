"""Results and answers as `print` tells them, and as a notebook shows them: see `dispatch_sim.display`.

Names and texts of a user are escaped; figures are images of their own, so that nothing in them runs, and
that two of them in one notebook do not share their ids.
"""

from __future__ import annotations

import base64
from functools import singledispatch

from markupsafe import Markup

from dispatch_sim.logs.backtest import Backtest
from dispatch_sim.logs.tables import Logs
from dispatch_sim.report.backtest import backtest_text
from dispatch_sim.report.log_tables import columns, paragraph
from dispatch_sim.report.logs import logs_text
from dispatch_sim.report.maps import map_text
from dispatch_sim.report.parts import Part, parts
from dispatch_sim.report.tables import Table
from dispatch_sim.report.terminal import comparison_text, sweep_text
from dispatch_sim.report.tuning import tuning_text
from dispatch_sim.report.view import views
from dispatch_sim.report.why import why_text
from dispatch_sim.study.answer import Answer
from dispatch_sim.study.explanation import Explanation
from dispatch_sim.study.tuning import Tuning
from dispatch_sim.study.two_factor_map import StrategyMap


@singledispatch
def text(shown: object) -> str:
    """Return something in words, as the command line would tell it; figures are left out."""
    lines: list[str] = []
    for part in parts(shown):
        if isinstance(part, str):
            lines += [*paragraph(part), ""]
        elif isinstance(part, Table):
            lines += [f"{part.caption}:", ""] if part.caption else []
            lines += [*_rows(part), ""]
    return "\n".join(lines).rstrip() + "\n"


def _rows(table: Table) -> list[str]:
    if table.numbers:
        return columns([table.heads, *table.rows])
    return [line for row in table.rows for line in paragraph(f"{row[0]}: {'; '.join(row[1:])}")]


def html(shown: object) -> str:
    """Return something as a part of an HTML page, all text in it escaped."""
    inside = Markup("\n").join(_part(part) for part in parts(shown))
    # The classes keep MathJax from reading what stands between two dollars as a formula.
    return Markup('<div class="dispatch-sim tex2jax_ignore mathjax_ignore">\n{}\n</div>').format(inside)


def _part(part: Part) -> Markup:
    if isinstance(part, str):
        return Markup('<p style="max-width: 50em">{}</p>').format(part)
    if isinstance(part, Table):
        return _table(part)
    data = base64.b64encode(part.svg.encode()).decode()
    return Markup(
        '<p><img alt="{says}" style="max-width: 100%" src="data:image/svg+xml;base64,{data}"></p>'
    ).format(says=f"{part.title}. {part.says}", data=data)


def _table(table: Table) -> Markup:
    aligned = "right" if table.numbers else "left"
    heads = Markup("").join(
        Markup('<th scope="col" style="text-align: {}">{}</th>').format(aligned if number else "left", head)
        for number, head in enumerate(table.heads)
    )
    rows = Markup("\n").join(
        Markup('<tr><th scope="row" style="text-align: left; font-weight: normal">{}</th>{}</tr>').format(
            row[0],
            Markup("").join(
                Markup('<td style="text-align: {}">{}</td>').format(aligned, cell) for cell in row[1:]
            ),
        )
        for row in table.rows
    )
    caption = Markup('<caption style="text-align: left">{}</caption>').format(table.caption)
    return Markup("<table>{}<thead><tr>{}</tr></thead>\n<tbody>\n{}\n</tbody></table>").format(
        caption if table.caption else "", heads, rows
    )


@text.register
def _(answer: Answer) -> str:
    sizes = {size for view in views(answer) for size in view.sizes}
    return sweep_text(answer) if len(sizes) > 1 or len(answer.choices) > 1 else comparison_text(answer)


text.register(StrategyMap, map_text)
text.register(Explanation, why_text)
text.register(Tuning, tuning_text)
text.register(Logs, logs_text)
text.register(Backtest, backtest_text)
