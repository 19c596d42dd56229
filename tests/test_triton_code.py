"""What triton_fused compiles to, for a GPU that need not be here: no spills, no stray float64, wide loads."""

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

LARGEST_LOAD = {"float16": "v4.b32", "bfloat16": "v4.b32", "float32": "v4.b32", "float64": "v2.b64"}
"""dtype -> a load of 16 bytes, the widest there is, in the words of PTX."""


@pytest.fixture(scope="module")
def kernels() -> list[dict[str, Any]]:
    environment = {k: v for k, v in os.environ.items() if k != "TRITON_INTERPRET"}
    root = Path(__file__).parent.parent
    command = [sys.executable, "-m", "tests.compile_triton"]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rows: list[dict[str, Any]] = json.loads(done.stdout)
    assert len(rows) == 2 * 4 * 3
    return rows


def test_nothing_is_spilled(kernels: list[dict[str, Any]]) -> None:
    assert [k for k in kernels if k["spilled_bytes"]] == []


def test_float64_is_for_float64(kernels: list[dict[str, Any]]) -> None:
    used = {k["dtype"] for k in kernels if k["float64"]}
    assert used == {"float64"}


def test_memory_is_read_16_bytes_at_a_time(kernels: list[dict[str, Any]]) -> None:
    for k in kernels:
        assert k["loads"]
        assert all(load.endswith(LARGEST_LOAD[k["dtype"]]) for load in k["loads"]), k


def test_registers_leave_room_for_a_full_processor(kernels: list[dict[str, Any]]) -> None:
    # 64 registers a thread fill half of an H100's threads, enough to hide the latency of memory.
    assert max(k["registers"] for k in kernels if k["dtype"] != "float64") <= 64
