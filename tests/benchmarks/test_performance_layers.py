"""The rungs of a ladder: the bare kernels are the ones that compute, and each rung does what it says."""

from __future__ import annotations

import functools

import numpy as np
import pytest

from benchmarks.performance import layers
from benchmarks.performance.layers import DEVICE, LAUNCH, WRAPPER, ladder
from benchmarks.performance.settings import Setting
from benchmarks.work import Work
from gem_impls import Spec, get, oracle
from tests.benchmarks.planted import BRIEF

torch = pytest.importorskip("torch", reason="layers are of torch's implementations")

SETTING = Setting("cpu", 10, "forward+backward")


def made(name: str) -> Work:
    if why := get(name).unavailable("cpu"):
        pytest.skip(f"{name} is not available: {why}")
    return Work(SETTING.case(name))


def right(work: Work) -> bool:
    x, y = (work.numbers(a.view) for a in (work.sets[0].x, work.sets[0].result))
    exact = oracle.exact_array(Spec("gem"), x[:256])
    return bool(np.nanmax(oracle.ulp_errors(y[:256], exact, "float32")) <= 4) and bool(np.isfinite(y).all())


@pytest.mark.parametrize("name", ["torch_compile", "cpp_fused"])
def test_the_bare_kernel_computes_the_function(name: str) -> None:
    work = made(name)
    rungs = dict(ladder(work))
    assert LAUNCH in rungs, "the kernel was not found"
    for rung in (DEVICE, WRAPPER) if name == "torch_compile" else (DEVICE,):
        work.refill(draw=7)  # NaN in the result
        rungs[rung]()
        assert right(work), rung


def test_the_kernels_that_stood_in_are_put_back() -> None:
    work = made("torch_compile")
    forward = functools.partial(work.op.forward, work.sets[0].x.view, work.sets[0].result.view)
    first = layers._caught(forward)
    second = layers._caught(forward)
    assert first is not None
    assert second is not None
    assert getattr(first.kernel, "func", 1) is getattr(second.kernel, "func", 2)


@pytest.mark.parametrize("name", layers.subjects("cpu"))
def test_everybody_has_a_ladder(name: str) -> None:
    found = layers.layers(name, SETTING, BRIEF)
    assert found.subject == name
    assert len(found.samples) >= 3
    assert len({len(s) for s in found.samples.values()}) == 1
    assert all(t > 0 for s in found.samples.values() for t in s)
