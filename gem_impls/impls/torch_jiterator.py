"""torch.cuda.jiterator: the clamped gate in CUDA C++, compiled by torch's own runtime compiler.

The kernel goes through torch's TensorIterator, as ATen's elementwise operators do: launched from C++, any
strides without a staging copy, any number of elements, and torch's own vectorised loads. What it cannot do
is write to memory that it is given: with ``out=`` the result is computed and then copied.

16-bit types are computed in float32 and rounded once: torch instantiates the source with the wider type. All
constants are literals in the source, rounded to that type, so float64 appears in no float32 kernel (numbers
handed over as keyword arguments would arrive as float64). A function compiles once a Spec, dtype and
direction; torch keeps the machine code on disk.

The source is plain C++ but for ``fabs``, which both worlds have: a test compiles it for the CPU and holds it
to the oracle.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, Final

import torch
from torch import Tensor

from gem_impls.carried import ARITHMETIC, Carried, carry_once, squarings
from gem_impls.oracle import round_to
from gem_impls.spec import Spec, check_spec
from gem_impls.torch_arrays import DTYPES, TorchImplementation, plain
from gem_impls.torch_kernels import TorchOp

# --- the source -----------------------------------------------------------------------------------------
#
# Comparisons are all written with "<": torch finds the function's name by a pattern in which ">" ends the
# template's parameters. Each is also the way round that lets a NaN through.

VALUE: Final = """
template <typename T>
T gem_value(T x) {{
  T a = fabs(x);
  T t = ({clamp} < a ? {clamp} : a) * {scale};
  T s = t * t;
  T p = s;
  {power}
  return (x < T(0) ? {below} : x) * (p / (p + {eps}));
}}
"""

GRADIENT: Final = """
template <typename T>
T gem_gradient(T x, T grad_output) {{
  T a = fabs(x);
  T t = ({clamp} < a ? {clamp} : a) * {scale};
  T s = t * t;
  T p = s;
  {power}
  T r = T(1) / (p + {eps});
  T d = ((p * {lift}) * r) * (T(1) + {order} * ({eps} * r));
  return grad_output * ((T(0) < x ? d : {negative_slope} * d) * {unlift});
}}
"""

LIFT: Final = {"float32": 40, "float64": 100}
"""dtypes whose gradients are computed with a gate larger by so many binades, because there it would become
subnormal while the result is still normal. 16-bit results end long before."""

MAX_LIFTED_N: Final = 8
"""Beyond this n the lift would leave too little room above."""


def value_source(spec: Spec, dtype: str) -> str:
    """CUDA C++ of ``f(x)`` for tensors of ``dtype``; the template's type is that of the arithmetic.

    Raises:
        ValueError: the arithmetic of ``dtype`` cannot carry ``spec``.
    """
    c = carry_once(spec, dtype)
    literals = _literals(c, dtype)
    below = f"{literals['negative_slope']} * x" if c.negative_slope else "T(0)"
    return VALUE.format(**literals, below=below, power=_power(c.n))


def gradient_source(spec: Spec, dtype: str) -> str:
    """CUDA C++ of ``grad_output * f'(x)``. Raises as :func:`value_source` does."""
    lift = LIFT.get(dtype, 0) if spec.n <= MAX_LIFTED_N else 0
    c = carry_once(spec, dtype, lift)
    lifting = {"lift": f"T({2.0**lift!r})", "unlift": f"T({2.0**-lift!r})"}
    return GRADIENT.format(**_literals(c, dtype), **lifting, power=_power(c.n))


def _literals(c: Carried, dtype: str) -> dict[str, str]:
    """Every number of the arithmetic as C++ has it: rounded here, so that the cast to T is exact."""
    numbers = {
        "scale": c.scale,
        "eps": c.eps,
        "clamp": c.clamp,
        "negative_slope": c.negative_slope,
        "order": 2.0 * c.n,
    }
    return {name: f"T({round_to(number, ARITHMETIC[dtype])!r})" for name, number in numbers.items()}


def _power(n: int) -> str:
    """Statements that raise p to the n-th power by repeated squaring."""
    return " ".join(f"p = p * p;{' p = p * s;' if once_more else ''}" for once_more in squarings(n))


# --- the implementation ---------------------------------------------------------------------------------


SOURCES: Final = {"forward": value_source, "backward": gradient_source}


class TorchJiteratorOp(TorchOp):
    """One function of the family; its kernels are compiled at the first call for a dtype."""

    def __init__(self, spec: Spec, impl: TorchImplementation) -> None:
        super().__init__(spec, impl)
        self._used: dict[tuple[str, torch.dtype], Kernel] = {}

    def compute(self, direction: str, inputs: tuple[Tensor, ...], out: Tensor | None) -> Tensor:
        *_, x = inputs
        if x.device.type != "cuda":
            raise ValueError(f"x must be on a CUDA device for {self._impl.name}; it is on {x.device}")
        kernel = _kernel(direction, self.spec, DTYPES[x.dtype])
        # The result takes the memory layout of the first argument: that of x, as the interface asks.
        result = kernel(*(t.resolve_neg() for t in reversed(inputs)))
        self._used[direction, x.dtype] = kernel
        return result if out is None else out.copy_(result)

    # The short way, where an earlier call has settled what there is to check: any layout will do.

    def forward(self, x: Any, out: Any = None) -> Any:
        if out is None and not torch.compiler.is_compiling() and plain(x) and _ordinary(x):
            kernel = self._used.get(("forward", x.dtype))
            if kernel is not None:
                return kernel(x)
        return super().forward(x, out)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        if out is None and not torch.compiler.is_compiling() and plain(x) and plain(grad_output):
            kernel = self._used.get(("backward", x.dtype))
            # The kernel itself would broadcast, and convert to a common type.
            if kernel is not None and _ordinary(x) and _ordinary(grad_output) and _alike(grad_output, x):
                return kernel(x, grad_output)
        return super().backward(grad_output, x, out)


Kernel = Callable[..., Tensor]


@functools.lru_cache(maxsize=1024)
def _kernel(direction: str, spec: Spec, dtype: str) -> Kernel:
    # torch compares the source at every launch: the shorter, the quicker.
    text = " ".join(SOURCES[direction](spec, dtype).split())
    made: Kernel = torch.cuda.jiterator._create_jit_fn(text)
    return made


def _ordinary(t: Tensor) -> bool:
    return t.is_cuda and t.layout == torch.strided and not t.is_neg()


def _alike(t: Tensor, x: Tensor) -> bool:
    return t.dtype == x.dtype and t.shape == x.shape and t.device == x.device


class TorchJiterator(TorchImplementation):
    """CUDA C++ through torch's runtime compiler."""

    name = "torch_jiterator"
    summary = "CUDA C++ through torch.cuda.jiterator: launched as ATen launches its own"
    devices = ("cuda",)

    def unavailable(self, device: str = "cpu") -> str | None:
        return self.no_such_device(device)

    def build(self, spec: Spec) -> TorchJiteratorOp:
        return TorchJiteratorOp(check_spec(spec), self)


IMPLEMENTATION = TorchJiterator()
