"""What the shape of the family says about the claims: exact arithmetic, the same on every machine."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from typing import Any, Final

from benchmarks.shape.entries import DISCREPANCY, L1, L2, STEEPEST, SUP, Failure, Junction, Quantity
from gem_impls import Spec
from reports.worth.evidence import Evidence
from reports.worth.verdicts import Finding, counted, number, settled

DEFAULT_EPS: Final = Spec("e-gem").eps


def _of(e: Evidence, variant: str, *names: str) -> list[Quantity]:
    return [
        q
        for q in e.of("shape", Quantity)
        if q.name in names and q.function.partition("(")[0] == variant and q.measured > 0
    ]


def approaches_relu(e: Evidence) -> Finding | None:
    """Each distance of e-gem is its closed form's, and shrinks with every smaller eps."""
    found = _of(e, "e-gem", L1, L2, SUP)
    if not found:
        return None
    worst = max(q.discrepancy for q in found)
    runs = _by(found, lambda q: (q.name, q.n), lambda q: q.eps)
    shrinking = [a.measured < b.measured for run in runs for a, b in itertools.pairwise(run)]
    near = min((q for q in found if q.name == SUP and q.n == 1), key=lambda q: q.eps, default=None)
    limits = {q.n for q in found if q.reach is not None}
    said = f"{counted(len(found), 'distance')} (L¹, L², L∞) against the closed form: at most "
    said += f"{_relative(worst)} apart, {'each' if all(shrinking) else 'not each'} smaller for a smaller ε"
    said += f"; N = 1, ε = {number(near.eps)}: at most {near.measured:.2g} from ReLU" if near else ""
    orders = ", ".join(f"N = {n}" for n in sorted(limits))
    said += (
        f". For {orders} the L¹ distance on the whole line is infinite: taken on an interval."
        if limits
        else "."
    )
    return settled(said, [worst <= DISCREPANCY, bool(shrinking), *shrinking, not _failed(e)])


def smooth_junction(e: Evidence) -> Finding | None:
    """All one-sided differences at 0 up to order 2N + 1 are what a C^(2N) junction has."""
    found = e.of("shape", Junction)
    if not found:
        return None
    worst = max(j.discrepancy for j in found)
    functions = len({j.function for j in found})
    said = f"{counted(functions, 'function')} (N up to {max(j.n for j in found)}), from both sides of 0: "
    said += f"differences of order 0 to 2N are 0 and of order 2N + 1 as predicted, to {_relative(worst)}."
    both = all({"left", "right"} == {j.side for j in found if j.function == f.function} for f in found)
    return settled(said, [worst <= DISCREPANCY, both, not _failed(e)])


def order_trades(e: Evidence) -> Finding | None:
    """At the default eps, each higher N is steeper and farther from ReLU."""
    rows = {name: _by(_of(e, "e-gem", name), lambda q: q.eps, lambda q: q.n) for name in (STEEPEST, SUP)}
    usual = {name: next((r for r in runs if r[0].eps == DEFAULT_EPS), []) for name, runs in rows.items()}
    if any(len(run) < 2 for run in usual.values()):
        return None
    words = [
        f"{word} {', '.join(f'{q.measured:.3g}' for q in usual[name])}"
        for name, word in ((STEEPEST, "steepest slope"), (SUP, "largest distance to ReLU"))
    ]
    ns = ", ".join(str(q.n) for q in usual[SUP])
    other = [run[0].eps for run in rows[SUP] if not _rising(run)]
    said = f"ε = {number(DEFAULT_EPS)}, N = {ns}: {words[0]}; {words[1]}; 2N derivatives at 0."
    if other:
        at = ", ".join(number(eps) for eps in other)
        said += f" At ε = {at} a higher N is not always farther from ReLU."
    return settled(said, [_rising(run) for run in usual.values()])


def _rising(run: Sequence[Quantity]) -> bool:
    return all(a.measured < b.measured for a, b in itertools.pairwise(run))


def _by(
    found: Sequence[Quantity], group: Callable[[Quantity], Any], order: Callable[[Quantity], float]
) -> list[list[Quantity]]:
    """Runs of equal ``group``, each in the order of ``order``."""
    keys = sorted({group(q) for q in found})
    return [sorted((q for q in found if group(q) == key), key=order) for key in keys]


def _failed(e: Evidence) -> bool:
    return bool(e.of("shape", Failure))


def _relative(value: float) -> str:
    return f"{number(float(f'{value:.0e}'))} (relative)"
