"""Reads what a kernel became: PTX, the assembler's report, and the machine code (SASS).

triton brings NVIDIA's assembler and disassembler along; neither needs a GPU.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any, Final

KINDS: Final[dict[str, str]] = {
    "fp32": r"F(ADD|MUL|FMA)|HADD2|HMUL2|HFMA2",
    "fp64": r"D(ADD|MUL|FMA|SETP|MNMX)",
    "special": r"MUFU|F2F\b|F2F\.|I2F|F2I|FRND|FCHK",
    "multiply": r"IMAD|IDP",
    "alu": r"FMNMX|FSETP|FSEL|ISETP|LOP3|PLOP3|SHF|IADD3|VIADD|SEL|PRMT|VIMNMX|LEA|MOV|F2FP|P2R|R2P|FSET",
    "load": r"LDG",
    "store": r"STG",
    "constant": r"LDC|S2R|S2UR|CS2R|LDS|STS",
    "uniform": r"U[A-Z0-9]+|R2UR",
    "control": r"EXIT|BRA|BSSY|BSYNC|CALL|RET|NOP|WARPSYNC|YIELD|BAR|DEPBAR|NANOSLEEP",
}
"""Kind of machine instruction -> how the names of that kind begin; the first that matches counts."""

PTX_KINDS: Final[dict[str, str]] = {
    "fp64": r"(?!cvt|mov|ld|st)\S*\.f64",
    "special": r"(rcp|rsqrt|sqrt|ex2|lg2|div)\.",
    "fp32": r"(add|sub|mul|fma|neg|abs)\.\S*f(16|32)|(add|sub|mul|fma)\.\S*bf16",
    "alu": r"(min|max|setp|selp|and|or|xor|not|shl|shr|bfe|prmt|add|sub|cvta|mov|abs|neg|set)\.",
    "multiply": r"(mul|mad)\.",
    "convert": r"cvt\.",
    "load": r"ld\.global",
    "store": r"st\.global",
    "constant": r"ld\.param",
    "control": r"(ret|bra|bar|exit)\b",
}
"""The same for PTX, which is what the compiler emits before the assembler has had its turn."""

OTHER: Final = "other"


class NoAssembler(Exception):
    """NVIDIA's assembler is not here, or does not run on this machine."""


def tool(name: str) -> Path | None:
    """``ptxas`` or ``cuobjdump``: triton's own, else the system's."""
    try:
        import triton
    except ImportError:
        folder = None
    else:
        folder = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / name
    if folder is not None and folder.exists():
        return folder
    found = shutil.which(name)
    return Path(found) if found else None


def describe(ptx: str, architecture: int) -> dict[str, Any]:
    """What the package's docstring lists from ``registers`` on, of one kernel.

    Raises:
        NoAssembler: ``ptxas`` is missing, or cannot be started here.
    """
    with tempfile.TemporaryDirectory() as name:
        machine_code = Path(name) / "kernel.cubin"
        report = _assembled(ptx, architecture, machine_code)
        text = _disassembled(machine_code)
    names = ptx_instructions(ptx)
    sass = None if text is None else sass_instructions(text)
    return {
        "registers": _reported(r"Used (\d+) registers", report),
        "spilled_bytes": sum(map(int, re.findall(r"(\d+) bytes spill", report))),
        "stack_bytes": _reported(r"(\d+) bytes stack frame", report),
        "float64": sum(bool(re.search(r"\.f64", name)) for name in names),
        "load_bytes": min((_width(n) for n in names if n.startswith("ld.global")), default=0),
        "store_bytes": min((_width(n) for n in names if n.startswith("st.global")), default=0),
        "ptx": counted(names, PTX_KINDS),
        "sass": None if sass is None else counted(sass, KINDS),
    }


def ptx_instructions(ptx: str) -> list[str]:
    """The instructions of a PTX text, in order, without operands."""
    return re.findall(r"^\s+(?:@!?%p\d+\s+)?([a-z][a-z0-9_]*(?:\.[\w:]+)*)[\s;]", ptx, re.MULTILINE)


def sass_instructions(text: str) -> list[str]:
    """The instructions of a disassembly, in order, up to the first unconditional end of the kernel."""
    found = []
    for predicate, name in re.findall(
        r"^\s+/\*[0-9a-f]{4,}\*/\s+(@!?U?P[T\d]+ )?\s*([A-Z][\w.]*)", text, re.MULTILINE
    ):
        found.append(name)
        if name == "EXIT" and not predicate:
            break
    return found


def counted(names: list[str], kinds: dict[str, str]) -> dict[str, int]:
    """Kind -> how many of ``names`` are of it; kinds that do not occur are left out."""
    found = Counter(_kind(name, kinds) for name in names)
    return {kind: found[kind] for kind in (*kinds, OTHER) if found[kind]}


def _kind(name: str, kinds: dict[str, str]) -> str:
    return next((kind for kind, pattern in kinds.items() if re.match(pattern, name)), OTHER)


def _width(name: str) -> int:
    """Bytes that one load or store of PTX moves: ``ld.global.v4.b32`` moves 16."""
    vector, bits = re.search(r"\.v(\d)", name), re.search(r"\.[bfsu](\d+)$", name)
    assert bits is not None, f"an access to memory without a type: {name}"
    return int(bits[1]) // 8 * (int(vector[1]) if vector else 1)


def _reported(pattern: str, report: str) -> int:
    found = re.search(pattern, report)
    if found is None:
        raise NoAssembler(f"ptxas reports no {pattern!r}: another version than was known here")
    return int(found[1])


def _assembled(ptx: str, architecture: int, target: Path) -> str:
    ptxas = tool("ptxas")
    if ptxas is None:
        raise NoAssembler("ptxas was not found: it comes with triton on Linux, and with CUDA")
    source = target.with_suffix(".ptx")
    source.write_text(ptx, encoding="utf-8")
    # 9.0 has instructions of its own behind the name "sm_90a", which triton's PTX asks for.
    name = (
        f"sm_{architecture}a" if re.search(rf"\.target\s+sm_{architecture}a", ptx) else f"sm_{architecture}"
    )
    command = [str(ptxas), "-v", f"--gpu-name={name}", str(source), "-o", str(target)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise NoAssembler(f"ptxas cannot be started on this machine: {error.strerror}") from error
    if done.returncode != 0:
        raise NoAssembler(f"ptxas refuses the code: {done.stderr.strip()[:300]}")
    return done.stderr


def _disassembled(machine_code: Path) -> str | None:
    cuobjdump = tool("cuobjdump")
    if cuobjdump is None:
        return None
    command = [str(cuobjdump), "-sass", str(machine_code)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stdout if done.returncode == 0 and "EXIT" in done.stdout else None
