"""numpy_cpu: what it promises beyond the conformance of all implementations."""

from __future__ import annotations

import tracemalloc
import warnings

import numpy as np
import pytest

from gem_impls import Spec, get, oracle

SPECS = [Spec("gem", 2), Spec("se-gem", 1, 1e-4, 0.01)]
EVERYTHING = np.array(
    [0.0, -0.0, 1e-45, -1e-40, 1.0, 3e38, -3e38, np.inf, -np.inf, np.nan] * 7, dtype=np.float32
)


@pytest.mark.parametrize("spec", SPECS, ids=str)
def test_it_never_warns_and_leaves_the_error_state_alone(spec: Spec) -> None:
    """Whatever the caller's settings, on numbers that overflow, underflow, and are not numbers."""
    op = get("numpy_cpu").build(spec)
    for dtype in ("float16", "float32", "float64"):
        with np.errstate(all="ignore"):
            x = EVERYTHING.astype(dtype)
        with np.errstate(all="raise"), warnings.catch_warnings():
            warnings.simplefilter("error")
            before = np.geterr()
            op.forward(x)
            op.backward(x, x)
            op.forward(x[::2], out=np.empty_like(x[::2]))
            assert np.geterr() == before


LAYOUTS = {
    "contiguous": lambda a: a,
    "strided": lambda a: a[:, ::2],
    "transposed": lambda a: a.T,
    "channels last": lambda a: a.reshape(-1, 10, 10, 10).transpose(0, 3, 1, 2),
    "backwards": lambda a: a[::-1, ::-1],
}
"""Name -> a view of a two-dimensional array."""


