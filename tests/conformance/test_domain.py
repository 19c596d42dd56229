"""Implementations that are exact only in a domain: tested inside, and shown to fail outside.

They say where with ``Implementation.domain``. Every test here draws them from the registry.
"""

from __future__ import annotations

import numpy as np
import pytest

from gem_impls import Implementation, Spec
from tests.conformance import checks
from tests.conformance.bounds import bound
from tests.conformance.cases import Subject, everywhere, subjects
from tests.conformance.expected import judge
from tests.conformance.inputs import points

UNBOUNDED = "exact for every finite input, which tests/conformance/test_accuracy.py tests"


def limited(impl: Implementation) -> bool:
    return not everywhere(impl)


def inside(subject: Subject, what: str) -> np.ndarray:
    low, high = subject.impl.domain(subject.spec, subject.dtype, what)
    x = points(subject.spec, subject.dtype)
    size = np.abs(x)
    return x[(size == 0) | ((size >= low) & (size <= high))]


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("subject", subjects(where=limited, why_not=UNBOUNDED))
def test_accurate_inside(subject: Subject, what: str) -> None:
    x = inside(subject, what)
    if x.size <= 4:
        pytest.skip(f"{subject} declares that it has no {what} anywhere")
    expected = judge(subject.spec, subject.dtype, x, what)
    checks.check_results(subject.compute(what, x), expected, bound(subject, what))


@pytest.mark.parametrize("what", ["value", "gradient"])
@pytest.mark.parametrize("subject", subjects(where=limited, why_not=UNBOUNDED))
def test_the_domain_is_not_an_excuse(subject: Subject, what: str) -> None:
    """It spans the numbers around 1 that networks compute with, wherever the dtype has the eps at all."""
    low, high = subject.impl.domain(subject.spec, subject.dtype, what)
    if subject.spec.eps in (1.0, 1e-2, 10.0):
        assert low <= 0.5
        assert high >= 2.0


@pytest.mark.parametrize(
    "subject", subjects([Spec("gem", n) for n in (1, 2, 3)], where=limited, why_not=UNBOUNDED)
)
def test_overflows_at_twice_the_limit(subject: Subject) -> None:
    """Neither value nor gradient survives beyond the largest |x| declared for the value."""
    _, high = subject.impl.domain(subject.spec, subject.dtype, "value")
    x = np.array([2 * high, 16 * high])
    assert np.isfinite(subject.numbers(subject.array(x))).all(), "the inputs themselves are finite"
    assert not np.isfinite(subject.value(x)).any()
    assert not np.isfinite(subject.gradient(x)).any()


@pytest.mark.parametrize(
    "subject",
    subjects(
        [Spec("e-gem", n, 2.0**-24) for n in (1, 2, 3)],
        ["float32", "float64"],
        where=limited,
        why_not=UNBOUNDED,
    ),
)
def test_underflows_below_the_limit(subject: Subject) -> None:
    """Where the numerator has lost its digits, results that are far from tiny are wrong."""
    low, _ = subject.impl.domain(subject.spec, subject.dtype, "value")
    x = low * np.geomspace(2.0**-16, 1, 200) ** (1 / (2 * subject.spec.n + 1))
    expected = judge(subject.spec, subject.dtype, subject.numbers(subject.array(x)), "value")
    errors = expected.ulp_errors(subject.value(x))
    assert errors[~expected.tiny].max(initial=0) > 100 * bound(subject, "value")


@pytest.mark.parametrize("subject", subjects([Spec("gem")], ["float32"], where=limited, why_not=UNBOUNDED))
def test_a_masked_branch_still_poisons_the_gradient(subject: Subject) -> None:
    """The known trap: f' is NaN at x = -1e20, where the exact one is 0. It is why the domain is stated."""
    assert np.isnan(subject.gradient(np.array([-1e20]))).all()
    assert subject.impl.domain(subject.spec, subject.dtype, "gradient")[1] < 1e20
