"""What n, eps and the negative slope do, over the whole grid: pairs that differ in one of them alone.

One pair of activations says little with a few seeds. Averaging, seed by seed, over all pairs of the grid that
differ in nothing but n (or eps, or the variant) says more, with the same care: the interval is over seeds.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from benchmarks.models.activations import named
from benchmarks.train.entries import Setting
from benchmarks.train.statistics import Comparison, Summary, compare
from gem_impls import VARIANTS, Spec

USUAL_N: Final = 1
USUAL_EPS: Final = 1e-4
"""What other values of n and eps are compared with: the defaults."""


@dataclass(frozen=True)
class Effect:
    """One change, over all pairs that differ in it alone.

    Attributes:
        change: in words: ``"n = 2 instead of 1"``.
        parameter: ``"n"``, ``"eps"`` or ``"variant"``.
        pairs: how many pairs of activations are averaged.
        found: the change (as ``activation``) against what is usual (as ``rival``).
    """

    change: str
    parameter: str
    pairs: int
    found: Comparison


def effects(setting: Setting, summaries: Sequence[Summary]) -> tuple[Effect, ...]:
    """Every change that the grid has pairs for."""
    by_spec = {spec: s for s in summaries if (spec := spec_of(s.activation))}
    made = []
    for change, parameter, usual in _changes(list(by_spec)):
        pairs = [
            (summary, by_spec[other])
            for spec, summary in by_spec.items()
            if (other := usual(spec)) is not None and other in by_spec and other != spec
        ]
        if pairs:
            changed = _mean([one for one, _ in pairs], change)
            as_usual = _mean([other for _, other in pairs], "usual")
            found = compare(setting, changed, as_usual, averaged=len(pairs))
            made.append(Effect(change, parameter, len(pairs), found))
    return tuple(made)


def spec_of(name: str) -> Spec | None:
    """The function of the family that is called ``name``; None for a peer, and for what is neither."""
    try:
        return named(name).spec
    except ValueError:
        return None


Partner = Callable[[Spec], Spec | None]
"""Gives the usual partner of a function that is changed, None for any other."""


def _changes(specs: Sequence[Spec]) -> Iterator[tuple[str, str, Partner]]:
    """(words, parameter, partner) of every change that there might be pairs for."""
    for n in sorted({s.n for s in specs} - {USUAL_N}):
        yield f"n = {n} instead of {USUAL_N}", "n", functools.partial(_usual_n, n)
    for eps in sorted({s.eps for s in specs if not VARIANTS[s.variant].eps.fixed} - {USUAL_EPS}):
        yield f"eps = {eps:g} instead of {USUAL_EPS:g}", "eps", functools.partial(_usual_eps, eps)
    yield "se-gem instead of e-gem", "variant", _without_slope


def _usual_n(n: int, spec: Spec) -> Spec | None:
    return replace(spec, n=USUAL_N) if spec.n == n else None


def _usual_eps(eps: float, spec: Spec) -> Spec | None:
    free = not VARIANTS[spec.variant].eps.fixed
    return replace(spec, eps=USUAL_EPS) if free and spec.eps == eps else None


def _without_slope(spec: Spec) -> Spec | None:
    return Spec("e-gem", spec.n, spec.eps) if spec.variant == "se-gem" else None


def _mean(several: Sequence[Summary], name: str) -> Summary:
    """One that has, for each seed that all have, their mean score."""
    common = set.intersection(*({*s.scores} for s in several))
    scores: Mapping[int, float] = {seed: float(np.mean([s.scores[seed] for s in several])) for seed in common}
    return replace(several[0], activation=name, scores=dict(scores))
