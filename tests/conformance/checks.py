"""The checks, one function a property. Each raises AssertionError with the input that shows the fault.

They are tested on deliberately wrong implementations in ``test_checks.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.conformance.arrays import is_dense, kind, layouts, same_layout
from tests.conformance.bounds import bound
from tests.conformance.cases import Subject
from tests.conformance.expected import Expected, at_points
from tests.conformance.inputs import SIXTEEN_BIT, Floats

# --- numbers --------------------------------------------------------------------------------------------


def check_accuracy(subject: Subject, what: str) -> None:
    """``"value"`` or ``"gradient"`` at all points of the sweep, to the bound for the dtype."""
    expected = at_points(subject.spec, subject.dtype, what)
    check_results(subject.compute(what, expected.x), expected, bound(subject, what))


def check_results(got: Floats, expected: Expected, bound: float) -> None:
    """NaN or infinite only where the exact result is, of its sign, and within ``bound`` ulp of it.

    In float32 and float64 results below 2^8 smallest normals need only be of the right sign and size.
    """
    assert got.shape == expected.x.shape
    _none(np.isnan(got) != np.isnan(expected.nearest), got, expected, "NaN, or not, unlike the exact one")
    _none(np.sign(got) * np.sign(expected.nearest) < 0, got, expected, "of the wrong sign")
    errors = expected.ulp_errors(got)
    if expected.dtype not in SIXTEEN_BIT:
        with np.errstate(invalid="ignore"):
            large = expected.tiny & (np.abs(got) > 2 * expected.tiny_bound)
        _none(large, got, expected, "far from the tiny exact result")
        errors = np.where(expected.tiny, 0.0, errors)
    _none(~(errors <= bound), got, expected, f"more than {bound} ulp off", errors)


def _none(
    faulty: np.ndarray, got: Floats, expected: Expected, fault: str, errors: np.ndarray | None = None
) -> None:
    if not faulty.any():
        return
    worst = np.argmax(np.where(faulty, 1.0 if errors is None else errors, -1.0))
    x, g, e = (float(a.flat[worst]) for a in (expected.x, got, expected.nearest))
    off = "" if errors is None else f", {errors.flat[worst]:.6g} ulp off"
    raise AssertionError(
        f"{faulty.sum()} of {faulty.size} results are {fault}; "
        f"at x = {x!r} ({x.hex()}) got {g!r} ({g.hex()}), expected {e!r} ({e.hex()}){off}"
    )


# --- calls ----------------------------------------------------------------------------------------------
# Every property of arrays is checked on calls of one form, so that forward and backward are one case each.

Call = Callable[..., Any]
"""``call(x, out=None)``: forward, or backward with a gradient that depends on nothing but the shape."""


def calls(subject: Subject) -> dict[str, Call]:
    """``forward`` and ``backward`` of ``subject`` as functions of ``x`` and ``out`` alone."""

    def forward(x: Any, out: Any = None) -> Any:
        return subject.op.forward(x) if out is None else subject.op.forward(x, out=out)

    def backward(x: Any, out: Any = None) -> Any:
        grad_output = subject.array(numbers(x.shape, seed=1))
        if out is None:
            return subject.op.backward(grad_output, x)
        return subject.op.backward(grad_output, x, out=out)

    return {"forward": forward, "backward": backward}


def numbers(shape: tuple[int, ...], seed: int = 0) -> Floats:
    """Numbers of both signs around the junction of any spec of the tests, far from it, and special ones."""
    rng = np.random.default_rng(seed)
    a = rng.normal(size=shape) * 2.0 ** rng.uniform(-8, 4, shape)
    special = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0])
    return np.asarray(np.where(rng.random(shape) < 0.02, rng.choice(special, shape), a))


def check_layout(subject: Subject, direction: str, layout: str) -> None:
    """Bit for bit what the same numbers give when contiguous; in the layout of ``x`` where that is dense."""
    k, call = kind(subject.impl.arrays), calls(subject)[direction]
    x = layouts(subject.impl.arrays)[layout](k, lambda *shape: subject.array(numbers(shape)))
    before = k.bits(x)
    result = call(x)
    assert k.bits(x) == before, "x was written to"
    contiguous = subject.array(subject.numbers(x))
    assert k.bits(contiguous) == before
    assert k.bits(result) == k.bits(call(contiguous)), "differs from the contiguous result"
    for attribute in ("shape", "dtype", "device"):
        of_x, of_result = getattr(x, attribute, None), getattr(result, attribute, None)
        assert of_result == of_x, f"the {attribute} is {of_result}, not {of_x}"
    assert not k.share_memory(result, x), "the result is x's own memory"
    strides = k.strides(result)
    assert is_dense(result.shape, strides) or not result.shape or 0 in result.shape, strides
    if is_dense(x.shape, k.strides(x)):
        expected = k.strides(k.empty_like(x))
        assert same_layout(x.shape, strides, expected), f"strides {strides}, not {expected}"


def check_sizes(subject: Subject, direction: str, sizes: tuple[int, ...]) -> None:
    """An element's result depends on nothing but the element: not on how many others there are."""
    k, call = kind(subject.impl.arrays), calls(subject)[direction]
    largest = numbers((max(sizes),))
    whole = _call_on(subject, call, largest)
    for size in sizes:
        part = _call_on(subject, call, largest[:size])
        differ = ~np.equal(part, whole[:size]) & ~(np.isnan(part) & np.isnan(whole[:size]))
        assert not differ.any(), (
            f"{differ.sum()} of {size} results differ from those of a longer array, "
            f"the first at index {np.argmax(differ)}"
        )
    assert k.bits(call(subject.array(largest))) == k.bits(call(subject.array(largest))), "not repeatable"


