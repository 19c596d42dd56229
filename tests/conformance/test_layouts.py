"""Shapes and memory layouts: the result depends on the numbers alone, and keeps the layout."""

from __future__ import annotations

import numpy as np
import pytest

from tests.conformance import checks
from tests.conformance.arrays import layouts
from tests.conformance.cases import FEW_SPECS, Subject, subjects

DIRECTIONS = ("forward", "backward")
SPEC = FEW_SPECS[1:]


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("subject", subjects(SPEC))
def test_every_layout(subject: Subject, direction: str, subtests: pytest.Subtests) -> None:
    for layout in layouts(subject.impl.arrays):
        with subtests.test(layout=layout):
            checks.check_layout(subject, direction, layout)


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("subject", subjects(SPEC))
def test_every_size_across_block_boundaries(subject: Subject, direction: str) -> None:
    """Powers of two that blocks and vectors are made of, their neighbours, and primes."""
    near = [p + d for p in (4, 8, 16, 64, 1024, 8192, 65536) for d in (-1, 0, 1)]
    checks.check_sizes(subject, direction, (1, 2, 3, *near, 251, 10007, 131071, 200003))


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("where", checks.OUTS)
@pytest.mark.parametrize("subject", subjects(SPEC))
def test_out(subject: Subject, where: str, direction: str, subtests: pytest.Subtests) -> None:
    for layout in ("0-d", "empty", "one element", "odd length", "3-d"):
        with subtests.test(layout=layout):
            checks.check_out(subject, direction, where, layout)


@pytest.mark.parametrize("subject", subjects(SPEC))
def test_inputs_are_untouched(subject: Subject) -> None:
    checks.check_inputs_untouched(subject)


@pytest.mark.parametrize(
    "subject",
    subjects(SPEC, where=lambda impl: impl.arrays == "numpy", why_not="only NumPy has read-only arrays"),
)
def test_read_only_inputs(subject: Subject) -> None:
    x, grad_output = subject.array(checks.numbers((513,))), subject.array(checks.numbers((513,), seed=1))
    expected = subject.op.forward(x), subject.op.backward(grad_output, x)
    for a in (x, grad_output):
        a.setflags(write=False)
    got = subject.op.forward(x), subject.op.backward(grad_output, x)
    for e, g in zip(expected, got, strict=True):
        np.testing.assert_array_equal(g, e)
        assert g.flags.writeable
