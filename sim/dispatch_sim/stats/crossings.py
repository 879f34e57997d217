"""Sign changes of a mean difference along an axis, with their confidence regions.

Differences are paired: each replication has one at every point of the axis. Between neighbouring points they
are interpolated linearly, so the mean D(x) is linear and its variance quadratic. The confidence region
{x : the paired t interval of D(x) holds 0} is then exact. It is the paired t-test inverted, as in Fieller's
theorem (Fieller, J. R. Stat. Soc. B 16, 1954): it holds a zero of D with the stated confidence, and need not
be an interval, or bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dispatch_sim.stats.estimates import mean_and_deviations
from dispatch_sim.stats.student_t import check_confidence, t_critical

Floats = NDArray[np.float64]

Status = Literal["crossing", "none_in_range", "unresolved"]

Sides = tuple[str, str]
"""Names of the sides that a positive and a negative difference favour."""


@dataclass(frozen=True, slots=True)
class Region:
    """A part of an axis, and the side that is significantly favoured at each point of it, if any."""

    low: float
    high: float
    favours: str | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """A sign change of the mean difference.

    Attributes
    ----------
    at : the zero of the mean.
    low, high : ends of the confidence interval around it; None where it is open at an edge of the range.
    favours_above : the side that is favoured above it.
    resolved : whether each side is significantly favoured on one side of the interval.
    """

    at: float
    low: float | None
    high: float | None
    favours_above: str
    resolved: bool


@dataclass(frozen=True, slots=True)
class SignChanges:
    """Regions and crossings of a difference along an axis, in order.

    Attributes
    ----------
    regions : by the test at each point by itself; for figures.
    established : the same without what may be chance among so many points; for statements.
    crossings : of the mean.
    """

    regions: tuple[Region, ...]
    established: tuple[Region, ...]
    crossings: tuple[Crossing, ...]

    @property
    def status(self) -> Status:
        """`crossing` if one is resolved, else `none_in_range` if one side is favoured, else `unresolved`."""
        if any(crossing.resolved for crossing in self.crossings):
            return "crossing"
        return "none_in_range" if self.favours else "unresolved"

    @property
    def favours(self) -> str | None:
        """The side that is significantly favoured over the whole range, if any."""
        return self.regions[0].favours if len(self.regions) == 1 else None


def sign_changes(
    x: ArrayLike,
    differences: ArrayLike,
    confidence: float = 0.95,
    sides: Sides = ("positive", "negative"),
) -> SignChanges:
    """Find the sign changes of a paired difference along an axis.

    Raises ValueError for shapes that do not fit, x that does not increase, values that are infinite, less
    than 2 replications at a point, or a confidence that is not within (0, 1).

    Parameters
    ----------
    x : points of the axis, shape (k,), increasing.
    differences : shape (k, replications), NaN where a replication is missing.
    confidence : of the t interval at each point of the axis.
    sides : names of the sides that a positive and a negative difference favour.

    Returns
    -------
    Regions that cover the range without gaps, and crossings; nothing without points. Between two established
    regions of opposite sides lies one resolved crossing, at the middle zero of the mean (noise can make an
    odd number of them). Each other sign change of the mean is a crossing that is not resolved. Where the mean
    is zero over a stretch, the crossing is its middle. Points that are equal in all replications favour no
    side.

    Notes
    -----
    Where a crossing is, the interval at each point tells with the stated confidence. Whether there is one
    is another question, asked at all points at once: with D zero everywhere, independent noise at 19 points
    made a crossing in 23% of trials. So a region is established only by a point of the axis that is
    significant with Bonferroni's correction for their number.
    """
    check_confidence(confidence)
    at, values = np.asarray(x, dtype=np.float64), np.asarray(differences, dtype=np.float64)
    if at.ndim != 1 or values.ndim != 2 or len(values) != len(at):
        raise ValueError(
            f"x has shape {at.shape}, differences {values.shape}; expected (k,) and (k, replications)"
        )
    if at.size == 0:
        return SignChanges((), (), ())
    there = ~np.isnan(values)
    n = there.sum(axis=1)
    if n.min() < 2:
        raise ValueError(f"a break-even needs at least 2 replications in common, found {n.min()}")
    if not np.isfinite(at).all() or np.isinf(values).any():
        raise ValueError("x and differences must be finite numbers")
    if np.any(np.diff(at) <= 0):
        raise ValueError("x must increase from point to point")
    # Squares of squares are taken: keep them far from overflow and underflow.
    values = values / (np.nanmax(np.abs(values)) or 1.0)
    means, scaled, stricter = np.empty(at.size), np.zeros(values.shape), np.empty(at.size)
    for i, mask in enumerate(there):
        means[i], deviations = mean_and_deviations(values[i, mask])
        critical = t_critical(confidence, int(n[i]))
        scaled[i, mask] = deviations * (critical / math.sqrt(n[i] * (n[i] - 1)))
        stricter[i] = t_critical(1 - (1 - confidence) / len(at), int(n[i])) / critical
    squares, products = np.einsum("ij,ij->i", scaled, scaled), _products(scaled, there)
    regions = _regions(at, means, squares, products, sides)
    significant = at[np.abs(means) > stricter * np.sqrt(squares)]
    established = _joined(
        region
        if np.any((significant >= region.low) & (significant <= region.high))
        else replace(region, favours=None)
        for region in regions
    )
    return SignChanges(regions, established, tuple(_crossings(established, [*_mean_zeros(at, means, sides)])))


def agreeing(one: SignChanges, other: SignChanges) -> SignChanges:
    """Return what two tests of the same axis agree on; where they do not, no side is favoured.

    The zeros of the mean are those of `one`. Confidence intervals are never narrower than either's.
    """
    established = _agreed(one.established, other.established)
    zeros = [(crossing.at, crossing.favours_above) for crossing in one.crossings]
    return SignChanges(
        _agreed(one.regions, other.regions), established, tuple(_crossings(established, zeros))
    )


def _agreed(one: Sequence[Region], other: Sequence[Region]) -> tuple[Region, ...]:
    """Return the regions, with a side where both favour it."""
    ends = sorted({end for region in (*one, *other) for end in (region.low, region.high)})
    found = []
    for low, high in pairwise(end for end in ends for _ in range(2)):  # each end, and what is between two
        sides = {_side_of(regions, low, high) for regions in (one, other)}
        found.append(Region(low, high, sides.pop() if len(sides) == 1 else None))
    return _joined(found)


def _side_of(regions: Sequence[Region], low: float, high: float) -> str | None:
    """Return the side that is favoured at a stretch or a point; none at the border of two regions."""
    sides = {region.favours for region in regions if region.low <= low and high <= region.high}
    return sides.pop() if len(sides) == 1 else None


def _joined(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Join neighbouring regions that favour the same side."""
    joined: list[Region] = []
    for region in regions:
        if joined and joined[-1].favours == region.favours:
            joined[-1] = replace(joined[-1], high=region.high)
        else:
            joined.append(region)
    return tuple(joined)


