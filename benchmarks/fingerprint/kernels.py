"""The kernels of triton_fused, compiled for an architecture that need not be here.

Only in a process where triton compiles: with TRITON_INTERPRET set when it was imported it cannot.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from gem_impls import Spec

ARCHITECTURE: Final = 90
"""Compute capability 9.0: H100 and H200."""

POINTERS: Final = {"float16": "*fp16", "bfloat16": "*bf16", "float32": "*fp32", "float64": "*fp64"}

IMPLEMENTATION: Final = "triton_fused"

SPECS: Final = (Spec("gem", 1), Spec("gem", 2), Spec("gem", 3), Spec("se-gem", 1), Spec("se-gem", 3))
"""Every order that is measured, and the variant with most arithmetic. e-gem is gem with another constant."""


class CannotCompile(Exception):
    """There is no code to look at here, and why."""


@dataclass(frozen=True)
class Kernel:
    """One compiled kernel: what it computes, and its PTX."""

    direction: str
    spec: Spec
    dtype: str
    wide: bool
    elements_per_thread: int
    ptx: str

    def as_dict(self) -> dict[str, Any]:
        """The first part of a row of the table."""
        return {
            "implementation": IMPLEMENTATION,
            "direction": self.direction,
            "function": str(self.spec),
            "n": self.spec.n,
            "dtype": self.dtype,
            "wide": self.wide,
            "elements_per_thread": self.elements_per_thread,
        }


def compiled(architecture: int = ARCHITECTURE, specs: tuple[Spec, ...] = SPECS) -> Iterator[Kernel]:
    """Every kernel of ``specs`` in every dtype and direction; 64-bit offsets for the first spec alone.

    Raises:
        CannotCompile: triton is missing, interprets, or refuses a kernel.
    """
    triton_fused = _implementation()
    for direction, function in (
        ("forward", triton_fused.forward_kernel),
        ("backward", triton_fused.backward_kernel),
    ):
        for dtype in POINTERS:
            for spec in specs:
                for wide in (False, True) if spec == specs[0] else (False,):
                    yield Kernel(
                        direction,
                        spec,
                        dtype,
                        wide,
                        triton_fused.BLOCK // (32 * triton_fused.NUM_WARPS),
                        _ptx(triton_fused, function, spec, dtype, wide, architecture),
                    )


def _implementation() -> Any:
    try:
        from gem_impls.impls import triton_fused
    except ImportError as error:
        raise CannotCompile(f"triton_fused cannot be imported here: {error}") from error
    if triton_fused.INTERPRETED:
        raise CannotCompile("triton was imported with TRITON_INTERPRET=1 and compiles nothing: unset it")
    return triton_fused


def _ptx(triton_fused: Any, function: Any, spec: Spec, dtype: str, wide: bool, architecture: int) -> str:
    import torch
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    names = function.arg_names
    constants = triton_fused.constants(spec, getattr(torch, dtype)) | {
        "BLOCK": triton_fused.BLOCK,
        "WIDE": wide,
    }
    kinds = {"numel": "i64" if wide else "i32"}
    signature = {n: POINTERS[dtype] if n.endswith("pointer") else kinds.get(n, "constexpr") for n in names}
    runtime = [i for i, n in enumerate(names) if signature[n] != "constexpr"]
    source = ASTSource(
        fn=function,
        signature=signature,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        # What triton finds out at a launch: pointers and sizes that are multiples of 16.
        attrs={(i,): [["tt.divisibility", 16]] for i in runtime},
    )
    options = {"num_warps": triton_fused.NUM_WARPS, "enable_fp_fusion": False}
    try:
        found = triton.compile(source, target=GPUTarget("cuda", architecture, 32), options=options)
    except (triton.TritonError, RuntimeError) as error:
        what = f"{function.__name__} for {spec} in {dtype}"
        raise CannotCompile(f"triton cannot compile {what}: {type(error).__name__}: {error}") from error
    return str(found.asm["ptx"])
