"""Any numbers, any parameters: hypothesis looks for what the sweeps have not thought of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gem_impls import Spec
from tests.conformance import checks
from tests.conformance.arrays import kind
from tests.conformance.bounds import bound
from tests.conformance.cases import LITERAL, Subject, everywhere, subjects
from tests.conformance.expected import judge
from tests.conformance.inputs import Floats

ANY = subjects(
    [Spec("se-gem", 1), Spec("se-gem", 2)], ["float32", "float64"], where=everywhere, why_not=LITERAL
)

slopes = st.one_of(
    st.just(0.0),
    st.builds(
        lambda sign, mantissa, exponent: sign * math.ldexp(mantissa, exponent),
        st.sampled_from([1, -1]),
        st.floats(1, 2, exclude_max=True),
        st.integers(-40, 7),  # a larger one magnifies what a small gate has lost: docs/accuracy.md
    ),
)
eps = st.builds(math.ldexp, st.floats(1, 2, exclude_max=True), st.integers(-120, 120))


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("subject", ANY)
@settings(max_examples=30)
@given(data=st.data())
def test_any_numbers(subject: Subject, what: str, data: st.DataObject) -> None:
    spec = Spec("se-gem", subject.spec.n, data.draw(eps), data.draw(slopes))
    drawn = Subject(subject.impl, spec, subject.dtype, subject.device)
    width = 32 if subject.dtype == "float32" else 64
    x = np.array(data.draw(st.lists(st.floats(width=width), min_size=1, max_size=40)), dtype=subject.dtype)
    checks.check_results(drawn.compute(what, x), judge(spec, subject.dtype, x, what), bound(drawn, what))


@pytest.mark.parametrize("subject", ANY)
def test_a_huge_slope_is_computed_or_refused_by_name(subject: Subject) -> None:
    """Where negative_slope * x could overflow on its way to a result that does not."""
    x = np.array([1.0, -1.0], dtype=subject.dtype)
    for size in range(8, 127, 7):
        spec = Spec("se-gem", subject.spec.n, math.ldexp(1.0, 120), math.ldexp(1.0, size))
        drawn = Subject(subject.impl, spec, subject.dtype, subject.device)
        if said := refusal(drawn, x):
            assert "negative_slope must be at most" in said
            assert f"got {spec.negative_slope!r}" in said
        else:
            result = drawn.compute("value", x)
            checks.check_results(result, judge(spec, subject.dtype, x, "value"), bound(drawn, "value"))


def refusal(subject: Subject, x: Floats) -> str:
    """What the subject says against computing; empty where it computes."""
    try:
        subject.compute("value", x)
    except ValueError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("subject", ANY)
@settings(max_examples=30)
@given(shape=st.lists(st.integers(0, 9), max_size=5).map(tuple), data=st.data())
def test_any_shape_and_any_strides(subject: Subject, shape: tuple[int, ...], data: st.DataObject) -> None:
    """Slices and permutations of an array give the same numbers as their contiguous copies."""
    k = kind(subject.impl.arrays)
    x = subject.array(checks.numbers(shape))
    x = k.permute(x, tuple(data.draw(st.permutations(range(len(shape))))))
    if shape:  # NumPy makes a scalar of a 0-d array that is indexed
        x = x[tuple(slice(data.draw(st.integers(0, 2)), None, data.draw(st.integers(1, 3))) for _ in shape)]
    result = subject.op.forward(x)
    assert tuple(result.shape) == tuple(x.shape)
    assert k.bits(result) == k.bits(subject.op.forward(subject.array(subject.numbers(x))))
