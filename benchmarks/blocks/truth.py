"""Correct before fast: what a block gives, held to the same block in float64 with an exact activation.

The activation of the reference is the formula in float64 (:func:`exactly`; torch's own in float64 for peers):
no implementation takes part in it. A block in float32 is not exact even with an exact activation, because its
matrix products round. How far off that makes it is measured: the *floor* is the relative distance (Euclidean
norm over all elements) between the reference and the same block in the block's dtype whose activation is the
exact one rounded once. An implementation may be ``bound`` ulp off (:func:`benchmarks.accuracy.bound`) where
the exact one is half an ulp off, so to first order its share of the distance is at most ``2 bound`` times the
floor's; the share of the products may change with the order of summation. Permitted is

    floor × max(2 bound, SLACK) + kink

where ``kink`` is for functions whose slope jumps: a unit within rounding of the jump may lie on its other
side, and then its gradient is all wrong. :data:`ASTRAY` units of all may, each worth ``sqrt(2 / units)``.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor, nn

import gem_impls
from benchmarks.accuracy import bound
from benchmarks.blocks.settings import Candidate, Setting
from benchmarks.gate import PEER_TOLERANCE, NotMeasured
from benchmarks.models.activations import Activation
from benchmarks.models.blocks import seeded
from gem_impls import Spec
from gem_impls.choice import TRACED

SEED: Final = 0
"""Of every block's parameters; inputs have seeds of their own."""

SLACK: Final = 4.0
"""So many floors are always permitted: sums in another order are easily twice as wrong, either way."""

KINKED: Final = ("relu", "leaky_relu")
"""Activations whose slope jumps."""

ASTRAY: Final = 4
"""Units that may be on the other side of the jump."""


class Exact(nn.Module):
    """The activation in float64 (a peer: torch's own), rounded once to the input's dtype."""

    def __init__(self, activation: Activation) -> None:
        super().__init__()
        self.spec = activation.spec
        self.peer = None if self.spec else activation.module()

    def forward(self, x: Tensor) -> Tensor:
        if self.peer is not None:
            return self.peer(x.double()).to(x.dtype)  # type: ignore[no-any-return]
        return _ExactFunction.apply(x, self.spec)  # type: ignore[no-any-return, no-untyped-call]


class _ExactFunction(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, spec: Spec) -> Tensor:
        ctx.save_for_backward(x)
        ctx.spec = spec
        return exactly(spec, x, "value").to(x.dtype)

    @staticmethod
    def backward(ctx: Any, grad_output: Tensor) -> tuple[Tensor, None]:
        (x,) = ctx.saved_tensors
        return (grad_output.double() * exactly(ctx.spec, x, "gradient")).to(grad_output.dtype), None


def exactly(spec: Spec, x: Tensor, what: str) -> Tensor:
    """``"value"`` or ``"gradient"`` of ``spec``'s function at ``x``, in float64 where ``x`` is.

    With r = |x| / eps^(1/2n) or, beyond 1, its reciprocal, ``r^2n`` neither overflows nor cancels. The oracle
    does the same in NumPy, and the tests hold this to it; here it can be on a GPU, for millions of elements.
    """
    wide = x.detach().double()
    size, alpha = wide.abs(), spec.eps ** (1 / (2 * spec.n))
    small = size <= alpha
    power = torch.where(small, size / alpha, alpha / size) ** (2 * spec.n)
    gate = torch.where(small, power, 1.0) / (1 + power)
    sided = torch.where(wide < 0, spec.negative_slope * gate, gate)
    if what == "value":
        return wide * sided
    return sided * (1 + 2 * spec.n * torch.where(small, 1.0, power) / (1 + power))


# --- inputs and results -----------------------------------------------------------------------------------


def block_of(setting: Setting, make: Callable[[], nn.Module]) -> nn.Module:
    """The setting's block with activations from ``make``: the same parameters whatever they are."""
    made = seeded(lambda: setting.row.make(make), SEED)
    made = made.to(device=setting.device, dtype=getattr(torch, setting.dtype))
    return made.train(setting.training)


