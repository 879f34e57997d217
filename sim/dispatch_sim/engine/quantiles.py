"""Quantiles of distributions, with the same bits as those of `scenario.distributions`.

Compiled code calls SciPy's incomplete gamma functions as external ones.
"""

import math
from typing import Any

import numpy as np
import scipy.special
from numba import types

from dispatch_sim.engine import codes
from dispatch_sim.engine.linking import IS_PYTHON, SPECIAL_FUNCTIONS, link_special_functions
from dispatch_sim.engine.records import State
from dispatch_sim.scenario import distributions as families

gammainc: Any
gammaincinv: Any

if IS_PYTHON:
    gammainc, gammaincinv = scipy.special.gammainc, scipy.special.gammaincinv
else:
    link_special_functions()
    gammainc, gammaincinv = (
        types.ExternalFunction(symbol, types.float64(types.float64, types.float64))
        for symbol in SPECIAL_FUNCTIONS.values()
    )


def bits_of(value: float) -> int:
    """Return the bits of a float as a whole number."""
    return int(np.float64(value).view(np.int64))


def float_of(bits: int) -> float:
    """Return the float that has these bits."""
    return float(np.int64(bits).view(np.float64))


Pair = tuple[float, float]

_SQRT2 = math.sqrt(2.0)

# The coefficients of Wichura's algorithm AS 241 (Applied Statistics 37, 1988), routine PPND16: of numerator
# and denominator, highest power first, near the middle, in the tails, and far out.
_MIDDLE = (
    (2.5090809287301226727e3, 5.2264952788528545610e3),
    (3.3430575583588128105e4, 2.8729085735721942674e4),
    (6.7265770927008700853e4, 3.9307895800092710610e4),
    (4.5921953931549871457e4, 2.1213794301586595867e4),
    (1.3731693765509461125e4, 5.3941960214247511077e3),
    (1.9715909503065514427e3, 6.8718700749205790830e2),
    (1.3314166789178437745e2, 4.2313330701600911252e1),
    (3.3871328727963666080e0, 1.0),
)
_TAIL = (
    (7.74545014278341407640e-4, 1.05075007164441684324e-9),
    (2.27238449892691845833e-2, 5.47593808499534494600e-4),
    (2.41780725177450611770e-1, 1.51986665636164571966e-2),
    (1.27045825245236838258e0, 1.48103976427480074590e-1),
    (3.64784832476320460504e0, 6.89767334985100004550e-1),
    (5.76949722146069140550e0, 1.67638483018380384940e0),
    (4.63033784615654529590e0, 2.05319162663775882187e0),
    (1.42343711074968357734e0, 1.0),
)
_FAR = (
    (2.01033439929228813265e-7, 2.04426310338993978564e-15),
    (2.71155556874348757815e-5, 1.42151175831644588870e-7),
    (1.24266094738807843860e-3, 1.84631831751005468180e-5),
    (2.65321895265761230930e-2, 7.86869131145613259100e-4),
    (2.96560571828504891230e-1, 1.48753612908506148525e-2),
    (1.78482653991729133580e0, 1.36929880922735805310e-1),
    (5.46378491116411436990e0, 5.99832206555887937690e-1),
    (6.65790464350110377720e0, 1.0),
)


def _fraction(coefficients: tuple[Pair, Pair, Pair, Pair, Pair, Pair, Pair, Pair], x: float) -> Pair:
    """Return the values of two polynomials."""
    top, bottom = coefficients[0]
    for i in range(1, 8):
        top, bottom = top * x + coefficients[i][0], bottom * x + coefficients[i][1]
    return top, bottom


def normal_quantile(p: float) -> float:
    """Return the quantile of the standard normal distribution, as `statistics.NormalDist.inv_cdf`."""
    q = p - 0.5
    if math.fabs(q) <= 0.425:
        top, bottom = _fraction(_MIDDLE, 0.180625 - q * q)
        return top * q / bottom
    r = math.sqrt(-math.log(p if q <= 0.0 else 1.0 - p))
    top, bottom = _fraction(_TAIL, r - 1.6) if r <= 5.0 else _fraction(_FAR, r - 5.0)
    return math.copysign(top / bottom, q)