@pytest.mark.parametrize("spec", [*SPECS, Spec("gem", 3), Spec("se-gem", 2, 1e-2, 1.5)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_a_call_needs_64_kib(dtype: str, layout: str, spec: Spec) -> None:
    """That is all which is allocated where out is given, whatever the size, in place or not."""
    op = get("numpy_cpu").build(spec)
    x = LAYOUTS[layout](np.ones((300, 1000), dtype=dtype))
    g, out = np.ones_like(x), np.empty_like(x)
    calls = {
        "forward": lambda: op.forward(x, out),
        "forward, in place": lambda: op.forward(x, x),
        "backward": lambda: op.backward(g, x, out),
        "backward, out is grad_output": lambda: op.backward(g, x, g),
        "backward, out is x": lambda: op.backward(g, x, x),
    }
    for name, call in calls.items():
        call()  # what is remembered is not a call's
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak <= 64 * 1024, name


@pytest.mark.parametrize("spec", [*SPECS, Spec("gem", 3), Spec("se-gem", 2, 1e-2, 1.5)], ids=str)
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_in_place_layout_and_block_change_nothing(dtype: str, layout: str, spec: Spec) -> None:
    """A row has the results that it has alone: in an array of many blocks, over its own memory or not."""
    op = get("numpy_cpu").build(spec)
    numbers = np.random.default_rng(5).standard_normal((100, 1000)).astype(dtype)
    numbers.flat[: EVERYTHING.size] = EVERYTHING.clip(-65504, 65504)
    x, g = LAYOUTS[layout](numbers), LAYOUTS[layout](numbers[::-1].copy())
    rows = [(op.forward(a), op.backward(b, a)) for a, b in zip(x.copy("C"), g.copy("C"), strict=True)]
    value, gradient = (np.stack(results) for results in zip(*rows, strict=True))
    np.testing.assert_array_equal(op.forward(x), value)
    np.testing.assert_array_equal(op.backward(g, x), gradient)
    for out in (x.copy("K"), LAYOUTS[layout](numbers.copy())):
        np.testing.assert_array_equal(op.forward(out, out), value)
    over_x, over_g = LAYOUTS[layout](numbers.copy()), LAYOUTS[layout](numbers[::-1].copy())
    np.testing.assert_array_equal(op.backward(over_g, x, over_g), gradient)
    np.testing.assert_array_equal(op.backward(g, over_x, over_x), gradient)


def worst_ulp(spec: Spec, x: np.ndarray, what: str) -> float:
    """The largest error in ulp, results that are subnormal included."""
    op = get("numpy_cpu").build(spec)
    got = op.forward(x) if what == "value" else op.backward(np.ones_like(x), x)
    return float(oracle.ulp_errors(got, oracle.exact_array(spec, x, what), x.dtype.name).max())


def binades(dtype: str) -> np.ndarray:
    """A number of each sign in every binade, subnormal ones included."""
    info = np.finfo(dtype)
    numbers = np.ldexp(1.7, np.arange(info.minexp - info.nmant, info.maxexp))
    with np.errstate(under="ignore"):
        return np.concatenate([numbers, -numbers]).astype(dtype)


@pytest.mark.parametrize("slope", [0.0, -1.0, 1.5])
@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("n", [1, 2, 3, 4])
@pytest.mark.parametrize("exponent", [-125, -80, -59, -40, -27, -16, -10, -1, 0, 4, 30, 60, 90, 125])
def test_the_smallest_results_are_as_exact_as_the_others(
    exponent: int, n: int, what: str, slope: float
) -> None:
    """The bound of plain arithmetic holds in ulp of subnormals too: little is lost to underflow inside.

    On both sides of every limit within which the short form is used. In a gradient, a slope above 1 makes
    ulps of what was one ulp of a subnormal.
    """
    spec = Spec("se-gem", n, 1.37 * 2.0**exponent, slope)
    bound = 2 * n + 2 if what == "value" else (2 * n + 3) * max(1, slope)
    assert worst_ulp(spec, binades("float32"), what) <= bound


@pytest.mark.parametrize("eps", [1e-6, 1.0, 1e6])
def test_a_large_slope_does_not_magnify_what_underflow_took(eps: float) -> None:
    """x * g is subnormal for many x whose f(x) is not."""
    assert worst_ulp(Spec("se-gem", 1, eps, 1e10), binades("float32"), "value") <= 2 * 1 + 2


@pytest.mark.parametrize("slope", [0.25, 3.0, -1e10, 1e30, -1e30])
@pytest.mark.parametrize("eps", [2.0**-126, 2.0**-100, 1e-4, 1.0])
def test_an_x_that_is_next_to_nothing_has_the_slope_of_its_side(eps: float, slope: float) -> None:
    """However small x, and however large the slope: f'(-x) is slope * f'(x)."""
    op = get("numpy_cpu").build(Spec("se-gem", 1, eps, slope))
    x = np.abs(binades("float32"))
    above, below = op.backward(np.ones_like(x), x), op.backward(np.ones_like(x), -x)
    assert np.count_nonzero(below) >= np.count_nonzero(above) > 100 or abs(slope) < 1
    np.testing.assert_allclose(below, np.float32(slope) * above, rtol=2.0**-22, atol=2.0**-149)


def test_the_result_of_a_subclass_is_an_array() -> None:
    class Mine(np.ndarray):
        pass

    x = np.linspace(-2, 2, 9).view(Mine)
    assert type(get("numpy_cpu").build(SPECS[0]).forward(x)) is np.ndarray


def test_a_foreign_byte_order_is_refused() -> None:
    with pytest.raises(TypeError, match="native byte order"):
        get("numpy_cpu").build(SPECS[0]).forward(np.ones(3, dtype=np.dtype("f4").newbyteorder()))


def test_partly_overlapping_out() -> None:
    """out may be x shifted: the result is as if x had been copied first."""
    op = get("numpy_cpu").build(SPECS[1])
    memory = np.linspace(-2, 2, 30_001, dtype=np.float32)
    for x_at, out_at in ((slice(0, -1), slice(1, None)), (slice(1, None), slice(0, -1))):
        buffer = memory.copy()
        op.forward(buffer[x_at], out=buffer[out_at])
        np.testing.assert_array_equal(buffer[out_at], op.forward(memory[x_at].copy()))
    square = memory[:10_000].reshape(100, 100).copy()
    expected = op.forward(square.T.copy())
    op.forward(square.T, out=square)
    np.testing.assert_array_equal(square, expected)


def test_it_serves_the_cpu_alone() -> None:
    impl = get("numpy_cpu")
    assert impl.unavailable() is None
    assert "torch" in (impl.unavailable("cuda") or "")
