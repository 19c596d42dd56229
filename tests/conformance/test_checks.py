"""The checks are tested like the product: each planted fault must be caught, and a right result must pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gem_impls import Spec, oracle
from tests.conformance import checks, wrong
from tests.conformance.arrays import LAYOUTS, NUMPY_LAYOUTS, is_dense
from tests.conformance.cases import Subject, subjects
from tests.conformance.expected import at_points, judge
from tests.conformance.inputs import every, points
from tests.conftest import group

LEAKY = Spec("se-gem", 1, 1e-2, 0.25)
DIRECTIONS = ("forward", "backward")


def accuracy(dtype: str) -> Callable[[Any], None]:
    def check(fault: Any) -> None:
        checks.check_accuracy(Subject(wrong.Wrong(fault), LEAKY, dtype), "value")

    return check


def accuracy_of_gradient(dtype: str) -> Callable[[Any], None]:
    def check(fault: Any) -> None:
        checks.check_accuracy(Subject(wrong.Wrong(fault), LEAKY, dtype), "gradient")

    return check


def layout(name: str, direction: str = "forward") -> Callable[[Any], None]:
    return lambda fault: checks.check_layout(Subject(wrong.Wrong(fault), LEAKY, "float32"), direction, name)


def sizes(direction: str = "forward") -> Callable[[Any], None]:
    return lambda fault: checks.check_sizes(
        Subject(wrong.Wrong(fault), LEAKY, "float32"), direction, (1, 7, 64)
    )


def out(where: str, direction: str = "forward") -> Callable[[Any], None]:
    return lambda fault: checks.check_out(Subject(wrong.Wrong(fault), LEAKY, "float32"), direction, where)


def inputs(fault: Any) -> None:
    checks.check_inputs_untouched(Subject(wrong.Wrong(fault), LEAKY, "float32"))


CAUGHT: list[tuple[Any, Callable[[Any], None], str]] = [
    # fault, check that must catch it, what the check says
    (wrong.last_bit_wrong_at_one_input, accuracy("float16"), "1 of 65536 results are more than 0.51 ulp"),
    (wrong.last_bit_wrong_at_one_input, accuracy_of_gradient("float16"), "1 of 65536 results are more than"),
    (wrong.two_n_plus_five_ulp_off_in_one_binade, accuracy("float32"), "more than 4 ulp off"),
    (wrong.two_n_plus_five_ulp_off_in_one_binade, accuracy("float64"), "more than 4 ulp off"),
    (wrong.two_n_plus_five_ulp_off_in_one_binade, accuracy_of_gradient("float64"), "more than 5 ulp off"),
    (wrong.flushes_subnormals, accuracy("float16"), "more than 0.51 ulp"),
    (wrong.large_where_tiny, accuracy("float32"), "far from the tiny exact result"),
    (wrong.large_where_tiny, accuracy("float64"), "far from the tiny exact result"),
    (wrong.overflows_at_the_largest, accuracy("float16"), "ulp off"),
    (wrong.overflows_at_the_largest, accuracy("float32"), "ulp off"),
    (wrong.overflows_at_the_largest, accuracy_of_gradient("float64"), "ulp off"),
    (wrong.nan_at_the_smallest, accuracy("float16"), "NaN"),
    (wrong.nan_at_the_smallest, accuracy("float32"), "NaN"),
    (wrong.nan_at_the_smallest, accuracy_of_gradient("float64"), "NaN"),
    (wrong.wrong_sign_below_zero, accuracy("float16"), "wrong sign"),
    (wrong.wrong_sign_below_zero, accuracy("float32"), "wrong sign"),
    (wrong.nan_becomes_zero, accuracy("float16"), "2046 of 65536 results are NaN"),
    (wrong.wrong_at_the_last_element, sizes(), "differ"),
    (wrong.wrong_at_the_last_element, sizes("backward"), "differ"),
    (wrong.writes_into_its_input, layout("3-d"), "x was written to"),
    (wrong.writes_into_its_input, out("like x", "backward"), "x was written to"),
    (wrong.writes_into_its_input, inputs, "written to"),
    (wrong.computes_in_place, layout("strided"), "written to"),
    (wrong.computes_in_place, inputs, "shares memory"),
    (wrong.ignores_out, out("like x"), "the result is not out"),
    (wrong.ignores_out, out("x itself", "backward"), "the result is not out"),
    (wrong.returns_a_copy_of_out, out("strided"), "the result is not out"),
    (wrong.reads_x_after_writing_out, out("x itself"), "out differs"),
    (wrong.writes_beside_out, out("strided"), "between the elements of out"),
    (wrong.writes_beside_out, out("strided", "backward"), "between the elements of out"),
    (wrong.ReusesItsResult(), inputs, "overwritten"),
    (wrong.StaleResult(), inputs, "other numbers gave the same result"),
    (wrong.contiguous_result, layout("channels-last"), "strides"),
    (wrong.contiguous_result, layout("transposed", "backward"), "strides"),
    (wrong.assumes_contiguous_memory, layout("columns"), "differs from the contiguous result"),
    (wrong.wider_result, layout("odd length"), "the dtype is float64, not float32"),
]


def _name(value: Any) -> str:
    return value if isinstance(value, str) else getattr(value, "__name__", type(value).__name__)


@pytest.mark.parametrize(("fault", "check", "says"), CAUGHT, ids=_name)
def test_caught(fault: Any, check: Callable[[Any], None], says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check(fault)


@pytest.mark.parametrize("check", [check for _, check, _ in CAUGHT])
def test_a_right_implementation_passes(check: Callable[[Any], None]) -> None:
    check(wrong.none)


def test_every_fault_is_in_the_table() -> None:
    faults = {
        name for name, value in vars(wrong).items() if getattr(value, "__module__", "") == wrong.__name__
    }
    faults -= {"Wrong", "WrongOp", "Flipped", "Fault", "none"}
    assert faults == {_name(fault) for fault, _, _ in CAUGHT}


def test_a_message_names_the_input_the_result_and_the_exact_one() -> None:
    with pytest.raises(AssertionError, match=r"at x = 0\.75 .*got 0\.737.*expected 0\.736.*ulp off"):
        accuracy("float16")(wrong.last_bit_wrong_at_one_input)


# --- what the checks stand on ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float32", "float64"])
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_expected_errors_are_the_oracles(dtype: str, what: str, rng: np.random.Generator) -> None:
    """The fast judge agrees with :func:`gem_impls.oracle.ulp_distance`."""
    spec = Spec("se-gem", 2, 1e-2, 1.5)
    x = rng.choice(points(spec, dtype), 400)
    x = np.concatenate([x[np.isfinite(x)], np.array([np.nan, np.inf, -np.inf, 0.0], x.dtype)])
    expected = judge(spec, dtype, x, what)
    exact = oracle.exact_array(spec, x, what)
    correct = np.array([oracle.round_to(e, dtype) for e in exact])
    assert expected.ulp_errors(correct).max() <= 0.5 + 1e-6
    with np.errstate(over="ignore"):
        off = correct * (1 + rng.normal(size=x.size) * 1e-2)
    off = np.array([oracle.round_to(v, dtype) for v in off.tolist()])
    slow = oracle.ulp_errors(off, exact, dtype)
    fast = expected.ulp_errors(off)
    near_overflow = np.isinf(off) | expected.overflows  # there the two differ on purpose
    powers_of_two = np.abs(np.frexp(expected.nearest)[0]) == 0.5  # and the reference may be a binade up
    plain = ~near_overflow & ~(powers_of_two & (dtype != "float64"))
    np.testing.assert_allclose(fast[plain], slow[plain], rtol=1e-6, atol=1e-6)


def test_the_sweep_covers_every_binade_of_both_signs() -> None:
    for dtype in ("float32", "float64"):
        info = np.finfo(dtype)
        x = points(Spec("gem"), dtype)
        assert np.isfinite(x).all()
        for sign in (1, -1):
            side = x[np.sign(x) == sign]
            _, exponents = np.frexp(side)
            assert set(exponents.tolist()) >= set(range(info.minexp - info.nmant + 1, info.maxexp + 1))
            assert {info.max, info.smallest_normal, info.smallest_subnormal} <= set(np.abs(side).tolist())


def test_every_16_bit_number_is_there() -> None:
    for dtype, nans in (("float16", 2046), ("bfloat16", 254)):
        x = every(dtype)
        assert x.size == 65536
        assert np.isnan(x).sum() == nans
        assert np.isinf(x).sum() == 2
        with np.errstate(invalid="ignore"):
            assert len(set(x[~np.isnan(x)].astype(np.float64).tolist())) == 65536 - nans - 1  # 0 == -0


def test_an_early_infinity_is_judged_as_the_number_beyond_the_largest() -> None:
    spec = Spec("se-gem", 1, 10.0, 1.5)
    expected = at_points(spec, "float16", "value")
    got = np.array([oracle.round_to(float(v), "float16") for v in expected.nearest])
    at = np.nanargmin(np.abs(np.abs(expected.nearest) - 65520))  # the overflow threshold
    assert expected.ulp_errors(got)[at] <= 0.5
    got[at] = np.copysign(np.inf, got[at])
    assert 0.5 <= expected.ulp_errors(got)[at] <= 0.501
    far = np.nanargmin(np.abs(expected.nearest - 60000))
    got[far] = np.inf
    assert expected.ulp_errors(got)[far] > 100


def test_what_shares_compiled_kernels_shares_a_worker() -> None:
    for parameter in subjects():
        if (subject := parameter.values[0]) is not None:
            nodeid = f"tests/conformance/test_accuracy.py::test_accuracy[{parameter.id}-value]"
            assert group(nodeid) == f"{subject.spec.n}-{subject.dtype}"
    assert group("tests/test_spec.py::test_frozen") == group("tests/test_spec.py::test_refused[a-b]")
    assert group("tests/reports/test_a.py::test_b") != group("tests/reports/test_a.py::test_c")


def test_density() -> None:
    dense = [((3, 4), (4, 1)), ((3, 4), (1, 3)), ((3, 1, 4), (4, 99, 1)), ((), ()), ((5,), (-1,))]
    gaps = [((3, 4), (8, 1)), ((3, 4), (0, 1)), ((5,), (2,)), ((3, 4), (1, 1))]
    assert all(is_dense(*case) for case in dense)
    assert not any(is_dense(*case) for case in gaps)


def test_layouts_are_what_they_are_called() -> None:
    assert {"0-d", "empty", "strided", "transposed", "channels-last", "expanded"} <= LAYOUTS.keys()
    assert {"reversed"} <= NUMPY_LAYOUTS.keys()
