"""What people use today: activations of ``torch.nn.functional``, run by the same measuring code.

A peer is one row of :data:`PEERS`: how torch computes it each way, and its exact value and derivative in
mpmath, which is independent of torch. Calls go to torch's functions directly, with no method of ours in
between, so that a peer pays for itself only. torch exposes the backward kernels as ``torch.ops.aten``
operators, whose Python dispatch costs about a microsecond that autograd does not pay: seen in *backward*
cases below some 2^14 elements, and nowhere else.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from gem_impls.interface import EVERYWHERE, Array, Implementation, Op
from gem_impls.oracle import FORMATS

Function = Callable[..., Any]


@dataclass(frozen=True)
class Peer:
    """One activation of torch. The fields named with torch in them are resolved when it is first used.

    Attributes:
        forward: x -> y, from ``torch.nn.functional``.
        forward_out: (x, out=) -> out, the same kernel writing to given memory.
        backward: (grad_output, x) -> dx.
        backward_out: (grad_output, x, grad_input=) -> dx in given memory; None where torch has none.
        value: the exact f(x), from mpmath and an mpf.
        gradient: the exact f'(x), likewise.
    """

    forward: Callable[[Any], Function]
    forward_out: Callable[[Any], Function]
    backward: Callable[[Any], Function]
    backward_out: Callable[[Any], Function] | None
    value: Callable[[Any, Any], Any]
    gradient: Callable[[Any, Any], Any]


SOFTPLUS_THRESHOLD: Final = 20
"""Beyond it torch defines softplus as the identity."""


def _normal_cdf(mp: Any, x: Any) -> Any:
    return mp.erfc(-x / mp.sqrt(2)) / 2


def _normal_pdf(mp: Any, x: Any) -> Any:
    return mp.exp(-x * x / 2) / mp.sqrt(2 * mp.pi)


def _logistic(mp: Any, x: Any) -> Any:
    return 1 / (1 + mp.exp(-x))


def _gelu_tanh(mp: Any, x: Any) -> Any:
    return x * _logistic(mp, 2 * _tanh_argument(mp, x))


def _gelu_tanh_gradient(mp: Any, x: Any) -> Any:
    # (1 + tanh t) / 2 is the logistic function of 2t: no cancellation for t -> -inf.
    s = _logistic(mp, 2 * _tanh_argument(mp, x))
    slope = mp.sqrt(2 / mp.pi) * (1 + 3 * mp.mpf("0.044715") * x * x)
    return s + 2 * x * s * _logistic(mp, -2 * _tanh_argument(mp, x)) * slope


def _tanh_argument(mp: Any, x: Any) -> Any:
    return mp.sqrt(2 / mp.pi) * (x + mp.mpf("0.044715") * x**3)


def _mish_gradient(mp: Any, x: Any) -> Any:
    t = mp.tanh(mp.log1p(mp.exp(x)))
    return t + x * (1 - t * t) * _logistic(mp, x)


PEERS: Final[dict[str, Peer]] = {
    "relu": Peer(
        forward=lambda torch: torch.nn.functional.relu,
        # torch's relu is clamp_min(x, 0); relu.out would compute a fresh result and then copy it.
        forward_out=lambda torch: functools.partial(torch.clamp_min, min=0),
        backward=lambda torch: lambda g, x: torch.ops.aten.threshold_backward.default(g, x, 0),
        backward_out=lambda torch: (
            lambda g, x, grad_input: torch.ops.aten.threshold_backward.grad_input(
                g, x, 0, grad_input=grad_input
            )
        ),
        value=lambda _, x: x if x > 0 else 0 * x,
        gradient=lambda mp, x: mp.mpf(1 if x > 0 else 0),
    ),
    "leaky_relu": Peer(
        forward=lambda torch: torch.nn.functional.leaky_relu,
        forward_out=lambda torch: torch._C._nn.leaky_relu,
        backward=lambda torch: lambda g, x: torch.ops.aten.leaky_relu_backward.default(g, x, 0.01, False),
        backward_out=lambda torch: (
            lambda g, x, grad_input: torch.ops.aten.leaky_relu_backward.grad_input(
                g, x, 0.01, False, grad_input=grad_input
            )
        ),
        value=lambda _, x: x if x > 0 else x * 0.01,
        gradient=lambda mp, x: mp.mpf(1 if x > 0 else 0.01),
    ),
    "gelu": Peer(
        forward=lambda torch: torch.nn.functional.gelu,
        forward_out=lambda torch: torch._C._nn.gelu,
        backward=lambda torch: torch.ops.aten.gelu_backward.default,
        backward_out=lambda torch: torch.ops.aten.gelu_backward.grad_input,
        value=lambda mp, x: x * _normal_cdf(mp, x),
        gradient=lambda mp, x: _normal_cdf(mp, x) + x * _normal_pdf(mp, x),
    ),
    "gelu_tanh": Peer(
        forward=lambda torch: functools.partial(torch.nn.functional.gelu, approximate="tanh"),
        forward_out=lambda torch: functools.partial(torch._C._nn.gelu, approximate="tanh"),
        backward=lambda torch: functools.partial(torch.ops.aten.gelu_backward.default, approximate="tanh"),
        backward_out=lambda torch: functools.partial(
            torch.ops.aten.gelu_backward.grad_input, approximate="tanh"
        ),
        value=_gelu_tanh,
        gradient=_gelu_tanh_gradient,
    ),
    "silu": Peer(
        forward=lambda torch: torch.nn.functional.silu,
        forward_out=lambda torch: torch._C._nn.silu,
        backward=lambda torch: torch.ops.aten.silu_backward.default,
        backward_out=lambda torch: torch.ops.aten.silu_backward.grad_input,
        value=lambda mp, x: x * _logistic(mp, x),
        gradient=lambda mp, x: _logistic(mp, x) * (1 + x * _logistic(mp, -x)),
    ),
    "mish": Peer(
        forward=lambda torch: torch.nn.functional.mish,
        forward_out=lambda torch: torch._C._nn.mish,
        backward=lambda torch: torch.ops.aten.mish_backward.default,
        backward_out=None,
        value=lambda mp, x: x * mp.tanh(mp.log1p(mp.exp(x))),
        gradient=_mish_gradient,
    ),
    "softplus": Peer(
        forward=lambda torch: torch.nn.functional.softplus,
        forward_out=lambda torch: torch._C._nn.softplus,
        backward=lambda torch: (
            lambda g, x: torch.ops.aten.softplus_backward.default(g, x, 1, SOFTPLUS_THRESHOLD)
        ),
        backward_out=lambda torch: (
            lambda g, x, grad_input: torch.ops.aten.softplus_backward.grad_input(
                g, x, 1, SOFTPLUS_THRESHOLD, grad_input=grad_input
            )
        ),
        value=lambda mp, x: x if x > SOFTPLUS_THRESHOLD else mp.log1p(mp.exp(x)),
        gradient=lambda mp, x: mp.mpf(1) if x > SOFTPLUS_THRESHOLD else _logistic(mp, x),
    ),
}
"""Name -> row. Adding a peer costs one row."""


class PeerOp(Op):
    """One peer, ready: torch's own functions as attributes, and the package's interface over them."""

    def __init__(self, name: str) -> None:
        import torch

        row = PEERS[name]
        self.name = name
        self.plain_forward = row.forward(torch)
        self.forward_into = row.forward_out(torch)
        self.plain_backward = row.backward(torch)
        self.backward_into = row.backward_out(torch) if row.backward_out else None

    def forward(self, x: Array, out: Array | None = None) -> Array:
        return self.plain_forward(x) if out is None else self.forward_into(x, out=out)

    def backward(self, grad_output: Array, x: Array, out: Array | None = None) -> Array:
        if out is None:
            return self.plain_backward(grad_output, x)
        if self.backward_into is None:
            return out.copy_(self.plain_backward(grad_output, x))
        return self.backward_into(grad_output, x, grad_input=out)


class Torch(Implementation):
    """torch's own activations. ``build`` takes the name of a peer where the family's takes a Spec."""

    name: ClassVar[str] = "torch"
    summary: ClassVar[str] = "torch.nn.functional"
    dtypes: ClassVar[tuple[str, ...]] = tuple(FORMATS)
    devices: ClassVar[tuple[str, ...]] = ("cpu", "cuda")
    arrays: ClassVar[str] = "torch"
    saves_only_input: ClassVar[bool] = True

    def unavailable(self, device: str = "cpu") -> str | None:
        try:
            import torch
        except ImportError as error:
            return f"torch could not be imported: {error}; install gem-impls[torch]"
        if device == "cuda" and not torch.cuda.is_available():
            return "torch sees no CUDA device here: a GPU, its driver and a CUDA build of torch are needed"
        return None

    def build(self, name: Any) -> PeerOp:
        return _build(name)

    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Array:
        import torch

        return torch.from_numpy(a.copy()).to(dtype=getattr(torch, dtype)).to(device)

    def to_numpy(self, t: Array) -> Any:
        t = t.detach().cpu()
        return (t.float() if t.element_size() == 2 else t.clone()).numpy()

    def domain(self, spec: Any, dtype: str, what: str) -> tuple[float, float]:
        return EVERYWHERE

    def synchronize(self, device: str) -> None:
        if device == "cuda":
            import torch

            torch.cuda.synchronize()


@functools.cache
def _build(name: str) -> PeerOp:
    return PeerOp(name)


TORCH: Final = Torch()
"""The peers' implementation."""
