"""What is kept of the shape of a function: what was found numerically, and what the closed form says.

Every numeric figure comes from the definition of the function in high precision (:mod:`.exact`), every closed
form from :mod:`.closed`; both are rounded to float64 after their discrepancy was taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

DISCREPANCY: Final = 1e-12
"""The largest discrepancy between a numeric figure and its closed form; above it the figure is a failure."""

L1, L2, SUP = "distance L1", "distance L2", "distance Linf"
STEEPEST, FLATTEST_NEGATIVE, STEEPEST_NEGATIVE = (
    "steepest slope",
    "least slope, x < 0",
    "greatest slope, x < 0",
)
CURVATURE, KNEE = "largest |curvature|", "knee"

QUANTITIES: Final = MappingProxyType(
    {
        L1: "norm of the difference to ReLU (LeakyReLU for a negative slope), power 1; units of x^2",
        L2: "the same, power 2; units of x^1.5",
        SUP: "largest difference to ReLU (LeakyReLU); units of x",
        STEEPEST: "largest f'(x) for x > 0",
        FLATTEST_NEGATIVE: "least f'(x) for x < 0, or its limit at 0 or -inf",
        STEEPEST_NEGATIVE: "largest f'(x) for x < 0, or its limit at 0 or -inf",
        CURVATURE: "largest |f''(x)| for x > 0; units of 1/x",
        KNEE: "width of the interval where the gate is between 0.1 and 0.9; units of x",
    }
)
"""Name of a quantity -> what it is."""


@dataclass(frozen=True)
class Quantity:
    """One figure of one function, found numerically and in closed form.

    Attributes:
        function: as ``str(Spec)``.
        n, eps, negative_slope: its parameters.
        name: a key of :data:`QUANTITIES`.
        at: where an extremum is; None where the figure has no place.
        reach: the norm is over ``|x| <= reach`` where it diverges on the line; None for the whole line.
        measured: found numerically.
        closed: from the closed form.
        discrepancy: ``|measured / closed - 1|``, of both before rounding (``|measured|`` where closed is 0).
    """

    function: str
    n: int
    eps: float
    negative_slope: float
    name: str
    at: float | None
    reach: float | None
    measured: float
    closed: float
    discrepancy: float


@dataclass(frozen=True)
class Junction:
    """One-sided finite differences at 0, orders 0 to 2n + 1.

    Attributes:
        side: ``"right"`` or ``"left"``.
        step: of the differences; units of x.
        scale: ``eps^(1/2n)``, the natural unit of x.
        differences: ``Delta_h^k f(0) / h^k`` for k = 0, 1, ..., 2n + 1.
        closed: the derivatives: 0 up to order 2n, then ``s * (2n + 1)! / eps``.
        discrepancy: the largest over the orders: relative where closed is not 0, else of
            ``difference * scale^(k - 1)``, which has no unit.
    """

    function: str
    n: int
    eps: float
    negative_slope: float
    side: str
    step: float
    scale: float
    differences: tuple[float, ...]
    closed: tuple[float, ...]
    discrepancy: float


@dataclass(frozen=True)
class Moments:
    """Moments under ``X ~ N(0, std^2)``, integrated numerically in high precision.

    Attributes:
        function: as ``str(Spec)``, or a peer's name.
        mean, second, slope_second: ``E f``, ``E f^2``, ``E f'^2``.
        growth: ``E[X f f'] / E f^2``, see :class:`gem_impls.initialisation.Moments`.
        closed: the same four by an independent way: the package's own quadrature for the family, elementary
            integrals for relu and leaky_relu, nothing for a peer that has none.
        discrepancy: the largest relative one; None where ``closed`` is empty.
    """

    function: str
    std: float
    mean: float
    second: float
    slope_second: float
    growth: float
    closed: Mapping[str, float]
    discrepancy: float | None


@dataclass(frozen=True)
class Curve:
    """Points of a function and of its first two derivatives, correctly rounded to float64."""

    function: str
    n: int
    eps: float
    x: tuple[float, ...]
    value: tuple[float, ...]
    slope: tuple[float, ...]
    curvature: tuple[float, ...]


@dataclass(frozen=True)
class Failure:
    """What could not be computed, or disagrees with its closed form."""

    piece: str
    who: str
    reason: str
