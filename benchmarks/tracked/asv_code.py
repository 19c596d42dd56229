"""History of the generated code: ``asv run -b '^asv_code'``. Deterministic, and no GPU is needed.

Kernels are compiled for one architecture whatever machine this is, so every machine adds to the same story:
a step here is a change of the kernel or of its compiler.
"""

from __future__ import annotations

from typing import Any, Final

from benchmarks import asv_view as view

FUNCTIONS: Final = ("gem n=1", "se-gem n=3")
"""The least arithmetic and the most."""

PASSES: Final = ("forward", "backward")

Row = dict[str, Any]
Found = dict[tuple[str, ...], Row] | str
"""Combination of parameters -> its row of the fingerprint; or why there is none."""


def fingerprints() -> Found:
    """The rows that are followed. A commit whose kernels are built otherwise has none, and is no failure."""
    try:
        from benchmarks.fingerprint.table import fingerprint
        from gem_impls import Spec

        subjects = {name: Spec(*_parsed(name)) for name in FUNCTIONS}
        rows = fingerprint(specs=tuple(subjects.values()))["kernels"]
    except Exception as error:
        return f"the kernels of this commit cannot be compiled here: {type(error).__name__}: {error}"
    names = {str(spec): name for name, spec in subjects.items()}
    return {(names[r["function"]], r["dtype"], r["direction"]): r for r in rows if not r["wide"]}


def _parsed(text: str) -> tuple[str, int]:
    variant, _, n = text.partition(" n=")
    return variant, int(n)


class Code:
    """What a thread of a kernel for compute capability 9.0 consists of."""

    version = "1"
    timeout = 300.0
    params = (FUNCTIONS, view.DTYPES, PASSES)
    param_names = ("function", "dtype", "pass")

    def setup_cache(self) -> Found:
        """Compile everything, once."""
        return fingerprints()

    def setup(self, found: Found, *params: str) -> None:
        """Skip what could not be compiled."""
        if isinstance(found, str):
            raise NotImplementedError(found)
        if found[params]["sass"] is None:
            raise NotImplementedError("no disassembler here")

    @view.pretty("GPU: generated code, instructions an element", unit="instructions")
    def track_instructions(self, found: dict[tuple[str, ...], Row], *params: str) -> float:
        row = found[params]
        return float(sum(row["sass"].values()) / row["elements_per_thread"])

    @view.pretty("GPU: generated code, registers a thread", unit="registers")
    def track_registers(self, found: dict[tuple[str, ...], Row], *params: str) -> float:
        return float(found[params]["registers"])

    @view.pretty("GPU: generated code, bytes spilled to memory", unit="bytes")
    def track_spilled(self, found: dict[tuple[str, ...], Row], *params: str) -> float:
        return float(found[params]["spilled_bytes"])
