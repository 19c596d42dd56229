"""Backward: grad_output in any layout and of any size."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from gem_impls import oracle
from tests.conformance.arrays import kind
from tests.conformance.bounds import bound
from tests.conformance.cases import FEW_SPECS, LITERAL, SPECS, Subject, everywhere, subjects
from tests.conformance.checks import numbers

SPEC = FEW_SPECS[1:]


@pytest.mark.parametrize("subject", subjects(SPEC))
def test_layouts_of_grad_output_do_not_matter(subject: Subject, subtests: pytest.Subtests) -> None:
    """x contiguous or not, grad_output in its layout or in another: the same bits."""
    k, a, b = kind(subject.impl.arrays), numbers((6, 35)), numbers((6, 35), seed=1)

    def transposed(a: np.ndarray) -> object:
        return k.permute(subject.array(np.ascontiguousarray(a.T)), (1, 0))

    def strided(a: np.ndarray) -> object:
        return subject.array(np.repeat(a, 3, axis=1))[:, ::3]

    def contiguous(a: np.ndarray) -> object:
        return subject.array(a)

    expected = k.bits(subject.op.backward(subject.array(b), subject.array(a)))
    for of_x in (contiguous, transposed, strided):
        for of_grad in (contiguous, transposed, strided):
            with subtests.test(x=of_x.__name__, grad_output=of_grad.__name__):
                assert k.bits(subject.op.backward(of_grad(b), of_x(a))) == expected


@pytest.mark.parametrize("subject", subjects(SPEC))
def test_expanded_grad_output(subject: Subject) -> None:
    """What .sum().backward() hands over: one number for all elements."""
    k, a = kind(subject.impl.arrays), numbers((6, 35))
    one = subject.array(np.array(0.75))
    full = subject.array(np.full((6, 35), 0.75))
    x = subject.array(a)
    expanded = k.expand(one, (6, 35))
    assert k.bits(subject.op.backward(expanded, x)) == k.bits(subject.op.backward(full, x))
    assert k.bits(one) == k.bits(subject.array(np.array(0.75))), "grad_output was written to"


@pytest.mark.parametrize("alias", ["x", "grad_output"])
@pytest.mark.parametrize("subject", subjects(SPEC))
def test_out_may_be_an_input(subject: Subject, alias: str) -> None:
    k = kind(subject.impl.arrays)
    x, grad_output = subject.array(numbers((259,))), subject.array(numbers((259,), seed=1))
    expected = k.bits(subject.op.backward(grad_output, x))
    out = {"x": x, "grad_output": grad_output}[alias]
    assert subject.op.backward(grad_output, x, out=out) is out
    assert k.bits(out) == expected


@pytest.mark.parametrize("subject", subjects(SPEC))
def test_grad_output_may_be_x(subject: Subject) -> None:
    k = kind(subject.impl.arrays)
    x = subject.array(numbers((259,)))
    assert k.bits(subject.op.backward(x, x)) == k.bits(subject.op.backward(k.copy(x), x))


@pytest.mark.parametrize("subject", subjects(SPECS, where=everywhere, why_not=LITERAL))
def test_size_of_grad_output(subject: Subject, rng: np.random.Generator) -> None:
    """grad_output * f'(x) is as exact as f'(x) alone, one rounding more, for grad_output of every size.

    Wherever f' itself is an ordinary number of the dtype's arithmetic: the product need not repair a
    gradient that is subnormal before it is scaled up.
    """
    spec, dtype = subject.spec, subject.dtype
    fmt = oracle.format_of(dtype)
    largest, smallest = float(fmt.max), float(fmt.smallest_normal)
    alpha = spec.eps ** (1 / (2 * spec.n))
    x = alpha * 2.0 ** rng.uniform(-3, 6, 240) * rng.choice([-1, 1], 240)
    grad_output = rng.choice([largest, largest / 4, 2**20 * smallest, smallest, 1e3, 1e-3], 240)
    grad_output *= rng.choice([-1, 1], 240)
    t, go = subject.array(x), subject.array(grad_output)
    got = subject.numbers(subject.op.backward(go, t)).tolist()
    limit = bound(subject, "gradient") + (0 if dtype in ("float16", "bfloat16") else 1)
    for g, x_i, go_i in zip(got, subject.numbers(t).tolist(), subject.numbers(go).tolist(), strict=True):
        exact = Fraction(go_i) * oracle.gradient(spec, x_i)
        if 0 < abs(exact) < 2**8 * fmt.smallest_normal and dtype in ("float32", "float64"):
            assert abs(g) <= 2**9 * fmt.smallest_normal
        elif abs(exact) < fmt.max * (1 - Fraction(1, 2**4)):
            assert oracle.ulp_distance(g, exact, dtype) <= limit, (x_i, go_i, g, float(exact))
