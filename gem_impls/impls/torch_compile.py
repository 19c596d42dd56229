"""torch.compile: the clamped gate, written once in torch, fused by Inductor into one kernel each way.

A kernel is compiled once for each (n, dtype, direction) and serves every size, eps and negative_slope:
sizes are dynamic over flat views, the constants arrive in a small tensor, and the result goes to an output
allocated outside, so that ``out=`` is no case of its own. Inside somebody else's ``torch.compile`` the same
formulas are inlined instead, with the constants as literals, and fuse with their neighbours.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gem_impls.carried import ARITHMETIC, Carried, squarings
from gem_impls.spec import Spec, check_spec
from gem_impls.torch_arrays import (
    DTYPES,
    TorchImplementation,
    lifted,
    traced_carried,
)
from gem_impls.torch_compiler import no_compiler
from gem_impls.torch_kernels import Kernel, KernelOp
from gem_impls.torch_unguarded import LOCK, Unguarded

Steps = tuple[bool, ...]
"""What :func:`gem_impls.carried.squarings` makes of n."""
Constants = Sequence[Any]
""":attr:`gem_impls.carried.Carried.numbers`: 0-d tensors, or floats where they are inlined."""


def value(x: Tensor, steps: Steps, constants: Constants) -> Tensor:
    """``f(x)`` in the arithmetic of ``x``'s dtype; see :mod:`gem_impls.carried`."""
    scale, eps, clamp, negative_slope, floor, _ = constants
    p = _gate_power(x, steps, scale, clamp)
    g: Tensor = p / (p + eps)
    sided: Tensor = torch.where(x > 0, x, negative_slope * x.clamp(min=floor))
    return sided * g


def gradient(grad_output: Tensor, x: Tensor, steps: Steps, constants: Constants) -> Tensor:
    """``grad_output * f'(x)`` in the arithmetic of ``x``'s dtype."""
    scale, eps, clamp, negative_slope, _, order = constants
    p = _gate_power(x, steps, scale, clamp)
    denominator = p + eps
    g, h = p / denominator, eps / denominator
    derivative: Tensor = g * (1 + order * h)
    return grad_output * torch.where(x > 0, derivative, negative_slope * derivative)


def _gate_power(x: Tensor, steps: Steps, scale: Any, clamp: Any) -> Tensor:
    """``(min(|x|, clamp) * scale)^(2n)``."""
    t: Tensor = x.abs().clamp(max=clamp) * scale
    square = t * t
    p = square
    for once_more in steps:
        p = p * p
        if once_more:
            p = p * square
    return p


class TorchCompileOp(KernelOp):
    """One function of the family; kernels are compiled at the first call that needs them."""

    def kernel(self, direction: str, like: Tensor) -> Kernel:
        return _kernel(direction, self.spec, like.dtype, like.device)

    def traced(self, direction: str, inputs: tuple[Tensor, ...]) -> Tensor:
        x = inputs[-1]
        steps, numbers = traced_carried(self.spec.key, DTYPES[x.dtype])
        formula = FORMULAS[direction]
        return formula(*(_widen(t) for t in inputs), steps, numbers).to(x.dtype)


class TorchCompile(TorchImplementation):
    """The clamped gate through Inductor."""

    name = "torch_compile"
    summary = "the clamped gate through torch.compile: one generated kernel each way"
    devices = ("cpu", "cuda")
    traceable = True

    def unavailable(self, device: str = "cpu") -> str | None:
        return self.no_such_device(device) or no_compiler(device)

    def build(self, spec: Spec) -> TorchCompileOp:
        return TorchCompileOp(check_spec(spec), self)


IMPLEMENTATION = TorchCompile()


def _widen(x: Tensor) -> Tensor:
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x


FORMULAS: dict[str, Callable[..., Tensor]] = {"forward": value, "backward": gradient}
"""Direction -> what it computes from its tensors."""

# --- kernels ------------------------------------------------------------------------------------------

SERIAL_BELOW = 2**15
"""Elements on a CPU below which one thread is quicker than waking the others: ATen's own grain."""
EXAMPLE = {False: 2**12, True: 2**20}
"""Whether many -> the length that kernels for few or many elements are compiled with."""


def _kernel(direction: str, spec: Spec, dtype: torch.dtype, device: torch.device) -> Kernel:
    """The kernel for ``direction``, with the constants of ``spec`` on ``device``."""
    constants = _on_device(lifted(spec, DTYPES[dtype]), ARITHMETIC[DTYPES[dtype]], device)
    n, on_cpu = spec.n, device.type == "cpu"
    apart = "abc" if direction == "backward" else "ab"

    def run(*arrays: Tensor) -> None:
        numel = arrays[-1].shape[0]
        pointers = [t.data_ptr() for t in arrays]
        in_place = pointers[-1] in pointers[:-1]
        memory = "".join(apart[pointers.index(p)] for p in pointers) if in_place else apart
        # The machine code has the number of threads in it.
        threads = 1 if on_cpu and numel < SERIAL_BELOW else torch.get_num_threads() if on_cpu else 0
        compiled = _compiled(direction, n, dtype, device, memory, threads)
        if in_place:
            arrays = tuple(t for t, name, own in zip(arrays, memory, apart, strict=True) if name == own)
        compiled(*arrays, constants, numel)

    return run


@functools.cache
def _compiled(
    direction: str, n: int, dtype: torch.dtype, device: torch.device, memory: str, threads: int
) -> Unguarded:
    """The kernel for one pattern of aliasing: ``memory`` has a letter for each array, the output last.

    Arrays of one letter are one argument: ``"aba"`` is a backward whose output is ``grad_output``. Told so,
    the compiler works in place and needs no memory of its own. (Letters, since Dynamo takes numbers that it
    finds for variables.)
    """
    steps = squarings(n)
    formula = FORMULAS[direction]
    letters = "".join(sorted(set(memory)))

    def body(*arguments: Tensor) -> None:
        *arrays, constants = arguments
        named = dict(zip(letters, arrays, strict=True))
        *inputs, out = (named[letter] for letter in memory)
        out.copy_(formula(*(_widen(t) for t in inputs), steps, constants.unbind()))

    arithmetic = getattr(torch, ARITHMETIC[DTYPES[dtype]])
    options = {"cpp.threads": threads} if threads else {}
    # The state that Dynamo would take for part of the case is the usual one, whatever it is around the call.
    with (
        LOCK,
        torch.inference_mode(False),
        torch.no_grad(),
        torch.autocast(device.type, enabled=False),
    ):
        examples = tuple(torch.zeros(EXAMPLE[threads != 1], dtype=dtype, device=device) for _ in letters)
        return Unguarded(body, examples, torch.ones(6, dtype=arithmetic, device=device), options)


@functools.lru_cache(maxsize=256)
def _on_device(c: Carried, arithmetic: str, device: torch.device) -> Tensor:
    return torch.tensor(c.numbers, dtype=getattr(torch, arithmetic), device=device)
