"""What is raced: one setting is one race, and the targets say which settings they need."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from benchmarks.cases import Case
from gem_impls import Spec

GEM: Final = Spec("gem")

EXPONENTS: Final = {
    "full": {"cpu": (*range(8, 21), 22, 24, 26), "cuda": (*range(8, 29, 2), 19)},
    "quick": {"cpu": (8, 10, 14, 16, 20, 22), "cuda": (8, 10, 14, 18, 22, 26)},
}
"""Length of a run -> device -> the powers of two that curves are measured at."""

USER: Final = "gem_impls.gem(x)"
"""The call as users make it, naming no implementation."""

MAXIMUM: Final = "np.maximum(x, 0, out=)"
LITERAL: Final = "literal NumPy formula"


@dataclass(frozen=True)
class Setting:
    """Everything about a race but who takes part. Fields as those of :class:`benchmarks.cases.Case`."""

    device: str
    exponent: int
    direction: str
    out: bool = False
    dtype: str = "float32"
    spec: Spec = GEM
    clock: str = "wall"

    @property
    def numel(self) -> int:
        """Elements."""
        return int(2**self.exponent)

    @property
    def name(self) -> str:
        """Readable and unique: what progress and failures call it."""
        out = ", out=" if self.out else ""
        clock = "" if self.clock == "wall" else f", {self.clock}"
        return f"{self.spec} {self.direction}{out}, 2^{self.exponent} {self.dtype}, {self.device}{clock}"

    def case(self, implementation: str) -> Case:
        """The same as a case of the sweep, of that implementation."""
        return Case(
            function=self.spec.variant,
            spec=self.spec,
            implementation=implementation,
            shape=(self.numel,),
            dtype=self.dtype,
            device=self.device,
            layout="contiguous",
            direction=self.direction,
            out=self.out,
            clock=self.clock,
        )


def curve(device: str, direction: str, *, quick: bool, least: int = 0, most: int = 99) -> tuple[Setting, ...]:
    """Settings of one direction along the sizes of a run, from 2^least to 2^most, wall clock."""
    chosen = EXPONENTS["quick" if quick else "full"][device]
    return tuple(Setting(device, e, direction) for e in chosen if least <= e <= most)