def _call_on(subject: Subject, call: Call, a: Floats) -> Floats:
    """``backward``'s gradient depends on the shape: take the function apart from it by a gradient of ones."""
    if call.__name__ == "backward":
        return subject.gradient(a)
    return subject.value(a)


OUTS = {
    "like x": lambda k, x: (k.empty_like(x), ()),
    "x itself": lambda k, x: (x, ()),
    "strided": lambda k, x: _within_larger(k, x),
}
"""Where ``out`` may be: the ``out``, and arrays between its elements, which are not to be written to."""


def _within_larger(k: Any, x: Any) -> tuple[Any, tuple[Any, ...]]:
    wide = k.copy(k.expand(x.reshape((*x.shape, 1)), (*x.shape, 3)))
    return wide[..., 1], (wide[..., 0], wide[..., 2])


def check_out(subject: Subject, direction: str, where: str, layout: str = "3-d") -> None:
    """``out`` receives, bit for bit, what is returned without it; and is returned."""
    k, call = kind(subject.impl.arrays), calls(subject)[direction]
    x = k.copy(layouts(subject.impl.arrays)[layout](k, lambda *shape: subject.array(numbers(shape))))
    before = k.bits(x)
    expected = k.bits(call(subject.array(subject.numbers(x))))
    out, around = OUTS[where](k, x)
    if where != "x itself":
        out[...] = float("nan")  # no stale number can pass for a result
    returned = call(x, out)
    assert returned is out, "the result is not out"
    if where != "x itself":
        assert k.bits(x) == before, "x was written to"
    assert all(k.bits(a) == before for a in around), "memory between the elements of out was written to"
    assert k.bits(out) == expected, "out differs from the result without out"


def check_inputs_untouched(subject: Subject) -> None:
    """Neither ``x`` nor ``grad_output`` is written to; results are fresh memory, never reused."""
    k = kind(subject.impl.arrays)
    x, grad_output = subject.array(numbers((257,))), subject.array(numbers((257,), seed=1))
    bits = k.bits(x), k.bits(grad_output)
    other = subject.array(numbers((257,), seed=2))
    for call in (lambda a: subject.op.forward(a), lambda a: subject.op.backward(grad_output, a)):
        first = call(x)
        kept = k.bits(first)
        second = call(other)
        assert k.bits(first) == kept, "an earlier result was overwritten by a later call"
        assert k.bits(second) != kept, "other numbers gave the same result"
        for a, b in ((first, x), (first, grad_output), (first, second), (second, other)):
            assert not k.share_memory(a, b), "the result shares memory with another array"
    assert (k.bits(x), k.bits(grad_output)) == bits, "an input was written to"
