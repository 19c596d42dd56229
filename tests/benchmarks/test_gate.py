from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from benchmarks import accuracy, gate, peers
from benchmarks.gate import NotMeasured
from benchmarks.work import Work
from gem_impls import Spec, get
from tests.benchmarks import planted
from tests.benchmarks.planted import Planted, case

PASSES = [
    ("forward", False),
    ("forward", True),
    ("backward", True),
    ("backward", False),
    ("forward+backward", False),
]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize(("direction", "out"), PASSES)
def test_right_results_pass(direction: str, out: bool, dtype: str) -> None:
    right = Work(case(direction=direction, out=out, dtype=dtype), Planted(planted.none()))
    gate.check(right, draw=1)
    gate.check(right, draw=2)


ANYWHERE: list[tuple[Callable[[], Any], str]] = [
    (planted.slightly_wrong, "wrong (value|gradient): .* ulp"),
    (planted.wrong_at_the_last_element, "wrong (value|gradient): .* at element 4095"),
    (planted.gives_nan, "1 of 4096 (value|gradient)s are NaN or infinite"),
    (planted.writes_to_its_input, "wrote to its input x"),
]


@pytest.mark.parametrize(("direction", "out"), PASSES)
@pytest.mark.parametrize(("fault", "reason"), ANYWHERE, ids=lambda v: getattr(v, "__name__", None))
def test_wrong_results_are_caught(fault: Callable[[], Any], reason: str, direction: str, out: bool) -> None:
    with pytest.raises(NotMeasured, match=reason):
        gate.check(Work(case(direction=direction, out=out), Planted(fault())), draw=1)


@pytest.mark.parametrize("fault", [planted.writes_nothing, planted.leaves_a_block_unwritten])
def test_unwritten_output_is_caught(fault: Callable[[], Any]) -> None:
    with pytest.raises(NotMeasured, match="stale, unwritten or wrong"):
        gate.check(Work(case(out=True), Planted(fault())), draw=1)


@pytest.mark.parametrize("out", [False, True])
def test_stale_output_is_caught(out: bool) -> None:
    work = Work(case(out=out), Planted(planted.keeps_its_first_result()))
    gate.check(work, draw=1)
    with pytest.raises(NotMeasured, match="wrong value"):
        gate.check(work, draw=2)


def test_a_result_of_another_dtype_is_caught() -> None:
    with pytest.raises(NotMeasured, match=r"dtype float64; x has .* float32"):
        gate.check(Work(case(), Planted(planted.gives_another_dtype())), draw=1)


def test_an_error_in_an_unsampled_place_still_shows_as_nan() -> None:
    # larger than the sample: every element is looked at for NaN, wherever it is
    work = Work(case(shape=(300_001,)), Planted(planted.gives_nan()))
    with pytest.raises(NotMeasured, match="1 of 300001"):
        gate.check(work, draw=1)


def test_the_ends_of_a_large_array_are_always_sampled() -> None:
    work = Work(case(shape=(300_001,)), Planted(planted.wrong_at_the_last_element()))
    with pytest.raises(NotMeasured, match="at element 300000"):
        gate.check(work, draw=1)


@pytest.mark.parametrize("layout", ["contiguous", "channels_last", "transposed", "strided"])
@pytest.mark.parametrize("implementation", ["numpy_cpu", "torch_naive"])
def test_every_layout_passes(layout: str, implementation: str) -> None:
    shape = (2, 3, 4, 5) if layout == "channels_last" else (16, 24)
    for direction, out in PASSES:
        work = Work(
            case(implementation=implementation, layout=layout, shape=shape, direction=direction, out=out)
        )
        dense = (
            work.sets[0].x.view.flags.c_contiguous
            if implementation == "numpy_cpu"
            else work.sets[0].x.view.is_contiguous()
        )
        assert dense == (layout == "contiguous")
        gate.check(work, draw=1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("spec", [Spec("gem"), Spec("e-gem", 2), Spec("se-gem", 3)], ids=str)
def test_the_literal_formula_passes_in_its_domain(spec: Spec, dtype: str) -> None:
    naive = get("torch_naive")
    low, high = naive.domain(spec, dtype, "gradient")
    if low >= high:
        pytest.skip(f"torch_naive declares no domain for {spec} in {dtype}")
    for direction, out in PASSES:
        work = Work(
            case(
                function=spec.variant,
                spec=spec,
                implementation="torch_naive",
                dtype=dtype,
                direction=direction,
                out=out,
            )
        )
        gate.check(work, draw=1)


def test_fused_results_are_held_to_tighter_bounds_than_literal_ones() -> None:
    spec = Spec("gem", 2)
    fused, naive = Planted(planted.none()), get("torch_naive")
    assert [accuracy.bound(fused, spec, "float32", what) for what in ("value", "gradient")] == [6, 7]
    assert [accuracy.bound(fused, spec, "bfloat16", what) for what in ("value", "gradient")] == [0.51, 0.51]
    assert [accuracy.bound(naive, spec, "float32", what) for what in ("value", "gradient")] == [13, 126]


def test_errors_are_measured_in_ulp_of_the_exact_result() -> None:
    # f(2) = 1.6, whose float32 neighbours are 2^-23 apart
    one = case(shape=(1,))
    exact = accuracy.truth(one, np.array([2.0]), "value")
    computed = np.array([np.float32(1.6) + 3 * np.float32(2**-23)])
    assert exact.errors(computed, "float32")[0] == pytest.approx(3, abs=0.5)


def test_figures_name_the_worst_input() -> None:
    class Off(Planted):
        pass

    def fault(f: Callable[..., Any], x: Any, out: Any) -> Any:
        y = f(x, out)
        at = int(np.argmin(np.abs(x - np.float32(0.5))))
        y[at] = np.nextafter(y[at], np.float32(np.inf))
        y[at] *= 1 + 2**-10
        return y

    found = accuracy.errors(case(), Off(fault))
    assert found["value"]["max_ulp"] > 4000
    assert found["value"]["worst_x"] == pytest.approx(0.5, abs=0.05)
    assert found["value"]["mean_ulp"] < found["value"]["max_ulp"] / 100
    assert found["value"]["points"] > 4000


def test_infinite_errors_are_null_with_a_reason() -> None:
    found = accuracy.errors(case(), Planted(planted.gives_nan()))
    assert found["value"] is None
    assert "value: infinitely wrong at x = " in found["reason"]


# --- peers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float64"])
@pytest.mark.parametrize("name", peers.PEERS)
def test_peers_compute_what_mpmath_says(name: str, dtype: str) -> None:
    for direction, out in PASSES:
        if out and direction == "backward" and peers.PEERS[name].backward_out is None:
            continue
        work = Work(
            case(function=name, spec=None, implementation="torch", direction=direction, out=out, dtype=dtype)
        )
        gate.check(work, draw=1)


def test_a_wrong_peer_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(peers.PEERS, "silu", peers.PEERS["gelu"])
    peers._build.cache_clear()
    work = Work(case(function="silu", spec=None, implementation="torch"))
    monkeypatch.undo()
    try:
        with pytest.raises(NotMeasured, match="wrong value"):
            gate.check(work, draw=1)
    finally:
        peers._build.cache_clear()


def test_peer_errors_are_recorded_not_judged() -> None:
    found = accuracy.errors(case(function="gelu", spec=None, implementation="torch"))
    assert found["value"]["max_ulp"] > 1000, "torch's gelu cancels for x -> -inf"
    exact = accuracy.errors(case(function="relu", spec=None, implementation="torch"))
    assert exact["value"]["max_ulp"] == exact["gradient"]["max_ulp"] == 0
