"""What every implementation promises besides its numbers: names, conversions, cheap building."""

from __future__ import annotations

import numpy as np
import pytest

from gem_impls import Implementation, Op, Unavailable, get, implementations
from gem_impls.interface import EVERYWHERE
from gem_impls.oracle import FORMATS, round_to
from tests.conformance.arrays import kind
from tests.conformance.cases import FEW_SPECS, Subject, subjects
from tests.conformance.inputs import SIXTEEN_BIT, every
from tests.conformance.wrong import Wrong, WrongOp

EACH = pytest.mark.parametrize("name", implementations())


@EACH
def test_it_describes_itself(name: str) -> None:
    impl = get(name)
    assert isinstance(impl, Implementation)
    assert impl.name == name
    assert impl.summary
    assert "\n" not in impl.summary
    assert impl.arrays in ("numpy", "torch")
    assert isinstance(impl.saves_only_input, bool)
    assert set(impl.dtypes) <= set(FORMATS)
    assert set(impl.devices) <= {"cpu", "cuda"}
    assert get(name) is impl


@EACH
def test_unavailable_is_none_or_a_sentence(name: str) -> None:
    impl = get(name)
    for device in ("cpu", "cuda", "tpu"):
        why = impl.unavailable(device)
        assert why is None or (isinstance(why, str) and len(why.split()) > 3), why
    assert impl.unavailable("tpu") is not None
    assert impl.unavailable() == impl.unavailable("cpu")


@EACH
def test_it_builds_only_specs(name: str) -> None:
    for wrong in ("gem", None, ("gem", 1), get(name)):
        with pytest.raises((TypeError, Unavailable)) as caught:
            get(name).build(wrong)  # type: ignore[arg-type]  # the point of the test
        if get(name).unavailable() is None:
            assert isinstance(caught.value, TypeError)
            assert repr(wrong) in str(caught.value)


@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1]))
def test_building(subject: Subject) -> None:
    op = subject.impl.build(subject.spec)
    assert isinstance(op, Op)
    assert op.spec == subject.spec


@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1]))
def test_conversion_is_exact(subject: Subject) -> None:
    """There and back: the same numbers, in fresh memory; 16-bit types widen to float32 on the way out."""
    if subject.dtype in SIXTEEN_BIT:
        a = every(subject.dtype)
    else:
        a = np.array([0.0, -0.0, np.pi, -np.e, np.inf, -np.inf, np.nan, 1e-45, 3e38], dtype=subject.dtype)
    t = subject.array(a)
    back = subject.numbers(t)
    np.testing.assert_array_equal(back, a.astype(back.dtype))
    np.testing.assert_array_equal(np.signbit(back[a == 0]), np.signbit(a[a == 0]))
    assert back.dtype == ("float32" if subject.dtype in SIXTEEN_BIT else subject.dtype)
    t[...] = 1.0  # the array is the caller's own: neither numbers taken in nor given out change
    assert np.isnan(a).any()
    assert np.isnan(back).any()


@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1]))
def test_conversion_rounds_once(subject: Subject, rng: np.random.Generator) -> None:
    """From float64 to a narrower type without a stop in between."""
    ties = 1 + (2 * rng.integers(0, 2**6, 500) + 1) * 2.0**-8  # halfway between bfloat16 numbers
    ties16 = 1 + (2 * rng.integers(0, 2**9, 500) + 1) * 2.0**-11  # and between float16 numbers
    near = np.concatenate([ties, ties16]) * (1 + rng.choice([-1, 0, 1], 1000) * 2.0**-40)
    a = np.concatenate([near, -near, rng.normal(size=100) * 1e-6, [1e300, -1e300, 65519.999, 1e-300]])
    back = subject.numbers(subject.array(a))
    np.testing.assert_array_equal(back, [round_to(v, subject.dtype) for v in a.tolist()])


@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1]))
def test_conversion_takes_any_float_array(subject: Subject) -> None:
    base = np.arange(24.0).reshape(4, 6)
    for a in (
        base.T,
        base[::-1, ::2],
        base.astype(np.float32),
        base.astype(np.float16),
        np.array(0.5),
        base[:0],
    ):
        back = subject.numbers(subject.array(a))
        assert back.shape == a.shape
        np.testing.assert_array_equal(back, a)


@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1]))
def test_conversion_names_what_it_lacks(subject: Subject) -> None:
    for dtype in ("int32", "float8", "float", None):
        with pytest.raises(ValueError, match="dtype") as caught:
            subject.impl.from_numpy(np.ones(2), dtype, subject.device)
        assert all(name in str(caught.value) for name in subject.impl.dtypes)
    with pytest.raises(ValueError, match="device") as caught:
        subject.impl.from_numpy(np.ones(2), subject.dtype, "tpu")
    assert "tpu" in str(caught.value)


@pytest.mark.parametrize("subject", subjects())
def test_domain(subject: Subject) -> None:
    for what in ("value", "gradient"):
        low, high = subject.impl.domain(subject.spec, subject.dtype, what)
        assert 0 <= low <= high <= float("inf")
        assert (low, high) == EVERYWHERE or low > 0


@pytest.mark.parametrize("subject", subjects(FEW_SPECS[:1]))
def test_synchronize_returns(subject: Subject) -> None:
    result = subject.op.forward(subject.array(np.ones(5)))
    assert subject.impl.synchronize(subject.device) is None
    assert kind(subject.impl.arrays).bits(result)


@pytest.mark.parametrize("method", sorted(Implementation.__abstractmethods__))
def test_a_misspelt_method_of_an_implementation_is_an_error(method: str) -> None:
    methods = {name: getattr(Wrong, name) for name in Implementation.__abstractmethods__}
    assert type("Complete", (Implementation,), methods)()
    methods[f"{method}_"] = methods.pop(method)
    with pytest.raises(TypeError, match=method):
        type("Misspelt", (Implementation,), methods)()


@pytest.mark.parametrize("method", sorted(Op.__abstractmethods__))
def test_a_misspelt_method_of_an_operation_is_an_error(method: str) -> None:
    methods = {name: getattr(WrongOp, name) for name in Op.__abstractmethods__}
    assert type("Complete", (Op,), methods)()
    methods[f"{method}_"] = methods.pop(method)
    with pytest.raises(TypeError, match=method):
        type("Misspelt", (Op,), methods)()