def normal_cdf(x: float) -> float:
    """Return the cdf of the standard normal distribution."""
    return 0.5 * (1.0 + math.erf(x / _SQRT2))


# What needs neither tables nor SciPy is compiled as it is, with a row in place of `self`.
_uniform_quantile: Any = families.Uniform.quantile
_triangular_quantile: Any = families.Triangular.quantile
_exponential_quantile: Any = families.Exponential.quantile
_weibull_quantile: Any = families.Weibull.quantile
_loglogistic_quantile: Any = families.LogLogistic.quantile
_constant_cdf: Any = families.Constant.cdf
_uniform_cdf: Any = families.Uniform.cdf
_triangular_cdf: Any = families.Triangular.cdf
_exponential_cdf: Any = families.Exponential.cdf
_weibull_cdf: Any = families.Weibull.cdf
_loglogistic_cdf: Any = families.LogLogistic.cdf


def _simple_quantile(s: State, row: int, u: float) -> float:
    """Return a quantile of any distribution but a mixture."""
    of = s.distributions[row]
    family = of.family
    if family == codes.CONSTANT:
        return of.value
    if family == codes.LOGNORMAL:
        return math.exp(of.mu + of.sigma * normal_quantile(u))
    if family == codes.UNIFORM:
        return float(_uniform_quantile(of, u))
    if family == codes.TRIANGULAR:
        return float(_triangular_quantile(of, u))
    if family == codes.EXPONENTIAL:
        return float(_exponential_quantile(of, u))
    if family == codes.GAMMA:
        return float(of.scale * gammaincinv(of.shape, u))
    if family == codes.WEIBULL:
        return float(_weibull_quantile(of, u))
    if family == codes.LOGLOGISTIC:
        return float(_loglogistic_quantile(of, u))
    first, n = of.first, of.count
    rank = min(n, max(1, math.ceil(n * u)))
    if rank > 1 and (rank - 1) / n >= u:
        rank -= 1
    return s.samples[first + rank - 1]


def _simple_cdf(s: State, row: int, x: float) -> float:
    """Return the cdf of any distribution but a mixture."""
    of = s.distributions[row]
    family = of.family
    if family == codes.CONSTANT:
        return float(_constant_cdf(of, x))
    if family == codes.LOGNORMAL:
        return normal_cdf((math.log(x) - of.mu) / of.sigma) if x > 0 else 0.0
    if family == codes.UNIFORM:
        return float(_uniform_cdf(of, x))
    if family == codes.TRIANGULAR:
        return float(_triangular_cdf(of, x))
    if family == codes.EXPONENTIAL:
        return float(_exponential_cdf(of, x))
    if family == codes.GAMMA:
        return float(gammainc(of.shape, x / of.scale)) if x > 0 else 0.0
    if family == codes.WEIBULL:
        return float(_weibull_cdf(of, x))
    if family == codes.LOGLOGISTIC:
        return float(_loglogistic_cdf(of, x))
    low, high = 0, of.count
    while low < high:
        middle = (low + high) // 2
        if x < s.samples[of.first + middle]:
            high = middle
        else:
            low = middle + 1
    return low / of.count


def _mixture_cdf(s: State, row: int, x: float) -> float:
    of, total = s.distributions[row], 0.0
    for part in range(of.first, of.first + of.count):
        total += s.distributions[part].weight * _simple_cdf(s, part, x)
    return total


def quantile(s: State, row: int, u: float) -> float:
    """Return the quantile of a distribution by its row in `State.distributions`."""
    of = s.distributions[row]
    if of.family != codes.MIXTURE:
        return _simple_quantile(s, row, u)
    low, high = bits_of(of.low), bits_of(of.high)
    if _mixture_cdf(s, row, of.low) >= u:
        return of.low
    while high - low > 1:
        middle = low + (high - low) // 2
        if _mixture_cdf(s, row, float_of(middle)) >= u:
            high = middle
        else:
            low = middle
    return float_of(high)
