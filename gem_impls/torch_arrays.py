"""What the torch implementations share: tensors in and out of NumPy, checks, and dense memory.

An elementwise function need not know a tensor's shape, only its memory: :func:`elementwise` hands a kernel
flat, dense views in one common order, and makes a staging copy only for inputs that have no such view
(strided, expanded) or another order.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

import numpy as np
import torch
from torch import Tensor

from gem_impls.carried import ARITHMETIC, Carried, carry_once, squarings
from gem_impls.errors import unknown_name
from gem_impls.interface import EVERYWHERE, Implementation, Op
from gem_impls.oracle import FORMATS
from gem_impls.spec import Spec

F = TypeVar("F", bound=Callable[..., Any])

DTYPES: dict[torch.dtype, str] = {getattr(torch, name): name for name in FORMATS}
"""torch dtype -> the project's name of it."""


class TorchImplementation(Implementation):
    """An implementation on torch tensors; what remains is to say where it runs and to build."""

    dtypes: ClassVar[tuple[str, ...]] = tuple(FORMATS)
    arrays: ClassVar[str] = "torch"
    saves_only_input: ClassVar[bool] = True
    composite: ClassVar[bool] = False
    """Whether it is torch operations throughout, and builds a :class:`DifferentiableOp` of them: whatever
    torch can do with those (tracing, transforms, subclasses, meta tensors), it can then do as it is."""
    traceable: ClassVar[bool] = False
    """Whether torch.compile may trace through the ``forward`` and ``backward`` of its operations, which are
    torch operations while ``torch.compiler.is_compiling()``; otherwise it sees one operator."""

    def no_such_device(self, device: str) -> str | None:
        """Why torch has no such device here, or this implementation does not serve it; else None."""
        if device not in self.devices:
            return f"{self.name} serves {' and '.join(self.devices)}; got device {device!r}"
        if device == "cuda" and not torch.cuda.is_available():
            return "torch sees no CUDA device here: a GPU, its driver and a CUDA build of torch are needed"
        return None

    def from_numpy(self, a: Any, dtype: str, device: str = "cpu") -> Tensor:
        if dtype not in self.dtypes:
            raise ValueError(unknown_name(f"dtype for {self.name}", dtype, self.dtypes))
        if (why := self.no_such_device(device)) is not None:
            raise ValueError(f"device {device!r} cannot be had: {why}")
        a = np.asarray(a)
        target = getattr(torch, dtype)
        if dtype == "bfloat16":
            # float64 -> float32 -> bfloat16 would round twice: round to odd on the way.
            return torch.from_numpy(_to_float32_odd(a)).to(device=device, dtype=target)
        with np.errstate(all="ignore"):
            return torch.from_numpy(np.array(a, dtype=dtype)).to(device)

    def to_numpy(self, t: Tensor) -> Any:
        t = t.detach()
        return (t.float() if t.dtype in (torch.float16, torch.bfloat16) else t.clone()).cpu().numpy()

    def domain(self, spec: Spec, dtype: str, what: str) -> tuple[float, float]:
        return EVERYWHERE

    def synchronize(self, device: str) -> None:
        if device == "cuda":
            torch.cuda.synchronize()


class DifferentiableOp(Op):
    """An operation that brings its own autograd, not the one of :mod:`gem_impls.torch_derivatives`.

    Unless its implementation is ``composite``, it is asked for :func:`plain` tensors in eager mode only; they
    may have tangents (forward mode).
    """

    @abstractmethod
    def differentiable(self, x: Tensor) -> Tensor | None:
        """``f(x)``, part of the autograd graph where ``x`` is; None to leave ``x`` to those rules."""


def _to_float32_odd(a: Any) -> Any:
    """``a`` in float32, rounded to odd where inexact, so that a later rounding to 16 bits is the only one."""
    a = np.asarray(a, order="C")
    with np.errstate(all="ignore"):
        nearest = a.astype(np.float32)
        back = nearest.astype(a.dtype)
        inexact = np.isfinite(a) & (back != a)
        toward_zero = np.where(np.abs(back) > np.abs(a), np.nextafter(nearest, np.float32(0)), nearest)
    bits = toward_zero.astype(np.float32).view(np.uint32)
    return np.where(inexact, bits | 1, bits).astype(np.uint32).view(np.float32).reshape(a.shape)


