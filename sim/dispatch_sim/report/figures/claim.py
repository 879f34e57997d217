"""Figure of a claim: ratios along an axis."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dispatch_sim.claims.cases import RatioFinding
from dispatch_sim.claims.judge import ClaimFinding
from dispatch_sim.claims.statements import Case, Curves
from dispatch_sim.report.claim_texts import level_text
from dispatch_sim.report.figures import styles
from dispatch_sim.report.figures.styles import Picture, Unit
from dispatch_sim.report.format import clean, wrapped

_LINES = (
    (styles.BLUE, "o", "-"),
    (styles.VERMILION, "^", "-"),
    (styles.GREEN, "s", "-"),
    (styles.SKY, "o", "--"),
    (styles.AMBER, "^", "--"),
    (styles.PURPLE, "D", "--"),
)
"""Colour, marker and dashes: each distinguishes a line by itself."""


def claim_figure(claim: ClaimFinding) -> Picture | None:
    """Draw the curves of the cases that a claim's figure names."""
    cases = {case.name: (case, found) for case, found in zip(claim.claim.cases, claim.cases, strict=True)}
    figure = claim.claim.figure
    chosen = [cases[name] for name in figure.cases if name in cases] if figure is not None else []
    curves = [(case, found) for case, found in chosen if isinstance(found, RatioFinding)]
    if figure is None or not curves:
        return None
    return _curves(f"claim-{claim.claim.number:02}", figure, curves)


@styles.style()
def _curves(name: str, named: Curves, curves: Sequence[tuple[Case, RatioFinding]]) -> Picture:
    levels = [point.at for point in curves[0][1].points]
    ratios = [case.ratio for case, _ in curves if case.ratio is not None]
    ends = {bound for ratio in ratios for bound in (ratio.at_least, ratio.at_most)}
    bounds = sorted(bound for bound in ends if bound is not None)
    figure, axes = styles.new_axes(6.8, 3.3, 0.68, 2.04, 0.5, 0.17)
    for (case, found), (colour, marker, dashes) in zip(curves, _LINES, strict=False):
        x = [levels.index(point.at) for point in found.points]
        mean = np.array([point.ratio.mean for point in found.points])
        low = np.maximum([point.ratio.low for point in found.points], -10 * np.abs(mean))
        high = np.minimum([point.ratio.high for point in found.points], 10 * np.abs(mean))
        axes.fill_between(x, low, high, color=colour, alpha=0.12, linewidth=0)
        label = wrapped(clean(case.where, 120), 26, 3)
        axes.plot(x, mean, color=colour, marker=marker, linestyle=dashes, label=label)
    for bound in bounds:
        axes.axhline(bound, color=styles.INK, linewidth=1, linestyle=":")
    means = [point.ratio.mean for _, found in curves for point in found.points]
    values = [*means, *bounds]
    styles.scale_values(axes, values, max(values), Unit("", 1.0, "{:g}".format), 12)
    axes.set_xticks(range(len(levels)), [level_text(level) for level in levels])
    axes.set_xlabel(clean(named.axis))
    axes.set_ylabel("ratio")
    axes.legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5), labelspacing=0.9)
    description = "Dotted lines are the claimed bounds. Bands are simultaneous confidence intervals."
    return Picture(figure, name, clean(named.title, 120), description)