def _products(scaled: Floats, there: NDArray[np.bool_]) -> Floats:
    """Return the covariance of the means of neighbouring points, scaled as the squared half-widths are.

    Two means of n and m values, of which c are of common replications, have c / (n m) of the covariance of
    two values.
    """
    n, m = there[:-1].sum(axis=1), there[1:].sum(axis=1)
    common = (there[:-1] & there[1:]).sum(axis=1)
    weight = np.sqrt((n - 1) * (m - 1) / (n * m)) * common / np.maximum(common - 1, 1)
    return np.asarray(np.einsum("ij,ij->i", scaled[:-1], scaled[1:]) * weight)


def _regions(x: Floats, means: Floats, squares: Floats, products: Floats, sides: Sides) -> tuple[Region, ...]:
    """Cut the axis into regions; `squares` are squared half-widths of the intervals."""
    named = {1: sides[0], -1: sides[1], 0: None}
    at = x.tolist()
    points = [
        Region(here, here, named[_sign(mean, square)])
        for here, mean, square in zip(at, means, squares, strict=True)
    ]
    regions = points[:1]
    for i, product in enumerate(products):
        for low, high, sign in _segment(means[i], means[i + 1], squares[i], product, squares[i + 1]):
            start, end = (_between(at[i], at[i + 1], share) for share in (low, high))
            regions.append(Region(start, end, named[sign]))
        regions.append(points[i + 1])
    # A significant region is open in the axis; one without width is a rounding error.
    return _joined(
        region for region in _joined(regions) if not region.favours or region.low < region.high or len(x) == 1
    )


