"""The committed sample: a few thousand inputs, every known worst case among them, judged in milliseconds.

``sample.json`` holds, for float32 and float64, numbers of every binade and the worst inputs that
``python -m benchmarks error --keep-worst`` has found. 16-bit dtypes need no sample: all their inputs are
measured. What tracks errors across commits calls :func:`sampled`.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from benchmarks import accuracy
from benchmarks.error import family, points
from benchmarks.error.cache import write_whole
from benchmarks.error.rounding import Floats, Truth
from gem_impls import Implementation, Spec
from gem_impls.oracle import format_of

FILE: Final = Path(__file__).with_name("sample.json")

BASE: Final = {"float32": 4, "float64": 1}
"""dtype -> numbers of each binade (of every 8th, in float64) in the part that no run changes."""


class Sampled(NamedTuple):
    """Errors over the sample: lower is better in both."""

    max_ulp: float
    """Largest error in ulp of the judged results; inf where one is NaN or infinite and should not be."""
    ppm_wrong: float
    """Judged results that are not correctly rounded, in parts per million."""


def sampled(
    implementation: Implementation, spec: Spec, dtype: str, what: str, device: str = "cpu"
) -> Sampled:
    """How wrong ``"value"`` or ``"gradient"`` (for grad_output 1) is, over the sample or all 16-bit inputs.

    Judged are results inside the declared domain, and in float32 and float64 from 2^8 times the smallest
    normal number. Takes a few milliseconds beyond the implementation's own time; the first float64 call for
    a function a tenth of a second.

    Raises:
        ValueError: the implementation lacks the dtype, or cannot carry the function in it.
    """
    x, truth = _truth(spec, dtype, what)
    op = implementation.build(spec)
    own = implementation.from_numpy(x, dtype, device)
    if what == "value":
        result = op.forward(own)
    else:
        result = op.backward(implementation.from_numpy(np.ones(x.shape, x.dtype), dtype, device), own)
    implementation.synchronize(device)
    computed = np.asarray(implementation.to_numpy(result), np.float64)
    low, high = implementation.domain(spec, dtype, what)
    judged = (np.abs(x) >= low) & (np.abs(x) <= high) & (np.abs(truth.rounded) >= accuracy.floor(dtype))
    if not judged.any():
        return Sampled(0.0, 0.0)
    errors = truth.errors(computed)[judged]
    wrong = np.count_nonzero(computed[judged] != truth.rounded[judged])
    return Sampled(float(errors.max()), float(1e6 * wrong / errors.size))


@functools.lru_cache(maxsize=64)
def _truth(spec: Spec, dtype: str, what: str) -> tuple[NDArray[Any], Truth]:
    """The inputs and their true results; shared by all implementations."""
    if dtype in points.SIXTEEN_BIT:
        magnitudes = points.numbers(points.every(dtype), dtype)
        x = np.concatenate([magnitudes, -magnitudes])
    else:
        x = numbers(dtype)
    truths = []
    for factor, side in ((1.0, x[~np.signbit(x)]), (spec.negative_slope, x[np.signbit(x)])):
        half = family.Half(spec.n, spec.eps, factor, what)
        truths.append(family.truth(half, family.magnitudes_of(side), dtype))
    flip = -1.0 if what == "value" else 1.0

    def joined(positive: Floats, negative: Floats, factor: float) -> Floats:
        whole = np.empty(x.size, positive.dtype)
        whole[~np.signbit(x)], whole[np.signbit(x)] = positive, factor * negative
        return whole

    right, left = truths
    truth = Truth(
        dtype,
        joined(right.rounded, left.rounded, flip),
        joined(right.residual, left.residual, flip),
        joined(right.exponent, left.exponent, 1).astype(np.int64),  # type: ignore[arg-type]  # integers
    )
    return x, truth


# --- the file -------------------------------------------------------------------------------------------


@functools.cache
def numbers(dtype: str) -> NDArray[Any]:
    """The sample of float32 or float64, ascending.

    Raises:
        ValueError: ``sample.json`` is damaged, or has no such dtype.
    """
    stored = _stored(FILE)
    if dtype not in stored:
        raise ValueError(f"dtype must be one of {', '.join(stored)} to have a sample; got {dtype!r}")
    return np.array([float.fromhex(text) for text in stored[dtype]], dtype)


def version() -> str:
    """A hash of the sample: figures over different samples are not to be compared."""
    return hashlib.sha256(FILE.read_bytes()).hexdigest()[:16]


def keep(found: Iterable[tuple[str, float]], file: Path = FILE) -> int:
    """Add (dtype, input) pairs to the file, sorted, each once; how many were new.

    16-bit inputs are passed over. A file that is missing is begun with the base sample.

    Raises:
        ValueError: the file is damaged.
    """
    stored = _stored(file) if file.exists() else {}
    numbers = {dtype: {float.fromhex(text) for text in stored.get(dtype, [])} for dtype in BASE}
    for dtype, kept in numbers.items():
        kept |= set(base(dtype).tolist())
    before = sum(map(len, numbers.values()))
    for dtype, x in found:
        if dtype in numbers:
            numbers[dtype].add(x)
    content = {dtype: [x.hex() for x in sorted(kept)] for dtype, kept in numbers.items()}
    write_whole(file, (json.dumps(content, indent=0) + "\n").encode())
    return sum(map(len, numbers.values())) - before


def base(dtype: str) -> NDArray[Any]:
    """The part of the sample that no run changes: numbers of every binade, and standard normal ones."""
    fmt, each = format_of(dtype), BASE[dtype]
    rng = np.random.default_rng(2)
    exponents = np.arange(fmt.min_exponent, 1 - fmt.min_exponent, 1 if dtype == "float32" else 8)
    binades = np.ldexp(1 + rng.random((each, exponents.size)), exponents).ravel()
    every = np.concatenate([binades, -binades, rng.standard_normal(256 * each)]).astype(dtype)
    found: NDArray[Any] = np.sort(every[np.isfinite(every)])
    return found


def _stored(file: Path) -> dict[str, list[str]]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
        for texts in stored.values():
            for text in texts:
                float.fromhex(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{file.name} is damaged ({error}); restore it from the repository") from None
    return dict(stored)