def drawn(setting: Setting, shape: tuple[int, ...], seed: int) -> Tensor:
    """Standard normal numbers, the same on every device."""
    generator = torch.Generator().manual_seed(seed)
    numbers = torch.randn(shape, generator=generator)
    return numbers.to(device=setting.device, dtype=getattr(torch, setting.dtype))


class Truth:
    """What a setting's block should give for one pair of input and gradient of the output.

    Args:
        setting: what.
        x: the block's input.
        grad_output: the gradient of its output.
    """

    def __init__(self, setting: Setting, x: Tensor, grad_output: Tensor) -> None:
        self._setting = setting
        self._x, self._grad_output = x.detach().clone(), grad_output.clone()
        self._of = functools.cache(self._compute)

    def judge(self, candidate: Candidate, results: tuple[Tensor, ...], units: int) -> None:
        """Hold a step's results, y or (y, dx), to the reference.

        Args:
            candidate: whose they are.
            results: what the very callable gave that is timed.
            units: elements that activations were applied to.

        Raises:
            NotMeasured: they are wrong.
        """
        exact, floors = self._of(candidate.activation)
        for what, got, reference, floor in zip(("output", "input gradient"), results, exact, floors):  # noqa: B905  # y only, or both
            if got.shape != reference.shape or got.dtype != self._x.dtype:
                raise NotMeasured(
                    f"the {what} has shape {tuple(got.shape)} and dtype {got.dtype}; "
                    f"the block gives {tuple(reference.shape)} and {self._x.dtype}"
                )
            if bad := int((~torch.isfinite(got)).sum()):
                raise NotMeasured(f"{bad} of {got.numel()} elements of the {what} are NaN or infinite")
            found, permitted = distance(got, reference), self._permitted(candidate, what, floor, units)
            if found > permitted:
                raise NotMeasured(
                    f"wrong {what}: {found:.3g} from the reference, relative to it in the Euclidean norm; "
                    f"{permitted:.3g} permitted, {floor:.3g} with an exact activation"
                )

    def _permitted(self, candidate: Candidate, what: str, floor: float, units: int) -> float:
        kinked = what == "input gradient" and candidate.activation.function in KINKED
        kink = math.sqrt(2 * ASTRAY / units) if kinked else 0.0
        return floor * max(2 * _bound(candidate, self._setting.dtype, what), SLACK) + kink

    def _compute(self, activation: Activation) -> tuple[tuple[Tensor, ...], tuple[float, ...]]:
        make = functools.partial(Exact, activation)
        exact = self._results(block_of(self._setting, make).double(), torch.float64)
        rounded = self._results(block_of(self._setting, make), self._x.dtype)
        least = torch.finfo(self._x.dtype).eps / 2
        floors = (max(distance(r, e), least) for r, e in zip(rounded, exact, strict=True))
        return exact, tuple(floors)

    def _results(self, block: nn.Module, dtype: torch.dtype) -> tuple[Tensor, ...]:
        x = self._x.to(dtype).requires_grad_(self._setting.training)
        with torch.set_grad_enabled(self._setting.training):
            y = block(x)
        if not self._setting.training:
            return (y,)
        (dx,) = torch.autograd.grad(y, x, self._grad_output.to(dtype))
        return y.detach(), dx


def distance(got: Tensor, reference: Tensor) -> float:
    """``|got − reference| / |reference|``, Euclidean norms over all elements."""
    return float((got.double() - reference).norm() / reference.norm())


def _bound(candidate: Candidate, dtype: str, what: str) -> float:
    """Ulp that the activation may be off: in y by its value, in dx by both."""
    spec = candidate.activation.spec
    if spec is None:
        return PEER_TOLERANCE
    implementation = gem_impls.get(candidate.named or TRACED)
    parts = ("value",) if what == "output" else ("value", "gradient")
    return max(bound(implementation, spec, dtype, part) for part in parts)
