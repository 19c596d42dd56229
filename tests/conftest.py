"""Set-up that all tests share: Triton's interpreter, threads, seeds, and what is skipped with a reason."""

from __future__ import annotations

import ctypes
import os
import re
import signal
import zlib
from typing import Any

import hypothesis
import numpy as np
import pytest


def _nvidia_devices() -> int:
    """How many NVIDIA devices the driver lists and the environment allows.

    Asks the driver's management library: milliseconds, no CUDA context, and no import of torch.
    """
    if os.environ.get("CUDA_VISIBLE_DEVICES", "all").strip() in ("", "-1"):
        return 0
    try:
        nvml = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return 0
    count = ctypes.c_uint(0)
    if nvml.nvmlInit_v2() != 0 or nvml.nvmlDeviceGetCount_v2(ctypes.byref(count)) != 0:
        return 0
    return count.value


HAS_GPU = _nvidia_devices() > 0

if not HAS_GPU:
    # Triton reads this when a kernel is defined, so it is set before anything can import triton.
    os.environ.setdefault("TRITON_INTERPRET", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell without job control ignores Ctrl-C in what it runs behind, and programs inherit that; here are
    # tests of what Ctrl-C does to the programs that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)
if "PYTEST_XDIST_WORKER" in os.environ:
    # One thread a worker: the workers are the parallelism. Read when torch is imported.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("TORCHINDUCTOR_COMPILE_THREADS", "1")

hypothesis.settings.register_profile("suite", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    no_gpu = pytest.mark.skip(reason="needs a CUDA device; none here")
    for item in items:
        if item.get_closest_marker("gpu") and not HAS_GPU:
            item.add_marker(no_gpu)


def group(nodeid: str) -> str:
    """Tests of one group run on one worker, one after the other, and share what is costly to make.

    Conformance tests of one n and dtype share compiled kernels and exact results; the unit tests of one
    module whatever that module keeps. Every other test is a group of its own.
    """
    if shared := re.search(r"\(n=(\d+).*-(b?float\d+)-", nodeid):
        return "-".join(shared.groups())
    file = nodeid.partition("::")[0]
    return file if file.startswith("tests/test_") else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``: distribute by :func:`group`. (xdist 3.8's loadgroup does nothing in pytest 9.2.)"""
    if config.getoption("dist") != "load":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return group(nodeid)

    return ByGroup(config, log)


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> np.random.Generator:
    """Random numbers that are the same in every run of one test, and different between tests."""
    return np.random.default_rng(zlib.crc32(request.node.nodeid.encode()))