def carried(spec: Spec, dtype: torch.dtype, lift: int = 0) -> Carried:
    """:func:`gem_impls.carried.carry` for tensors of ``dtype``, errors included."""
    return carry_once(spec, DTYPES[dtype], lift)


LIFT: dict[str, int] = {"float32": 40, "float64": 100}
"""Arithmetic -> the binades by which :func:`lifted` lifts."""
MAX_LIFTED_N = 8
"""Beyond this n the lift would leave too little room above; the smallest gradients are then less exact."""


def lifted(spec: Spec, dtype: str) -> Carried:
    """The constants of ``spec`` for plain arithmetic.

    At no cost, the powers of x behind the smallest gates keep all their bits.
    """
    c = carry_once(spec, dtype)
    return c.lifted(LIFT[ARITHMETIC[dtype]]) if spec.n <= MAX_LIFTED_N else c


# --- for code that Dynamo traces --------------------------------------------------------------------------
#
# Dynamo may take numbers it finds in objects for variables (dynamic=True), and would compile a kernel that
# computes with them in float64. Strings stay constants, so a Spec is named by its key and looked up outside.


def constant_when_traced(function: F) -> F:
    """What ``torch.compiler.assume_constant_result`` does, but for its import of the compiler: seconds."""
    function._dynamo_marked_constant = True  # type: ignore[attr-defined]
    return function


@constant_when_traced
def traced_carried(key: str, dtype: str) -> tuple[tuple[bool, ...], tuple[float, ...]]:
    """For the Spec of that key: :func:`~gem_impls.carried.squarings`, and the numbers of :func:`lifted`."""
    c = lifted(Spec.from_key(key), dtype)
    return squarings(c.n), c.numbers


@constant_when_traced
def traced_parameters(key: str) -> tuple[int, float, float]:
    """``n``, ``eps`` and ``negative_slope`` of the Spec of that key."""
    return Spec.from_key(key).parameters


# --- checks -------------------------------------------------------------------------------------------


def check_forward(impl: Implementation, spec: Spec, x: Any, out: Any) -> None:
    """Raise TypeError or ValueError unless ``impl`` can compute ``spec`` at ``x`` into ``out``."""
    _check_tensor(impl, "x", x)
    if not torch.compiler.is_compiling():
        carried(spec, x.dtype)
    if out is not None:
        _check_tensor(impl, "out", out)
        _check_like("out", out, x)
        if any(stride == 0 and size > 1 for stride, size in zip(out.stride(), out.shape, strict=True)):
            raise ValueError("out must not be an expanded tensor: several elements share one memory location")


def check_backward(impl: Implementation, spec: Spec, grad_output: Any, x: Any, out: Any) -> None:
    """As :func:`check_forward`, ``grad_output`` included."""
    check_forward(impl, spec, x, out)
    _check_tensor(impl, "grad_output", grad_output)
    _check_like("grad_output", grad_output, x)


def _check_tensor(impl: Implementation, name: str, t: Any) -> None:
    if not isinstance(t, Tensor):
        raise TypeError(f"{name} must be a torch tensor for {impl.name}; got {type(t).__name__}")
    # Dynamo has no layout to ask for in a backward; what it traces has been asked on the way forward.
    if not torch.compiler.is_compiling() and t.layout != torch.strided:
        raise TypeError(f"{name} must be a strided tensor; got layout {t.layout}: try .to_dense()")
    if t.dtype not in DTYPES:
        raise TypeError(f"{name} must have one of the dtypes {', '.join(impl.dtypes)}; got {t.dtype}")


