"""Operations of torch implementations that hand memory to a kernel: what is around the kernel, once.

:class:`TorchOp` checks, and sends what is not plain memory to the operators of
:mod:`gem_impls.torch_operators`. :class:`KernelOp` adds a short way for the usual case: dense memory, and a
kernel that has been used before. There, nothing is checked that an earlier call has settled.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gem_impls.interface import Op
from gem_impls.spec import Spec
from gem_impls.torch_arrays import TorchImplementation, check_backward, check_forward, elementwise, plain
from gem_impls.torch_operators import operators


class TorchOp(Op):
    """One function of the family on tensors of any kind; what remains is to compute it on plain ones."""

    def __init__(self, spec: Spec, impl: TorchImplementation) -> None:
        self.spec = spec
        self._impl = impl
        self._operators = operators(impl.name)

    @abstractmethod
    def compute(self, direction: str, inputs: tuple[Tensor, ...], out: Tensor | None) -> Tensor:
        """``"forward"`` of ``(x,)`` or ``"backward"`` of ``(grad_output, x)``, into ``out`` where given.

        All have been checked, are plain memory, and gradients are off.
        """

    def traced(self, direction: str, inputs: tuple[Tensor, ...]) -> Tensor:
        """The same in torch operations, for a ``traceable`` implementation while torch.compile traces."""
        raise NotImplementedError(f"{self._impl.name} is not traceable")

    def forward(self, x: Any, out: Any = None) -> Any:
        check_forward(self._impl, self.spec, x, out)
        return self._checked("forward", (x,), out)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        check_backward(self._impl, self.spec, grad_output, x, out)
        return self._checked("backward", (grad_output, x), out)

    def _checked(self, direction: str, inputs: tuple[Tensor, ...], out: Tensor | None) -> Tensor:
        compiling = torch.compiler.is_compiling()
        if compiling and self._impl.traceable:
            result = self.traced(direction, inputs)
            return result if out is None else out.copy_(result)
        with torch.no_grad():
            if not compiling and all(plain(t) for t in inputs) and (out is None or plain(out)):
                return self.compute(direction, inputs, out)
            operator = self._operators.forward if direction == "forward" else self._operators.backward
            result = operator(*inputs, self.spec.key)
            return result if out is None else out.copy_(result)


Kernel = Callable[..., None]
"""``kernel(*inputs, out)`` on dense memory of one length, dtype and device, flat; ``out`` may be an input."""


class KernelOp(TorchOp):
    """One kernel each way over flat, dense memory."""

    def __init__(self, spec: Spec, impl: TorchImplementation) -> None:
        super().__init__(spec, impl)
        self._forwards: dict[tuple[torch.dtype, torch.device], Kernel] = {}
        self._backwards: dict[tuple[torch.dtype, torch.device], Kernel] = {}

    @abstractmethod
    def kernel(self, direction: str, like: Tensor) -> Kernel:
        """The kernel for ``direction`` and tensors of the dtype and device of ``like``."""

    def compute(self, direction: str, inputs: tuple[Tensor, ...], out: Tensor | None) -> Tensor:
        x = inputs[-1]
        kernel = self.kernel(direction, x)
        result = elementwise(kernel, inputs, out)
        kept = self._forwards if direction == "forward" else self._backwards
        kept[x.dtype, x.device] = kernel
        return result

    def forward(self, x: Any, out: Any = None) -> Any:
        if not torch.compiler.is_compiling() and plain(x) and _dense(x):
            kernel = self._forwards.get((x.dtype, x.device))
            if kernel is not None:
                if out is None:
                    out = torch.empty_like(x)
                    kernel(_line(x), _line(out))
                    return out
                if _like(out, x):
                    kernel(_line(x), _line(out))
                    return out
        return super().forward(x, out)

    def backward(self, grad_output: Any, x: Any, out: Any = None) -> Any:
        if not torch.compiler.is_compiling() and plain(x) and _dense(x) and _like(grad_output, x):
            kernel = self._backwards.get((x.dtype, x.device))
            if kernel is not None:
                if out is None:
                    out = torch.empty_like(x)
                    kernel(_line(grad_output), _line(x), _line(out))
                    return out
                if _like(out, x) and (out is grad_output or _apart(out, grad_output)):
                    kernel(_line(grad_output), _line(x), _line(out))
                    return out
        return super().backward(grad_output, x, out)


def _dense(t: Tensor) -> bool:
    """Whether ``t`` is contiguous memory with something in it, of which autograd is not to know."""
    return (
        t.layout == torch.strided
        and t.is_contiguous()
        and t.numel() != 0
        and not t.is_neg()
        and not (t.requires_grad and torch.is_grad_enabled())
    )


def _like(t: Any, x: Tensor) -> bool:
    """Whether ``t`` can be used beside ``x`` as it is: dense, of its shape, and ``x`` itself or elsewhere."""
    return t is x or (
        plain(t)
        and t.dtype == x.dtype
        and t.device == x.device
        and t.shape == x.shape
        and _dense(t)
        and _apart(t, x)
    )


def _apart(a: Tensor, b: Tensor) -> bool:
    return a.untyped_storage().data_ptr() != b.untyped_storage().data_ptr()


def _line(t: Tensor) -> Tensor:
    return t if t.dim() == 1 else t.view(-1)
