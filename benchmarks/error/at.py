"""One result, looked at closely: what a worst input's reproducer shows."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from benchmarks import peers
from benchmarks.error import family, peer_truth
from benchmarks.error.grid import Function
from benchmarks.error.subjects import Subject
from gem_impls import Spec, oracle
from gem_impls.errors import unknown_name


def show(subject: Subject, function: Function, dtype: str, what: str, x: float) -> str:
    """Input, result, correctly rounded result and error, a line each.

    Raises:
        ValueError: the subject has no such dtype, function or ``what``; or ``x`` is no number of ``dtype``.
    """
    if dtype not in subject.dtypes:
        raise ValueError(unknown_name(f"dtype for {subject.name}", dtype, subject.dtypes))
    if what not in subject.whats:
        raise ValueError(unknown_name(f"--what for {subject.name}", what, subject.whats))
    if subject.kind == "peer" and function not in peers.PEERS:
        raise ValueError(unknown_name("--peer", function, peers.PEERS))
    if oracle.round_to(x, dtype) != x and x == x:
        raise ValueError(f"--at must be a number that {dtype} has; got {x.hex()}")
    got = float(subject.evaluate(function, dtype, what, np.array([x]))[0])
    exact: oracle.Exact
    if isinstance(function, Spec):
        exact = family.ORACLE[what](function, x)
    elif np.isfinite(x):
        exact = peer_truth.exact(function, what, x)
    else:
        limit = peer_truth.special(function, what, x)
        exact = got if limit is None else limit
    rounded = oracle.round_to(exact, dtype)
    lines = [
        f"{subject.name} {function} {what} in {dtype}",
        f"  x                  {x!r} = {x.hex()}",
        f"  result             {got!r} = {got.hex()}",
        f"  correctly rounded  {rounded!r} = {rounded.hex()}",
        f"  error              {_error(function, what, x, got, exact, dtype):.6g} ulp",
    ]
    return "\n".join(lines)


def _error(function: Function, what: str, x: float, got: float, exact: oracle.Exact, dtype: str) -> float:
    if what == "second_derivative" and isinstance(exact, Fraction) and isinstance(function, Spec):
        half = family.Half(function.n, function.eps, 1.0 if x > 0 else function.negative_slope, what)
        unit = half.unit(abs(x))
        if unit and np.isfinite(got):
            return float(abs(Fraction(got) - exact) / oracle.ulp(unit, dtype))
    return oracle.ulp_distance(got, exact, dtype)
