"""The fingerprint of the commit at hand, as the package's docstring describes it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from benchmarks.fingerprint import assembly, kernels
from benchmarks.record import version
from gem_impls import Spec

SCHEMA: Final = 1


def fingerprint(
    architecture: int = kernels.ARCHITECTURE,
    specs: tuple[Spec, ...] = kernels.SPECS,
    told: Callable[[str], None] = lambda _: None,
) -> dict[str, Any]:
    """Compile everything and describe it; some seconds. ``told`` hears of each kernel.

    Raises:
        CannotCompile: triton is missing here, or interprets.
        NoAssembler: its assembler cannot be run here.
    """
    rows = []
    for kernel in kernels.compiled(architecture, specs):
        told(f"{kernel.direction} {kernel.spec} {kernel.dtype}")
        rows.append(kernel.as_dict() | assembly.describe(kernel.ptx, architecture))
    return {
        "schema": SCHEMA,
        "architecture": architecture,
        "triton": version("triton"),
        "kernels": rows,
    }


def complaints(found: dict[str, Any]) -> list[str]:
    """What must not be: memory spilled to, float64 where it was not asked for, narrow access to memory."""
    said = []
    for row in found["kernels"]:
        name = f"{row['direction']} {row['function']} {row['dtype']}{' wide' if row['wide'] else ''}"
        if row["spilled_bytes"] or row["stack_bytes"]:
            said.append(f"{name}: {row['spilled_bytes']} bytes spilled, {row['stack_bytes']} bytes of stack")
        if row["float64"] and row["dtype"] != "float64":
            said.append(f"{name}: {row['float64']} instructions in float64")
        said += [
            f"{name}: {what} {row[what]}, not {WIDEST_ACCESS}"
            for what in ("load_bytes", "store_bytes")
            if row[what] != WIDEST_ACCESS
        ]
    return said


WIDEST_ACCESS: Final = 16
"""Bytes that one instruction moves at most."""
