"""Closed forms, each of ``(n, eps, negative_slope)`` alone, with where it comes from.

Everything scales with ``a = eps^(1/2n)``: ``f(x) = a * F(x/a)`` where F has eps = 1.
"""

from __future__ import annotations

from benchmarks.shape.exact import Exact, Number


def diverges(n: int, power: int) -> bool:
    """Whether the L^power distance to ReLU is infinite: ``x * (1 - g)`` falls as ``x^(1 - 2n)``."""
    return power * (2 * n - 1) <= 1


def norm(f: Exact, power: int, reach: float | None) -> Number:
    """``||ReLU - f||_p``: ``(eps^b / 2n * B(b, p - b))^(1/p)``, ``b = (p + 1) / 2n``.

    By ``t = x^(2n) / eps`` in the integral of ``(x * eps / (eps + x^(2n)))^p``. The negative half is the
    mirror image times negative_slope, so the p-th power gains ``1 + |negative_slope|^p``. Up to ``reach``,
    which is needed for n = p = 1 alone: ``eps/2 * log(1 + reach^2 / eps)``.

    Raises:
        NotImplementedError: a finite reach and anything but n = p = 1.
    """
    mp = f.mp
    if reach is None:
        b = mp.mpf(power + 1) / (2 * f.n)
        half = f.eps**b / (2 * f.n) * mp.beta(b, power - b)
    elif f.n == power == 1:
        half = f.eps / 2 * mp.log1p(mp.mpf(reach) ** 2 / f.eps)
    else:
        raise NotImplementedError("a finite reach has a closed form for n = p = 1 only")
    return mp.root(half * (1 + abs(f.negative_slope) ** power), power)


def sup(f: Exact) -> Number:
    """``max(1, |negative_slope|) * a * (2n - 1)^(1 - 1/2n) / 2n``, where ``x^(2n) = eps / (2n - 1)``."""
    mp, m = f.mp, f.mp.mpf(2 * f.n - 1)
    return max(1, abs(f.negative_slope)) * f.scale * m ** (1 - mp.mpf(1) / (2 * f.n)) / (2 * f.n)


def steepest(f: Exact) -> Number:
    """``(2n + 1)^2 / 8n``, at ``g = (2n + 1) / 4n``: the top of the parabola ``g * (2n + 1 - 2n*g)``."""
    return f.mp.mpf(2 * f.n + 1) ** 2 / (8 * f.n)


def least_negative(f: Exact) -> Number:
    """``min(0, negative_slope * (2n + 1)^2 / 8n)``: the other end is 0, at 0."""
    return min(f.mp.mpf(0), f.negative_slope * steepest(f))


def greatest_negative(f: Exact) -> Number:
    """``max(0, negative_slope * (2n + 1)^2 / 8n)``."""
    return max(f.mp.mpf(0), f.negative_slope * steepest(f))


def curvature(f: Exact) -> Number:
    """``max |f''|``: of the two zeros of f''', which are at ``g = (1 -+ sqrt((2n^2 + 1) / 6n^2)) / 2``.

    f'' is ``2n * P(g) / x`` with ``P = g * (1 - g) * (2n + 1 - 4n*g)``, and ``g' = 2n * g * (1 - g) / x``, so
    f''' is 0 where ``2n * g * (1 - g) * P'(g) = P(g)``, which is ``24n^2 * (g^2 - g) + 4n^2 - 1 = 0``.
    """
    mp, n = f.mp, f.n
    root = mp.sqrt(mp.mpf(2 * n * n + 1) / (6 * n * n))
    found = []
    for g in ((1 - root) / 2, (1 + root) / 2):
        x = f.scale * mp.root(g / (1 - g), 2 * n)
        found.append(abs(2 * n * g * (1 - g) * (2 * n + 1 - 4 * n * g) / x))
    return max(found)


def knee(f: Exact) -> Number:
    """``a * (9^(1/2n) - 9^(-1/2n))``: the gate is q where ``x = a * (q / (1 - q))^(1/2n)``."""
    ninth = f.mp.root(9, 2 * f.n)
    return f.scale * (ninth - 1 / ninth)


def derivatives(f: Exact, side: int) -> list[Number]:
    """One-sided derivatives at 0, orders 0 ... 2n + 1: f begins as ``s * x^(2n + 1) / eps`` there."""
    mp = f.mp
    first = mp.factorial(2 * f.n + 1) / f.eps
    return [*[mp.mpf(0)] * (2 * f.n + 1), first if side > 0 else f.negative_slope * first]
