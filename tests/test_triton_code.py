"""What triton_fused compiles to, for a GPU that need not be here: no spills, no float64, wide access."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("triton", reason="triton is not installed: there is no code to look at")

if platform.machine() != "x86_64":
    pytest.skip(
        f"triton's assembler was tried on x86_64 only; here: {platform.machine()}", allow_module_level=True
    )

from benchmarks.fingerprint import bound, table
from benchmarks.fingerprint.kernels import POINTERS, SPECS

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def fingerprint(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """By the command, in a process of its own: under the tests triton may have been told to interpret."""
    file = tmp_path_factory.mktemp("fingerprint") / "table.json"
    command = [sys.executable, "-m", "benchmarks", "fingerprint", "--json", str(file)]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False)
    assert done.returncode in (0, 1), done.stderr
    found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    assert len(found["kernels"]) == 2 * len(POINTERS) * (len(SPECS) + 1)
    assert done.returncode == (1 if table.complaints(found) else 0)
    return found


@pytest.fixture(scope="module")
def kernels(fingerprint: dict[str, Any]) -> list[dict[str, Any]]:
    return list(fingerprint["kernels"])


def test_nothing_is_spilled(kernels: list[dict[str, Any]]) -> None:
    assert [k for k in kernels if k["spilled_bytes"] or k["stack_bytes"]] == []


def test_float64_is_for_float64(kernels: list[dict[str, Any]]) -> None:
    assert {k["dtype"] for k in kernels if k["float64"]} == {"float64"}
    with_machine_code = [k for k in kernels if k["sass"]]
    assert {k["dtype"] for k in with_machine_code if k["sass"].get("fp64")} <= {"float64"}


def test_memory_is_accessed_16_bytes_at_a_time(kernels: list[dict[str, Any]]) -> None:
    for k in kernels:
        assert (k["load_bytes"], k["store_bytes"]) == (16, 16), k


def test_registers_leave_room_for_a_full_processor(kernels: list[dict[str, Any]]) -> None:
    # 64 registers a thread fill half of an H100's threads, enough to hide the latency of memory.
    assert max(k["registers"] for k in kernels if k["dtype"] != "float64") <= 64


def test_nothing_is_complained_of(fingerprint: dict[str, Any]) -> None:
    assert table.complaints(fingerprint) == []


def test_arithmetic_is_predicted_to_hide_behind_memory(kernels: list[dict[str, Any]]) -> None:
    """For the orders and dtypes that networks use; see docs/gpu.md. A prediction: no GPU was asked."""
    for k in kernels:
        limit = bound.predict(k)
        if limit is None:
            pytest.skip("no disassembler here: the machine code was not read")
        assert limit.limited_by == "memory", (k["direction"], k["function"], k["dtype"], limit.load)
