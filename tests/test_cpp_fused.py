"""cpp_fused beyond what all are held to: the way that a call takes, and how the code is compiled."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gem_impls
from gem_impls import Spec, Unavailable
from gem_impls.oracle import exact_array, reference, reference_ulp_errors, ulp_errors

torch = pytest.importorskip("torch", reason="torch is not installed")

from gem_impls import native  # noqa: E402  # needs torch
from gem_impls.impls.cpp_fused import CppFusedOp  # noqa: E402  # likewise
from gem_impls.torch_arrays import MAX_LIFTED_N  # noqa: E402  # likewise

pytestmark = pytest.mark.skipif(
    (why := gem_impls.get("cpp_fused").unavailable()) is not None, reason=why or "cpp_fused can serve"
)

SPECS = [Spec("gem"), Spec("e-gem", 2, 1e-3), Spec("se-gem", 3, 1e-4, -0.5), Spec("gem", 5)]
"""One for each loop that is compiled: n = 1, 2, 3 and any other; with a slope and without."""


def built(spec: Spec = SPECS[0]) -> CppFusedOp:
    op = gem_impls.get("cpp_fused").build(spec)
    assert isinstance(op, CppFusedOp)
    return op


# --- every loop, every tail -------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_every_length_of_a_tail(spec: Spec, dtype: Any) -> None:
    """0 to 70 elements end anywhere in a vector; what lies behind the last one is left alone."""
    op = built(spec)
    x = torch.linspace(-3, 3, 70, dtype=torch.float64).to(dtype)
    ones = torch.ones_like(x)
    calls = {
        "value": lambda x, out=None: op.forward(x, out),
        "gradient": lambda x, out=None: op.backward(ones[: x.numel()], x, out),
    }
    for what, call in calls.items():
        whole = call(x)
        exact = exact_array(spec, x.double().numpy(), what)
        errors = ulp_errors(whole.double().numpy(), exact, str(dtype).removeprefix("torch."))
        assert errors.max() <= 2 * spec.n + 3
        for numel in range(70):
            memory = torch.full((72,), torch.nan, dtype=dtype)
            call(x[:numel], out=memory[:numel])
            assert torch.equal(memory[:numel], whole[:numel])
            assert torch.isnan(memory[numel:]).all()


def test_threads_meet_without_a_gap() -> None:
    op, x = built(), torch.randn(3 * 32768 + 17)
    together = op.forward(x)
    apart = torch.cat([op.forward(part) for part in x.split(1000)])
    assert torch.equal(together, apart)
    assert torch.equal(op.backward(x, x), torch.cat([op.backward(part, part) for part in x.split(1000)]))


# --- which way a call takes -------------------------------------------------------------------------------


def test_plain_tensors_never_reach_python(monkeypatch: pytest.MonkeyPatch) -> None:
    op = built()
    monkeypatch.setattr("gem_impls.impls.cpp_fused.elementwise", refuse)
    x = torch.randn(4, 6)
    for t in (x, x.T, torch.nn.Parameter(x), torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last)):
        y = op.forward(t)
        assert y.stride() == t.stride()
        assert not y.requires_grad
        op.backward(t, t, out=torch.empty_like(t))
        op.forward(t.detach().clone(), out=torch.empty_like(t))


def test_backward_through_autograd_never_reaches_python(monkeypatch: pytest.MonkeyPatch) -> None:
    x = torch.randn(40, requires_grad=True)
    expected = built().backward(torch.ones(40), x.detach())
    y = gem_impls.gem(x, implementation="cpp_fused")
    monkeypatch.setattr("gem_impls.torch_autograd.times_gradient", refuse)
    (dx,) = torch.autograd.grad(y.sum(), x)  # sum() hands back an expanded gradient
    assert torch.equal(dx, expected)
    assert "Differentiable" in y.grad_fn.name()


def refuse(*_: Any, **__: Any) -> None:
    raise AssertionError("this call was to be served by the compiled code alone")


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda: torch.randn(40)[::2], id="gaps"),
        pytest.param(lambda: torch.randn(1, 5).expand(4, 5), id="expanded"),
        pytest.param(lambda: torch.randn(6, dtype=torch.complex64).conj().imag, id="negated view"),
    ],
)
def test_what_is_not_dense_memory_is_served_all_the_same(make: Any) -> None:
    x = make()
    assert built()._native.forward(x, None) is None
    dense = x.clone(memory_format=torch.contiguous_format).resolve_neg()
    assert torch.equal(built().forward(x), built().forward(dense))
    assert torch.equal(built().backward(x, x), built().backward(dense, dense))


def test_an_output_that_overlaps_the_input_in_part() -> None:
    memory = torch.randn(100)
    expected = built().forward(memory[:90].clone())
    assert torch.equal(built().forward(memory[:90], out=memory[10:]), expected)


def test_traced_by_jit_as_an_operation_not_as_a_constant() -> None:
    with pytest.warns(DeprecationWarning, match="jit"):
        traced = torch.jit.trace(lambda x: gem_impls.gem(x, implementation="cpp_fused"), torch.zeros(3))
    x = torch.tensor([-1.0, 0.5, 2.0])
    assert torch.equal(traced(x), built().forward(x))


def test_shown_by_the_profiler() -> None:
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        built().forward(torch.randn(8))
    assert "gem_impls::cpp_fused_forward" in {event.key for event in profiler.key_averages()}


def test_other_python_threads_run_meanwhile() -> None:
    """The lock is let go: a thread that counts goes on counting."""
    op, x = built(Spec("gem", 7)), torch.randn(2**22)
    counted, done = [0], threading.Event()

    def count() -> None:
        while not done.is_set():
            counted[0] += 1
            time.sleep(0)  # lets go of the lock, too

    thread = threading.Thread(target=count)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1000)  # nobody is interrupted: who runs has been let
    try:
        thread.start()
        before = counted[0]
        for _ in range(3):
            op.forward(x)
        assert counted[0] > before
    finally:
        done.set()
        sys.setswitchinterval(interval)
        thread.join()


def test_small_gates_keep_their_bits() -> None:
    """The gradient where the gate is subnormal: nearly all of it is lost unless powers are lifted."""
    spec = Spec("gem", MAX_LIFTED_N)
    x = np.float32(2) ** np.linspace(-9.2, -8.1, 4001, dtype=np.float32)
    got = built(spec).backward(torch.ones(x.size), torch.from_numpy(x)).double().numpy()
    exact = reference(spec, x.astype(np.float64), "gradient")
    assert (exact < 2.0**-126).any()
    assert reference_ulp_errors(got, exact, "float32").max() <= 2 * spec.n + 3


# --- compiling --------------------------------------------------------------------------------------------


def test_compiled_elsewhere_is_not_compiled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    native.load()
    native.load.cache_clear()
    monkeypatch.setattr(native, "_compile", refuse)
    assert native.load().Gem


def test_a_broken_compiler_is_named(tmp_path: Path) -> None:
    """In a process of its own, with a cache of its own and a compiler that only knows its version."""
    compiler = tmp_path / "no-such-luck"
    compiler.write_text("#!/bin/sh\n[ $# = 1 ] && exec g++ $1\necho 'no luck today' >&2\nexit 1\n")
    compiler.chmod(0o755)
    done = python(
        "import gem_impls; gem_impls.get('cpp_fused').build(gem_impls.Spec('gem'))",
        TORCH_EXTENSIONS_DIR=str(tmp_path / "cache"),
        CXX=str(compiler),
    )
    assert done.returncode == 1
    assert "Unavailable: cpp_fused could not be compiled" in done.stderr
    assert "no luck today" in done.stderr
    assert not list((tmp_path / "cache").rglob("*.so"))


@pytest.mark.parametrize(
    ("variables", "said"),
    [({"CXX": "no-such-compiler"}, "there is no 'no-such-compiler'"), ({"PATH": ""}, "there is no 'g++'")],
)
def test_a_missing_compiler_is_said_before_any_work(
    tmp_path: Path, variables: dict[str, str], said: str
) -> None:
    done = python(
        "import gem_impls; print(gem_impls.get('cpp_fused').unavailable()); "
        "import torch; print(gem_impls.choice.chosen('torch', 'cpu'))",
        **{"TORCH_EXTENSIONS_DIR": str(tmp_path), "CXX": "", **variables},
    )
    why, chosen = done.stdout.splitlines()
    assert said in why
    assert chosen == ("torch_compile" if "CXX" in variables else "cpp_fused")


def test_unavailable_is_what_building_raises(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native, "_library", lambda: tmp_path / "none.so")
    monkeypatch.setattr(native, "why_not", lambda: "for a test")
    native.load.cache_clear()
    try:
        with pytest.raises(Unavailable, match="for a test"):
            native.load()
    finally:
        native.load.cache_clear()


def python(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **variables},
        check=False,
    )
