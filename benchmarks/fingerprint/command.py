"""``python -m benchmarks fingerprint``: what the kernels compile to, and what that predicts."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.fingerprint import bound
from benchmarks.fingerprint.assembly import NoAssembler
from benchmarks.fingerprint.kernels import ARCHITECTURE, SPECS, CannotCompile
from benchmarks.fingerprint.table import complaints, fingerprint

CLEAN, COMPLAINTS, NOT_MADE = 0, 1, 2
"""Exit codes: nothing to complain of; spills, stray float64 or narrow access; no fingerprint, or bad use."""

ROOT = Path(__file__).resolve().parent.parent.parent


def main(argv: Sequence[str]) -> int:
    """Run the command; returns its exit code."""
    arguments = _parser().parse_args(argv)
    if os.environ.get("TRITON_INTERPRET", "0") == "1":
        return _in_a_process_that_compiles(argv)
    try:
        specs = SPECS[:1] if arguments.quick else SPECS
        found = fingerprint(specs=specs, told=_say if sys.stderr.isatty() else lambda _: None)
    except (CannotCompile, NoAssembler) as reason:
        print(f"error: {reason}", file=sys.stderr)
        return NOT_MADE
    if arguments.json == Path("-"):
        print(json.dumps(found))
    else:
        if arguments.json:
            arguments.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
        print(prediction(found) if arguments.predict else table(found))
    for complaint in complaints(found):
        print(f"complaint: {complaint}", file=sys.stderr)
    return COMPLAINTS if complaints(found) else CLEAN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks fingerprint",
        description=f"Compile triton_fused for compute capability {ARCHITECTURE / 10} and describe the code. "
        "No GPU is needed.",
        epilog="exit code: 0 clean; 1 a spill, stray float64 or narrow access to memory; 2 no fingerprint",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table there; - prints it")
    parser.add_argument("--quick", action="store_true", help=f"{SPECS[0]} only")
    parser.add_argument("--predict", action="store_true", help="print what would limit each kernel, instead")
    return parser


def _in_a_process_that_compiles(argv: Sequence[str]) -> int:
    """Triton decides at import whether it compiles; here it was told, or will be, to interpret."""
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    command = [sys.executable, "-m", "benchmarks", "fingerprint", *argv]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def _say(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}\r")
    sys.stderr.flush()


COLUMNS = ("kernel", "dtype", "registers", "spilled", "float64", "load", "store", "PTX", "SASS", "a element")


def table(found: dict[str, Any]) -> str:
    """A line a kernel."""
    rows = [list(COLUMNS)]
    for row in found["kernels"]:
        sass = sum(row["sass"].values()) if row["sass"] else None
        numbers = [row["registers"], row["spilled_bytes"], row["float64"], row["load_bytes"]]
        numbers += [row["store_bytes"], sum(row["ptx"].values())]
        rows.append(
            [
                f"{row['direction']} {row['function']}{' wide' if row['wide'] else ''}",
                row["dtype"],
                *map(str, numbers),
                "-" if sass is None else str(sass),
                "-" if sass is None else f"{sass / row['elements_per_thread']:.1f}",
            ]
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    return "\n".join(
        "  ".join(
            cell.ljust(w) if i < 2 else cell.rjust(w)
            for i, (cell, w) in enumerate(zip(r, widths, strict=True))
        )
        for r in rows
    )


def prediction(found: dict[str, Any]) -> str:
    """The prediction as a Markdown table, as docs/gpu.md has it."""
    lines = [
        f"| kernel | dtype | memory, ps | arithmetic, ps | arithmetic ÷ memory | {bound.H100.name}: limit |",
        "| --- | --- | ---: | ---: | ---: | --- |",
    ]
    for row in found["kernels"]:
        limit = bound.predict(row)
        if limit is None or row["wide"]:
            continue
        held_up_by = limit.limited_by if limit.limited_by == "memory" else f"arithmetic ({limit.unit})"
        lines.append(
            f"| {row['direction']} {row['function']} | {row['dtype']} | {limit.memory:.2f} | "
            f"{limit.arithmetic:.2f} | {limit.load:.2f} | {held_up_by} |"
        )
    return "\n".join(lines)