def _segment(m0: float, m1: float, v0: float, c: float, v1: float) -> list[tuple[float, float, int]]:
    """Cut the segment between two points, 0 to 1, where the interval of D begins or ceases to hold zero.

    m are means, v squared half-widths and c their product; mean^2 - half-width^2 is the quadratic
    (1-s)^2 q0 + 2 s (1-s) q + s^2 q1, and s / (1-s) solves q1 r^2 + 2 q r + q0 = 0. Returned are the ends of
    each piece, and the sign of D there; 0 where it is not significant.
    """
    q0, q, q1 = m0 * m0 - v0, m0 * m1 - c, m1 * m1 - v1
    zero = m0 / (m0 - m1) if min(m0, m1) < 0 < max(m0, m1) else math.inf
    cuts = {zero} if zero < math.inf else set()
    discriminant = q * q - q0 * q1
    if discriminant >= 0:
        # The larger of -q +- sqrt(discriminant) does not cancel, and gives the other root as well.
        w = -q - math.sqrt(discriminant) if q >= 0 else -q + math.sqrt(discriminant)
        cuts |= {s for a, b in ((w, q1), (q0, w)) if a * b > 0 and 0 < (s := a / (a + b)) < 1}
    pieces: list[tuple[float, float, int]] = []
    for low, high in pairwise([0.0, *sorted(cuts), 1.0]):
        s = (low + high) / 2
        mean = abs((1 - s) * m0 + s * m1)
        half_width_squared = (1 - s) ** 2 * v0 + 2 * s * (1 - s) * c + s * s * v1
        # The sign of a piece follows from its side of the zero, which rounding cannot reverse.
        sign = _sign(math.copysign(mean, (m0 or m1) if low < zero else (m1 or m0)), half_width_squared)
        if low == zero:
            pieces.append((low, low, 0))  # not significant, as the region is closed
        pieces.append((low, high, sign))
    return pieces


def _between(x0: float, x1: float, share: float) -> float:
    """Return the point a share of the way from x0 to x1; monotone in the share, whatever rounding does."""
    return float(min(x0 + share * (x1 - x0), x1))


def _sign(mean: float, squared_half_width: float) -> int:
    if abs(mean) <= math.sqrt(max(squared_half_width, 0.0)):
        return 0
    return 1 if mean > 0 else -1


def _mean_zeros(x: Floats, means: Floats, sides: Sides) -> Iterator[tuple[float, str]]:
    """Yield where the mean changes sign, and the side that it then favours."""
    for left, right in pairwise(np.flatnonzero(means)):
        m0, m1 = means[left], means[right]
        if (m0 > 0) == (m1 > 0):
            continue
        if right == left + 1:
            at = _between(x[left], x[right], m0 / (m0 - m1))
        else:
            at = (x[left + 1] + x[right - 1]) / 2
        yield float(at), sides[0] if m1 > 0 else sides[1]


def _crossings(regions: Sequence[Region], zeros: list[tuple[float, str]]) -> Iterator[Crossing]:
    """Yield the crossings of each region without a side; every zero of the mean lies in one."""
    sides = [None, *(region.favours for region in regions), None]
    for before, region, after in zip(sides, regions, sides[2:], strict=False):
        if region.favours:
            continue
        inside = [zero for zero in zeros if region.low <= zero[0] <= region.high]
        low = region.low if before else None
        high = region.high if after else None
        if before and after and before != after:
            yield Crossing(inside[len(inside) // 2][0], low, high, after, resolved=True)
        else:
            yield from (Crossing(at, low, high, above, resolved=False) for at, above in inside)
