"""Which functions are measured: the family's parameters, and the peers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from gem_impls import VARIANTS, Spec
from gem_impls.errors import unknown_name

N: Final = (1, 2, 3, 4)
EPS: Final = (1.0, 1e-2, 1e-4, 1e-6, 10.0)
NEGATIVE_SLOPE: Final = (0.01, -0.1, 1.0)


@dataclass(frozen=True)
class Grid:
    """Values of every parameter; a variant takes those that it leaves free."""

    variants: tuple[str, ...] = tuple(VARIANTS)
    n: tuple[int, ...] = N
    eps: tuple[float, ...] = EPS
    negative_slope: tuple[float, ...] = NEGATIVE_SLOPE

    def specs(self) -> tuple[Spec, ...]:
        """Every Spec of the grid, by variant.

        Raises:
            TypeError, ValueError: as :class:`gem_impls.Spec`; the grid is empty, or a variant unknown.
        """
        for variant in self.variants:
            if variant not in VARIANTS:
                raise ValueError(unknown_name("variant", variant, VARIANTS))
        found = []
        for variant in self.variants:
            row = VARIANTS[variant]
            eps: Sequence[float | None] = [None] if row.eps.fixed else self.eps
            slopes: Sequence[float | None] = [None] if row.negative_slope.fixed else self.negative_slope
            for n, e, slope in itertools.product(self.n, eps, slopes):
                found.append(Spec(variant, n, e, slope))  # type: ignore[arg-type]  # None: the default
        if not found:
            empty = [name for name, values in vars(self).items() if not values]
            raise ValueError(f"the grid is empty: no values for {', '.join(empty)}")
        return tuple(dict.fromkeys(found))


def defaults(specs: Sequence[Spec]) -> tuple[Spec, ...]:
    """One Spec of each variant, measured more closely than the rest: its own default, or else the first."""
    chosen: dict[str, Spec] = {}
    for spec in specs:
        chosen.setdefault(spec.variant, spec)
        if spec == Spec(spec.variant):
            chosen[spec.variant] = spec
    return tuple(chosen.values())


Function = Spec | str
"""A function of the family, or the name of a peer."""


def described(function: Function) -> dict[str, Any]:
    """The function as the record has it."""
    if isinstance(function, str):
        return {"function": function, "n": None, "eps": None, "negative_slope": None}
    return {
        "function": function.variant,
        "n": function.n,
        "eps": function.eps,
        "negative_slope": function.negative_slope,
    }
