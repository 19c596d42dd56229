"""The committed sample and the figures that are tracked from it."""

from __future__ import annotations

import json
import time
from pathlib import Path

import numpy as np
import pytest

import gem_impls
from benchmarks.error import sample
from benchmarks.error.sample import sampled
from gem_impls import Spec, oracle
from tests.error import planted

NUMPY = gem_impls.get("numpy_cpu")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_committed_sample_is_sorted_unique_and_has_its_base(dtype: str) -> None:
    numbers = sample.numbers(dtype)
    assert (np.diff(numbers) > 0).all()
    assert set(sample.base(dtype).tolist()) <= set(numbers.tolist())
    assert 500 < numbers.size < 10_000
    stored = json.loads(sample.FILE.read_text())
    assert stored[dtype] == [x.hex() for x in numbers.tolist()]


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("what", ["value", "gradient"])
def test_figures_are_those_of_a_plain_loop_with_the_oracle(dtype: str, what: str) -> None:
    spec = Spec("se-gem", 2, 1e-2, -0.1)
    found = sampled(NUMPY, spec, dtype, what)
    x, _ = sample._truth(spec, dtype, what)
    x = x[:: 23 if dtype == "float16" else 7]
    own = NUMPY.from_numpy(x, dtype)
    op = NUMPY.build(spec)
    got = op.forward(own) if what == "value" else op.backward(np.ones_like(own), own)
    exact = oracle.exact_array(spec, x.astype(np.float64), what)
    errors = oracle.ulp_errors(NUMPY.to_numpy(got), exact, dtype)
    size = np.abs(np.array([oracle.round_to(e, dtype) for e in exact]))
    judged = errors[
        size >= (0 if dtype == "float16" else 2.0**8 * float(oracle.format_of(dtype).smallest_normal))
    ]
    assert judged.max() <= found.max_ulp * (1 + 1e-6)
    assert found.max_ulp <= (0.51 if dtype == "float16" else 2 * spec.n + 3)
    assert 1e6 * np.mean(judged > 0.5) == pytest.approx(found.ppm_wrong, rel=0.5, abs=200)


def test_a_wrong_implementation_shows() -> None:
    right, wrong = (planted.Planted("p", f) for f in (planted.nothing_wrong, planted.last_bit_flipped))
    before, after = (sampled(impl, Spec("gem"), "float16", "value") for impl in (right, wrong))
    assert after.max_ulp > 0.51 > before.max_ulp
    assert after.ppm_wrong == pytest.approx(before.ppm_wrong + 1e6 / 63488)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_cheap_enough_for_every_commit(dtype: str) -> None:
    sampled(NUMPY, Spec("gem"), dtype, "value")
    best = 1e9
    for _ in range(5):
        begin = time.perf_counter()
        sampled(NUMPY, Spec("gem"), dtype, "value")
        best = min(best, time.perf_counter() - begin)
    assert best < 0.2


def test_worst_cases_are_added_once_and_in_order(tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    assert sample.keep([("float32", 0.1), ("float16", 3.0)], file) == 1
    first = file.read_bytes()
    assert sample.keep([("float32", 0.1)], file) == 0
    assert file.read_bytes() == first
    assert sample.keep([("float64", -1e-300), ("float32", 1e-40)], file) == 2
    stored = json.loads(file.read_text())
    for dtype in ("float32", "float64"):
        numbers = [float.fromhex(text) for text in stored[dtype]]
        assert numbers == sorted(set(numbers))
    assert (-1e-300).hex() in stored["float64"]


def test_a_damaged_sample_is_named(tmp_path: Path) -> None:
    file = tmp_path / "sample.json"
    for content in ("{", '{"float32": ["zero"]}', "[1]"):
        file.write_text(content)
        with pytest.raises(ValueError, match=r"sample\.json is damaged"):
            sample.keep([], file)


def test_an_unknown_dtype_is_named() -> None:
    with pytest.raises(
        ValueError, match="dtype must be one of float32, float64 to have a sample; got 'float8'"
    ):
        sample.numbers("float8")
