"""Compiles the kernels of triton_fused for an H100 and prints, as JSON, what the machine code consists of.

No GPU is needed: Triton brings its own assembler. Run as a program, in a process where TRITON_INTERPRET is
not set, because triton decides at import whether it compiles or interprets.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from gem_impls import Spec
from gem_impls.impls import triton_fused

ARCHITECTURE = 90
POINTERS = {"float16": "*fp16", "bfloat16": "*bf16", "float32": "*fp32", "float64": "*fp64"}


def compile_kernel(kernel: Any, spec: Spec, dtype: str, wide: bool) -> Any:
    names = kernel.arg_names
    constants = triton_fused.constants(spec, getattr(torch, dtype)) | {
        "BLOCK": triton_fused.BLOCK,
        "WIDE": wide,
    }
    kinds = {"numel": "i64" if wide else "i32"}
    signature = {n: POINTERS[dtype] if n.endswith("pointer") else kinds.get(n, "constexpr") for n in names}
    runtime = [i for i, n in enumerate(names) if signature[n] != "constexpr"]
    source = ASTSource(
        fn=kernel,
        signature=signature,
        constexprs={(names.index(name),): value for name, value in constants.items()},
        attrs={(i,): [["tt.divisibility", 16]] for i in runtime},
    )
    options = {"num_warps": triton_fused.NUM_WARPS, "enable_fp_fusion": False}
    return triton.compile(source, target=GPUTarget("cuda", ARCHITECTURE, 32), options=options)


def describe(compiled: Any) -> dict[str, Any]:
    ptx = compiled.asm["ptx"]
    instructions = re.findall(r"^\s+(?:@!?%p\d+\s+)?([a-z][a-z0-9_]*(?:\.[\w:]+)*)\s", ptx, re.MULTILINE)
    ptxas = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "ptxas"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "kernel.ptx"
        source.write_text(ptx)
        command = [ptxas, "-v", f"--gpu-name=sm_{ARCHITECTURE}a", source, "-o", Path(folder) / "kernel.cubin"]
        report = subprocess.run(command, check=True, capture_output=True, text=True).stderr
    return {
        "instructions": len(instructions),
        "float64": sum(".f64" in i for i in instructions),
        "loads": [i for i in instructions if i.startswith("ld.global")],
        "registers": int(re.search(r"Used (\d+) registers", report)[1]),  # type: ignore[index]
        "spilled_bytes": sum(map(int, re.findall(r"(\d+) bytes spill", report))),
    }


def main() -> None:
    rows = []
    kernels = {"forward": triton_fused.forward_kernel, "backward": triton_fused.backward_kernel}
    for direction, kernel in kernels.items():
        for dtype in POINTERS:
            for spec in (Spec("gem"), Spec("se-gem", n=3)):
                for wide in (False, True):
                    if wide and spec.n > 1:
                        continue
                    row = {"direction": direction, "dtype": dtype, "spec": str(spec), "wide": wide}
                    rows.append(row | describe(compile_kernel(kernel, spec, dtype, wide)))
    json.dump(rows, sys.stdout)


if __name__ == "__main__":
    main()
