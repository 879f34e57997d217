"""Where one strategy stops being the better one: the sign changes of a paired difference, with confidence.

D is what parallel costs more than a queue, replication by replication. Between neighbouring points of an
axis each replication's D is taken to be linear; so its mean is linear, its variance a quadratic, and the
confidence set {x : the paired t interval of D(x) holds 0} is found exactly. This is the paired t-test
inverted, as in Fieller's theorem (Fieller, J. R. Stat. Soc. B 16, 1954): the set holds a zero of D with
the stated confidence, and is not forced to be an interval, or bounded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from dispatch_sim.stats.estimates import check_confidence, mean_and_deviations, t_critical

Side = Literal["queue", "parallel"]
Status = Literal["crossing", "none_in_range", "unresolved"]
Direction = Literal["queue_wins_above", "parallel_wins_above"]

_SIDES: dict[int, Side | None] = {1: "queue", 0: None, -1: "parallel"}


@dataclass(frozen=True, slots=True)
class Region:
    """A piece of an axis, and who is significantly better at each point of it; None where neither is."""

    low: float
    high: float
    favours: Side | None


@dataclass(frozen=True, slots=True)
class Crossing:
    """A sign change of the mean difference.

    Attributes
    ----------
    at : the zero of the mean.
    low, high : ends of the confidence set around it; None where the set is open at an edge of the range.
    direction : who is better above it.
    resolved : whether on one side of the set queue, and on the other parallel, is better beyond doubt.
    """

    at: float
    low: float | None
    high: float | None
    direction: Direction
    resolved: bool


@dataclass(frozen=True, slots=True)
class SignChanges:
    """What a difference does along an axis, in the order of the axis.

    Attributes
    ----------
    regions : who is significantly better at each point by itself; for drawing.
    established : the same, less what may be chance among so many points; for saying.
    crossings : of the mean.
    """

    regions: tuple[Region, ...]
    established: tuple[Region, ...]
    crossings: tuple[Crossing, ...]

    @property
    def status(self) -> Status:
        """`crossing` if one is resolved, `none_in_range` if one side is better all over, or `unresolved`."""
        if any(crossing.resolved for crossing in self.crossings):
            return "crossing"
        return "none_in_range" if self.favours else "unresolved"

    @property
    def favours(self) -> Side | None:
        """Who is significantly better over the whole range, if anyone is."""
        return self.regions[0].favours if len(self.regions) == 1 else None


def sign_changes(x: ArrayLike, differences: ArrayLike, confidence: float = 0.95) -> SignChanges:
    """Find where a paired difference changes sign along an axis, and how surely.

    Parameters
    ----------
    x : points of the axis, shape (k,), increasing.
    differences : shape (k, replications); positive where the queue wins.
    confidence : of the t interval at each point of the axis.

    Returns
    -------
    The regions, which cover the range without gaps, and the crossings. What lies between two established
    regions of opposite sign is one resolved crossing, at the middle one of the zeros of its mean (noise can
    make an odd number of them). Each other sign change of the mean is a crossing that is not resolved.
    Where the mean is zero over a stretch, the crossing is in the middle of that. Points that are equal in
    all replications are undecided. Without points there is nothing to find.

    Notes
    -----
    Where a crossing is, the interval at each point tells with the stated confidence. Whether there is one
    is another question, asked at all points at once: with D zero all over, independent noise at 19 points
    made a crossing in 23% of trials. So a region is established only by a point of the axis that is
    significant with Bonferroni's correction for their number.

    Raises
    ------
    ValueError : shapes that do not fit, x that does not increase, values that are not finite, less than 2
        replications, or a confidence that is not within (0, 1).
    """
    check_confidence(confidence)
    at, values = np.asarray(x, dtype=np.float64), np.asarray(differences, dtype=np.float64)
    if at.ndim != 1 or values.ndim != 2 or len(values) != len(at):
        raise ValueError(
            f"x has shape {at.shape}, differences {values.shape}; expected (k,) and (k, replications)"
        )
    if at.size == 0:
        return SignChanges((), (), ())
    if values.shape[1] < 2:
        raise ValueError(f"a break-even needs at least 2 replications in common, found {values.shape[1]}")
    if not (np.isfinite(at).all() and np.isfinite(values).all()):
        raise ValueError("x and differences must be finite numbers")
    if np.any(np.diff(at) <= 0):
        raise ValueError("x must increase from point to point")
    # Squares of squares are taken: keep them far from overflow and underflow.
    values = values / (np.abs(values).max() or 1.0)
    n = values.shape[1]
    means, deviations = mean_and_deviations(values)
    scaled = deviations * (t_critical(confidence, n) / math.sqrt(n * (n - 1)))
    regions = _regions(at, means, scaled)
    stricter = t_critical(1 - (1 - confidence) / len(at), n) / t_critical(confidence, n)
    beyond_doubt = np.abs(means) > stricter * np.sqrt(np.einsum("ij,ij->i", scaled, scaled))
    established = _established(regions, at[beyond_doubt])
    return SignChanges(regions, established, tuple(_crossings(established, _mean_zeros(at, means))))


def agreeing(one: SignChanges, other: SignChanges) -> SignChanges:
    """Return what two ways of judging the same axis agree on; where they do not, it is undecided.

    The zeros of the mean are those of `one`. Confidence sets are the wider for it, never narrower.
    """
    established = _agreed(one.established, other.established)
    zeros = [(crossing.at, crossing.direction) for crossing in one.crossings]
    return SignChanges(
        _agreed(one.regions, other.regions), established, tuple(_crossings(established, zeros))
    )


def _agreed(one: Sequence[Region], other: Sequence[Region]) -> tuple[Region, ...]:
    """Return the regions in which both favour the same side."""
    ends = sorted({end for region in (*one, *other) for end in (region.low, region.high)})
    agreed: list[Region] = []
    for low, high in pairwise(end for end in ends for _ in range(2)):  # each end, and what is between two
        sides = {_side_of(regions, low, high) for regions in (one, other)}
        piece = Region(low, high, sides.pop() if len(sides) == 1 else None)
        if agreed and agreed[-1].favours == piece.favours:
            agreed[-1] = Region(agreed[-1].low, piece.high, piece.favours)
        else:
            agreed.append(piece)
    return tuple(agreed)


def _side_of(regions: Sequence[Region], low: float, high: float) -> Side | None:
    """Return whom the region that holds a stretch or a point favours; nobody at the border of two."""
    sides = [region.favours for region in regions if region.low <= low and high <= region.high]
    return sides[0] if len(set(sides)) == 1 else None


def _established(regions: tuple[Region, ...], beyond_doubt: NDArray[np.float64]) -> tuple[Region, ...]:
    """Return the regions, those joined to the undecided ones that no point beyond doubt establishes."""
    joined: list[Region] = []
    for region in regions:
        shown = bool(np.any((beyond_doubt >= region.low) & (beyond_doubt <= region.high)))
        favours = region.favours if shown else None
        if joined and favours is None and joined[-1].favours is None:
            joined[-1] = Region(joined[-1].low, region.high, None)
        else:
            joined.append(Region(region.low, region.high, favours))
    return tuple(joined)


_Piece = tuple[float, float, int]
"""From, to, and the sign of D there: 1 queue wins, -1 parallel wins, 0 undecided."""


def _regions(
    x: NDArray[np.float64], means: NDArray[np.float64], scaled: NDArray[np.float64]
) -> tuple[Region, ...]:
    """Cut the axis into regions; `scaled` are the deviations whose norm is the half-width of the interval."""
    squares = np.einsum("ij,ij->i", scaled, scaled)
    products = np.einsum("ij,ij->i", scaled[:-1], scaled[1:])
    signs = [_sign(mean, square) for mean, square in zip(means, squares, strict=True)]
    pieces = [(x[0], x[0], signs[0])]
    for i, product_ in enumerate(products):
        for low, high, sign in _segment(means[i], means[i + 1], squares[i], product_, squares[i + 1]):
            pieces.append((_place(x[i], x[i + 1], low), _place(x[i], x[i + 1], high), sign))
        pieces.append((x[i + 1], x[i + 1], signs[i + 1]))
    if len(x) > 1:
        # A decided piece is open in the axis; one without width is a rounding error.
        pieces = [piece for piece in _merged(pieces) if piece[2] == 0 or piece[0] < piece[1]]
    return tuple(Region(float(low), float(high), _SIDES[sign]) for low, high, sign in _merged(pieces))


def _segment(m0: float, m1: float, v0: float, c: float, v1: float) -> list[_Piece]:
    """Cut the segment between two points, 0 to 1, where the interval of D begins or ceases to hold zero.

    m are means, v squared half-widths and c their product; mean^2 - half-width^2 is the quadratic
    (1-s)^2 q0 + 2 s (1-s) q + s^2 q1, and s / (1-s) solves q1 r^2 + 2 q r + q0 = 0.
    """
    q0, q, q1 = m0 * m0 - v0, m0 * m1 - c, m1 * m1 - v1
    cuts: set[float] = set()
    discriminant = q * q - q0 * q1
    if discriminant >= 0:
        # The larger of -q +- sqrt(discriminant) does not cancel, and gives the other root as well.
        w = -q - math.sqrt(discriminant) if q >= 0 else -q + math.sqrt(discriminant)
        cuts = {s for a, b in ((w, q1), (q0, w)) if a * b > 0 and 0 < (s := a / (a + b)) < 1}
    zero = m0 / (m0 - m1) if min(m0, m1) < 0 < max(m0, m1) else None
    if zero is not None:
        cuts.add(zero)
    marks = [0.0, *sorted(cuts), 1.0]
    # Whose side an interval is on follows from its order, which rounding cannot turn round.
    turn = len(marks) if zero is None else marks.index(zero)
    before, after = (m0 or m1), (m1 or m0)
    pieces: list[_Piece] = []
    for j, (low, high) in enumerate(pairwise(marks)):
        s = (low + high) / 2
        mean = abs((1 - s) * m0 + s * m1)
        half_width_squared = (1 - s) ** 2 * v0 + 2 * s * (1 - s) * c + s * s * v1
        sign = _sign(math.copysign(mean, before if j < turn else after), half_width_squared)
        if j == turn:
            pieces.append((low, low, 0))  # the zero of the mean: undecided, as the set is closed
        pieces.append((low, high, sign))
    return pieces


def _place(x0: float, x1: float, s: float) -> float:
    """Return the place a share s of the way, never out of order where s is not: each step is monotone."""
    return min(x0 + s * (x1 - x0), x1)


def _sign(mean: float, squared_half_width: float) -> int:
    if abs(mean) <= math.sqrt(max(squared_half_width, 0.0)):
        return 0
    return 1 if mean > 0 else -1


def _merged(pieces: Sequence[_Piece]) -> list[_Piece]:
    merged: list[_Piece] = []
    for low, high, sign in pieces:
        if merged and merged[-1][2] == sign:
            merged[-1] = (merged[-1][0], high, sign)
        else:
            merged.append((low, high, sign))
    return merged


def _mean_zeros(x: NDArray[np.float64], means: NDArray[np.float64]) -> list[tuple[float, Direction]]:
    """Return where the mean changes sign, and to which side."""
    zeros: list[tuple[float, Direction]] = []
    for left, right in pairwise(np.flatnonzero(means)):
        m0, m1 = means[left], means[right]
        if (m0 > 0) == (m1 > 0):
            continue
        if right == left + 1:
            s = m0 / (m0 - m1)
            at = _place(x[left], x[right], s)
        else:
            at = (x[left + 1] + x[right - 1]) / 2
        zeros.append((float(at), "queue_wins_above" if m1 > 0 else "parallel_wins_above"))
    return zeros


def _crossings(regions: Sequence[Region], zeros: list[tuple[float, Direction]]) -> Iterator[Crossing]:
    """Yield the crossings of each undecided region; every zero of the mean lies in one."""
    for i, region in enumerate(regions):
        if region.favours:
            continue
        inside = [zero for zero in zeros if region.low <= zero[0] <= region.high]
        before = regions[i - 1].favours if i > 0 else None
        after = regions[i + 1].favours if i + 1 < len(regions) else None
        resolved = before is not None and after is not None and before != after
        if resolved:
            direction: Direction = "queue_wins_above" if after == "queue" else "parallel_wins_above"
            inside = [(inside[len(inside) // 2][0], direction)]
        low = region.low if before else None
        high = region.high if after else None
        for at, direction in inside:
            yield Crossing(at, low, high, direction, resolved)