def _check_like(name: str, t: Tensor, x: Tensor) -> None:
    if t.shape != x.shape:
        raise ValueError(f"{name} must have the shape of x, {tuple(x.shape)}; got {tuple(t.shape)}")
    if t.dtype != x.dtype:
        raise ValueError(f"{name} must have the dtype of x, {x.dtype}; got {t.dtype}")
    if t.device != x.device:
        raise ValueError(f"{name} must be on the device of x, {x.device}; got {t.device}")


# --- plain memory ----------------------------------------------------------------------------------------


_PLAIN = frozenset({Tensor, torch.nn.Parameter})


def plain(x: Any) -> bool:
    """Whether ``x`` is just memory that a kernel can be handed, and nobody but the kernel wants to know.

    Not so for subclasses, fake and meta tensors, under transforms of torch.func, dispatch modes and
    torch.jit.trace. Not for torch.compile's tracing: ask ``torch.compiler.is_compiling()`` first.
    """
    return (
        type(x) in _PLAIN
        and not torch._C._are_functorch_transforms_active()
        and not torch._C._len_torch_dispatch_stack()
        and torch._C._get_tracing_state() is None
        and not x.is_meta
    )


# --- dense memory -------------------------------------------------------------------------------------


def elementwise(kernel: Callable[..., None], inputs: tuple[Tensor, ...], out: Tensor | None) -> Tensor:
    """Call ``kernel(*flat_inputs, flat_out)`` on dense 1-D views and return the result.

    The result is ``out``, or a new tensor in the memory layout of the last input (dense, as
    ``torch.empty_like`` has it). ``kernel`` may be handed the same memory as an input and as the output,
    but never memory that overlaps in part. It is not called for empty tensors.
    """
    inputs = tuple(t.detach() if t.requires_grad else t for t in inputs)
    if any(t.is_neg() for t in inputs):  # the imaginary part of a conjugate: memory of the other sign
        inputs = tuple(t.resolve_neg() for t in inputs)
    like = inputs[-1]
    dense = torch.empty_like(like) if out is None or _needs_staging(out, inputs) else out
    if dense.numel():
        flat_out = _flat(dense)
        assert flat_out is not None, "empty_like is dense"
        kernel(*_flat_inputs(inputs, dense, flat_out), flat_out)
    if out is None or out is dense:
        return dense
    return out.copy_(dense)


def _flat(t: Tensor) -> Tensor | None:
    """All of ``t`` as a 1-D view in memory order, or None where there are gaps or repeats."""
    if t.is_contiguous():
        return t if t.dim() == 1 else t.view(-1)
    order = sorted(range(t.dim()), key=lambda d: (t.stride()[d], t.shape[d]), reverse=True)
    t = t.permute(order)
    return t.view(-1) if t.is_contiguous() else None


def _flat_inputs(inputs: tuple[Tensor, ...], dense: Tensor, flat_out: Tensor) -> list[Tensor]:
    contiguous = dense.is_contiguous()
    if contiguous and all(t.is_contiguous() for t in inputs):
        return [t if t.dim() == 1 else t.view(-1) for t in inputs]
    flat: list[Tensor] = []
    out_is_free = not any(t.data_ptr() == dense.data_ptr() for t in inputs)
    for t in inputs:
        same_order = t.stride() == dense.stride() or (contiguous and t.is_contiguous())
        view = _flat(t) if same_order else None
        if view is None:
            # The output's own memory serves as the first staging buffer.
            staged = dense if out_is_free else torch.empty_like(dense)
            out_is_free = False
            staged.copy_(t)
            view = flat_out if staged is dense else _flat(staged)
            assert view is not None
        flat.append(view)
    return flat


def _needs_staging(out: Tensor, inputs: tuple[Tensor, ...]) -> bool:
    """Whether ``out`` cannot be written to directly: it has gaps, or overlaps an input in part."""
    if _flat(out) is None or out.is_neg():
        return True
    storage = out.untyped_storage().data_ptr()
    return any(
        t.untyped_storage().data_ptr() == storage
        and (t.data_ptr() != out.data_ptr() or t.stride() != out.stride())
        for t in inputs
    )
